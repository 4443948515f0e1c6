"""Paired comparisons: the rows of every table of tests, from the scores to the printed page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hearlog.statistics.paired_tests import (
    CORRECTION,
    MIN_PAIRS,
    PairedTest,
    Significance,
    adjust,
    paired_t_test,
    sign_flip_test,
    wilcoxon_test,
)

# Columns that identify the pairs of a comparison. Over pairs, as in the paper, each task and capacity is one; over
# tasks, each task is one, the mean of its capacities, which share its clips and are not independent.
PAIRS = {"pairs": ["task", "divisor"], "tasks": ["task"]}
ADJUSTED = f"p_{CORRECTION.lower()}"  # column of adjusted p-values
SIGNIFICANT = 0.05

_COLUMNS = ["over", "comparison", "pairs", "wins", "ties", "losses", "points", "ci_low", "ci_high", "d_z", "t"]
_COLUMNS += ["p", ADJUSTED, "p_sign_flip", "p_wilcoxon", "note", "note_exact"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A method compared with another over the classification tasks, in points of accuracy.

    Parameters
    ----------
    method, against
        Names of the two methods; differences are ``method - against``.
    over
        A key of `PAIRS`.
    test
        Student's paired t-test, in points.
    p_adjusted
        Its p, adjusted for the comparisons of one table; nan without a test.
    sign_flip, wilcoxon
        Tests that need no normal differences, not adjusted; over tasks alone.
    """

    method: str
    against: str
    over: str
    test: PairedTest
    p_adjusted: float = np.nan
    sign_flip: Significance | None = None
    wilcoxon: Significance | None = None

    @classmethod
    def of(cls, a: ArrayLike, b: ArrayLike, *, over: str, **names: Any) -> Self:
        """Test ``a - b``, scores in per cent, one per pair; ``names`` are the other fields."""
        pair = over.removesuffix("s")
        exact: dict[str, Any] = {} if over == "pairs" else {name: test(a, b, pair) for name, test in _EXACT.items()}
        return cls(over=over, test=paired_t_test(a, b, pair), **exact, **names)

    @property
    def name(self) -> str:
        """Name of the comparison in files, such as ``kd-base``."""
        return f"{self.method}-{self.against}"

    @property
    def tested(self) -> bool:
        """Whether there is a t-test; if not, `note` gives the reason."""
        return not self.test.note

    @property
    def has_mean(self) -> bool:
        """Whether there are enough pairs for a mean, which there is without a test where all differences are equal."""
        return not np.isnan(self.test.mean)

    @property
    def significant(self) -> bool:
        """Whether the adjusted p is below 5 %."""
        return bool(self.p_adjusted < SIGNIFICANT)

    @property
    def note(self) -> str:
        """Reason why there is no t-test, with the size of a difference that does not vary; empty if there is one."""
        if not self.test.note or self.test.pairs < MIN_PAIRS:
            return self.test.note
        if self.test.ties == self.test.pairs:
            return "no score differs, so there is no test."
        counted = f"{self.test.mean:+.1f} points in all {self.test.pairs} {self.over}"
        return f"{counted}: without variance there is no test."

    @property
    def note_exact(self) -> str:
        """Reason why there is a t-test but no sign-flip or Wilcoxon test; empty otherwise."""
        tests = [test for test in (self.sign_flip, self.wilcoxon) if test and self.tested]
        return next((test.note for test in tests if test.note), "")


_EXACT = {"sign_flip": sign_flip_test, "wilcoxon": wilcoxon_test}
_Row = TypeVar("_Row", bound=Comparison)


def adjusted(table: Sequence[_Row]) -> list[_Row]:
    """Adjust the p-values of the comparisons of one table for their number."""
    values = adjust([row.test.p for row in table])
    return [replace(row, p_adjusted=float(p)) if row.tested else row for row, p in zip(table, values, strict=True)]


def find(table: Iterable[Comparison], name: str) -> Comparison:
    """Return the comparison of this name."""
    return next(comparison for comparison in table if comparison.name == name)


def tabulate(table: Iterable[Comparison]) -> pd.DataFrame:
    """List comparisons, one row each.

    Returns
    -------
    ``over``, ``comparison`` (such as ``kd-base``), ``pairs``, ``wins``, ``ties``, ``losses``, ``points`` (the mean
    difference), ``ci_low``, ``ci_high``, ``d_z``, ``t``, ``p``, the adjusted p (`ADJUSTED`), ``p_sign_flip``,
    ``p_wilcoxon``, and the notes on missing tests. What a comparison does not have is nan or an empty note.
    """
    rows = [{"over": row.over, "comparison": row.name, **_numbers(row)} for row in table]
    return pd.DataFrame(rows).reindex(columns=_COLUMNS)


def _numbers(row: Comparison) -> dict[str, Any]:
    numbers = {"note": row.note, "note_exact": row.note_exact}
    if not row.has_mean:
        return numbers
    exact = {f"p_{name}": test.p for name in _EXACT if (test := getattr(row, name))}
    return vars(row.test) | {"points": row.test.mean, ADJUSTED: row.p_adjusted} | exact | numbers
