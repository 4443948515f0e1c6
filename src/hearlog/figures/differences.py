"""Paired differences between methods: what the tests of the report are about."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hearlog.corpora.protocols import protocol_label
from hearlog.figures.style import (
    COLOURS,
    FAINT,
    MARKERS,
    MINUS,
    PAGE,
    QUIET,
    STYLE,
    SYNTHETIC_SCORES,
    interval,
    name_panel,
    short_name,
)
from hearlog.results.comparisons import Comparison, find
from hearlog.results.run import Results
from hearlog.results.within_tasks import CLIPS
from hearlog.statistics.paired_tests import CORRECTION
from hearlog.transfer.methods import COMPARISONS
from hearlog.util.plain_text import p_equals

_UNITS = {"classification": "points of accuracy", "regression": "r²"}
_PERCENT = {"classification": 100, "regression": 1}


def paired_differences(results: Results) -> Figure:
    """Draw the difference of every pair of scores, one panel per comparison, and the means that the tests are about.

    Classification is above, with the mean over all pairs and, where there are several capacities, that over task
    means, if there are enough pairs for a mean. Regression has another unit, is below and has no mean.

    The intervals of single pairs are those of the tests within tasks. Over folds of unequal size their middle is not
    quite the dot, which is the difference of the scores that the tests take.
    """
    cells = results.cells
    kinds = [kind for kind in _UNITS if kind in set(cells["kind"])]
    blocks = [cells[cells["kind"] == kind] for kind in kinds]
    means = {kind: _means(results) if kind == "classification" else [] for kind in kinds}
    heights = [block["task"].nunique() + len(means[kind]) for kind, block in zip(kinds, blocks, strict=True)]
    size = (PAGE, (0.24 + 0.08 * len(cells["channels"].unique())) * sum(heights) + 1.3)
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(
            len(kinds), len(COMPARISONS), sharex="row", sharey="row", squeeze=False, height_ratios=heights
        )
        for block, kind, panels in zip(blocks, kinds, grid, strict=True):
            pairs = _pairs(block, results.within)
            for axes, comparison in zip(panels, COMPARISONS, strict=True):
                _draw_pairs(axes, pairs, comparison)
                tests = [find(table, "-".join(comparison)) for table in means[kind]]
                _draw_means(axes, tests, block["task"].nunique())
            _name_lines(panels[0], block, [table[0].over for table in means[kind]])
            figure.align_xlabels(panels)
            panels[0].set_xlabel(f"difference, {_UNITS[kind]}", loc="left")
        remarks = [_in_words(results, "-".join(comparison)) for comparison in COMPARISONS]
        most = max(remark.count("\n") for remark in remarks)
        for position, (axes, comparison, remark) in enumerate(zip(grid[0], COMPARISONS, remarks, strict=True)):
            level = remark + "\n" * (most - remark.count("\n"))
            name_panel(axes, position, f" {MINUS} ".join(comparison), level)
        figure.legend(handles=_legend(results), loc="outside lower center", ncols=2)
        if results.synthetic:
            figure.suptitle(SYNTHETIC_SCORES, style="italic")
    return figure


def _pairs(cells: pd.DataFrame, within: pd.DataFrame) -> pd.DataFrame:
    """One row per comparison, task and capacity: ``line``, ``difference``, ``ci_low``, ``ci_high``."""
    keys = ["task", "channels"]
    scores = cells.pivot_table(index=keys, columns="method", values="score") * _PERCENT[cells["kind"].iloc[0]]
    pairs = pd.concat({f"{a}-{b}": scores[a] - scores[b] for a, b in COMPARISONS}, names=["comparison"])
    table = pairs.rename("difference").reset_index()
    intervals = within[["comparison", *keys, "ci_low", "ci_high"]].astype({"comparison": str})
    tasks, channels = list(cells["task"].unique()), sorted(cells["channels"].unique())
    step = 0.6 / len(channels)
    offsets = {count: step * (position - (len(channels) - 1) / 2) for position, count in enumerate(channels)}
    table["line"] = table["task"].map(tasks.index) + table["channels"].map(offsets)
    return table.merge(intervals, on=["comparison", *keys], how="left")


def _means(results: Results) -> list[list[Comparison]]:
    """List the comparisons whose means are drawn below the pairs of classification."""
    tables = [results.over_pairs, results.over_tasks][: results.several_capacities + 1]
    return [table for table in tables if any(row.has_mean for row in table)]


def _draw_pairs(axes: Axes, pairs: pd.DataFrame, comparison: Sequence[str]) -> None:
    pairs = pairs[pairs["comparison"] == "-".join(comparison)]
    colour = COLOURS[comparison[0]]
    axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
    axes.hlines(pairs["line"], pairs["ci_low"], pairs["ci_high"], color=colour, linewidth=0.7)
    axes.plot(pairs["difference"], pairs["line"], MARKERS[comparison[0]], color=colour)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=4)


def _draw_means(axes: Axes, comparisons: list[Comparison], first: int) -> None:
    for line, comparison in enumerate(comparisons, start=first):
        test = comparison.test
        if comparison.tested:
            ends = [test.ci_low, test.ci_high]
            axes.plot(ends, [line, line], color="black", linewidth=1.6, solid_capstyle="butt")
        if comparison.has_mean:
            axes.plot(test.mean, line, "|", color="black", markersize=9, markeredgewidth=1.6)
    if comparisons:
        axes.axhline(first - 0.5, color=FAINT, linewidth=0.6)


def _name_lines(axes: Axes, cells: pd.DataFrame, means: list[str]) -> None:
    """Write next to the first panel what each line is: a task with its protocol, or a mean."""
    tasks = cells.groupby("task", sort=False).first()
    names = [
        (short_name(task["title"], 28), protocol_label(task["protocol"], task["folds"])) for _, task in tasks.iterrows()
    ]
    counts = {"pairs": len(cells.groupby(["task", "channels"])), "tasks": len(tasks)}
    names += [(f"Mean over {over}", f"n = {counts[over]}, 95 % interval") for over in means]
    for line, (name, remark) in enumerate(names):
        place: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "right"}
        axes.annotate(name, (0, line), xytext=(-6, 0), va="bottom", fontsize=7, **place)
        axes.annotate(remark, (0, line), xytext=(-6, -0.5), va="top", fontsize=6, color=QUIET, **place)
    axes.set_yticks([])
    axes.set_ylim(len(names) - 0.5, -0.5)


def _in_words(results: Results, name: str) -> str:
    """Write the test over pairs and, with several capacities, next to its p that of the test over tasks."""
    if "classification" not in set(results.cells["kind"]):
        return "r² is not pooled over tasks"
    pairs, tasks = find(results.over_pairs, name), find(results.over_tasks, name)
    if not pairs.tested:
        return textwrap.fill(pairs.note.replace("-", MINUS), 26)
    test = pairs.test
    mean = f"{test.mean:+.1f}".replace("-", MINUS)
    lines = [
        f"{mean} {interval(test.ci_low, test.ci_high)}",
        f"{test.wins} won, {test.ties} tied, {test.losses} lost",
    ]
    if not results.several_capacities:
        return "\n".join([*lines, _adjusted(pairs)])
    over_tasks = _adjusted(tasks) if tasks.tested else "no test"
    return "\n".join([*lines, f"{_adjusted(pairs)} over pairs", f"{over_tasks} over tasks"])


def _adjusted(comparison: Comparison) -> str:
    return f"{CORRECTION}'s {p_equals(comparison.p_adjusted)}"


def _legend(results: Results) -> list[Line2D]:
    channels = sorted(results.cells["channels"].unique())
    capacity = f"; channels from the top: {', '.join(map(str, channels))}" if len(channels) > 1 else ""
    clips_alone = "\n(with one test part over clips, without training noise)" * (CLIPS in set(results.within["covers"]))
    dot = f"one pair, 95 % interval within the task{capacity}{clips_alone}"
    entries = [Line2D([], [], color=QUIET, marker="o", linewidth=0.7, label=dot)]
    if _means(results):
        look: Any = {"marker": "|", "markersize": 8, "markeredgewidth": 1.6, "linewidth": 1.6}
        label = "mean with the interval of the paired t-test"
        entries.append(Line2D([], [], color="black", label=label, **look))
    return entries
