"""Tables of scores and tests. Accuracy and r2 never share a column."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from hearlog.corpora.protocols import protocol_label
from hearlog.page import words
from hearlog.page.tables import (
    NOTHING,
    Cell,
    Column,
    Table,
    bounds,
    difference,
    number,
    numeric,
    p_value,
    text,
    textual,
)
from hearlog.report import coverage
from hearlog.results.comparisons import ADJUSTED, Comparison
from hearlog.results.run import Results
from hearlog.statistics.paired_tests import CORRECTION, Correlation
from hearlog.transfer.methods import METHODS

_ADJUSTED = f"p, {CORRECTION}"
_COUNTS = "Wins / ties / losses"
_CHANNELS = ("Channels",)


def score_tables(cells: pd.DataFrame) -> list[Table]:
    """Tabulate the scores, one table per score, one row per task and capacity, one column per method.

    Parameters
    ----------
    cells
        Scores of `hearlog.results.run.Results`.
    """
    tables = []
    classification, regression = (cells[cells["kind"] == kind] for kind in ("classification", "regression"))
    if len(classification):
        tables.append(_scores(classification, "accuracy", "Accuracy, %", 1))
        tables.append(_scores(classification, "macro_f1", "Macro-F1, %", 1))
    if len(regression):
        tables.append(_scores(regression, "r2", "r² (coefficient of determination)", 3))
        tables.append(_scores(regression, "squared_correlation", "Squared correlation", 3))
    return tables


def _scores(cells: pd.DataFrame, score: str, caption: str, decimals: int) -> Table:
    several, caption = _at_capacity(cells, caption)
    main = score in ("accuracy", "r2")
    references = ["chance", "majority"] if score == "accuracy" else []
    facts = ["clips", "folds", "seeds"] if main else []
    percent = 100 if cells["kind"].iloc[0] == "classification" else 1
    spreads = main and bool(cells["spread"].notna().any())
    rows = []
    for _, of_row in cells.groupby(["task", "divisor"], sort=False):
        by_method, common = {cell["method"]: cell for cell in of_row.to_dict("records")}, of_row.iloc[0]
        rows.append(
            [
                text(common["title"], protocol_label(common["protocol"], common["folds"])),
                *([number(common["channels"])] if several else []),
                *(_score(by_method[method], score, percent, decimals, spreads) for method in METHODS),
                *(number(common[name] * percent, decimals) for name in references),
                *(number(common[name]) for name in facts),
            ]
        )
    columns = [Column("Task"), *numeric(*_CHANNELS[:several], *METHODS)]
    columns += numeric(*(name.capitalize() for name in references + facts))
    notes = ["Clips are those tested, over all folds."] if main else []
    if spreads:
        notes.append("± is the standard deviation over folds and seeds, where there are several.")
    if references:
        notes.append("Chance is one over the number of classes; majority, the share of the most frequent class.")
    if (seeds := cells["seeds"].iloc[0]) > 1:
        caption += f", mean of {seeds} seeds"
    return Table(f"scores-{score}", caption, columns, rows, notes)


def _at_capacity(cells: pd.DataFrame, caption: str) -> tuple[bool, str]:
    """Say whether capacities need a column; a single one stands in the caption."""
    channels = cells["channels"].unique()
    return len(channels) > 1, caption if len(channels) > 1 else f"{caption}, at {channels[0]} channels"


def _score(cell: dict[Hashable, Any], score: str, percent: int, decimals: int, spreads: bool) -> Cell:
    known = spreads and not pd.isna(cell["spread"])
    return number(
        cell[score] * percent, decimals, remark=f"±{words.plain(cell['spread'] * percent, decimals)}" if known else ""
    )


def tables_of_tests(results: Results) -> list[Table]:
    """Tabulate the paired tests over pairs and over tasks; with one capacity the two are the same."""
    if not results.several_capacities:
        return [_tests(results.over_tasks, "Over the classification tasks (one capacity: the pairs are the tasks)")]
    return [
        _tests(results.over_pairs, "Over (task, capacity) pairs of the classification tasks: the paper's test"),
        _tests(results.over_tasks, "Over the classification tasks, each the mean of its capacities"),
    ]


def _tests(table: Sequence[Comparison], caption: str) -> Table:
    over = table[0].over
    columns = [Column("Comparison"), Column("Difference, points", True), Column("95 % interval", True)]
    columns += numeric("t", "p", _ADJUSTED, "d_z", _COUNTS, over.capitalize())
    columns += numeric("p, sign\N{NON-BREAKING HYPHEN}flip", "p, Wilcoxon") if over == "tasks" else []
    rows, notes = [], []
    for comparison in table:
        label = text(words.difference(comparison.name))
        numbers = _numbers(comparison) if comparison.tested else [NOTHING] * (len(columns) - 1)
        rows.append([label, *numbers])
        notes += [f"{label.text}: {note}" for note in (comparison.note, comparison.note_exact) if note]
    return Table(f"tests-{over}", caption, columns, rows, notes)


def _numbers(comparison: Comparison) -> list[Cell]:
    test = comparison.test
    return [
        difference(test.mean, 1),
        bounds(test.ci_low, test.ci_high, 1),
        number(test.t, 2),
        p_value(test.p),
        p_value(comparison.p_adjusted),
        number(test.d_z, 2),
        _counts(test.wins, test.ties, test.losses),
        number(test.pairs),
        *(p_value(exact.p) for exact in (comparison.sign_flip, comparison.wilcoxon) if exact),
    ]


def _counts(wins: int, ties: int, losses: int) -> Cell:
    printed = f"{words.NO_BREAK}/{words.NO_BREAK}".join(f"{count:,}" for count in (wins, ties, losses))
    return number(wins, printed=printed)


def within_tables(within: pd.DataFrame) -> list[Table]:
    """Tabulate the tests within tasks, classification and regression apart.

    Parameters
    ----------
    within
        Tests of `hearlog.results.run.Results`.
    """
    units = {"classification": ("Accuracy", "points", 1), "regression": ("r²", "r²", 3)}
    return [_within(tests, kind, *units[kind]) for kind in units if len(tests := within[within["kind"] == kind])]


def _within(tests: pd.DataFrame, kind: str, caption: str, unit: str, decimals: int) -> Table:
    several, caption = _at_capacity(tests, f"{caption}, within tasks")
    columns = [*textual("Comparison", "Task"), *numeric(*_CHANNELS[:several], f"Difference, {unit}")]
    columns += [*numeric("95 % interval", "p", _ADJUSTED, _COUNTS, "Over"), Column("Test")]
    rows = [
        [
            text(words.difference(test["comparison"])),
            text(test["title"], test["protocol"]),
            *([number(test["channels"])] if several else []),
            difference(test["difference"], decimals),
            bounds(test["ci_low"], test["ci_high"], decimals),
            p_value(test["p"]),
            p_value(test[ADJUSTED]),
            _counts(test["wins"], test["ties"], test["losses"]),
            number(test["n"], printed=f"{test['n']:,} {test['unit']}"),
            text(test["test"]),
        ]
        for test in tests.to_dict("records")
    ]
    untested = tests[tests["note"] != ""]
    notes = [
        f"{words.difference(row['comparison'])}, {row['title']}, {row['channels']} channels: {row['note']}"
        for row in untested.to_dict("records")
    ]
    notes.append(coverage.within_tasks(tests["covers"]))
    return Table(f"within-{kind}", caption, columns, rows, notes)


def kd_follows_fix(found: Correlation) -> str:
    """Say how the gain of kd follows that of fix over the classification tasks."""
    return found.note or (
        f"Over {found.pairs} tasks the gain of kd over base correlates with the gain of fix over base: "
        f"r = {words.plain(found.r, 2)}, 95 % interval {words.interval(found.ci_low, found.ci_high, 2)}. "
        "Both gains subtract the same base scores, whose error alone correlates them."
    )
