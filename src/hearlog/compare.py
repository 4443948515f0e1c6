"""Scores of several revisions side by side, and each tested against the first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from hearlog import statistics
from hearlog.cells import METHODS, TITLES
from hearlog.revisions import Revision

ALL_METHODS = "all four"
CELL = ["task", "width", "method"]
_ABSENT = object()


def align(revisions: Sequence[Revision]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the scores of revisions side by side, and apart those that do not compare.

    A cell compares when every revision has it, measured by the same score under the same protocol, with the same
    folds and number of test clips.

    Parameters
    ----------
    revisions
        As of `hearlog.revisions.read_revision`.

    Returns
    -------
    scores
        One row a cell that compares: the index ``task``, ``width`` and ``method``; ``title``, ``protocol`` (in
        print), ``kind``, and a column for each revision, named by its number from 0, float64: the accuracy in per
        cent, or r2.
    apart
        One row a cell that does not, with the same index and a column for each revision: in words what its score is
        of, nan where it has none.
    """
    cells = pd.concat([revision.cells.assign(revision=number) for number, revision in enumerate(revisions)])
    tasks = sorted(cells["task"].unique(), key=lambda task: [*TITLES, task].index(task))
    cells["task"] = pd.Categorical(cells["task"], tasks)
    cells["method"] = pd.Categorical(cells["method"], METHODS)
    cells["score"] *= cells["kind"].map({"classification": 100, "regression": 1})
    measured, scores = (_side_by_side(cells, field) for field in ("measured", "score"))
    compares = measured.eq(measured[0], axis="index").all(axis="columns")
    facts = cells.drop_duplicates(CELL).set_index(CELL)[["title", "protocol", "kind"]]
    return facts.join(scores[compares], how="right"), measured[~compares]


def _side_by_side(cells: pd.DataFrame, field: str) -> pd.DataFrame:
    return cells.pivot_table(index=CELL, columns="revision", values=field, aggfunc="first", observed=True)


def against_first(scores: pd.DataFrame, revisions: int) -> pd.DataFrame:
    """Test each revision against the first: a paired t-test over the classification tasks, for every method.

    The pairs are tasks, each the mean of its capacities: capacities and methods of a task share its clips, so they
    are no independent pairs.

    Parameters
    ----------
    scores
        As of `align`.
    revisions
        How many there are; number 0 is the one to test against.

    Returns
    -------
    One row a revision and method, and one for the mean of all methods: ``revision`` (its number), ``method``, the
    fields of `hearlog.statistics.PairedTest` in points, and ``p_holm``, adjusted for methods x revisions; nan for the
    mean.
    """
    accuracy = scores[scores["kind"] == "classification"]
    first, *others = (_task_means(accuracy, number) for number in range(revisions))
    rows = []
    for number, tasks in enumerate(others, start=1):
        for method in (*METHODS, ALL_METHODS):
            a, b = tasks[method].dropna(), first[method].dropna()
            test = statistics.paired_t_test(a, b)
            same = "no score differs, so there is no test." if test.ties == test.pairs else ""
            note = statistics.too_few(test.pairs, "task", "tasks") or same or test.note
            rows.append({"revision": number, "method": method, **vars(test), "note": note})
    tests = pd.DataFrame(rows)
    tests["p_holm"] = statistics.holm(tests["p"].where(tests["method"] != ALL_METHODS))
    return tests


def _task_means(accuracy: pd.DataFrame, revision: int) -> pd.DataFrame:
    """One row a task, one column a method: means over capacities; and the mean of the methods where all are there."""
    tasks = accuracy.pivot_table(index="task", columns="method", values=revision, observed=True)
    tasks = tasks.reindex(columns=[*METHODS])
    return tasks.assign(**{ALL_METHODS: tasks.mean(axis="columns", skipna=False)})


def changes(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Write what differs between two params, as ``model.channels 16 -> 32``."""
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from changes(before, after, f"{prefix}{key}.")
        elif before is _ABSENT or after is _ABSENT:
            yield f"{prefix}{key} {'added' if before is _ABSENT else 'removed'}"
        elif before != after:
            yield f"{prefix}{key} {_value(before)} -> {_value(after)}"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
