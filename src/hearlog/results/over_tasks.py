"""Comparisons of the methods over all classification tasks, in points of accuracy as in the paper's section 4.

Regression tasks have another unit (r2) and enter no test over tasks.
"""

from __future__ import annotations

import pandas as pd

from hearlog.results.comparisons import PAIRS, Comparison, adjusted
from hearlog.statistics.paired_tests import Correlation, correlation
from hearlog.transfer.methods import COMPARISONS, METHODS


def pair_scores(cells: pd.DataFrame, over: str = "pairs") -> pd.DataFrame:
    """Select the scores of the classification tasks, the means over seeds.

    Parameters
    ----------
    cells
        Scores as returned by `hearlog.results.cells.read_cells`.
    over
        A key of `hearlog.results.comparisons.PAIRS`.

    Returns
    -------
    Accuracy in per cent, float64: one row per pair, one column per method.
    """
    accuracy = cells[cells["kind"] == "classification"]
    pairs = accuracy.pivot_table(index=PAIRS["pairs"], columns="method", values="score")
    pairs = pairs.reindex(columns=list(METHODS)).astype(float) * 100
    return pairs if over == "pairs" else pairs.groupby(level=PAIRS[over]).mean()


def compare_methods(cells: pd.DataFrame, over: str) -> list[Comparison]:
    """Compare methods over pairs, which is the paper's test, or over tasks.

    Parameters
    ----------
    cells, over
        See `pair_scores`.

    Returns
    -------
    One comparison for each of `hearlog.transfer.methods.COMPARISONS`; p is adjusted for their number.
    """
    scores = pair_scores(cells, over)
    return adjusted([Comparison.of(scores[a], scores[b], over=over, method=a, against=b) for a, b in COMPARISONS])


def correlate_gains(cells: pd.DataFrame) -> Correlation:
    """Correlate, over classification tasks, the gain of kd over base with the gain of fix over base."""
    tasks = pair_scores(cells, "tasks")
    return correlation(tasks["fix"] - tasks["base"], tasks["kd"] - tasks["base"], "task")
