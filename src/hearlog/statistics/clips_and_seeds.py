"""Means over test clips and training seeds, both taken as drawn at random: their variance, and a test.

Every seed is tested on the same clips, so the two are crossed: a value is the sum of the mean, an effect of the clip,
an effect of the seed, and a rest. An interval over clips alone holds the seeds for the only ones there are, and leaves
out what another training would change (Bouthillier et al. 2021: "Accounting for variance in machine learning
benchmarks"). Where a sum of two random effects is tested, psycholinguistics speaks of a quasi-F ratio (Clark 1973), and
radiology, with readers in the place of seeds, of multi-reader studies (Obuchowski and Rockette 1995).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from hearlog.statistics.paired_tests import CONFIDENCE, ROUNDING, too_few


class MeanError(NamedTuple):
    """Variance of a mean over clips and seeds, and the degrees of freedom it is known with; nan without variance."""

    variance: float
    freedom: float


@dataclass(frozen=True)
class CrossedTest:
    """Test whether a mean over clips and seeds is zero: 95 % interval, ``t``, its degrees of freedom, two-sided ``p``.

    Where no test is possible, ``note`` says why and the numbers are nan.
    """

    low: float = np.nan
    high: float = np.nan
    t: float = np.nan
    freedom: float = np.nan
    p: float = np.nan
    note: str = ""


def mean_error(values: ArrayLike) -> MeanError:
    """Estimate the variance of the mean of ``values`` if other clips and other seeds had been drawn.

    With the mean squares of a two-way table without repeats, for clips ``C``, seeds ``S`` and the rest ``R``, the
    method of moments gives ``(R + (C - R) + (S - R)) / (clips * seeds)``. A bracket that is negative counts as zero,
    since no variance is negative; so the result is at least what clips alone (``C``) or seeds alone (``S``) give. Its
    degrees of freedom are Satterthwaite's (1946).

    Parameters
    ----------
    values
        Float, clips x seeds, at least two of each.
    """
    values = np.asarray(values, dtype=float)
    if np.ptp(values) < ROUNDING:
        return MeanError(np.nan, np.nan)
    clips, seeds = values.shape
    centred = values - values.mean()
    of_clips, of_seeds = centred.mean(axis=1), centred.mean(axis=0)
    rest = centred - of_clips[:, None] - of_seeds
    freedom = np.array([clips - 1, seeds - 1, (clips - 1) * (seeds - 1)])
    squares = np.array([seeds * np.sum(of_clips**2), clips * np.sum(of_seeds**2), np.sum(rest**2)]) / freedom
    total = squares[2] + np.maximum(squares[:2] - squares[2], 0).sum()
    return MeanError(float(total / values.size), float(total**2 / np.sum(squares**2 / freedom)))


def crossed_t_test(d: ArrayLike) -> CrossedTest:
    """Test whether the mean of ``d`` is zero, with clips and seeds as crossed random effects.

    The t-test with the variance of `mean_error`. Where all seeds agree it is the paired t-test over clips, and where
    all clips agree that over seeds. With two seeds the interval holds the true mean too rarely, so it takes three.

    Parameters
    ----------
    d
        Differences of two methods, float, clips x seeds.

    Raises
    ------
    ValueError
        When a number is not finite.
    """
    d = np.asarray(d, dtype=float)
    if not np.isfinite(d).all():
        raise ValueError("differences must be finite numbers")
    clips, seeds = d.shape
    if note := too_few(clips, "clip", "clips") or too_few(seeds, "seed", "seeds"):
        return CrossedTest(note=note)
    mean, error = d.mean(), mean_error(d)
    if np.isnan(error.variance):
        same = f"All {clips} clips have the same difference with all {seeds} seeds"
        return CrossedTest(note=f"{same}: without variance there is no test.")
    deviation = np.sqrt(error.variance)
    half_width, t = deviation * stats.t.ppf((1 + CONFIDENCE) / 2, error.freedom), mean / deviation
    p = 2 * stats.t.sf(abs(t), error.freedom)
    return CrossedTest(float(mean - half_width), float(mean + half_width), float(t), error.freedom, float(p))
