"""Scores of seeds and folds, and the answers behind them: what a cell leaves in data/transfer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from hearlog.results.files import asked_for, read_columns
from hearlog.statistics.intervals import score_interval
from hearlog.util.errors import InputError

TESTED = ["seed", "fold", "item_id"]  # columns that tell one answer of a method from another
SPREAD = ["spread", "seed_spread", "ci_low", "ci_high"]  # columns of `read_bars`


def read_folds(cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Read the scores of each seed and fold.

    Parameters
    ----------
    cells
        Scores as returned by `hearlog.results.cells.read_cells`.
    folder
        Folder of ``<task>/<method>-div<divisor>/scores.tsv``.

    Returns
    -------
    One row per cell, seed and fold: ``cell`` (its row of ``cells``), ``method``, ``seed``, ``fold``, ``clips`` (tested)
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


def read_bars(cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Collect what error bars show: `read_spread`, `read_seed_spread` and `read_intervals`.

    Returns
    -------
    ``spread``, ``seed_spread``, ``ci_low`` and ``ci_high``, float64, with the index of ``cells``.
    """
    spreads = [read_spread(cells, folder), read_seed_spread(cells, folder)]
    return pd.concat([*spreads, read_intervals(cells, folder)], axis="columns")


def read_spread(cells: pd.DataFrame, folder: Path) -> pd.Series:
    """Take the standard deviation of each cell's score over its seeds and folds; nan where it has one row.

    Parameters
    ----------
    cells, folder
        See `read_folds`.

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
        See `read_folds`.

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
        Scores of one task and divisor, rows as returned by `hearlog.results.cells.read_cells`.
    folder
        Folder of ``<task>/<method>-div<divisor>/predictions.parquet``.

    Returns
    -------
    One row per seed, fold and test clip (the index: ``seed``, ``fold``, ``item_id``): ``truth``, and a column for
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
        Tables of predictions, by method.

    Returns
    -------
    A table such as `read_predictions` returns.

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


def by_seed(values: pd.Series) -> pd.DataFrame:
    """Put what belongs to the answers on one test part side by side, seed by seed.

    Parameters
    ----------
    values
        A value of each answer, with the index of `join_answers`.

    Returns
    -------
    Clips (the index: ``item_id``) x seeds.
    """
    return values.droplevel("fold").unstack("seed")  # noqa: PD010 (pivot_table averages)


def read_intervals(cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Bound the scores of cells that have one test part, over its clips and over the seeds.

    Parameters
    ----------
    cells, folder
        See `read_folds`.

    Returns
    -------
    ``ci_low`` and ``ci_high``, float64, with the index of ``cells``, by
    `hearlog.statistics.intervals.score_interval`; nan for other cells.
    """
    found = pd.DataFrame(np.nan, index=cells.index, columns=["ci_low", "ci_high"])
    for _, methods in cells[cells["folds"] == 1].groupby(["task", "divisor"]):
        answers = read_predictions(methods, folder)
        truth = by_seed(answers["truth"]).iloc[:, 0]
        for row, method in methods["method"].items():
            found.loc[row] = score_interval(truth, by_seed(answers[method]))
    return found


def _file(folder: Path, cell: pd.Series, name: str) -> Path:
    return folder / cell["task"] / f"{cell['method']}-div{cell['divisor']}" / name
