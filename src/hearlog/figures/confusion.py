"""Which classes a method takes for which, and what each method finds of every class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hearlog.figures.style import COLOURS, COLUMN, FAINT, MARKERS, PAGE, QUIET, STYLE, SYNTHETIC_SCORES, short_name
from hearlog.figures.task_panels import name_task
from hearlog.results.folds import read_predictions
from hearlog.transfer.methods import METHODS

_TASKS_ABREAST = 2
_SHOWN = 0.1  # smaller shares are a shade without a number
_NUMBERED = 24  # with more classes, squares have no room for numbers, nor columns for names
_NAMED = 90  # with more classes, only every second or third row has room for its name


def confusion_matrices(cells: pd.DataFrame, folder: Path, method: str, synthetic: bool) -> Figure:
    """Draw a page of confusion matrices of one method at the largest capacity, a panel a classification task.

    Rows are true classes, in alphabetical order, with the number of their test clips; a square is the share of the
    row that was taken for the class of the column, over all folds and seeds. Beside the rows stands the recall of
    every method.

    Parameters
    ----------
    cells
        Scores as returned by `hearlog.results.cells.read_cells`.
    folder
        Folder of predictions, see `hearlog.results.folds.read_predictions`.
    method
        Whose matrices to draw.
    synthetic
        Whether to say that the numbers are of the embedded data set.
    """
    cells = cells[(cells["kind"] == "classification") & (cells["divisor"] == cells["divisor"].min())]
    tasks = [of_task for _, of_task in cells.groupby("task", sort=False)]
    answers = [read_predictions(task, folder) for task in tasks]
    shares = [_shares(of_task, method) for of_task in answers]
    heights = [
        max(map(_height, shares[start : start + _TASKS_ABREAST])) for start in range(0, len(tasks), _TASKS_ABREAST)
    ]
    with rc_context(STYLE):
        if not tasks:
            return _empty()
        figure = Figure(figsize=(PAGE, sum(heights) + 0.5), layout="constrained")
        columns = {"width_ratios": [4, 1] * _TASKS_ABREAST, "height_ratios": heights}
        grid = figure.add_gridspec(len(heights), 2 * _TASKS_ABREAST, **columns)
        for position, task in enumerate(tasks):
            row, column = divmod(position, _TASKS_ABREAST)
            matrix = figure.add_subplot(grid[row, 2 * column])
            recall = figure.add_subplot(grid[row, 2 * column + 1], sharey=matrix)
            clips = answers[position]["truth"].groupby("item_id").first().value_counts()
            _draw_matrix(matrix, shares[position], clips)
            _draw_recall(recall, answers[position], list(shares[position].index))
            name_task(matrix, position, task)
        channels = cells["channels"].iloc[0]
        figure.legend(handles=_legend(), loc="outside lower center", ncols=len(METHODS))
        title = f"Confusion matrices of {method} at {channels} channels, per cent of each row"
        figure.suptitle(title + f"\n{SYNTHETIC_SCORES}" * synthetic, style="italic")
    return figure


def _empty() -> Figure:
    """Say that there is nothing to draw, for the pipeline expects its file."""
    figure = Figure(figsize=(COLUMN, 0.6))
    figure.text(0.5, 0.5, "No task of this run has classes.", ha="center", va="center", style="italic")
    return figure


def _shares(answers: pd.DataFrame, method: str) -> pd.DataFrame:
    """Share of each true class (row) that was taken for each class (column)."""
    classes = sorted(set(answers["truth"]) | set(answers[method]))
    shares = pd.crosstab(answers["truth"], answers[method], normalize="index")
    return shares.reindex(index=classes, columns=classes)


def _height(shares: pd.DataFrame) -> float:
    """Inches that the names of the rows need."""
    return 3 if len(shares) <= _NUMBERED else min(1.2 + 0.085 * len(shares), 8.9)


def _draw_matrix(axes: Axes, shares: pd.DataFrame, clips: pd.Series) -> None:
    counts = clips.reindex(shares.index, fill_value=0)
    axes.imshow(shares.fillna(0), cmap="Greys", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    numbered = len(shares) <= _NUMBERED
    size = (6 if len(shares) > 12 else 6.5) if numbered else 5
    places, step = np.arange(len(shares)), -(-len(shares) // _NAMED)
    names = [short_name(name) for name in shares.columns] if numbered else []
    axes.set_xticks(places if numbered else [], names, rotation=90, fontsize=size)
    labels = [f"{short_name(str(name))}  {count}" for name, count in counts.items()]
    axes.set_yticks(places[::step], labels[::step], fontsize=size)
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set(visible=True, color=FAINT)
    axes.set_xlabel("predicted class" if numbered else "predicted class, in the order of the rows", fontsize=7)
    head: Any = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 6, "color": QUIET}
    axes.annotate("class  clips", (0, 1), xytext=(-6, 4), ha="right", **head)
    for (row, column), share in np.ndenumerate(shares.to_numpy()):
        if not (numbered and share >= _SHOWN):
            continue
        axes.text(
            column,
            row,
            f"{100 * share:.0f}",
            ha="center",
            va="center_baseline",
            fontsize=5,
            color="white" if share > 0.5 else "black",
        )


def _draw_recall(axes: Axes, answers: pd.DataFrame, classes: list[str]) -> None:
    """Draw what share of each class every method found."""
    right = answers[[*METHODS]].eq(answers["truth"], axis="index").groupby(answers["truth"]).mean() * 100
    right = right.reindex(classes)
    axes.hlines(range(len(classes)), right.min(axis=1), right.max(axis=1), color=FAINT, linewidth=0.6, zorder=0)
    for position, method in enumerate(METHODS):  # a little apart, so that equal recalls do not hide each other
        lines = np.arange(len(classes)) + 0.17 * (position - 1.5)
        axes.plot(right[method], lines, MARKERS[method], color=COLOURS[method], markersize=2.6)
    axes.set_xlim(-6, 106)
    axes.set_xticks([0, 50, 100])
    axes.set_xlabel("recall, %", fontsize=7)
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.spines["left"].set_visible(False)


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color=COLOURS[method], marker=MARKERS[method], linestyle="", label=method) for method in METHODS
    ]
