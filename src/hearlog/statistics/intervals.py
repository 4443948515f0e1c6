"""95 % intervals of single scores over test clips, which are taken as independent."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from hearlog.statistics.paired_clips import r2_interval
from hearlog.statistics.paired_tests import CONFIDENCE


def wilson_interval(share: float, clips: int) -> tuple[float, float]:
    """Bound a share of right answers at 95 % (Wilson 1927); of several seeds, whole clips are counted."""
    interval = stats.binomtest(round(share * clips), clips).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def score_interval(predictions: pd.DataFrame) -> tuple[float, float]:
    """Bound the score of predictions, of which each clip has one: Wilson's for accuracy, a bootstrap's for r2.

    Parameters
    ----------
    predictions
        Columns ``truth`` and ``prediction``, both labels or both numbers.

    Returns
    -------
    As fractions, or in units of r2; nan where there is none.
    """
    if not pd.api.types.is_numeric_dtype(predictions["truth"]):
        return wilson_interval((predictions["truth"] == predictions["prediction"]).mean(), len(predictions))
    truth = predictions["truth"].to_numpy(np.float64)
    errors, of_mean = (truth - predictions["prediction"]) ** 2, (truth - truth.mean()) ** 2
    interval = r2_interval(truth, errors, of_mean)  # over the mean, whose r2 is 0
    return interval.low, interval.high
