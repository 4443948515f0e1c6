"""The drawing beside the answer: a dot a pair, their mean and its interval, on one axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hearlog.page import words
from hearlog.results.comparisons import Comparison

WIDTH, MARGIN = 400, 16  # units of the drawing


def draw(cells: pd.DataFrame, comparison: Comparison) -> dict[str, Any] | None:
    """Place kd - base of every classification pair, and the interval of their mean.

    Parameters
    ----------
    cells
        Scores as returned by `hearlog.results.cells.read_cells`.
    comparison
        Comparison of kd with base over tasks; one without a test draws nothing.

    Returns
    -------
    Positions in units of the drawing: ``zero``, ``points`` (the mean), ``ci_low``, ``ci_high``, ``dots`` (pairs of
    position and name) and ``ticks`` (pairs of position and points).
    """
    if not comparison.tested:
        return None
    test = comparison.test
    accuracy = cells[cells["kind"] == "classification"]
    scores = accuracy.pivot_table(index=["title", "channels"], columns="method", values="score", sort=False) * 100
    gains = scores["kd"] - scores["base"]
    ends = [0, *gains, test.ci_low, test.ci_high]
    step = _step(max(ends) - min(ends))
    first, last = np.floor(min(ends) / step) * step, np.ceil(max(ends) / step) * step

    def place(points: float) -> float:
        return round(float(MARGIN + (points - first) / (last - first) * (WIDTH - 2 * MARGIN)), 1)

    return {
        "points": place(test.mean),
        "ci_low": place(test.ci_low),
        "ci_high": place(test.ci_high),
        "zero": place(0),
        "dots": [
            (place(gain), f"{title}, {channels} channels: {words.signed(gain)} points")
            for title, channels, gain in gains.reset_index().itertuples(index=False)
        ],
        "ticks": [
            (place(tick), f"{tick:g}".replace("-", words.MINUS)) for tick in np.arange(first, last + step / 2, step)
        ],
    }


def _step(span: float) -> float:
    """Choose a round distance between ticks, for four to eight of them."""
    steps = [factor * 10.0**power for power in range(-3, 4) for factor in (1, 2, 5)]
    return next((step for step in steps if span / step <= 7), steps[-1])
