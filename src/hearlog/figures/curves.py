"""Training curves of the methods on every task."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hearlog.figures.style import COLOURS, MARKERS, QUIET, STYLE, SYNTHETIC
from hearlog.figures.task_panels import PANELS_ABREAST, task_panels
from hearlog.results.curves import read_curves
from hearlog.transfer.methods import METHODS, TRAINED

_LOSSES = {"classification": "cross-entropy", "regression": "squared error"}
_FITTED = (0, (4, 2))  # dashes: the output layer of fix is fitted to convergence and has no epochs


def training_curves(cells: pd.DataFrame, folder: Path, synthetic: bool) -> Figure:
    """Draw the task's validation loss by epoch at the largest capacity, a panel a task.

    Every fold and seed has a thin line and a marker at the epoch whose weights are tested; the mean, as far as all
    of them were trained, is thick. The output layer of ``fix`` is fitted without epochs: a line at its mean loss.

    Parameters
    ----------
    cells
        Scores as returned by `hearlog.results.cells.read_cells`.
    folder
        Folder of curves, see `hearlog.results.curves.read_curves`.
    synthetic
        Whether to say that the numbers are of the embedded data set.
    """
    cells = cells[cells["divisor"] == cells["divisor"].min()]
    curves = read_curves(cells, folder)
    epochs = curves.loc[curves["method"].isin(TRAINED), "epoch"].max()
    with rc_context(STYLE):
        figure, panels = task_panels(cells)
        for axes, task in panels:
            _draw_panel(axes, curves[curves["task"] == task["task"].iloc[0]])
            axes.set_xlim(0, epochs + 1)
            axes.set_ylabel(_LOSSES[task["kind"].iloc[0]])
        columns = 6 if len(figure.axes) >= PANELS_ABREAST else 3
        figure.legend(handles=_legend(curves), loc="outside lower center", ncols=columns)
        channels = f"Validation loss, {cells['channels'].iloc[0]} channels"
        figure.suptitle(channels + f". {SYNTHETIC}" * synthetic, style="italic")
    return figure


def _draw_panel(axes: Axes, curves: pd.DataFrame) -> None:
    for method in METHODS:
        of_method, colour = curves[curves["method"] == method], COLOURS[method]
        if method not in TRAINED:
            axes.axhline(of_method["valid_task"].mean(), color=colour, linestyle=_FITTED, linewidth=1.2)
            continue
        runs = of_method.pivot_table(index="epoch", columns=["seed", "fold"], values="valid_task")
        if len(runs.columns) > 1:
            axes.plot(runs.index, runs, color=colour, linewidth=0.4, alpha=0.6)
        mean = runs.dropna().mean(axis="columns")
        axes.plot(mean.index, mean, color=colour, linewidth=1.2)
        axes.plot(runs.idxmin(), runs.min(), MARKERS[method], color=colour, markersize=3, linestyle="", zorder=3)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], min_n_ticks=3))
    axes.set_xlabel("epoch")


def _legend(curves: pd.DataFrame) -> list[Line2D]:
    entries = [
        Line2D([], [], color=COLOURS[method], marker=MARKERS[method], markersize=3, label=method) for method in METHODS
    ]
    for entry, method in zip(entries, METHODS, strict=True):
        if method not in TRAINED:
            entry.set(marker="", linestyle=_FITTED, label=f"{method}, fitted without epochs")
    entries.append(Line2D([], [], color=QUIET, marker="o", markersize=3, linestyle="", label="epoch kept"))
    if len(curves[["seed", "fold"]].drop_duplicates()) > 1:
        entries.append(Line2D([], [], color="black", linewidth=0.4, label="one fold or seed"))
    return entries
