"""A map of the test songs by what is listened to together and by what the estimator hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from hearlog.als.neighbours import NEIGHBOURS, agreement, nearest
from hearlog.figures.song_map import FEWEST, coloured, draw_songs, legend_entries, percent, place, same_genre_in_words
from hearlog.figures.style import COLUMN, PAGE, STYLE, SYNTHETIC, name_panel
from hearlog.util.errors import InputError

SONGS = 2000  # most that are drawn: t-SNE takes 8 s for each map of them


def embedding_map(divisor: int, channels: int, folder: Path, items: Path, synthetic: bool) -> Figure:
    """Draw two maps of the estimator's test songs, by CF embedding and by audio estimate, coloured by genre.

    The maps are by t-SNE (van der Maaten and Hinton, 2008) on cosines, and show neighbourhoods only. The shares above
    them are of the nearest songs by the embeddings themselves.

    Parameters
    ----------
    divisor
        Divisor of ``channels``.
    channels
        ``model.channels``: those of the estimator of divisor 1.
    folder
        Holds ``estimator-div<divisor>/songs.parquet``, and ``true.npy`` and ``predicted.npy`` with the same rows.
    items
        The songs' ``items.parquet``; ``target`` is the genre, null where the catalogue has none.
    synthetic
        Whether to say that the songs are of the embedded data set.

    Raises
    ------
    InputError
        When a file is missing.
    """
    genres, true, predicted = _read(folder / f"estimator-div{divisor}", items)
    drawn = np.sort(np.random.default_rng(0).permutation(len(genres))[:SONGS])
    with rc_context(STYLE):
        if len(drawn) < FEWEST:
            return _too_few(len(drawn))
        return _draw(genres.iloc[drawn], true[drawn], predicted[drawn], len(genres), channels // divisor, synthetic)


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
    same = {name: percent(count / NEIGHBOURS) for name, count in agreement(cf, estimate, len(genres)).items()}
    shared = f"{same['shared']} the same songs as in (a) (chance {same['by_chance']})"
    texts = [
        ("CF embedding", f"what the estimator is trained to predict\n{same_genre_in_words(true, genres)}"),
        (f"Audio estimate, {channels} channels", f"{same_genre_in_words(predicted, genres)}\n{shared}"),
    ]
    for position, (axes, embeddings, text) in enumerate(
        zip(figure.subplots(1, 2), (true, predicted), texts, strict=True)
    ):
        draw_songs(axes, place(embeddings), genres, coloured(genres))
        name_panel(axes, position, *text)
    figure.legend(
        handles=legend_entries(genres, coloured(genres)), loc="outside lower center", ncols=min(5, genres.nunique() + 1)
    )
    number = f"{songs:,}" if songs == len(genres) else f"{len(genres):,} of {songs:,}"
    title = f"{number} test songs by t-SNE on cosines: near songs are alike, axes and far distances mean nothing"
    figure.suptitle(title + f"\n{SYNTHETIC}" * synthetic, style="italic")
    return figure
