"""The drawing beside the answer: a dot a pair, their mean and its interval, on one axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hearlog.page import words

WIDTH, MARGIN = 400, 16  # units of the drawing


def draw(cells: pd.DataFrame, test: dict[str, Any]) -> dict[str, Any] | None:
    """Place kd - base of every classification pair, and the interval of their mean.

    Parameters
    ----------
    cells
        As of `hearlog.results.cells.read_cells`.
    test
        The test of kd against base over tasks, of `hearlog.results.over_tasks.summarise`; one with a note draws
        nothing.

    Returns
    -------
    Positions in units of the drawing: ``zero``, ``points`` (the mean), ``ci_low``, ``ci_high``, ``dots`` (pairs of
    position and name) and ``ticks`` (pairs of position and points).
    """
    if "note" in test:
        return None
    accuracy = cells[cells["kind"] == "classification"]
    scores = accuracy.pivot_table(index=["title", "channels"], columns="method", values="score", sort=False) * 100
    gains = scores["kd"] - scores["base"]
    ends = [0, *gains, test["ci_low"], test["ci_high"]]
    step = _step(max(ends) - min(ends))
    first, last = np.floor(min(ends) / step) * step, np.ceil(max(ends) / step) * step

    def place(points: float) -> float:
        return round(float(MARGIN + (points - first) / (last - first) * (WIDTH - 2 * MARGIN)), 1)

    names = {name: place(test[name]) for name in ("points", "ci_low", "ci_high")}
    return names | {
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
