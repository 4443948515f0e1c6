"""The CF embeddings before any audio: how they were fitted, how long they are, and which songs they find alike."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patheffects, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, NullFormatter, StrMethodFormatter

from hearlog.als.norms import norm_correlation
from hearlog.als.reading import Reading
from hearlog.figures.song_map import FEWEST, LOOKS, coloured, draw_songs, legend_entries, place, same_genre_in_words
from hearlog.figures.style import FAINT, MINUS, PAGE, QUIET, STYLE, SYNTHETIC, fit_name, has_glyphs, name_panel
from hearlog.util.plain_text import counted

_HELD_OUT = "ndcg_at_10"
_ABREAST = 2  # queries
_TEXT = 6.5  # points
_PLACES = {"marker": 0.045, "name": 0.07, "cosine": 0.81, "listeners": 0.965}  # share of a block
_NAME = 165  # points that there is room for


def cf_embeddings(reading: Reading, training: pd.DataFrame, synthetic: bool) -> Figure:
    """Draw the fit, norm against popularity, a map of the most listened songs, and a few of these with nearest songs.

    Parameters
    ----------
    reading
        What is shown of the embeddings.
    training
        ``iteration`` and ``loss``, and ``ndcg_at_10`` of held-out songs where a second fit was scored.
    synthetic
        Whether to say that the songs are of the embedded data set.
    """
    names = coloured(reading.genres, reading.genres.iloc[reading.queries].dropna())
    with rc_context(STYLE):
        below = 0.45 + 0.14 * _lines(reading)
        figure = Figure(figsize=(PAGE, 4.5 + below), layout="constrained")
        grid = figure.add_gridspec(2, 1, height_ratios=[4.5, below])
        above = grid[0].subgridspec(1, 2, width_ratios=[1, 1.75])
        scores = _scores(training)
        ratios = [1 / len(scores)] * len(scores) + [1.15]
        left = above[0].subgridspec(len(ratios), 1, height_ratios=ratios)
        _draw_fit([figure.add_subplot(left[row]) for row in range(len(scores))], training, scores)
        _draw_norms(figure, figure.add_subplot(left[-1]), reading)
        _draw_map(figure.add_subplot(above[1]), reading, names)
        _draw_nearest(figure.add_subplot(grid[1]), reading, names)
        if synthetic:
            figure.suptitle(SYNTHETIC, style="italic")
    return figure


def _scores(training: pd.DataFrame) -> list[str]:
    """Name the columns that are drawn: the loss, and how well held-out songs are ranked where that is known."""
    return ["loss"] + [_HELD_OUT] * (_HELD_OUT in training and bool(training[_HELD_OUT].notna().any()))


def _draw_fit(panels: list[Axes], training: pd.DataFrame, scores: list[str]) -> None:
    for axes, column in zip(panels, scores, strict=True):
        label, colour = {"loss": ("loss", "#000000"), _HELD_OUT: ("nDCG@10", "#0072B2")}[column]
        axes.plot(training["iteration"], training[column], "o-", color=colour, markersize=2.5)
        axes.set_ylabel(label)
        axes.margins(y=0.12)
        axes.yaxis.set_major_locator(MaxNLocator(5 - len(scores)))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.tick_params(axis="x", labelbottom=axes is panels[-1])
    panels[-1].set_xlabel("iteration")
    losses = training["loss"].dropna()  # a second fit may do more iterations
    remark = f"loss {losses.iloc[-1]:.3g} after {counted(len(losses), 'iteration')}"
    if len(scores) > 1:
        remark += "\nnDCG: held-out songs, a second fit"
    name_panel(panels[0], 0, "Fit", remark)


def _draw_norms(figure: Figure, axes: Axes, reading: Reading) -> None:
    fewest, most = reading.listeners.min(), reading.listeners.max()
    scale: Any = "log" if most >= 10 * fewest else "linear"  # less than a decade would have no labels
    look: Any = {"gridsize": (24, 16), "mincnt": 1, "cmap": "viridis_r", "linewidths": 0.1}
    drawn: Any = axes.hexbin(reading.listeners, reading.norms, xscale=scale, **look)
    drawn.set_norm(LogNorm(1, max(drawn.get_array().max(), 2)))
    if scale == "linear":
        axes.set_xlim(fewest - 0.5, most + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep="") if scale == "log" else StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("listeners of the song")
    axes.set_ylabel("norm of its embedding")
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, format=EngFormatter(sep=""), pad=0.02, fraction=0.06)
    bar.ax.set_title("songs", fontsize=7, loc="left")
    bar.minorticks_off()
    bar.outline.set_visible(False)
    correlation = norm_correlation(reading.norms, reading.listeners)
    words = "no correlation: all alike" if np.isnan(correlation) else f"r = {correlation:.2f} with log listeners"
    name_panel(axes, 1, "Norm and popularity", f"{counted(len(reading.norms), 'song')}\n{words.replace('-', MINUS)}")


def _draw_map(axes: Axes, reading: Reading, names: list[str]) -> None:
    songs, mapped = len(reading.norms), len(reading.popular)
    which = f"{songs:,} songs" if songs == mapped else f"the {mapped:,} most listened of {songs:,} songs"
    if mapped < FEWEST:
        name_panel(axes, 2, "Map", which)
        axes.text(0.5, 0.5, f"A map needs at least {FEWEST} songs.", ha="center", style="italic")
        axes.set_axis_off()
        return
    remark = f"{which} by t-SNE on cosines\n{same_genre_in_words(reading.directions, reading.genres)}"
    name_panel(axes, 2, "Map of songs", remark)
    places = place(reading.directions)
    draw_songs(axes, places, reading.genres, names)
    for number, query in enumerate(reading.queries, start=1):
        axes.plot(*places[query], "o", color="#000000", markersize=6, markerfacecolor="none", markeredgewidth=0.9)
        label = axes.annotate(str(number), places[query], (3, 2), textcoords="offset points", fontweight="bold")
        label.set_path_effects([patheffects.withStroke(linewidth=2, foreground="white")])
    entries = legend_entries(reading.genres, names)
    axes.legend(handles=entries, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, handletextpad=0.2)


def _draw_nearest(axes: Axes, reading: Reading, names: list[str]) -> None:
    """Write the queries with their nearest songs: a unit to the right is a block, a unit down is a line."""
    where = ", as numbered in the map" if len(reading.popular) >= FEWEST else ""
    name_panel(axes, 3, "Nearest songs by cosine", f"of popular songs{where}")
    axes.set_axis_off()
    lines = reading.nearest["rank"].max() + 2
    axes.set_xlim(0, _ABREAST)
    axes.set_ylim(_lines(reading), 0)
    for across in range(min(_ABREAST, len(reading.queries))):
        for heading in ("cosine", "listeners"):
            axes.text(across + _PLACES[heading], 0, heading, ha="right", va="center", fontsize=6, color=QUIET)
    for number, (_, block) in enumerate(reading.nearest.groupby("query", sort=False)):
        down, across = divmod(number, _ABREAST)
        for song in block.to_dict("records"):
            _write_song(axes, song, across, down * lines + song["rank"] + 1, names)
        axes.text(across, down * lines + 1, str(number + 1), va="center", fontweight="bold")


def _lines(reading: Reading) -> int:
    """Lines of the table: for each song that is asked for, itself, its nearest ones and an empty line."""
    return -(-len(reading.queries) // _ABREAST) * (int(reading.nearest["rank"].max()) + 2)


def _write_song(axes: Axes, song: dict[Hashable, Any], across: int, line: int, names: list[str]) -> None:
    itself = song["rank"] == 0
    texts = {
        "name": _cut_name(song, _NAME * (0.88 if itself else 1)),
        "cosine": "" if itself else f"{song['cosine']:.2f}".replace("-", MINUS),
        "listeners": f"{song['listeners']:,}",
    }
    for column, text in texts.items():
        side = "left" if column == "name" else "right"
        weight = "bold" if itself and column == "name" else "normal"
        axes.text(across + _PLACES[column], line, text, ha=side, va="center", fontsize=_TEXT, fontweight=weight)
    look: dict[str, Any] = {"color": FAINT, "marker": "o"}
    if song["genre"] in names:
        look = dict(zip(("color", "marker"), LOOKS[names.index(song["genre"])], strict=True))
    elif pd.isna(song["genre"]):
        look |= {"markerfacecolor": "none", "markeredgewidth": 0.5}
    axes.plot(across + _PLACES["marker"], line, markersize=3, clip_on=False, **look)


def _cut_name(song: dict[Hashable, Any], points: float) -> str:
    """Take title and artist, or the id where the catalogue has no title or the font lacks its letters."""
    if pd.isna(song["title"]):
        return fit_name(song["song"], points, _TEXT)
    name = ", ".join(str(song[word]) for word in ("title", "artist") if pd.notna(song[word]))
    return fit_name(name if has_glyphs(name) else song["song"], points, _TEXT)
