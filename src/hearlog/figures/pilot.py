"""The paper's Figure 1: what a tag-trained and a log-trained model find of every genre."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hearlog.figures.style import COLOURS, COLUMN, FAINT, MARKERS, MINUS, QUIET, STYLE, SYNTHETIC, interval
from hearlog.results.pilot import MODELS, Pilot
from hearlog.util.plain_text import p_equals

_SHOWN = 40  # genres that fit on a page
_LONGEST_NAME = 22  # letters
_NAMES = {
    "base": "tags: network trained on genre tags (base)",
    "fix": "logs: linear classifier on the CF estimator (fix)",
}
_CHANCE: dict[str, Any] = {"color": FAINT, "linewidth": 1.4, "zorder": 0}
_MAJORITY: dict[str, Any] = {"color": QUIET, "linewidth": 0.8, "linestyle": (0, (2, 1.5)), "zorder": 1}


def figure1(genres: pd.DataFrame, pilot: Pilot, synthetic: bool) -> Figure:
    """Draw the recall of both models for all songs and for every genre, with Wilson's intervals.

    Genres are sorted by how much better logs tell them than tags. Of more than 40, those with the most test songs are
    drawn. The intervals are those of single models, and say less than the paired test of all songs above them. Beside
    the recall of all songs stands that of answering the most frequent of the genres every time.

    Parameters
    ----------
    genres
        Scores as returned by `hearlog.results.pilot.score_genres`.
    pilot
        Comparison as returned by `hearlog.results.pilot.summarise`.
    synthetic
        Whether to say that the numbers are of the embedded data set.

    Returns
    -------
    A figure of a column's width; without genres, one that says why.
    """
    with rc_context(STYLE):
        if genres.empty:
            return _empty(pilot.note)
        lines = pd.concat([_all_songs(pilot), _sorted(genres)], ignore_index=True)
        figure = Figure(figsize=(COLUMN, 0.15 * len(lines) + 1.65), layout="constrained")
        axes = figure.add_subplot()
        _draw_recall(axes, lines, 100 / pilot.genres, 100 * genres["songs"].max() / genres["songs"].sum())
        _name_lines(axes, lines)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=1)
        title = _in_words(pilot, len(lines) - 1)
        few = f"{SYNTHETIC}, too small to resolve single genres\n"
        figure.suptitle(few * synthetic + title, style="italic", fontsize=7)
    return figure


def _empty(note: str) -> Figure:
    """Say why there is nothing to draw, for the pipeline expects its file."""
    figure = Figure(figsize=(COLUMN, 0.6))
    figure.text(0.5, 0.5, textwrap.fill(note, 55), ha="center", va="center", style="italic")
    return figure


def _all_songs(pilot: Pilot) -> pd.DataFrame:
    """Write the scores of all songs as those of one more genre."""
    line: dict[str, Any] = {"genre": "All genres", "songs": pilot.songs}
    for method in MODELS:
        ends = {"": pilot.accuracy, "_low": pilot.accuracy_low, "_high": pilot.accuracy_high}
        line |= {f"{method}{end}": percent[method] / 100 for end, percent in ends.items()}
    return pd.DataFrame([line])


def _sorted(genres: pd.DataFrame) -> pd.DataFrame:
    shown = genres.sort_values(["songs", "genre"], ascending=[False, True]).head(_SHOWN)
    gain = shown["fix"] - shown["base"]
    return shown.assign(gain=gain).sort_values(["gain", "genre"], ascending=[False, True]).drop(columns="gain")


def _draw_recall(axes: Axes, lines: pd.DataFrame, chance: float, majority: float) -> None:
    places = np.arange(len(lines))
    for method, offset in zip(MODELS, (0.17, -0.17), strict=True):  # so that intervals do not hide each other
        score, low, high = (lines[method + end].to_numpy() * 100 for end in ("", "_low", "_high"))
        axes.hlines(places + offset, low, high, color=COLOURS[method], linewidth=0.5)
        axes.plot(score, places + offset, MARKERS[method], color=COLOURS[method], clip_on=False)
    axes.axvline(chance, **_CHANCE)
    axes.axhline(0.5, color=FAINT, linewidth=0.6)
    axes.plot([majority] * 2, [-0.45, 0.45], **_MAJORITY)
    axes.set_xlim(0, 100)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_xlabel("recall, % of the genre's test songs")


def _name_lines(axes: Axes, lines: pd.DataFrame) -> None:
    """Write genres and their numbers of test songs in two columns."""
    names = [textwrap.shorten(str(name), _LONGEST_NAME, placeholder="…") for name in lines["genre"]]
    digits = len(f"{lines['songs'].max():,}")
    axes.set_yticks(range(len(lines)), names)
    axes.tick_params(axis="y", length=0, pad=8 + 4.5 * digits)
    place: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "right"}
    for line, count in enumerate(lines["songs"]):
        axes.annotate(f"{count:,}", (0, line), xytext=(-5, 0), va="center_baseline", fontsize=7, **place)
    axes.annotate("test songs", (0, -0.6), xytext=(-5, 2), va="bottom", fontsize=6, color=QUIET, **place)


def _in_words(pilot: Pilot, shown: int) -> str:
    few = f" ({shown} with most test songs shown)" if shown < pilot.genres else ""
    test = "" if pilot.note else f" {interval(pilot.ci_low, pilot.ci_high)}, {pilot.test} {p_equals(pilot.p)}"
    points = f"logs - tags {pilot.points:+.1f} points".replace("-", MINUS)
    seeds = "one seed: intervals leave out training noise" if pilot.seeds == 1 else f"mean of {pilot.seeds} seeds"
    return f"{pilot.genres} genres{few}, {pilot.channels} channels\n{points}{test}\n{seeds}"


def _legend() -> list[Line2D]:
    models = [
        Line2D([], [], color=COLOURS[method], marker=MARKERS[method], linewidth=0.5, label=f"{name}, 95 % interval")
        for method, name in _NAMES.items()
    ]
    majority = Line2D([], [], label="the most frequent genre's share of all test songs", **_MAJORITY)
    return [*models, Line2D([], [], label="chance", **_CHANCE), majority]
