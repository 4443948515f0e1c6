"""How the norms of songs' factors go with popularity."""

from __future__ import annotations

import numpy as np


def norm_correlation(norms: np.ndarray, listeners: np.ndarray) -> float:
    """Correlate norms with the logarithm of listeners (Pearson); nan where either is the same for all songs."""
    if np.ptp(norms) == 0 or np.ptp(listeners) == 0:
        return np.nan
    return float(np.corrcoef(norms, np.log(listeners))[0, 1])
