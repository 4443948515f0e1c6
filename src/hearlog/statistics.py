"""Tests on paired scores: two methods, measured on the same tasks, folds and seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

CONFIDENCE = 0.95
MIN_PAIRS = 3
# Scores are shares of clips, and no test part here has 10 million: what differs by less is rounding.
_ROUNDING = 1e-7
_SIGN_FLIPS = 2**16


@dataclass(frozen=True)
class PairedTest:
    """Student's paired t-test of ``a - b``.

    ``mean`` and the 95 % confidence interval are in the unit of the scores; ``p`` is two-sided, with
    ``pairs - 1`` degrees of freedom. Where no test is possible, ``note`` says why and the numbers are nan.
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


def paired_t_test(a: ArrayLike, b: ArrayLike) -> PairedTest:
    """Test whether the mean of ``a - b`` is zero (Student 1908; the paper's section 4).

    Parameters
    ----------
    a, b
        Scores of two methods, float, one a pair; ``a[i]`` and ``b[i]`` belong together.

    Raises
    ------
    ValueError
        When the scores are not two equally long rows of finite numbers.
    """
    a, b = _paired(a, b)
    differences = a - b
    ties = np.abs(differences) < _ROUNDING
    wins, losses = np.sum((differences > 0) & ~ties), np.sum((differences < 0) & ~ties)
    counts = (len(differences), int(wins), int(np.sum(ties)), int(losses))
    if note := _untestable(differences):
        return PairedTest(*counts, note=note)
    result = stats.ttest_rel(a, b)
    interval = result.confidence_interval(CONFIDENCE)
    return PairedTest(
        *counts,
        mean=float(differences.mean()),
        ci_low=float(interval.low),
        ci_high=float(interval.high),
        t=float(result.statistic),
        p=float(result.pvalue),
    )


def sign_flip_test(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided p of the mean of ``a - b`` when each difference could as well have the other sign.

    Assumes no distribution (Fisher 1935). Exact up to 16 pairs: each of the ``2**pairs`` patterns of signs
    counts, so no p below ``2 / 2**pairs`` is possible. Beyond, 65,536 patterns are drawn, always the same.

    Parameters
    ----------
    a, b
        Scores of two methods, float, one a pair.
    """
    a, b = _paired(a, b)
    result = stats.permutation_test(
        (a - b,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=_SIGN_FLIPS,
        batch=1024,
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def holm(p: ArrayLike) -> np.ndarray:
    """Adjust p-values of several comparisons for their number (Holm 1979, step-down).

    Parameters
    ----------
    p
        Float, one a comparison.

    Returns
    -------
    The adjusted p-values, float64, in the order given.
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def correlation(x: ArrayLike, y: ArrayLike) -> Correlation:
    """Pearson's correlation of ``x`` and ``y``, float, one value of each a pair."""
    x, y = _paired(x, y)
    if note := _untestable(x) or _untestable(y):
        return Correlation(len(x), note=note)
    result = stats.pearsonr(x, y)
    interval = result.confidence_interval(CONFIDENCE)
    return Correlation(len(x), float(result.statistic), float(interval.low), float(interval.high))


def _paired(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"paired scores must be two equally long rows of numbers, not {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("paired scores must be finite numbers")
    return a, b


def _untestable(values: np.ndarray) -> str:
    """Say in a sentence why ``values`` carry no test; nothing when they do."""
    if len(values) < MIN_PAIRS:
        count = "1 pair is" if len(values) == 1 else f"{len(values) or 'no'} pairs are"
        return f"{count} too few: a test needs at least {MIN_PAIRS}."
    if np.ptp(values) < _ROUNDING:
        return f"All {len(values)} pairs have the same value: without variance there is no test."
    return ""
