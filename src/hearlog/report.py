"""The report: scores of every cell and what the paired tests say about them.

Classification tasks are tested in points of accuracy, as in the paper's section 4. Regression tasks have
another unit (r2) and stand in the table alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hearlog import statistics
from hearlog.cells import METHODS, protocol_label

COMPARISONS = (("kd", "base"), ("init", "base"), ("fix", "base"), ("kd", "init"))

SYNTHETIC = (
    "Synthetic data: these numbers come from the embedded, generated data set. It is too small to\n"
    "resolve the paper's 2.6 points: six pairs with 150 test clips each resolve about 6.5."
)
CAVEAT = (
    "Intervals are 95 %, p two-sided, Holm's p adjusted for the number of comparisons. Over pairs, the\n"
    "paper's test takes the capacities of one data set as independent. FMA small is part of FMA medium,\n"
    "which no test here takes into account."
)
PAPER = (
    "The paper, not measured here (24 pairs, Melon logs): kd - base +2.62 points, significant;\n"
    "init - base +2.20 points; kd - init not significant."
)


def summarise(cells: pd.DataFrame) -> dict[str, Any]:
    """Protocols, mean accuracies and paired tests, as nested dicts without lists (``dvc metrics diff`` drops lists).

    Returns
    -------
    ``protocols``
        What each task's scores are of, as `hearlog.cells.protocol_label` names it.
    ``accuracy_mean``
        Per cent, for each method, over all classification cells.
    ``pairs``
        The paper's test over (task, capacity) pairs, for each comparison: ``pairs``, ``wins``, ``ties``,
        ``losses``, ``points`` (mean difference), ``ci_low``, ``ci_high``, ``t``, ``p``, ``p_holm``;
        or a ``note``.
    ``tasks``
        The same on each task's mean over capacities, with ``p_sign_flip`` of the exact sign-flip test.
    ``kd_follows_fix``
        Correlation over tasks of the gain of kd with the gain of fix: ``tasks``, ``r``, ``ci_low``,
        ``ci_high``; or a ``note``.
    """
    accuracy = cells[cells["kind"] == "classification"]
    pairs = accuracy.pivot_table(index=["task", "width"], columns="method", values="score")
    pairs = pairs.reindex(columns=list(METHODS)).astype(float) * 100
    tasks = pairs.groupby(level="task").mean()
    return {
        "protocols": {task: _protocol(of_task.iloc[0]) for task, of_task in cells.groupby("task", sort=False)},
        "accuracy_mean": {method: float(mean) for method, mean in pairs.mean().dropna().items()},
        "pairs": _compare(pairs),
        "tasks": _compare(tasks, sign_flip=True),
        "kd_follows_fix": _kd_follows_fix(tasks),
    }


def _compare(scores: pd.DataFrame, sign_flip: bool = False) -> dict[str, dict[str, Any]]:
    """Test every comparison on ``scores``, one row a pair and one column a method."""
    rows: dict[str, dict[str, Any]] = {}
    for method, against in COMPARISONS:
        test = statistics.paired_t_test(scores[method], scores[against])
        name = f"{method}-{against}"
        if test.note:
            rows[name] = {"note": test.note}
            continue
        rows[name] = {
            "pairs": test.pairs,
            "wins": test.wins,
            "ties": test.ties,
            "losses": test.losses,
            "points": test.mean,
            "ci_low": test.ci_low,
            "ci_high": test.ci_high,
            "t": test.t,
            "p": test.p,
        }
        if sign_flip:
            rows[name]["p_sign_flip"] = statistics.sign_flip_test(scores[method], scores[against])
    tested = [row for row in rows.values() if "note" not in row]
    for row, adjusted in zip(tested, statistics.holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = float(adjusted)
    return rows


def _kd_follows_fix(tasks: pd.DataFrame) -> dict[str, Any]:
    result = statistics.correlation(tasks["fix"] - tasks["base"], tasks["kd"] - tasks["base"])
    if result.note:
        return {"note": result.note}
    return {"tasks": result.pairs, "r": result.r, "ci_low": result.ci_low, "ci_high": result.ci_high}


def render(cells: pd.DataFrame, summary: dict[str, Any], synthetic: bool) -> str:
    """Write the report as plain text of at most 100 columns.

    Parameters
    ----------
    cells
        As of `read_cells`.
    summary
        As of `summarise`.
    synthetic
        Whether to say that the numbers are of the embedded data set.
    """
    sections = [SYNTHETIC] if synthetic else []
    sections += _score_tables(cells)
    one_capacity = len(cells["width"].unique()) == 1
    if not one_capacity:
        heading = "Paired t-tests over (task, capacity) pairs of the classification tasks"
        sections.append(_section(heading, _comparisons(summary["pairs"], "pairs")))
    heading = "Paired t-tests over the classification tasks"
    heading += " (one capacity: the pairs are the tasks)" if one_capacity else ", each the mean of its capacities"
    sections += [
        _section(heading, _comparisons(summary["tasks"], "tasks")),
        CAVEAT,
        _section("How the gain of kd follows the gain of fix", _correlation(summary["kd_follows_fix"])),
        PAPER,
    ]
    return "\n\n".join(sections)


def _section(heading: str, body: str) -> str:
    return f"{heading}\n{'-' * len(heading)}\n{body}"


def _score_tables(cells: pd.DataFrame) -> list[str]:
    seeds = cells["seeds"].iloc[0]
    mean = "" if seeds == 1 else f", mean of {seeds} seeds"
    sections = []
    if (classification := cells["kind"] == "classification").any():
        shares = ["accuracy", "macro_f1", "chance", "majority"]
        percent = cells[classification].assign(**cells.loc[classification, shares] * 100)
        facts = ["chance", "majority"]
        sections += [
            _section(f"Accuracy, %{mean}", _table(percent, "accuracy", 1, facts)),
            _section(f"Macro-F1, %{mean}", _table(percent, "macro_f1", 1)),
        ]
    if (regression := cells["kind"] == "regression").any():
        numbers = cells[regression]
        sections += [
            _section(f"Regression, r2 (coefficient of determination){mean}", _table(numbers, "r2", 3)),
            _section(f"Regression, squared correlation{mean}", _table(numbers, "squared_correlation", 3)),
        ]
    return sections


def _table(cells: pd.DataFrame, score: str, decimals: int, facts: Sequence[str] = ()) -> str:
    """One row a task and capacity, named with its protocol; one column a method, then what they have in common."""
    rows = ["title", "protocol", "channels"]
    cells = cells.assign(protocol=cells.apply(_protocol, axis="columns"))
    common = cells.drop_duplicates(rows).set_index(rows)
    methods = cells.pivot_table(index=rows, columns="method", values=score)[list(METHODS)]
    table = methods.join(common[[*facts]]).loc[common.index].map(lambda value: f"{value:.{decimals}f}")
    table["clips"] = common["clips"]
    return table.rename_axis(index=["task", "protocol", "channels"]).to_string(col_space=5)


def _protocol(cell: pd.Series) -> str:
    return protocol_label(cell["protocol"], cell["folds"])


def _comparisons(rows: dict[str, dict[str, Any]], unit: str) -> str:
    return "\n".join(
        f"{name.replace('-', ' - '):<13}{row['note'] if 'note' in row else _verdict(row, unit)}"
        for name, row in rows.items()
    )


def _verdict(row: dict[str, Any], unit: str) -> str:
    counts = [_count(row["wins"], "win", "wins"), _count(row["losses"], "loss", "losses")]
    if row["ties"]:
        counts.insert(1, _count(row["ties"], "tie", "ties"))
    sign_flip = f", sign-flip {_p(row['p_sign_flip'])}" if "p_sign_flip" in row else ""
    return (
        f"{row['points']:+.1f} points [{row['ci_low']:.1f}, {row['ci_high']:.1f}], "
        f"t({row['pairs'] - 1}) = {row['t']:.1f}, "
        f"{_p(row['p'])}, {', '.join(counts)} of {row['pairs']} {unit}\n{'':<13}Holm {_p(row['p_holm'])}{sign_flip}"
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _correlation(row: dict[str, Any]) -> str:
    if "note" in row:
        return row["note"]
    return (
        f"r = {row['r']:.2f} [{row['ci_low']:.2f}, {row['ci_high']:.2f}] over {row['tasks']} tasks. "
        "Both gains subtract the same base scores,\nwhose error alone correlates them."
    )
