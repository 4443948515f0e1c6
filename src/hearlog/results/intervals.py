"""95 % intervals of the scores of cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from hearlog.results.cells import read_predictions
from hearlog.statistics.intervals import score_interval


def read_intervals(cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Bound the scores of cells that have one seed and one test part.

    Parameters
    ----------
    cells, folder
        As of `hearlog.results.cells.read_predictions`, of any tasks and divisors.

    Returns
    -------
    ``ci_low`` and ``ci_high``, float64, with the index of ``cells``: as of
    `hearlog.statistics.intervals.score_interval`; nan for other cells.
    """
    found = pd.DataFrame(np.nan, index=cells.index, columns=["ci_low", "ci_high"])
    single = cells[(cells["seeds"] == 1) & (cells["folds"] == 1)]
    for _, methods in single.groupby(["task", "divisor"]):
        answers = read_predictions(methods, folder)
        for row, method in methods["method"].items():
            found.loc[row] = score_interval(answers[["truth", method]].rename(columns={method: "prediction"}))
    return found
