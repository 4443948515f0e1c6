"""The scores of the cells: every task, learned by every method at every capacity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hearlog.results.files import asked_for, read_columns, read_json
from hearlog.transfer.methods import METHODS
from hearlog.util.errors import InputError

TESTED = ["seed", "fold", "item_id"]  # what tells one answer of a method from another

# In the order of the panels of the paper's Figure 4.
TITLES = {
    "emomusic_genre": "EmoMusic genre",
    "gtzan": "GTZAN",
    "extended_ballroom": "Extended Ballroom",
    "fma_small": "FMA small",
    "fma_medium": "FMA medium",
    "emomusic_valence": "EmoMusic valence",
    "emomusic_arousal": "EmoMusic arousal",
    "dcase2016": "DCASE2016 scenes",
}

# What a protocol of `hearlog.corpora.splits.PROTOCOLS` is called in print.
LABELS = {
    "stratified_cv": "stratified {folds}-fold CV",
    "grouped_cv": "grouped {folds}-fold CV",
    "artist_cv": "artist-grouped {folds}-fold CV",
    "official": "official split",
    "fault_filtered": "fault-filtered split",
    "dev_cv4": "{folds} published folds",
}


def title(task: str) -> str:
    """Name a task for tables and figures: by its own name where it is none of the paper's."""
    return TITLES.get(task, task)


def task_order(task: str) -> int:
    """Give the place of a task among the panels of the paper's Figure 4, to sort by; others come after them."""
    return [*TITLES, task].index(task)


def protocol_label(protocol: str, folds: int) -> str:
    """Name a protocol and its folds for tables and figures.

    Scores of one data set under two protocols do not compare, so no score is printed without it.
    """
    return LABELS[protocol].format(folds=folds)


def read_cells(tasks: Iterable[str], divisors: Iterable[int], folder: Path) -> pd.DataFrame:
    """Read the scores of the cells that params name; other files in the folder are left alone.

    Parameters
    ----------
    tasks
        Names of tasks; all four methods are read.
    divisors
        Multipliers of ``model.channels``.
    folder
        Holds ``<task>/<method>-div<divisor>.json``.

    Returns
    -------
    One row a cell: ``task``, ``title`` (its name in print), ``method``, ``divisor``, ``kind`` (classification
    or regression), ``score`` (accuracy as a fraction, or r2) and the fields of the file. Tasks stand in the
    order of the paper's Figure 4, others after them.

    Raises
    ------
    InputError
        When a file is missing, not JSON or lacks a score, or the cells of a task differ in protocol or clips.
    """
    ordered = sorted(tasks, key=task_order)
    cells = pd.DataFrame(
        [
            _read_cell(folder, task, method, divisor)
            for task in ordered
            for divisor in sorted(divisors, reverse=True)
            for method in METHODS
        ]
    )
    _check_one_run(cells, folder)
    return cells


def _read_cell(folder: Path, task: str, method: str, divisor: int) -> dict[str, Any]:
    path = asked_for(folder / task / f"{method}-div{divisor}.json")
    scores = read_json(path)
    if reason := fault(scores) or _not_finite(scores):
        raise InputError(f"{path}: {reason}. Run: dvc repro")
    kind, score = kind_and_score(scores)
    names = {"task": task, "title": title(task), "method": method, "divisor": divisor}
    return {**names, "kind": kind, "score": scores[score], **scores}


def kind_and_score(metrics: Mapping[str, Any]) -> tuple[str, str]:
    """Tell the kind of task from the metrics of a cell, and the name of its score: accuracy or r2."""
    return ("classification", "accuracy") if "accuracy" in metrics else ("regression", "r2")


def fault(metrics: Any) -> str:
    """Say why what the metric file of a cell holds cannot be used, of any version; nothing when it can."""
    if not isinstance(metrics, dict):
        return "holds no scores"
    numbers = ["folds", "clips", "seeds", kind_and_score(metrics)[1]]
    if missing := [field for field in ("protocol", *numbers) if field not in metrics]:
        return f"has no {', '.join(missing)}: an older hearlog wrote it"
    if metrics["protocol"] not in LABELS:
        return f"names a protocol that is unknown here: {metrics['protocol']}"
    wrong = [field for field in numbers if not isinstance(metrics[field], int | float)]
    return f"{wrong[0]} is not a number: {metrics[wrong[0]]}" if wrong else ""


def _not_finite(metrics: Mapping[str, Any]) -> str:
    """Say which score of this version's is missing or no finite number; nothing when all are."""
    scores = {
        "classification": ["accuracy", "macro_f1", "chance", "majority"],
        "regression": ["r2", "squared_correlation"],
    }
    fields = ["channels", *scores[kind_and_score(metrics)[0]]]
    if missing := [field for field in fields if field not in metrics]:
        return f"has no {', '.join(missing)}"
    numbers = [field for field in fields if isinstance(metrics[field], int | float) and math.isfinite(metrics[field])]
    wrong = [field for field in fields if field not in numbers]
    return f"{wrong[0]} is {metrics[wrong[0]]}" if wrong else ""


def _check_one_run(cells: pd.DataFrame, folder: Path) -> None:
    """Refuse cells of different runs: scores compare only on the same clips, folds and seeds."""
    # Capacities differ in channels, but not in the number they divide.
    cells = cells.assign(**{"model.channels": cells["channels"] * cells["divisor"]})
    _refuse_mixture(cells, ["seeds", "model.channels"], folder / "*")
    for task, of_task in cells.groupby("task", sort=False):
        _refuse_mixture(of_task, ["kind", "protocol", "folds", "clips"], folder / str(task))


def _refuse_mixture(cells: pd.DataFrame, fields: list[str], folder: Path) -> None:
    for field in fields:
        if len(found := cells[field].unique()) > 1:
            raise InputError(
                f"{folder}/*.json: the cells differ in {field} ({', '.join(map(str, found))}), so they come from "
                "different runs and cannot be compared. Run: dvc repro"
            )


def read_folds(cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Read the scores of each seed and fold.

    Parameters
    ----------
    cells
        As of `read_cells`.
    folder
        Holds ``<task>/<method>-div<divisor>/scores.tsv``.

    Returns
    -------
    One row a cell, seed and fold: ``cell`` (its row of ``cells``), ``method``, ``seed``, ``fold``, ``clips`` (tested)
    and ``score`` (accuracy as a fraction, or r2).

    Raises
    ------
    InputError
        When a file is missing or cannot be read.
    """
    tables = [_read_folds(cell, folder) for _, cell in cells.iterrows()]
    return pd.concat(tables, keys=cells.index, names=["cell"]).reset_index("cell")


def _read_folds(cell: pd.Series, folder: Path) -> pd.DataFrame:
    score = "accuracy" if cell["kind"] == "classification" else "r2"
    scores = read_columns(asked_for(_file(folder, cell, "scores.tsv")), ["seed", "fold", "clips", score])
    scores["score"] = scores[score]
    return scores.assign(method=cell["method"])[["method", "seed", "fold", "clips", "score"]]


def read_spread(cells: pd.DataFrame, folder: Path) -> pd.Series:
    """Take the standard deviation of each cell's score over its seeds and folds; nan where it has one row.

    Parameters
    ----------
    cells, folder
        As of `read_folds`.

    Returns
    -------
    Float64, with the index of ``cells``.
    """
    return read_folds(cells, folder).groupby("cell")["score"].std(ddof=1).rename_axis(None).rename("spread")


def read_seed_spread(cells: pd.DataFrame, folder: Path) -> pd.Series:
    """Take the standard deviation of each cell's score over its seeds alone; nan for one seed.

    A seed's score is the mean of its folds, weighted by their clips: for accuracy, that of all clips.

    Parameters
    ----------
    cells, folder
        As of `read_folds`.

    Returns
    -------
    Float64, with the index of ``cells``.
    """
    folds = read_folds(cells, folder)
    sums = folds.assign(score=folds["score"] * folds["clips"]).groupby(["cell", "seed"])[["score", "clips"]].sum()
    seeds = sums["score"] / sums["clips"]
    return seeds.groupby("cell").std(ddof=1).rename_axis(None).rename("seed_spread")


def read_predictions(cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Read what the methods answered on the clips of one task at one capacity.

    Parameters
    ----------
    cells
        Rows of `read_cells` of one task and divisor.
    folder
        Holds ``<task>/<method>-div<divisor>/predictions.parquet``.

    Returns
    -------
    One row a seed, fold and test clip (the index: ``seed``, ``fold``, ``item_id``): ``truth``, and a column for
    every method.

    Raises
    ------
    InputError
        When a file is missing or cannot be read, or the methods were tested on different clips.
    """
    return join_answers({cell["method"]: _file(folder, cell, "predictions.parquet") for _, cell in cells.iterrows()})


def join_answers(files: Mapping[str, Path]) -> pd.DataFrame:
    """Put what methods answered on the same test clips side by side.

    Parameters
    ----------
    files
        The table of predictions of each method.

    Returns
    -------
    As of `read_predictions`.

    Raises
    ------
    InputError
        When a file is missing or cannot be read, or the methods were tested on different clips.
    """
    answers = {}
    for method, path in files.items():
        answered = read_columns(asked_for(path), [*TESTED, "truth", "prediction"])
        answers[method] = answered.set_index(TESTED).sort_index()
    truths = [of_method["truth"] for of_method in answers.values()]
    if not all(truth.equals(truths[0]) for truth in truths):
        raise InputError(
            f"{path.parents[1]}/*/predictions.parquet: the methods were tested on different clips, so they come from "
            "different runs and cannot be compared. Run: dvc repro"
        )
    return pd.DataFrame({"truth": truths[0]} | {method: answers[method]["prediction"] for method in answers})


def _file(folder: Path, cell: pd.Series, name: str) -> Path:
    return folder / cell["task"] / f"{cell['method']}-div{cell['divisor']}" / name
