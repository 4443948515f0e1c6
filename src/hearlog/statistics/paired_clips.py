"""Two methods on the clips of one test part.

All of this takes clips as drawn independently, which several clips of one artist or recording are not, and the
networks as given: it says whether these trained networks differ on clips like these, not whether the methods would
if they were trained again (Dietterich 1998).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from hearlog.statistics.paired_tests import CONFIDENCE, Significance, differences, sign_flip_test, too_few, untestable

_RESAMPLES = 9999


@dataclass(frozen=True)
class Interval:
    """95 % confidence interval; where none can be had, ``note`` says why and the numbers are nan."""

    low: float = np.nan
    high: float = np.nan
    note: str = ""


def share_right(answers: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Count with what share of the seeds each method is right on each clip.

    Parameters
    ----------
    answers
        Answers as returned by `hearlog.results.folds.join_answers`, labels.
    methods
        Columns of ``answers``.

    Returns
    -------
    Float64, clips (the index: ``item_id``) x methods.
    """
    return answers[[*methods]].eq(answers["truth"], axis="index").groupby("item_id").mean()


def choose_test(
    right: pd.DataFrame, answers: pd.DataFrame
) -> tuple[str, Callable[[ArrayLike, ArrayLike], Significance]]:
    """Choose the test of two methods' accuracy: McNemar's for one seed, the sign-flip test for several.

    With several seeds a clip counts with the share of them that got it right; that is no longer one right or wrong
    answer, so the sign-flip test takes McNemar's place, which is its case of one seed.

    Parameters
    ----------
    right
        As of `share_right`.
    answers
        Of which ``right`` holds the shares.

    Returns
    -------
    The name in print, and the function, of two columns of ``right``.
    """
    one_seed = len(right) == len(answers)
    return ("McNemar", mcnemar_test) if one_seed else ("sign-flip", sign_flip_test)


def mcnemar_test(a: ArrayLike, b: ArrayLike) -> Significance:
    """Test whether two methods are right equally often (McNemar 1947), exactly, by the binomial distribution.

    Only discordant clips count, on which one method is right and the other wrong: ``pairs`` is their number. It is
    the sign-flip test of `hearlog.statistics.paired_tests` for differences of 1, 0 and -1.

    Parameters
    ----------
    a, b
        Whether each method is right, bool (or 0 and 1), one a clip.
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
        Whether each method is right, bool, one a clip; or the share of seeds with which it is.

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
        Float, one a clip.
    a, b
        Squared error of each method, float, one a clip; or its mean over seeds.

    Returns
    -------
    In units of r2, ``a - b``: positive where ``a`` errs less.
    """
    truth = np.asarray(truth, dtype=float)
    d = differences(b, a)
    return _bootstrap(d, (d, truth), lambda d, truth, axis: np.mean(d, axis) / np.var(truth, axis))


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
