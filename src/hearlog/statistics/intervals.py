"""95 % intervals of single scores over test clips and, where there are several, over seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from hearlog.statistics.clips_and_seeds import mean_error
from hearlog.statistics.paired_clips import crossed_r2_test, r2_interval
from hearlog.statistics.paired_tests import CONFIDENCE


def wilson_interval(right: ArrayLike) -> tuple[float, float]:
    """Bound a share of right answers at 95 % (Wilson 1927).

    With several seeds it is Wilson's interval for the effective number of clips (Korn and Graubard 1998, who estimate
    proportions in clustered surveys): as many as have the variance of `hearlog.statistics.clips_and_seeds.mean_error`,
    fewer where that has few degrees of freedom, and never more than there are.

    Parameters
    ----------
    right
        Whether the answer is right, bool, clips x seeds.

    Returns
    -------
    Both ends, as fractions.
    """
    right = np.asarray(right, dtype=float)
    share, z = right.mean(), stats.norm.ppf((1 + CONFIDENCE) / 2)
    clips = _effective_clips(right)
    middle = (share + z**2 / (2 * clips)) / (1 + z**2 / clips)
    reach = z * np.sqrt(share * (1 - share) / clips + z**2 / (4 * clips**2)) / (1 + z**2 / clips)
    return float(max(middle - reach, 0)), float(min(middle + reach, 1))


def _effective_clips(right: np.ndarray) -> float:
    """Divide the number of clips by the design effect, the variance as a multiple of that of one seed's answers."""
    clips, seeds = right.shape
    if seeds == 1 or clips == 1 or np.isnan(error := mean_error(right)).any():
        return clips
    share, upper = right.mean(), (1 + CONFIDENCE) / 2
    design_effect = error.variance * (clips - 1) / (share * (1 - share))
    few_freedom = stats.t.ppf(upper, clips - 1) / stats.t.ppf(upper, error.freedom)
    return min(clips, clips / design_effect * few_freedom**2)


def score_interval(truth: pd.Series, predictions: pd.DataFrame) -> tuple[float, float]:
    """Bound the score of predictions: accuracy by `wilson_interval`, r2 by that over the mean, whose r2 is 0.

    For r2 it is `hearlog.statistics.paired_clips.r2_interval` for one seed, and ``crossed_r2_test`` there for several.

    Parameters
    ----------
    truth
        Label or number of each clip.
    predictions
        The same of each seed, clips x seeds.

    Returns
    -------
    As fractions, or in units of r2; nan where there is none.
    """
    if not pd.api.types.is_numeric_dtype(truth):
        return wilson_interval(predictions.eq(truth, axis="index"))
    numbers = truth.to_numpy(np.float64)
    errors = (predictions.to_numpy(np.float64) - numbers[:, None]) ** 2
    of_mean = np.broadcast_to((numbers[:, None] - numbers.mean()) ** 2, errors.shape)
    one_seed = errors.shape[1] == 1
    interval = (
        r2_interval(numbers, errors[:, 0], of_mean[:, 0]) if one_seed else crossed_r2_test(numbers, errors, of_mean)
    )
    return interval.low, interval.high
