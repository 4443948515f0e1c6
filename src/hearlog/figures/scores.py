"""The paper's Figure 4: scores of the four methods on every task."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.ticker import NullLocator

from hearlog.figures.style import COLOURS, FAINT, MARKERS, QUIET, STYLE, SYNTHETIC_SCORES
from hearlog.figures.task_panels import PANELS_ABREAST, task_panels
from hearlog.transfer.methods import METHODS

_REFERENCES: dict[str, dict[str, Any]] = {
    "chance": {"color": FAINT, "linewidth": 1.4, "zorder": 0},
    "majority": {"color": QUIET, "linewidth": 0.8, "linestyle": (0, (4, 3)), "zorder": 1},
}
_BAR, _CAP = 0.7, 1.5  # points
_ENDS = [(-0.4, -1), (0.4, -1), (0, -1), (0, 1), (-0.4, 1), (0.4, 1)]
_CAPPED = Path(_ENDS, [Path.MOVETO, Path.LINETO] * 3)


def figure4(cells: pd.DataFrame, synthetic: bool) -> Figure:
    """Draw the paper's Figure 4: the score of each task against the number of channels, one line a method.

    With a single capacity the methods stand side by side instead. Bars with caps are standard deviations over folds
    and seeds; on one test part, intervals over its clips and the seeds, without caps.

    Parameters
    ----------
    cells
        Scores of `hearlog.results.run.Results`: ``ci_low`` and ``ci_high`` are nan where there are folds.
    synthetic
        Whether to say that the numbers are of the embedded data set.

    Returns
    -------
    A figure of one panel a task, in the order of the cells.
    """
    with rc_context(STYLE):
        figure, panels = task_panels(cells, counted=True)
        for axes, task in panels:
            _draw_panel(axes, task)
        wide = len(figure.axes) >= PANELS_ABREAST
        figure.legend(handles=_legend(cells), loc="outside lower center", ncols=4 if wide else 2)
        seeds = cells["seeds"].iloc[0]
        head = "One seed" if seeds == 1 else f"Mean of {seeds} seeds"
        line = ". " if wide else "\n"
        figure.suptitle(line.join([head, SYNTHETIC_SCORES][: 1 + synthetic]), style="italic")
    return figure


def _draw_panel(axes: Axes, task: pd.DataFrame) -> None:
    percent = 100 if task["kind"].iloc[0] == "classification" else 1
    channels = sorted(task["channels"].unique())
    single = _one_capacity(task)
    step = 0.03 * np.log2(channels[-1] / channels[0])  # octaves between methods, so that error bars stay apart
    for position, method in enumerate(METHODS):
        cells = task[task["method"] == method].sort_values("channels")
        x = np.array([position]) if single else cells["channels"] * 2 ** (step * (position - 1.5))
        axes.errorbar(
            x,
            cells["score"] * percent,
            yerr=_reach(cells) * percent,
            color=COLOURS[method],
            marker=MARKERS[method],
            capsize=0 if _has_interval(task) else _CAP,
            elinewidth=_BAR,
        )
    for name, value in _references(task).items():
        axes.axhline(value, **_REFERENCES[name])
    if single:
        axes.set_xticks(range(len(METHODS)), [*METHODS])
        axes.set_xlim(-0.6, len(METHODS) - 0.4)
    else:
        axes.set_xscale("log", base=2)
        axes.set_xticks(channels, [str(count) for count in channels])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("channels")
    axes.locator_params(axis="y", nbins=6)
    axes.set_ylabel("accuracy, %" if percent == 100 else "r²")


def _has_interval(cells: pd.DataFrame) -> bool:
    return bool(cells["ci_low"].notna().any())


def _reach(cells: pd.DataFrame) -> np.ndarray:
    """How far the bars reach below and above the scores: float64, 2 x cells, nan for no bar."""
    if not _has_interval(cells):
        return np.tile(cells["spread"], (2, 1))
    return np.stack([cells["score"] - cells["ci_low"], cells["ci_high"] - cells["score"]])


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
        Line2D([], [], color=COLOURS[method], marker=MARKERS[method], label=method)
        for method in METHODS
        if not _one_capacity(cells)
    ]
    kinds = set(cells["kind"])
    label = {"classification": "chance", "regression": "r² = 0"}
    entries.append(Line2D([], [], label=" or ".join(label[kind] for kind in sorted(kinds)), **_REFERENCES["chance"]))
    if "classification" in kinds:
        entries.append(Line2D([], [], label="majority class", **_REFERENCES["majority"]))
    bar: dict[str, Any] = {"color": "black", "linestyle": "", "markersize": 9, "markeredgewidth": _BAR}
    with_interval = [_has_interval(task) for _, task in cells.groupby("task")]
    if cells["spread"].notna().any() and not all(with_interval):
        over = "s.d. over folds" if cells["seeds"].iloc[0] == 1 else "s.d. over folds, seeds"
        entries.append(Line2D([], [], marker=_CAPPED, label=over, **bar))
    if any(with_interval):
        seeds = ",\nwithout training noise" if cells["seeds"].iloc[0] == 1 else " and seeds"
        entries.append(Line2D([], [], marker="|", label=f"95 % interval over test clips{seeds}", **bar))
    return entries
