"""Losses by epoch of the networks of all cells."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hearlog.results.files import asked_for, read_columns
from hearlog.transfer.methods import TRAINED


def read_curves(cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Read the losses of every epoch.

    Parameters
    ----------
    cells
        Scores as returned by `hearlog.results.cells.read_cells`.
    folder
        Folder of ``<task>/<method>-div<divisor>.tsv``.

    Returns
    -------
    One row per cell, seed, fold and epoch: ``cell`` (its row of ``cells``), ``task``, ``method``, ``seed``, ``fold``,
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


def count_unfinished(cells: pd.DataFrame, folder: Path, epochs: int) -> pd.DataFrame:
    """Count the networks whose kept epoch is the last allowed: a schedule or limit ended them, and not patience.

    Parameters
    ----------
    cells, folder
        See `read_curves`.
    epochs
        The limit, ``transfer.training.epochs``.

    Returns
    -------
    One row per method that trains networks (the index): ``networks``, one per task, capacity, seed and fold,
    and ``unfinished``, how many of them.
    """
    curves = read_curves(cells[cells["method"].isin(TRAINED)], folder)
    networks = curves.groupby(["method", "cell", "seed", "fold"])
    kept = curves.loc[networks["valid_task"].idxmin()].groupby("method")["epoch"]
    return pd.DataFrame({"networks": kept.size(), "unfinished": kept.agg(lambda epoch: (epoch >= epochs).sum())})
