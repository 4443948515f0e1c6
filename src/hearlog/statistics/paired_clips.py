"""Two methods on the clips of one test part.

All of this takes clips as drawn independently, which several clips of one artist or recording are not. With one seed it
takes the networks as given: it says whether these trained networks differ on clips like these, not whether the methods
would if they were trained again (Dietterich 1998). With several seeds it takes these as drawn as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from hearlog.statistics.clips_and_seeds import CrossedTest, crossed_t_test
from hearlog.statistics.paired_tests import CONFIDENCE, Significance, differences, sign_flip_test, too_few, untestable

_RESAMPLES = 9999


@dataclass(frozen=True)
class Interval:
    """95 % confidence interval; where none can be had, ``note`` says why and the numbers are nan."""

    low: float = np.nan
    high: float = np.nan
    note: str = ""


@dataclass(frozen=True)
class ClipTest:
    """Test of two methods on the clips of one test part, with the 95 % interval of their difference.

    ``name`` is the test's in print and ``p`` is two-sided. Where no test is possible, ``note`` says why and the numbers
    are nan.
    """

    name: str
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan
    note: str = ""


def compare_right(a: ArrayLike, b: ArrayLike) -> ClipTest:
    """Test whether two methods are right equally often.

    With one seed by McNemar's test and a bootstrap over clips, with several by
    `hearlog.statistics.clips_and_seeds.crossed_t_test`.

    Parameters
    ----------
    a, b
        Whether each method is right, bool, clips x seeds.

    Returns
    -------
    The test; its interval is of ``a - b`` in shares of clips.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape[1] > 1:
        return _several_seeds(crossed_t_test(a - b))
    a, b = a[:, 0], b[:, 0]
    return _one_seed("McNemar", mcnemar_test(a, b), accuracy_interval(a, b))


def compare_errors(truth: ArrayLike, a: ArrayLike, b: ArrayLike) -> ClipTest:
    """Test whether two methods have the same r2.

    With one seed by the sign-flip test of squared errors and a bootstrap over clips, with several by `crossed_r2_test`.

    Parameters
    ----------
    truth
        Float, one per clip.
    a, b
        Squared error of each method, float, clips x seeds.

    Returns
    -------
    The test; its interval is of ``a - b`` in r2, positive where ``a`` errs less.
    """
    truth, a, b = (np.asarray(values, dtype=float) for values in (truth, a, b))
    if a.shape[1] > 1:
        return _several_seeds(crossed_r2_test(truth, a, b))
    variance, a, b = np.var(truth), a[:, 0], b[:, 0]
    return _one_seed("sign-flip", sign_flip_test(-a / variance, -b / variance), r2_interval(truth, a, b))


def crossed_r2_test(truth: ArrayLike, a: ArrayLike, b: ArrayLike) -> CrossedTest:
    """Test the difference in r2 by `hearlog.statistics.clips_and_seeds.crossed_t_test`.

    The test takes what each clip adds to the difference to first order, by its errors and by its part in the variance
    of the truth, which r2 divides by (the delta method).

    Parameters
    ----------
    truth, a, b
        See `compare_errors`.
    """
    truth, a, b = (np.asarray(values, dtype=float) for values in (truth, a, b))
    d, share_of_variance = (b - a) / np.var(truth), (truth - truth.mean()) ** 2 / np.var(truth)
    return crossed_t_test(d - d.mean() * (share_of_variance[:, None] - 1))


def mcnemar_test(a: ArrayLike, b: ArrayLike) -> Significance:
    """Test whether two methods are right equally often (McNemar 1947), exactly, by the binomial distribution.

    Only discordant clips count, on which one method is right and the other wrong: ``pairs`` is their number. It is
    the sign-flip test of `hearlog.statistics.paired_tests` for differences of 1, 0 and -1.

    Parameters
    ----------
    a, b
        Whether each method is right, bool (or 0 and 1), one per clip.
    """
    d = differences(a, b)
    wins, losses = int(np.sum(d > 0)), int(np.sum(d < 0))
    discordant = wins + losses
    if note := too_few(discordant, "clip that one alone has right", "clips that one alone has right"):
        return Significance(discordant, note=note)
    return Significance(discordant, float(stats.binomtest(wins, discordant).pvalue))


def accuracy_interval(a: ArrayLike, b: ArrayLike) -> Interval:
    """Bound the difference in accuracy of ``a`` and ``b`` by a paired bootstrap over clips.

    Clips are drawn with replacement, both methods' answers together, 9,999 times, always the same; the interval is
    the percentile interval (Efron and Tibshirani 1993, chapter 13).

    Parameters
    ----------
    a, b
        Whether each method is right, bool (or 0 and 1), one per clip.

    Returns
    -------
    In shares of clips, ``a - b``.
    """
    d = differences(a, b)
    return _bootstrap(d, (d,), lambda d, axis: np.mean(d, axis))


def r2_interval(truth: ArrayLike, a: ArrayLike, b: ArrayLike) -> Interval:
    """Bound the difference in r2 of ``a`` and ``b`` by a paired bootstrap over clips, as of `accuracy_interval`.

    A resample has its own variance of the truth, by which r2 divides.

    Parameters
    ----------
    truth
        Float, one per clip.
    a, b
        Squared error of each method, float, one per clip.

    Returns
    -------
    In units of r2, ``a - b``: positive where ``a`` errs less.
    """
    truth = np.asarray(truth, dtype=float)
    d = differences(b, a)
    return _bootstrap(d, (d, truth), lambda d, truth, axis: np.mean(d, axis) / np.var(truth, axis))


def _several_seeds(test: CrossedTest) -> ClipTest:
    return ClipTest("crossed t", test.low, test.high, test.p, test.note)


def _one_seed(name: str, test: Significance, interval: Interval) -> ClipTest:
    """Put together what a test and its interval say; if either says nothing, neither does."""
    if note := test.note or interval.note:
        return ClipTest(name, note=note)
    return ClipTest(name, interval.low, interval.high, test.p)


def _bootstrap(d: np.ndarray, samples: tuple[np.ndarray, ...], statistic: Callable[..., Any]) -> Interval:
    if note := untestable(d, "clip"):
        return Interval(note=note)
    with np.errstate(divide="ignore", invalid="ignore"):
        result = stats.bootstrap(
            samples,
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=_RESAMPLES,
            batch=512,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(0),
        )
    if not np.isfinite(result.bootstrap_distribution).all():
        return Interval(note=f"{len(d)} clips are too few to resample: some resamples have one truth alone.")
    return Interval(float(result.confidence_interval.low), float(result.confidence_interval.high))
