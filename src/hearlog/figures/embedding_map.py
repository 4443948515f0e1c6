"""A map of the test songs by what is listened to together and by what the estimator hears."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hearlog.errors import InputError
from hearlog.figures.style import COLUMN, FAINT, PAGE, STYLE, SYNTHETIC, name_panel, short_name
from hearlog.neighbours import NEIGHBOURS, agreement, nearest

SONGS = 2000  # most that are drawn: t-SNE takes 8 s for each map of them
FEWEST = 10
# Okabe and Ito (2008) without yellow, which is faint on white. Seven classes are the most that colours can tell apart.
_LOOKS = (
    ("#0072B2", "o"),
    ("#D55E00", "^"),
    ("#009E73", "s"),
    ("#E69F00", "D"),
    ("#CC79A7", "v"),
    ("#56B4E9", "P"),
    ("#000000", "X"),
)


def embedding_map(width: int, channels: int, folder: Path, items: Path, synthetic: bool) -> Figure:
    """Draw two maps of the estimator's test songs, by CF embedding and by audio estimate, coloured by genre.

    The maps are by t-SNE (van der Maaten and Hinton, 2008) on cosines, and show neighbourhoods only. The shares above
    them are of the nearest songs by the embeddings themselves.

    Parameters
    ----------
    width
        Multiplier of ``channels``.
    channels
        Of the estimator of width 1.
    folder
        Holds ``estimator-x<width>/songs.parquet``, and ``true.npy`` and ``predicted.npy`` with the same rows.
    items
        The songs' ``items.parquet``; ``target`` is the genre, null where the catalogue has none.
    synthetic
        Whether to say that the songs are of the embedded data set.

    Raises
    ------
    InputError
        When a file is missing.
    """
    genres, true, predicted = _read(folder / f"estimator-x{width}", items)
    drawn = np.sort(np.random.default_rng(0).permutation(len(genres))[:SONGS])
    with rc_context(STYLE):
        if len(drawn) < FEWEST:
            return _too_few(len(drawn))
        return _draw(genres.iloc[drawn], true[drawn], predicted[drawn], len(genres), width * channels, synthetic)


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


def _read(folder: Path, items: Path) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    paths = [folder / name for name in ("songs.parquet", "true.npy", "predicted.npy")]
    for path in (*paths, items):
        if not path.is_file():
            raise InputError(f"{path}: no such file, but params.yaml asks for this capacity. Run: dvc repro")
    targets = pd.read_parquet(items, columns=["item_id", "target"]).set_index("item_id")["target"]
    songs = pd.read_parquet(paths[0], columns=["song_id"])["song_id"]
    true, predicted = (np.load(path, allow_pickle=False) for path in paths[1:])
    return songs.map(targets), true, predicted


def _too_few(songs: int) -> Figure:
    """Say that there is nothing to draw, for the pipeline expects its file."""
    figure = Figure(figsize=(COLUMN, 0.6))
    text = f"{songs} test songs are too few for a map: it needs at least {FEWEST}."
    figure.text(0.5, 0.5, text, ha="center", va="center", style="italic")
    return figure


def _draw(
    genres: pd.Series, true: np.ndarray, predicted: np.ndarray, songs: int, channels: int, synthetic: bool
) -> Figure:
    figure = Figure(figsize=(PAGE, 4.3), layout="constrained")
    cf, estimate = (nearest(embeddings, np.arange(len(genres)), NEIGHBOURS)[0] for embeddings in (true, predicted))
    same = {name: _percent(count / NEIGHBOURS) for name, count in agreement(cf, estimate, len(genres)).items()}
    shared = f"{same['shared']} the same songs as in (a) (chance {same['by_chance']})"
    texts = [
        ("CF embedding", f"what the estimator is trained to predict\n{_in_words(true, genres)}"),
        (f"Audio estimate, {channels} channels", f"{_in_words(predicted, genres)}\n{shared}"),
    ]
    for position, (axes, embeddings, text) in enumerate(
        zip(figure.subplots(1, 2), (true, predicted), texts, strict=True)
    ):
        _draw_songs(axes, _place(embeddings), genres)
        name_panel(axes, position, *text)
    figure.legend(handles=_legend(genres), loc="outside lower center", ncols=min(5, genres.nunique() + 1))
    number = f"{songs:,}" if songs == len(genres) else f"{len(genres):,} of {songs:,}"
    title = f"{number} test songs by t-SNE on cosines: near songs are alike, axes and far distances mean nothing"
    figure.suptitle(title + f"\n{SYNTHETIC}" * synthetic, style="italic")
    return figure


def _in_words(embeddings: np.ndarray, genres: pd.Series) -> str:
    share, chance = same_genre(embeddings, genres)
    if np.isnan(share):
        return "the catalogue names too few genres to compare"
    return f"{NEIGHBOURS} nearest songs: {_percent(share)} of the same genre (chance {_percent(chance)})"


def _percent(share: float) -> str:
    return f"{100 * share:.{0 if share >= 0.01 else 1}f} %"


def _place(embeddings: np.ndarray) -> np.ndarray:
    """Lay the songs out in a plane, the same way each time: float32, songs x 2."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(30, (len(embeddings) - 1) / 3)
    tsne = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=0)
    with threadpool_limits(1):  # on busy cores, threads that wait for each other take seven times as long
        return tsne.fit_transform(embeddings)


def _coloured(genres: pd.Series) -> list[str]:
    """Name the commonest genres; equally common ones in alphabetical order."""
    return list(genres.value_counts().sort_index().sort_values(ascending=False, kind="stable").index[: len(_LOOKS)])


def _draw_songs(axes: Axes, places: np.ndarray, genres: pd.Series) -> None:
    coloured, size = _coloured(genres), 3.4 if len(genres) <= 500 else 2
    others, unknown = ~genres.isin(coloured).to_numpy() & genres.notna().to_numpy(), genres.isna().to_numpy()
    axes.plot(*places[unknown].T, "o", color=FAINT, markersize=size, markerfacecolor="none", markeredgewidth=0.5)
    axes.plot(*places[others].T, "o", color=FAINT, markersize=size * 0.8, markeredgewidth=0)
    for name, (colour, marker) in zip(coloured, _LOOKS, strict=False):
        axes.plot(*places[genres.eq(name).to_numpy()].T, marker, color=colour, markersize=size, markeredgewidth=0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    axes.spines[:].set(visible=True, color=FAINT)


def _legend(genres: pd.Series) -> list[Line2D]:
    coloured = _coloured(genres)
    entries = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=f"{short_name(name)} ({genres.eq(name).sum()})")
        for name, (colour, marker) in zip(coloured, _LOOKS, strict=False)
    ]
    if others := genres.nunique() - len(coloured):
        songs = (genres.notna() & ~genres.isin(coloured)).sum()
        label = f"{others} other {'genre' if others == 1 else 'genres'} ({songs})"
        entries.append(Line2D([], [], color=FAINT, marker="o", markersize=3, linestyle="", label=label))
    if unknown := genres.isna().sum():
        look: Any = {"color": FAINT, "marker": "o", "markerfacecolor": "none", "linestyle": ""}
        entries.append(Line2D([], [], label=f"genre unknown ({unknown})", **look))
    return entries
