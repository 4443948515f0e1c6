"""Scores of several revisions side by side, and each tested against the first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hearlog.results.cells import task_order, title
from hearlog.results.over_tasks import note_in_points
from hearlog.results.revisions import Cell, Revision, Score
from hearlog.statistics import paired_tests as statistics
from hearlog.transfer.methods import METHODS

CELL = ["task", "divisor", "method"]
PAIRS = {"pairs": ["task", "divisor"], "tasks": ["task"]}  # what a test is over, and the columns that tell its pairs
_ABSENT = object()


@dataclass(frozen=True)
class Comparison:
    """Revisions side by side, the first the one to compare with: see `align` and `against_first`.

    ``changes`` has a text for every setting, code or data that differs, for each revision but the first. ``overs`` is
    what the ``tests`` are over (their column ``over``): pairs and tasks, or tasks alone where there is one capacity.
    """

    revisions: Sequence[Revision]
    changes: list[list[str]]
    scores: pd.DataFrame
    apart: pd.DataFrame
    overs: list[str]
    tests: pd.DataFrame


def compare(revisions: Sequence[Revision]) -> Comparison:
    """Compare two or more revisions, as of `hearlog.results.revisions.read_revision`, with the first of them."""
    first, *others = revisions
    scores, apart = align(revisions)
    overs = [*PAIRS] if len(scores["divisor"].unique()) > 1 else ["tasks"]
    tests = [against_first(scores, len(others), over).assign(over=over) for over in overs]
    changed = [list(changes(first, other)) for other in others]
    return Comparison(revisions, changed, scores, apart, overs, pd.concat(tests, ignore_index=True))


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
    return task_order(task), task, divisor, [*METHODS].index(method)


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
    differ = [file for file in there.clips if there.clips[file] != here.clips[file]]
    return _hashes(there, differ), _hashes(here, differ)


def _hashes(score: Score, files: Sequence[str]) -> str:
    return ", ".join(f"{file} {score.clips[file]}" for file in files)


def against_first(scores: pd.DataFrame, others: int, over: str) -> pd.DataFrame:
    """Test each revision against the first: a paired t-test over the classification tasks, for every method.

    Parameters
    ----------
    scores
        As of `align`.
    others
        How many revisions there are beside number 0, the one to test against.
    over
        ``pairs``: as in the paper, every task and capacity is a pair. ``tasks``: every task is one, the mean of its
        capacities, which share its clips and so are no independent pairs.

    Returns
    -------
    One row a revision and method: ``revision`` (its number), ``method``, the fields of
    `hearlog.statistics.paired_tests.PairedTest` in points, ``p_holm``, adjusted for methods x revisions, and
    ``p_sign_flip`` of the exact sign-flip test, over tasks alone and not adjusted. ``note`` says why there is no test,
    ``note_exact`` why there is no sign-flip test beside it.
    """
    accuracy = scores[scores["kind"] == "classification"]
    rows = []
    for number in range(1, others + 1):
        for method in METHODS:
            both = accuracy[accuracy["method"] == method].dropna(subset=[number])
            pairs = both.groupby(PAIRS[over])[[0, number]].mean()
            rows.append({"revision": number, "method": method, **_test(pairs[number], pairs[0], over)})
    tests = pd.DataFrame(rows)
    return tests.assign(p_holm=statistics.holm(tests["p"]))


def _test(a: pd.Series, b: pd.Series, over: str) -> dict[str, Any]:
    name = over.removesuffix("s")
    test, sign_flip = statistics.paired_t_test(a, b, name), statistics.sign_flip_test(a, b, name)
    note = note_in_points(test, name)
    if statistics.MIN_PAIRS <= test.ties == test.pairs:
        note = "no score differs, so there is no test."
    exact = {"p_sign_flip": np.nan, "note_exact": ""}
    if over == "tasks":
        exact = {"p_sign_flip": sign_flip.p, "note_exact": "" if note else sign_flip.note}
    return {**vars(test), **exact, "note": note}


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
