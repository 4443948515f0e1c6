"""Tests on paired scores: two methods, measured on the same tasks, folds and seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

CONFIDENCE = 0.95
MIN_PAIRS = 3
# Scores are shares of clips, and no test part here has 10 million: what differs by less is rounding.
ROUNDING = 1e-7
_EXACT_PAIRS = 16  # with 65,536 patterns of signs; beyond, as many are drawn


@dataclass(frozen=True)
class PairedTest:
    """Student's paired t-test of ``a - b``, or its correction for overlapping training parts.

    ``mean`` and the 95 % confidence interval are in the unit of the scores; ``p`` is two-sided, with
    ``pairs - 1`` degrees of freedom. ``d_z`` is Cohen's effect size of paired differences: their mean in
    standard deviations of the differences (Cohen 1988, section 2.3.5). Where no test is possible, ``note`` says
    why and the numbers are nan; all but ``mean`` where every difference is the same.
    """

    pairs: int
    wins: int
    ties: int
    losses: int
    mean: float = np.nan
    ci_low: float = np.nan
    ci_high: float = np.nan
    t: float = np.nan
    p: float = np.nan
    d_z: float = np.nan
    note: str = ""


@dataclass(frozen=True)
class Significance:
    """Two-sided ``p`` of a test without a distribution's parameters, and the number of pairs it rests on.

    Pairs without a difference say nothing to such a test, and ``pairs`` leaves them out. Where no test is
    possible, ``note`` says why and ``p`` is nan.
    """

    pairs: int
    p: float = np.nan
    note: str = ""


@dataclass(frozen=True)
class Correlation:
    """Pearson's correlation with its 95 % confidence interval (Fisher's transformation).

    Where none can be computed, ``note`` says why and the numbers are nan.
    """

    pairs: int
    r: float = np.nan
    ci_low: float = np.nan
    ci_high: float = np.nan
    note: str = ""


def paired_t_test(a: ArrayLike, b: ArrayLike, name: str = "pair") -> PairedTest:
    """Test whether the mean of ``a - b`` is zero (Student 1908; the paper's section 4).

    Assumes that the differences are independent and normal, or enough for their mean to be.

    Parameters
    ----------
    a, b
        Scores of two methods, float, one a pair; ``a[i]`` and ``b[i]`` belong together.
    name
        What a note calls a pair, such as a task.

    Raises
    ------
    ValueError
        When the scores are not two equally long rows of finite numbers.
    """
    return _t_test(differences(a, b), overlap=0, name=name)


def corrected_t_test(a: ArrayLike, b: ArrayLike, test_clips: float, train_clips: float) -> PairedTest:
    """Test whether the mean of ``a - b`` over folds is zero: the corrected resampled t-test (Nadeau, Bengio 2003).

    Folds share most of their training clips, so their differences are correlated and Student's test finds too much.
    The correction takes the correlation for the share of clips that a fold tests: the variance of the mean is
    ``1/k + test_clips/train_clips`` times that of the differences, and the interval has the same standard error. It
    was derived for random resampling and is, for the disjoint test parts of cross-validation, the usual approximation
    (Bouckaert and Frank 2004); it assumes normal differences.

    Parameters
    ----------
    a, b
        Scores of two methods, float, one a fold.
    test_clips, train_clips
        Mean size of a fold's test part, and of the rest: ``1/(k - 1)`` in ``k`` folds. As usual the rest counts as
        training clips, also those of it that are held out for validation.
    """
    return _t_test(differences(a, b), overlap=test_clips / train_clips, name="fold")


def sign_flip_test(a: ArrayLike, b: ArrayLike, name: str = "pair") -> Significance:
    """Test the mean of ``a - b`` as if each difference could as well have the other sign (Fisher 1935).

    Assumes that pairs are independent and, where the methods do not differ, that differences are symmetric about
    zero. Exact up to 16 pairs that differ: each of the ``2**pairs`` patterns of signs counts, so no p below
    ``2 / 2**pairs`` is possible. Beyond, 65,535 patterns are drawn, always the same.

    Parameters
    ----------
    a, b
        Scores of two methods, float, one a pair.
    name
        What a note calls a pair.
    """
    d = differences(a, b)
    changed = d[d != 0]
    if note := untestable(d, name) or _too_few_differ(changed, name):
        return Significance(len(changed), note=note)
    rng = np.random.default_rng(0)
    if len(changed) <= _EXACT_PAIRS:
        result = stats.permutation_test(
            (changed,), np.mean, permutation_type="samples", vectorized=True, n_resamples=2**_EXACT_PAIRS, batch=1024
        )
    else:
        result = stats.monte_carlo_test(
            changed,
            lambda size: (2 * rng.integers(0, 2, size, dtype=np.int8) - 1) * changed,
            np.mean,
            vectorized=True,
            n_resamples=2**_EXACT_PAIRS - 1,
            batch=1024,
        )
    return Significance(len(changed), float(result.pvalue))


def wilcoxon_test(a: ArrayLike, b: ArrayLike, name: str = "pair") -> Significance:
    """Test the ranks of ``a - b`` by Wilcoxon's signed-rank test (Wilcoxon 1945).

    Assumes that pairs are independent and that differences are symmetric about one value, but not that they are
    normal. Pairs without a difference are left out, as Wilcoxon did; equal sizes share their mean rank. Exact up to
    50 pairs that differ, with equal sizes up to 13; beyond, by the normal distribution.

    Parameters
    ----------
    a, b
        Scores of two methods, float, one a pair.
    name
        What a note calls a pair.
    """
    d = differences(a, b)
    changed = d[d != 0]
    if note := untestable(d, name) or _too_few_differ(changed, name):
        return Significance(len(changed), note=note)
    equal_sizes_share_a_rank = np.round(changed, 7)
    return Significance(len(changed), float(stats.wilcoxon(equal_sizes_share_a_rank).pvalue))


def holm(p: ArrayLike) -> np.ndarray:
    """Adjust p-values of several comparisons for their number (Holm 1979, step-down).

    Holds however the comparisons depend on each other.

    Parameters
    ----------
    p
        Float, one a comparison; nan where there was no test, which counts for nothing and stays nan.

    Returns
    -------
    The adjusted p-values, float64, in the order given.
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    stepped = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    adjusted = np.full_like(p, np.nan)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


# The correction that every table of tests makes: its name in print, short enough to head a column, and its function.
CORRECTION, adjust = "Holm", holm


def correlation(x: ArrayLike, y: ArrayLike, name: str = "pair") -> Correlation:
    """Correlate ``x`` and ``y`` by Pearson's r; float, one value of each a pair, or what a ``name`` is.

    The interval assumes independent pairs from a bivariate normal distribution.
    """
    x, y = _paired(x, y)
    if note := untestable(x, name, "value") or untestable(y, name, "value"):
        return Correlation(len(x), note=note)
    result = stats.pearsonr(x, y)
    interval = result.confidence_interval(CONFIDENCE)
    return Correlation(len(x), float(result.statistic), float(interval.low), float(interval.high))


def differences(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Subtract paired scores, float64; what differs by less than 1e-7 is a tie, and its difference 0.

    Raises
    ------
    ValueError
        When the scores are not two equally long rows of finite numbers.
    """
    a, b = _paired(a, b)
    return np.where(np.abs(a - b) < ROUNDING, 0.0, a - b)


def untestable(values: np.ndarray, name: str, what: str = "difference") -> str:
    """Say in a sentence why ``values``, one a ``name``, carry no test; nothing when they do."""
    if note := too_few(len(values), name, f"{name}s"):
        return note
    if np.ptp(values) < ROUNDING:
        return f"All {len(values)} {name}s have the same {what}: without variance there is no test."
    return ""


def too_few(count: int, one: str, many: str) -> str:
    """Say in a sentence that ``count`` is too few for a test; nothing when it is not."""
    if count >= MIN_PAIRS:
        return ""
    few = {0: f"there are no {many}", 1: f"1 {one} is too few"}.get(count, f"{count} {many} are too few")
    return f"{few}: a test needs at least {MIN_PAIRS}."


def _too_few_differ(changed: np.ndarray, name: str) -> str:
    return too_few(len(changed), f"{name} that differs", f"{name}s that differ")


def _t_test(d: np.ndarray, overlap: float, name: str) -> PairedTest:
    counts = (len(d), int(np.sum(d > 0)), int(np.sum(d == 0)), int(np.sum(d < 0)))
    if note := untestable(d, name):
        return PairedTest(*counts, mean=np.nan if len(d) < MIN_PAIRS else float(d.mean()), note=note)
    mean, deviation, freedom = d.mean(), d.std(ddof=1), len(d) - 1
    error = deviation * np.sqrt(1 / len(d) + overlap)
    half_width = error * stats.t.ppf((1 + CONFIDENCE) / 2, freedom)
    return PairedTest(
        *counts,
        mean=float(mean),
        ci_low=float(mean - half_width),
        ci_high=float(mean + half_width),
        t=float(mean / error),
        p=float(2 * stats.t.sf(abs(mean / error), freedom)),
        d_z=float(mean / deviation),
    )


def _paired(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"paired scores must be two equally long rows of numbers, not {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("paired scores must be finite numbers")
    return a, b
