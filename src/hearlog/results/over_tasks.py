"""What the paired tests say about the scores of all cells.

Classification tasks are tested in points of accuracy, as in the paper's section 4. Regression tasks have
another unit (r2) and stand in the tables alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from hearlog.results.cells import protocol_label
from hearlog.results.files import asked_for, read_columns, read_table
from hearlog.statistics import paired_tests as statistics
from hearlog.transfer.methods import COMPARISONS, METHODS, TRAINED
from hearlog.util.errors import InputError

_TEST_COLUMNS = ["over", "comparison", "pairs", "wins", "ties", "losses", "points", "ci_low", "ci_high", "d_z", "t"]
_TEST_COLUMNS += ["p", "p_holm", "p_sign_flip", "p_wilcoxon", "note", "note_exact"]


def summarise(cells: pd.DataFrame) -> dict[str, Any]:
    """Protocols, mean accuracies and paired tests, as nested dicts.

    With several seeds, every score is the mean over them.

    Returns
    -------
    ``protocols``
        What each task's scores are of, as `hearlog.results.cells.protocol_label` names it.
    ``accuracy_mean``
        Per cent, for each method, over all classification cells.
    ``pairs``
        The paper's test over (task, capacity) pairs, for each comparison: ``pairs``, ``wins``, ``ties``,
        ``losses``, ``points`` (mean difference), ``ci_low``, ``ci_high``, ``d_z``, ``t``, ``p``, ``p_holm``
        (adjusted for the comparisons of this table); or a ``note``, with counts and ``points`` beside it where
        every difference is the same.
    ``tasks``
        The same on each task's mean over capacities, with ``p_sign_flip`` of the exact sign-flip test and
        ``p_wilcoxon`` of Wilcoxon's signed-rank test, both unadjusted; or a ``note_exact`` of why there are none.
    ``kd_follows_fix``
        Correlation over tasks of the gain of kd with the gain of fix: ``tasks``, ``r``, ``ci_low``,
        ``ci_high``; or a ``note``.
    """
    accuracy = cells[cells["kind"] == "classification"]
    pairs = accuracy.pivot_table(index=["task", "divisor"], columns="method", values="score")
    pairs = pairs.reindex(columns=list(METHODS)).astype(float) * 100
    tasks = pairs.groupby(level="task").mean()
    over_tasks = _compare(tasks, "task")
    for name, row in over_tasks.items():
        if "note" not in row:
            row |= _without_normality(*(tasks[method] for method in name.split("-")))
    return {
        "protocols": {
            task: protocol_label(*of_task[["protocol", "folds"]].iloc[0])
            for task, of_task in cells.groupby("task", sort=False)
        },
        "accuracy_mean": {method: float(mean) for method, mean in pairs.mean().dropna().items()},
        "pairs": _compare(pairs, "pair"),
        "tasks": over_tasks,
        "kd_follows_fix": _kd_follows_fix(tasks),
    }


def headline(summary: dict[str, Any]) -> dict[str, Any]:
    """Pick the few numbers to compare between branches, rounded so that a last bit is no difference.

    Parameters
    ----------
    summary
        As of `summarise`.

    Returns
    -------
    ``accuracy_mean`` (per cent, by method), ``gain`` (points over base, by method), ``p_holm`` (by comparison, over
    pairs) and ``kd_follows_fix`` (correlation); what has no test is left out.
    """
    accuracy = {method: round(mean, 2) for method, mean in summary["accuracy_mean"].items()}
    gains = {a: summary["accuracy_mean"][a] - summary["accuracy_mean"]["base"] for a in accuracy if a != "base"}
    numbers = {
        "accuracy_mean": accuracy,
        "gain": {method: round(gain, 2) for method, gain in gains.items()},
        "p_holm": {name: round(row["p_holm"], 4) for name, row in summary["pairs"].items() if "note" not in row},
    }
    if "r" in summary["kd_follows_fix"]:
        numbers["kd_follows_fix"] = round(summary["kd_follows_fix"]["r"], 3)
    return numbers


def read_drawn(path: Path, cells: pd.DataFrame) -> pd.DataFrame:
    """Read the scores that the report stage has drawn, with what it found of each cell.

    Parameters
    ----------
    path
        Of ``figure4.tsv``.
    cells
        As of `hearlog.results.cells.read_cells`, of the same params.

    Raises
    ------
    InputError
        When the file is missing or broken, or has other cells or scores than ``cells``.
    """
    key = ["task", "method", "divisor"]
    drawn = read_table(path, [*key, "score", "seed_spread"])
    both = cells[[*key, "score"]].merge(drawn[[*key, "score"]], "outer", on=key, suffixes=("", "_drawn"))
    differ = both[~((both["score"] - both["score_drawn"]).abs() <= 1e-9)]
    if not differ.empty:
        first = differ.iloc[0]
        raise InputError(
            f"{path}: its scores are not those of metrics/transfer in {len(differ)} of {len(both)} cells, such as "
            f"{first['task']}/{first['method']}-div{first['divisor']}, so the two come from different runs. "
            "Run: dvc repro"
        )
    return drawn


def count_unfinished(cells: pd.DataFrame, folder: Path, epochs: int) -> pd.DataFrame:
    """Count the networks whose kept epoch is the last allowed: the limit stopped them, and not patience.

    Parameters
    ----------
    cells
        As of `hearlog.results.cells.read_cells`.
    folder
        Holds ``<task>/<method>-div<divisor>.tsv``, the losses of every epoch.
    epochs
        ``transfer.training.epochs``.

    Returns
    -------
    One row a method that trains networks (the index): ``networks``, one a task, capacity, seed and fold, and
    ``unfinished``, how many of them.
    """
    curves = read_curves(cells[cells["method"].isin(TRAINED)], folder)
    networks = curves.groupby(["method", "cell", "seed", "fold"])
    kept = curves.loc[networks["valid_task"].idxmin()].groupby("method")["epoch"]
    return pd.DataFrame({"networks": kept.size(), "unfinished": kept.agg(lambda epoch: (epoch >= epochs).sum())})


def read_curves(cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Read the losses of every epoch.

    Parameters
    ----------
    cells
        As of `hearlog.results.cells.read_cells`.
    folder
        Holds ``<task>/<method>-div<divisor>.tsv``.

    Returns
    -------
    One row a cell, seed, fold and epoch: ``cell`` (its row of ``cells``), ``task``, ``method``, ``seed``, ``fold``,
    ``epoch`` and ``valid_task``, the task's loss on the validation part, which chooses the epoch.

    Raises
    ------
    InputError
        When a file is missing or cannot be read.
    """
    columns, tables = ["seed", "fold", "epoch", "valid_task"], []
    for number, cell in cells.iterrows():
        path = asked_for(folder / cell["task"] / f"{cell['method']}-div{cell['divisor']}.tsv")
        names = {"cell": number, "task": cell["task"], "method": cell["method"]}
        tables.append(read_columns(path, columns)[columns].assign(**names))
    return pd.concat(tables, ignore_index=True)


def list_tests(summary: dict[str, Any]) -> pd.DataFrame:
    """List the tests of `summarise`, one row a table (``over``: pairs or tasks) and comparison.

    The columns are the fields of the tests, in points of accuracy; nan where there is none, and the note says why.
    """
    rows = [
        {"over": over, "comparison": comparison, **row}
        for over in ("pairs", "tasks")
        for comparison, row in summary[over].items()
    ]
    return pd.DataFrame(rows).reindex(columns=_TEST_COLUMNS)


def note_in_points(test: statistics.PairedTest, name: str) -> str:
    """Say why there is no test of scores in per cent, one a ``name``, and how large an unvarying difference is."""
    if test.note and test.pairs >= statistics.MIN_PAIRS:
        return f"{test.mean:+.1f} points in all {test.pairs} {name}s: without variance there is no test."
    return test.note


def _compare(scores: pd.DataFrame, unit: str) -> dict[str, dict[str, Any]]:
    """Test every comparison on ``scores``, one row a ``unit`` and one column a method."""
    rows: dict[str, dict[str, Any]] = {}
    for method, against in COMPARISONS:
        test = statistics.paired_t_test(scores[method], scores[against], unit)
        numbers = {
            "pairs": test.pairs,
            "wins": test.wins,
            "ties": test.ties,
            "losses": test.losses,
            "points": test.mean,
            "ci_low": test.ci_low,
            "ci_high": test.ci_high,
            "d_z": test.d_z,
            "t": test.t,
            "p": test.p,
        }
        known = {key: value for key, value in numbers.items() if not pd.isna(value)}
        note = {"note": note_in_points(test, unit)} if test.note else {}
        rows[f"{method}-{against}"] = note | (known if "points" in known else {})
    tested = [row for row in rows.values() if "note" not in row]
    for row, adjusted in zip(tested, statistics.holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = float(adjusted)
    return rows


def _without_normality(a: pd.Series, b: pd.Series) -> dict[str, Any]:
    sign_flip, wilcoxon = statistics.sign_flip_test(a, b, "task"), statistics.wilcoxon_test(a, b, "task")
    if note := sign_flip.note or wilcoxon.note:
        return {"note_exact": note}
    return {"p_sign_flip": sign_flip.p, "p_wilcoxon": wilcoxon.p}


def _kd_follows_fix(tasks: pd.DataFrame) -> dict[str, Any]:
    result = statistics.correlation(tasks["fix"] - tasks["base"], tasks["kd"] - tasks["base"], "task")
    if result.note:
        return {"note": result.note}
    return {"tasks": result.pairs, "r": result.r, "ci_low": result.ci_low, "ci_high": result.ci_high}
