"""The scores of the cells: every task, learned by every method at every capacity."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from hearlog.errors import InputError

METHODS = ("base", "fix", "init", "kd")

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

# What a protocol of `hearlog.splits.PROTOCOLS` is called in print.
LABELS = {
    "stratified_cv": "stratified {folds}-fold CV",
    "grouped_cv": "grouped {folds}-fold CV",
    "artist_cv": "artist-grouped {folds}-fold CV",
    "official": "official split",
    "fault_filtered": "fault-filtered split",
    "dev_cv4": "{folds} published folds",
}


def protocol_label(protocol: str, folds: int) -> str:
    """Name a protocol and its folds for tables and figures.

    Scores of one data set under two protocols do not compare, so no score is printed without it.
    """
    return LABELS[protocol].format(folds=folds)


def read_cells(tasks: Iterable[str], widths: Iterable[int], folder: Path) -> pd.DataFrame:
    """Read the scores of the cells that params name; other files in the folder are left alone.

    Parameters
    ----------
    tasks
        Names of tasks; all four methods are read.
    widths
        Multipliers of ``model.channels``.
    folder
        Holds ``<task>/<method>-x<width>.json``.

    Returns
    -------
    One row a cell: ``task``, ``title`` (its name in print), ``method``, ``width``, ``kind`` (classification
    or regression), ``score`` (accuracy as a fraction, or r2) and the fields of the file. Tasks stand in the
    order of the paper's Figure 4, others after them.

    Raises
    ------
    InputError
        When a file is missing or not JSON, or the cells of a task differ in protocol or clips.
    """
    ordered = sorted(tasks, key=lambda task: list(TITLES).index(task) if task in TITLES else len(TITLES))
    cells = pd.DataFrame(
        [_read_cell(folder, task, method, width) for task in ordered for width in sorted(widths) for method in METHODS]
    )
    _check_one_run(cells, folder)
    return cells


def _read_cell(folder: Path, task: str, method: str, width: int) -> dict[str, Any]:
    path = folder / task / f"{method}-x{width}.json"
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, but params.yaml asks for this cell. Run: dvc repro") from None
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({error}). Run: dvc repro") from None
    kind, score = ("classification", "accuracy") if "accuracy" in scores else ("regression", "r2")
    names = {"task": task, "title": TITLES.get(task, task), "method": method, "width": width}
    return {**names, "kind": kind, "score": scores[score], **scores}


def _check_one_run(cells: pd.DataFrame, folder: Path) -> None:
    """Refuse cells of different runs: scores compare only on the same clips, folds and seeds."""
    # Widths differ in channels, but not in the number they multiply.
    cells = cells.assign(**{"model.channels": cells["channels"] // cells["width"]})
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


def read_spread(cells: pd.DataFrame, folder: Path) -> pd.Series:
    """Take the standard deviation of each cell's score over its seeds and folds; nan where it has one row.

    Parameters
    ----------
    cells
        As of `read_cells`.
    folder
        Holds ``<task>/<method>-x<width>/scores.tsv``, one row a seed and fold.

    Returns
    -------
    Float64, with the index of ``cells``.
    """
    return cells.apply(lambda cell: _cell_spread(cell, folder), axis="columns").rename("spread")


def _cell_spread(cell: pd.Series, folder: Path) -> float:
    path = folder / cell["task"] / f"{cell['method']}-x{cell['width']}" / "scores.tsv"
    if not path.is_file():
        raise InputError(f"{path}: no such file, but params.yaml asks for this cell. Run: dvc repro")
    scores = pd.read_csv(path, sep="\t")
    return scores["accuracy" if cell["kind"] == "classification" else "r2"].std(ddof=1)
