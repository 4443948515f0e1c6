"""How much each interaction counts: Hu et al.'s confidence."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from hearlog.logs.interactions import Interactions


def confidences(rows: Interactions, alpha: float) -> np.ndarray:
    """Return the confidence of every stored entry; that of an absent one is 1.

    1 + alpha for a binary matrix, as one number repeated without memory (its stride is 0); with plays 1 + alpha *
    log2(1 + plays), so that one play counts as much as in the binary matrix and a loop of plays does not drown the
    rest (Hu et al. 2008, equation 6, with their epsilon at 1 play).

    Returns
    -------
    float32, (entries,).
    """
    if rows.plays is None:
        return as_strided(np.array([1 + alpha], dtype=np.float32), shape=(rows.entries,), strides=(0,))
    weights = rows.plays.astype(np.float32)
    weights += 1
    np.log2(weights, out=weights)
    weights *= np.float32(alpha)
    weights += 1
    return weights
