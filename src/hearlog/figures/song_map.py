"""A map of songs in two dimensions, coloured by genre: what the figures of embeddings share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hearlog.als.neighbours import NEIGHBOURS, nearest
from hearlog.figures.style import FAINT, short_name

FEWEST = 10
# Okabe and Ito (2008) without yellow, which is faint on white. Seven classes are the most that colours can tell apart.
LOOKS = (
    ("#0072B2", "o"),
    ("#D55E00", "^"),
    ("#009E73", "s"),
    ("#E69F00", "D"),
    ("#CC79A7", "v"),
    ("#56B4E9", "P"),
    ("#000000", "X"),
)


def place(embeddings: np.ndarray) -> np.ndarray:
    """Lay songs out in a plane, the same way each time: float32, songs x 2.

    The method is t-SNE (van der Maaten and Hinton, 2008) on cosines, which shows neighbourhoods only. Songs whose
    embeddings are all the same lie on one point.

    Parameters
    ----------
    embeddings
        float32, songs x dimensions, at least `FEWEST` songs.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if np.ptp(embeddings, axis=0).max() <= 1e-6 * np.abs(embeddings).max():
        return np.zeros((len(embeddings), 2), dtype=np.float32)  # t-SNE would divide by their spread
    perplexity = min(30, (len(embeddings) - 1) / 3)
    init: Any = "pca" if embeddings.shape[1] > 1 else "random"
    tsne = TSNE(metric="cosine", init=init, perplexity=perplexity, random_state=0)
    with threadpool_limits(1):  # on busy cores, threads that wait for each other take seven times as long
        return tsne.fit_transform(embeddings)


def coloured(genres: pd.Series, always: Iterable[str] = ()) -> list[str]:
    """Name the genres that have a look, commonest first; equally common ones are in alphabetical order.

    Parameters
    ----------
    genres
        Of songs, null where unknown.
    always
        Genres that have a look however rare they are.
    """
    ranked = genres.value_counts().sort_index().sort_values(ascending=False, kind="stable").index
    chosen = list(dict.fromkeys([*always, *ranked]))[: len(LOOKS)]
    return [name for name in ranked if name in chosen]


def draw_songs(axes: Axes, places: np.ndarray, genres: pd.Series, names: list[str]) -> None:
    """Draw songs at their places: the genres of `coloured` in their looks, others in grey, unknown ones hollow."""
    size = 3.4 if len(genres) <= 500 else 2
    others, unknown = ~genres.isin(names).to_numpy() & genres.notna().to_numpy(), genres.isna().to_numpy()
    axes.plot(*places[unknown].T, "o", color=FAINT, markersize=size, markerfacecolor="none", markeredgewidth=0.5)
    axes.plot(*places[others].T, "o", color=FAINT, markersize=size * 0.8, markeredgewidth=0)
    for name, (colour, marker) in zip(names, LOOKS, strict=False):
        axes.plot(*places[genres.eq(name).to_numpy()].T, marker, color=colour, markersize=size, markeredgewidth=0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    axes.spines[:].set(visible=True, color=FAINT)


def legend_entries(genres: pd.Series, names: list[str]) -> list[Line2D]:
    """List the looks of `draw_songs` with their genres and numbers of songs."""
    entries = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=f"{short_name(name)} ({genres.eq(name).sum()})")
        for name, (colour, marker) in zip(names, LOOKS, strict=False)
    ]
    if others := genres.nunique() - len(names):
        songs = (genres.notna() & ~genres.isin(names)).sum()
        label = f"{others} other {'genre' if others == 1 else 'genres'} ({songs})"
        entries.append(Line2D([], [], color=FAINT, marker="o", markersize=3, linestyle="", label=label))
    if unknown := genres.isna().sum():
        look: Any = {"color": FAINT, "marker": "o", "markerfacecolor": "none", "linestyle": ""}
        entries.append(Line2D([], [], label=f"genre unknown ({unknown})", **look))
    return entries


def same_genre(embeddings: np.ndarray, genres: pd.Series) -> tuple[float, float]:
    """Take the share of songs' nearest songs that have their genre, and that of songs at random.

    Songs without a genre are neither asked nor answer.

    Parameters
    ----------
    embeddings
        float, songs x dimensions; near is by cosine.
    genres
        Of the same songs; null where unknown.

    Returns
    -------
    Two fractions; nan where no more than `NEIGHBOURS` songs have a genre.
    """
    known = genres.notna().to_numpy()
    if known.sum() <= NEIGHBOURS:
        return np.nan, np.nan
    names = genres[known].to_numpy()
    near, _ = nearest(embeddings[known], np.arange(len(names)), NEIGHBOURS)
    share = float(np.mean(names[near] == names[:, None]))
    sizes = genres.value_counts()
    return share, float((sizes * (sizes - 1)).sum() / (len(names) * (len(names) - 1)))


def same_genre_in_words(embeddings: np.ndarray, genres: pd.Series) -> str:
    """Write what `same_genre` finds."""
    share, chance = same_genre(embeddings, genres)
    if np.isnan(share):
        return "the catalogue names too few genres to compare"
    return f"{NEIGHBOURS} nearest songs: {percent(share)} of the same genre (chance {percent(chance)})"


def percent(share: float) -> str:
    """Write a fraction in percent, with a decimal where it would else be 0 or 1."""
    return f"{100 * share:.{0 if share >= 0.01 else 1}f} %"
