"""How good the CF estimator is: on single songs, on pairs of songs, and at ranking songs for users."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from hearlog.figures.style import FAINT, MINUS, PAGE, QUIET, STYLE, SYNTHETIC, name_panel
from hearlog.util.errors import InputError

_COLOUR = "#009E73"  # not one of the methods'
_SOURCES: dict[str, dict[str, Any]] = {
    "ceiling_als_factors": {"label": "ceiling: the songs' own factors", "color": "#000000", "linestyle": "--"},
    "estimator": {"label": "estimator", "color": _COLOUR, "marker": "o", "markersize": 3, "linewidth": 1.4},
    "oracle_popularity": {
        "label": "oracle: popularity of the test songs",
        "color": "#CC79A7",
        "marker": "v",
        "markersize": 3,
    },
    "random": {"label": "random", "color": FAINT, "linewidth": 1.4},
}
_BINS = 40


def estimator_quality(divisors: Iterable[int], channels: int, folder: Path, plots: Path, synthetic: bool) -> Figure:
    """Draw what the evaluation on test songs found, a row of three panels a capacity.

    First, the songs' cosines between predicted and true embedding, beside those of the training songs' mean embedding,
    which hears nothing. Second, how alike two songs are by predicted and by true embeddings. Third, recall of lists
    of any length, between random order and the ceiling of ranking by the songs' own ALS factors; popularity is that
    of the test songs themselves, which no estimator knows.

    Parameters
    ----------
    divisors
        Divisors of ``channels``.
    channels
        ``model.channels``: those of the estimator of divisor 1.
    folder
        Holds ``estimator-div<divisor>/songs.parquet`` and ``pairs.parquet``.
    plots
        Holds ``recall-div<divisor>.tsv``.
    synthetic
        Whether to say that the numbers are of the embedded data set.

    Raises
    ------
    InputError
        When a file is missing.
    """
    divisors = sorted(divisors, reverse=True)
    with rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 2.3 * len(divisors) + 0.5), layout="constrained")
        grid = figure.subplots(len(divisors), 3, squeeze=False, width_ratios=[1, 1, 1.1])
        for row, (panels, divisor) in enumerate(zip(grid, divisors, strict=True)):
            songs, pairs, recall = _read(divisor, folder, plots)
            texts = [
                ("Test songs", f"{channels // divisor} channels, {len(songs):,} songs (mean)"),
                ("Pairs of test songs", _in_words(pairs)),
                ("Test songs ranked for users", "hits / min(k, relevant), mean of users"),
            ]
            for position, (axes, text) in enumerate(zip(panels, texts, strict=True)):
                name_panel(axes, 3 * row + position, *text)
            _draw_songs(panels[0], songs)
            _draw_pairs(figure, panels[1], pairs)
            _draw_recall(panels[2], recall)
        handles = [Line2D([], [], **style) for style in _SOURCES.values()]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
        if synthetic:
            figure.suptitle(SYNTHETIC, style="italic")
    return figure


def _read(divisor: int, folder: Path, plots: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    tables = [folder / f"estimator-div{divisor}/{name}.parquet" for name in ("songs", "pairs")]
    recall = plots / f"recall-div{divisor}.tsv"
    for path in (*tables, recall):
        if not path.is_file():
            raise InputError(f"{path}: no such file, but params.yaml asks for this capacity. Run: dvc repro")
    return pd.read_parquet(tables[0]), pd.read_parquet(tables[1]), pd.read_csv(recall, sep="\t")


def _in_words(pairs: pd.DataFrame) -> str:
    return f"{len(pairs):,} pairs, r = {pairs['predicted'].corr(pairs['true']):.2f}".replace("-", MINUS)


def _draw_songs(axes: Axes, songs: pd.DataFrame) -> None:
    """Histograms of the cosines, their means written beside the names."""
    lowest = min(songs[["cosine", "mean_embedding"]].min())
    edges = np.linspace(np.floor(lowest * 10) / 10, 1, 21)
    weights = np.full(len(songs), 100 / len(songs))
    for column, name, style in (
        ("mean_embedding", "mean embedding", {"color": QUIET, "histtype": "step", "linestyle": "--"}),
        ("cosine", "estimator", {"color": _COLOUR, "histtype": "stepfilled", "alpha": 0.6}),
    ):
        label = f"{name} ({songs[column].mean():.2f})".replace("-", MINUS)
        axes.hist(songs[column], bins=list(edges), weights=weights, label=label, **style)
    axes.set_xlabel("cosine to the true embedding")
    axes.set_ylabel("songs, %")
    axes.set_ylim(top=axes.get_ylim()[1] * 1.3)  # room for the legend
    axes.legend(loc="upper left", handlelength=1.4, borderaxespad=0.2, borderpad=0)


def _draw_pairs(figure: Figure, axes: Axes, pairs: pd.DataFrame) -> None:
    extent = float(min(pairs["true"].min(), pairs["predicted"].min()))
    edges = np.linspace(np.floor(extent * 5) / 5, 1, _BINS + 1)
    counts, _, _ = np.histogram2d(pairs["predicted"], pairs["true"], bins=[edges, edges])
    image = axes.imshow(
        np.ma.masked_equal(counts, 0),
        cmap="viridis_r",
        norm=LogNorm(1, max(counts.max(), 2)),
        origin="lower",
        aspect="auto",
        extent=(edges[0], 1, edges[0], 1),
        interpolation="nearest",
    )
    axes.plot([edges[0], 1], [edges[0], 1], color=QUIET, linewidth=0.7, linestyle="--")
    axes.set_xlabel("cosine by true embeddings")
    axes.set_ylabel("cosine by predicted ones")
    axes.locator_params(nbins=5, steps=[1, 2, 5, 10])
    axes.set_xticks([tick for tick in axes.get_yticks() if edges[0] <= tick <= 1])
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format="%d", pad=0.02)
    bar.ax.set_title("pairs", fontsize=7, loc="left")
    bar.minorticks_off()
    bar.outline.set_visible(False)


def _draw_recall(axes: Axes, recall: pd.DataFrame) -> None:
    for name, style in _SOURCES.items():
        axes.plot(recall["k"], recall[name], **style)
    axes.set_xscale("log")
    lengths = [k for k in recall["k"] if str(k)[0] == "1"]
    axes.set_xticks(lengths, [f"{k:,}" for k in lengths])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(0, 1)
    axes.set_xlabel("k, songs in the list")
    axes.set_ylabel("recall@k")
