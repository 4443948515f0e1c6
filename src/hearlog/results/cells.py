"""The scores of the cells: every task, learned by every method at every capacity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hearlog.corpora.protocols import LABELS
from hearlog.results.files import asked_for, read_json
from hearlog.results.names import task_order, title
from hearlog.transfer.methods import METHODS
from hearlog.util.errors import InputError


def read_cells(tasks: Iterable[str], divisors: Iterable[int], folder: Path) -> pd.DataFrame:
    """Read the scores of the cells that params name; other files in the folder are left alone.

    Parameters
    ----------
    tasks
        Names of tasks; every method is read.
    divisors
        Divisors of ``model.channels``.
    folder
        Folder of ``<task>/<method>-div<divisor>.json``.

    Returns
    -------
    One row per cell: ``task``, ``title`` (its name in print), ``method``, ``divisor``, ``kind`` (classification
    or regression), ``score`` (accuracy as a fraction, or r2) and the fields of the file. Tasks are in the
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
