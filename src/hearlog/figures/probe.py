"""Linear probes: what a linear model finds in the estimator's layers, and in what it must be better than."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hearlog.figures.style import FAINT, QUIET, STYLE, SYNTHETIC
from hearlog.figures.task_panels import PANELS_ABREAST, task_panels
from hearlog.results.probes import CONTROLS, REPRESENTATIONS, largest

_COLOUR = "#0072B2"  # of Okabe and Ito
_SHOWN: dict[str, dict[str, Any]] = {
    "control": {"color": QUIET, "marker": "o", "markerfacecolor": "white", "markeredgewidth": 0.8},
    "estimator": {"color": _COLOUR, "marker": "o"},
}
_CHANCE: dict[str, Any] = {"color": FAINT, "linewidth": 1.4, "zorder": 0}
_BEST: dict[str, Any] = {"color": QUIET, "linewidth": 0.8, "linestyle": (0, (4, 3)), "zorder": 1}
_GAP = 0.6  # lines between controls and the estimator


def probe_scores(probes: pd.DataFrame, synthetic: bool) -> Figure:
    """Draw the score of every representation on every task, at the largest capacity, with intervals over test clips.

    Parameters
    ----------
    probes
        Scores as returned by `hearlog.results.probes.read_probes`.
    synthetic
        Whether to say that the numbers are of the embedded data set.

    Returns
    -------
    A figure of one panel a task, in their order.
    """
    probes = largest(probes)
    with rc_context(STYLE):
        figure, panels = task_panels(probes, counted=True)
        for position, (axes, task) in enumerate(panels):
            lines = task.set_index("representation").loc[list(REPRESENTATIONS)]
            _draw_panel(axes, lines, position % PANELS_ABREAST == 0)
        wide = len(figure.axes) >= PANELS_ABREAST
        figure.legend(handles=_legend(set(probes["kind"])), loc="outside lower center", ncols=4 if wide else 1)
        channels = f"Linear probes at {probes['channels'].iloc[0]} channels"
        words = [channels, "95 % intervals over test clips", SYNTHETIC][: 2 + synthetic]
        figure.suptitle((". " if wide else "\n").join(words), style="italic")
    return figure


def _draw_panel(axes: Axes, task: pd.DataFrame, named: bool) -> None:
    accuracy = task["kind"].iloc[0] == "classification"
    scores = task[["score", "ci_low", "ci_high"]] * (100 if accuracy else 1)
    is_control = task.index.isin(CONTROLS)
    lines = np.arange(len(task)) + np.where(is_control, 0, _GAP)
    for kind, rows in (("control", is_control), ("estimator", ~is_control)):
        colour = _SHOWN[kind]["color"]
        axes.hlines(lines[rows], scores["ci_low"][rows], scores["ci_high"][rows], color=colour, linewidth=0.7)
        axes.plot(scores["score"][rows], lines[rows], linestyle="", **_SHOWN[kind])
    axes.axvline(task["chance"].iloc[0] * 100 if accuracy else 0, **_CHANCE)
    axes.axvline(scores["score"][is_control].max(), **_BEST)
    axes.set_yticks(lines, [REPRESENTATIONS[name] for name in task.index] if named else [""] * len(lines))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(lines[-1] + 0.7, -0.7)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("accuracy, %" if accuracy else "r²")


def _legend(kinds: set[str]) -> list[Line2D]:
    chance = {"classification": "chance", "regression": "r² = 0"}
    words = {"control": "control", "estimator": "layer of the CF estimator"}
    dots = [Line2D([], [], linewidth=0.7, label=words[kind], **shown) for kind, shown in _SHOWN.items()]
    lines = [Line2D([], [], label="best control", **_BEST)]
    lines.append(Line2D([], [], label=" or ".join(chance[kind] for kind in sorted(kinds)), **_CHANCE))
    return dots + lines
