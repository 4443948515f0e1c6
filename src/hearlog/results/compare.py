"""Scores of several revisions side by side, and each tested against the first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hearlog.results.comparisons import PAIRS, Comparison, adjusted
from hearlog.results.names import task_order, title
from hearlog.results.revisions import Cell, Revision
from hearlog.transfer.methods import METHODS

CELL = ["task", "divisor", "method"]
_ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class RevisionComparison(Comparison):
    """A method of one revision compared with the same method of the first.

    Parameters
    ----------
    revision
        Number of the revision, from 1.
    """

    revision: int


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Revisions side by side.

    Parameters
    ----------
    revisions
        Revisions; the others are compared with the first.
    changes
        Every setting, code or data that differs from the first, in print, for each of the others.
    scores, apart
        Scores that compare with those of the first, and those that do not, as returned by `align`.
    overs
        Keys of `hearlog.results.comparisons.PAIRS`: pairs and tasks, or tasks alone where there is one capacity.
    tests
        Comparisons over all of these, as returned by `against_first`.
    """

    revisions: Sequence[Revision]
    changes: list[list[str]]
    scores: pd.DataFrame
    apart: pd.DataFrame
    overs: list[str]
    tests: list[RevisionComparison]


def compare(revisions: Sequence[Revision]) -> SideBySide:
    """Compare two or more revisions, as returned by `hearlog.results.revisions.read_revision`, with the first."""
    first, *others = revisions
    scores, apart = align(revisions)
    overs = [*PAIRS] if len(scores["divisor"].unique()) > 1 else ["tasks"]
    tests = [test for over in overs for test in against_first(scores, len(others), over)]
    changed = [list(changes(first, other)) for other in others]
    return SideBySide(revisions, changed, scores, apart, overs, tests)


def align(revisions: Sequence[Revision]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the scores of revisions beside those of the first, and apart those that do not compare with it.

    A cell compares when both have it, measured by the same score under the same protocol, with the same labels and
    the same splits.

    Returns
    -------
    scores
        One row a cell of the first revision that compares with another's: ``task``, ``divisor``, ``method``, ``title``,
        ``protocol`` (in print), ``kind``, and a column for each revision, named by its number from 0, float64: the
        accuracy in per cent, or r2; nan where it does not compare.
    apart
        One row a revision and cell that does not: ``revision`` (its number), ``task``, ``divisor``, ``method``, and in
        words why: what is so in the ``first``, and ``here``, in this revision; one of them may be empty.
    """
    first, *others = revisions
    cells = sorted({cell for revision in revisions for cell in (*revision.scores, *revision.left_out)}, key=_order)
    rows, apart = [], []
    for cell in cells:
        values = {}
        for number, other in enumerate(others, start=1):
            there, here = _obstacle(first, other, cell)
            if there or here:
                apart.append((number, *cell, there, here))
            else:
                values[number] = other.scores[cell].value
        if values:
            score = first.scores[cell]
            facts = (title(cell[0]), score.protocol, score.kind)
            rows.append(
                (*cell, *facts, score.value, *(values.get(number, np.nan) for number in range(1, len(revisions))))
            )
    columns = [*CELL, "title", "protocol", "kind", *range(len(revisions))]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(apart, columns=["revision", *CELL, "first", "here"])


def _order(cell: Cell) -> tuple[int, str, int, int]:
    task, divisor, method = cell
    return task_order(task), task, -divisor, [*METHODS].index(method)


def _obstacle(first: Revision, other: Revision, cell: Cell) -> tuple[str, str]:
    """Say what keeps the scores of two revisions from being compared, for each of them; nothing if nothing does."""
    lacking = [
        "" if cell in revision.scores else revision.left_out.get(cell, "not in its params.yaml")
        for revision in (first, other)
    ]
    if any(lacking):
        return lacking[0], lacking[1]
    there, here = first.scores[cell], other.scores[cell]
    if there.measured != here.measured:
        return there.measured, here.measured
    if there.clips != here.clips:
        return f"labels and splits {there.clips}", f"labels and splits {here.clips}"
    return "", ""


def against_first(scores: pd.DataFrame, others: int, over: str) -> list[RevisionComparison]:
    """Test each revision against the first: a paired t-test over the classification tasks, for every method.

    Parameters
    ----------
    scores
        Scores as returned by `align`.
    others
        Number of revisions next to number 0, the one to test against.
    over
        A key of `hearlog.results.comparisons.PAIRS`.

    Returns
    -------
    One comparison per revision and method; p is adjusted for methods x revisions.
    """
    accuracy = scores[scores["kind"] == "classification"]
    rows = []
    for number in range(1, others + 1):
        for method in METHODS:
            both = accuracy[accuracy["method"] == method].dropna(subset=[number])
            pairs = both.groupby(PAIRS[over])[[0, number]].mean()
            names = {"revision": number, "method": method, "against": method}
            rows.append(RevisionComparison.of(pairs[number], pairs[0], over=over, **names))
    return adjusted(rows)


def changes(old: Revision, new: Revision) -> Iterator[str]:
    """Write what differs between two revisions: settings as ``model.channels 16 -> 32``, and files that were read."""
    yield from _settings(old.params, new.params, "")
    paths = [*old.inputs, *(path for path in new.inputs if path not in old.inputs)]
    changed = sorted(path for path in paths if old.inputs.get(path) != new.inputs.get(path))
    code = [path for path in changed if path.startswith(("src/", "stages/"))]
    for name, files in (("code", code), ("data", [path for path in changed if path not in code])):
        if files:
            yield f"{name}: {', '.join(files)}"


def _settings(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _settings(before, after, f"{prefix}{key}.")
        elif before is _ABSENT or after is _ABSENT:
            yield f"{prefix}{key} {'added' if before is _ABSENT else 'removed'}"
        elif before != after:
            yield f"{prefix}{key} {_value(before)} -> {_value(after)}"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
