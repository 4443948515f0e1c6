"""The tables of results: scores, tests and the estimator. Accuracy and r2 never share a column."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

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
from hearlog.results.cells import protocol_label
from hearlog.results.probes import REPRESENTATIONS, largest
from hearlog.transfer.methods import METHODS
from hearlog.util.plain_text import counted

_COUNTS = "Wins / ties / losses"
_CHANNELS = ("Channels",)
_SOURCES = {
    "ceiling_als_factors": "the songs' own ALS factors, which have seen these plays (ceiling)",
    "estimator": "estimator, from audio",
    "oracle_popularity": "popularity of the test songs (oracle)",
    "random": "random",
}


def score_tables(cells: pd.DataFrame) -> list[Table]:
    """Tabulate the scores, one table a score; one row a task and capacity, one column a method.

    Parameters
    ----------
    cells
        As of `hearlog.results.cells.read_cells`, with ``spread`` (as of `hearlog.results.cells.read_spread`).
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


def tables_of_tests(summary: dict[str, Any], capacities: int) -> list[Table]:
    """Tabulate the paired tests over pairs and over tasks; with one capacity the two are the same.

    Parameters
    ----------
    summary
        As of `hearlog.results.over_tasks.summarise`.
    capacities
        How many there are.
    """
    if capacities == 1:
        caption = "Over the classification tasks (one capacity: the pairs are the tasks)"
        return [_tests(summary["tasks"], caption, "tasks")]
    return [
        _tests(summary["pairs"], "Over (task, capacity) pairs of the classification tasks: the paper's test", "pairs"),
        _tests(summary["tasks"], "Over the classification tasks, each the mean of its capacities", "tasks"),
    ]


def _tests(tests: dict[str, dict[str, Any]], caption: str, name: str) -> Table:
    exact = name == "tasks"
    columns = [Column("Comparison"), Column("Difference, points", True), Column("95 % interval", True)]
    columns += numeric("t", "p", "p, Holm", "d_z", _COUNTS, name.capitalize())
    columns += numeric("p, sign\N{NON-BREAKING HYPHEN}flip", "p, Wilcoxon") if exact else []
    rows, notes = [], []
    for comparison, test in tests.items():
        label = text(words.difference(comparison))
        if "note" in test:
            rows.append([label, *[NOTHING] * (len(columns) - 1)])
        else:
            row = [label, difference(test["points"], 1), bounds(test["ci_low"], test["ci_high"], 1)]
            row += [number(test["t"], 2), p_value(test["p"]), p_value(test["p_holm"]), number(test["d_z"], 2)]
            row += [_counts(test), number(test["pairs"])]
            row += [p_value(test.get(key, float("nan"))) for key in ("p_sign_flip", "p_wilcoxon")] if exact else []
            rows.append(row)
        notes += [f"{label.text}: {test[key]}" for key in ("note", "note_exact") if key in test]
    return Table(f"tests-{name}", caption, columns, rows, notes)


def _counts(test: dict[str, Any] | dict[Hashable, Any]) -> Cell:
    counts = [f"{test[name]:,}" for name in ("wins", "ties", "losses")]
    return number(test["wins"], printed=f"{words.NO_BREAK}/{words.NO_BREAK}".join(counts))


def within_tables(within: pd.DataFrame) -> list[Table]:
    """Tabulate the tests within tasks, classification and regression apart.

    Parameters
    ----------
    within
        As of `hearlog.results.within_tasks.compare`.
    """
    units = {"classification": ("Accuracy", "points", 1), "regression": ("r²", "r²", 3)}
    return [_within(tests, kind, *units[kind]) for kind in units if len(tests := within[within["kind"] == kind])]


def _within(tests: pd.DataFrame, kind: str, caption: str, unit: str, decimals: int) -> Table:
    several, caption = _at_capacity(tests, f"{caption}, within tasks")
    columns = [*textual("Comparison", "Task"), *numeric(*_CHANNELS[:several], f"Difference, {unit}")]
    columns += [*numeric("95 % interval", "p", "p, Holm", _COUNTS, "Over"), Column("Test")]
    rows = [
        [
            text(words.difference(test["comparison"])),
            text(test["title"], test["protocol"]),
            *([number(test["channels"])] if several else []),
            difference(test["difference"], decimals),
            bounds(test["ci_low"], test["ci_high"], decimals),
            p_value(test["p"]),
            p_value(test["p_holm"]),
            _counts(test),
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
    return Table(f"within-{kind}", caption, columns, rows, notes)


def estimator_tables(metrics: dict[int, dict[str, Any]]) -> list[Table]:
    """Tabulate how well the CF estimator predicts embeddings and ranks songs.

    Parameters
    ----------
    metrics
        For each number of channels what the evaluation measured: ``metrics/estimator-xN.json``.
    """
    columns = [Column("Predictor"), *numeric("Channels", "Cosine", "Squared error", "r²", "Test songs")]
    quality, ranks = [], []
    for channels, found in metrics.items():
        for name, scores in (("estimator, from audio", found), ("mean embedding", found["mean_embedding"])):
            row = [text(name), number(channels), *(number(scores[key], 3) for key in ("cosine", "squared_error", "r2"))]
            quality.append([*row, number(found["test_songs"])])
        ranking = found["ranking"]
        for source, name in _SOURCES.items():
            values = [number(ranking[source][key], 3) for key in ("recall_at_10", "recall_at_50", "auc")]
            ranks.append([text(name), number(channels), *values])
    users = "; ".join(
        f"{channels} channels: {found['ranking']['users']:,} of {counted(found['ranking']['users_eligible'], 'user')} "
        f"ranked, {found['ranking']['users_without_test_plays']:,} without plays of test songs"
        for channels, found in metrics.items()
    )
    return [
        Table(
            "estimator-quality",
            "Predicted embeddings of test songs, against their own",
            columns,
            quality,
            ["The mean embedding of the training songs hears nothing: its direction is that of popularity."],
        ),
        Table(
            "estimator-ranking",
            "Test songs ranked for users who were not fitted on them",
            [Column("Ranked by"), *numeric("Channels", "Recall@10", "Recall@50", "AUC")],
            ranks,
            [
                f"Means over users. {users}.",
                "Popularity is that of the test songs themselves, which no estimator knows.",
            ],
        ),
    ]


def probe_tables(probes: pd.DataFrame) -> list[Table]:
    """Tabulate the scores of linear probes at the largest capacity, one row a task, one column a representation.

    Parameters
    ----------
    probes
        As of `hearlog.results.probes.read_probes`.
    """
    captions = {"classification": ("Accuracy, %", 100, 1), "regression": ("r²", 1, 3)}
    tables = []
    for kind, of_kind in largest(probes).groupby("kind", sort=True):
        score, percent, decimals = captions[str(kind)]
        rows = []
        for _, task in of_kind.groupby("task", sort=False):
            first, values = task.iloc[0], task.set_index("representation")["score"]
            name = text(first["title"], protocol_label(first["protocol"], first["folds"]))
            scores = [number(values[key] * percent, decimals) for key in REPRESENTATIONS]
            rows.append([name, *scores, number(first["clips"])])
        caption = f"{score} of linear models on frozen features, at {of_kind['channels'].iloc[0]} channels"
        names = [name[0].upper() + name[1:] for name in REPRESENTATIONS.values()]
        columns = [Column("Task"), *numeric(*names, "Clips")]
        tables.append(Table(f"probes-{kind}", caption, columns, rows))
    return tables


def kd_follows_fix(summary: dict[str, Any]) -> str:
    """Say how the gain of kd follows that of fix over the classification tasks."""
    found = summary["kd_follows_fix"]
    if "note" in found:
        return found["note"]
    return (
        f"Over {found['tasks']} tasks the gain of kd over base correlates with the gain of fix over base: "
        f"r = {words.plain(found['r'], 2)}, 95 % interval {words.interval(found['ci_low'], found['ci_high'], 2)}. "
        "Both gains subtract the same base scores, whose error alone correlates them."
    )
