"""Figures in one style: for print at the width of a page or column, and for colour-blind readers."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from hearlog.cells import METHODS, protocol_label

# Okabe and Ito (2008): told apart with any colour vision; the markers tell them apart in grey.
_COLOURS = {"base": "#000000", "fix": "#E69F00", "init": "#0072B2", "kd": "#D55E00"}
_MARKERS = {"base": "o", "fix": "^", "init": "s", "kd": "D"}
_REFERENCES: dict[str, dict[str, Any]] = {
    "chance": {"color": "#BBBBBB", "linewidth": 1.4, "zorder": 0},
    "majority": {"color": "#555555", "linewidth": 0.8, "linestyle": (0, (4, 3)), "zorder": 1},
}
_STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.columnspacing": 1.4,
    "figure.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "pdf.fonttype": 42,  # journals refuse matplotlib's default Type 3 fonts
}
_COLUMNS = 4
_PANEL = (1.79, 2.05)  # inches: four fill the 7.16 of a two-column page


def figure4(cells: pd.DataFrame, synthetic: bool) -> Figure:
    """Draw the paper's Figure 4: the score of each task against the number of channels, one line a method.

    With a single capacity the methods stand side by side instead.

    Parameters
    ----------
    cells
        As of `hearlog.cells.read_cells`, with its ``spread`` (as of `hearlog.cells.read_spread`) for the
        error bars; nan draws none.
    synthetic
        Whether to say that the numbers are of the embedded data set.

    Returns
    -------
    A figure of one panel a task, in the order of the cells.
    """
    tasks = cells.groupby("task", sort=False)
    columns = min(_COLUMNS, len(tasks))
    rows = -(-len(tasks) // columns)
    with rc_context(_STYLE):
        figure = Figure(figsize=(max(_PANEL[0] * columns, 3.5), _PANEL[1] * rows + 0.5), layout="constrained")
        for position, (_, task) in enumerate(tasks):
            axes = figure.add_subplot(rows, columns, position + 1)
            _draw_panel(axes, task)
            _name_panel(axes, string.ascii_letters[position], *task[["title", "protocol", "folds"]].iloc[0])
        figure.legend(handles=_legend(cells), loc="outside lower center", ncols=7 if columns == _COLUMNS else 3)
        if synthetic:
            figure.suptitle("Synthetic data, too small to resolve the paper's 2.6 points", style="italic")
    return figure


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as ``<stem>.png`` and ``<stem>.pdf``, the same bytes for the same figure.

    Returns
    -------
    The paths of the files.
    """
    undated: dict[str, dict[str, Any]] = {".png": {"Software": None}, ".pdf": {"CreationDate": None}}
    paths = [stem.with_name(stem.name + suffix) for suffix in undated]
    with rc_context(_STYLE):
        for path, metadata in zip(paths, undated.values(), strict=True):
            figure.savefig(path, dpi=300, metadata=metadata)
    return paths


def _name_panel(axes: Axes, letter: str, title: str, protocol: str, folds: int) -> None:
    """Write the task's name above a panel and, smaller, what its scores are of."""
    axes.set_title(f"({letter}) {title}", pad=14)
    axes.annotate(
        protocol_label(protocol, folds),
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(0, 4),
        textcoords="offset points",
        fontsize=7,
        color="#555555",
    )


def _draw_panel(axes: Axes, task: pd.DataFrame) -> None:
    percent = 100 if task["kind"].iloc[0] == "classification" else 1
    channels = sorted(task["channels"].unique())
    single = _one_capacity(task)
    step = 0.02 * np.log2(channels[-1] / channels[0])  # octaves between methods, so that error bars stay apart
    for position, method in enumerate(METHODS):
        cells = task[task["method"] == method].sort_values("channels")
        x = np.array([position]) if single else cells["channels"] * 2 ** (step * (position - 1.5))
        axes.errorbar(
            x,
            cells["score"] * percent,
            yerr=cells["spread"] * percent,
            color=_COLOURS[method],
            marker=_MARKERS[method],
            capsize=1.5,
            elinewidth=0.7,
        )
    for name, value in _references(task).items():
        axes.axhline(value, **_REFERENCES[name])
    if single:
        axes.set_xticks(range(len(METHODS)), METHODS)
        axes.set_xlim(-0.6, len(METHODS) - 0.4)
    else:
        axes.set_xscale("log", base=2)
        axes.set_xticks(channels, [str(count) for count in channels])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("channels")
    axes.locator_params(axis="y", nbins=6)
    axes.set_ylabel("accuracy, %" if percent == 100 else "r²")


def _one_capacity(cells: pd.DataFrame) -> bool:
    return len(cells["channels"].unique()) == 1


def _references(task: pd.DataFrame) -> dict[str, float]:
    """Heights of the lines of what can be had without listening; the mean has an r2 of 0."""
    if task["kind"].iloc[0] == "regression":
        return {"chance": 0}
    return {name: task[name].iloc[0] * 100 for name in _REFERENCES}


def _legend(cells: pd.DataFrame) -> list[Line2D]:
    """Entries of the shared legend; on a single capacity the ticks name the methods."""
    entries = [
        Line2D([], [], color=_COLOURS[method], marker=_MARKERS[method], label=method)
        for method in METHODS
        if not _one_capacity(cells)
    ]
    kinds = set(cells["kind"])
    label = {"classification": "chance", "regression": "r² = 0"}
    entries.append(Line2D([], [], label=" or ".join(label[kind] for kind in sorted(kinds)), **_REFERENCES["chance"]))
    if "classification" in kinds:
        entries.append(Line2D([], [], label="majority class", **_REFERENCES["majority"]))
    if cells["spread"].notna().any():
        entries.append(
            Line2D([], [], color="black", marker="|", markersize=8, linestyle="", label="s.d. over folds, seeds")
        )
    return entries
