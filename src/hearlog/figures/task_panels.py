"""Figures of one panel a task."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hearlog.corpora.protocols import protocol_label
from hearlog.figures.style import COLUMN, PAGE, name_panel, short_name

PANELS_ABREAST = 4


def task_panels(cells: pd.DataFrame, counted: bool = False) -> tuple[Figure, Iterator[tuple[Axes, pd.DataFrame]]]:
    """Lay out one panel a task, lettered, named and four abreast; ``counted`` panels say how many clips are tested.

    Returns
    -------
    The figure, and its axes one by one with the cells that belong there.
    """
    tasks = [of_task for _, of_task in cells.groupby("task", sort=False)]
    columns = min(PANELS_ABREAST, len(tasks))
    rows = -(-len(tasks) // columns)
    size = (max(PAGE / PANELS_ABREAST * columns, COLUMN), 2.05 * rows + 0.5)
    figure = Figure(figsize=size, layout="constrained")

    def panels() -> Iterator[tuple[Axes, pd.DataFrame]]:
        for position, task in enumerate(tasks):
            axes = figure.add_subplot(rows, columns, position + 1)
            name_task(axes, position, task, counted)
            yield axes, task

    return figure, panels()


def name_task(axes: Axes, position: int, task: pd.DataFrame, counted: bool = False) -> None:
    """Write the letter of a panel and the task's name above it and, smaller, what its scores are of."""
    remark = protocol_label(*task[["protocol", "folds"]].iloc[0])
    if counted:
        remark += f"\n{task['clips'].iloc[0]:,} test clips"
    name_panel(axes, position, short_name(task["title"].iloc[0], 18), remark)
