"""What CF embeddings say: how long a song's is beside its number of listeners, and which songs are alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hearlog.als.neighbours import NEIGHBOURS

MAPPED = 2000  # most listened songs that are laid out in a plane, which takes 8 s
QUERIES = 4
BLOCK = 2**16  # songs that are read at once: the factors may be larger than memory


@dataclass(frozen=True)
class Reading:
    """What is shown of the embeddings of all songs.

    ``norms`` (float32) and ``listeners`` (int64) have one number a song. ``popular`` are the rows of the `MAPPED` most
    listened songs, most listened first, ``directions`` (float32, popular songs x factors) their embeddings divided by
    their norms, and ``genres`` their genres, null where the catalogue has none. ``queries`` are positions among the
    popular songs. ``nearest`` is the table of `nearest_songs`.
    """

    norms: np.ndarray
    listeners: np.ndarray
    popular: np.ndarray
    directions: np.ndarray
    genres: pd.Series
    queries: np.ndarray
    nearest: pd.DataFrame


def read_embeddings(factors: np.ndarray, songs: pd.DataFrame, catalogue: pd.DataFrame) -> Reading:
    """Look at the embeddings of all songs, a block at a time.

    Parameters
    ----------
    factors
        float32, songs x factors; may be a memory map.
    songs
        ``song_id`` and ``listeners`` of each row.
    catalogue
        As of `hearlog.corpora.catalogue.read`. Songs may be missing there.
    """
    facts = catalogue.set_index("song_id")[["title", "artist", "genre"]]
    listeners = songs["listeners"].to_numpy()
    popular = np.argsort(-listeners, kind="stable")[:MAPPED]
    genres = songs["song_id"].iloc[popular].map(facts["genre"]).reset_index(drop=True)
    queries = choose_queries(genres)
    norms = np.concatenate([np.linalg.norm(factors[rows], axis=1) for rows in _blocks(len(factors))])
    return Reading(
        norms,
        listeners,
        popular,
        _directions(factors, popular),
        genres,
        queries,
        nearest_songs(factors, songs, facts, popular[queries]),
    )


def choose_queries(genres: pd.Series, count: int = QUERIES) -> np.ndarray:
    """Choose popular songs of different genres, the most listened of each; others where genres are too few.

    Parameters
    ----------
    genres
        Of songs, most listened first; null where unknown.
    count
        How many songs to choose; all if there are fewer.

    Returns
    -------
    Positions in ``genres``, ascending.
    """
    first_of_genre = (genres.notna() & ~genres.duplicated()).to_numpy()
    chosen = np.concatenate([np.flatnonzero(first_of_genre), np.flatnonzero(~first_of_genre)])[:count]
    return np.sort(chosen)


def nearest_rows(factors: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows of greatest cosine to each of a few queries, itself left out; exact, a block at a time.

    It reads all songs from a memory map, which `hearlog.als.neighbours.nearest`, for many queries, would hold in
    memory.

    Parameters
    ----------
    factors
        float32, songs x factors; may be a memory map. A row of zeros has cosine 0 with every other.
    queries
        Rows of ``factors``.
    count
        Neighbours of each; all others if there are fewer.

    Returns
    -------
    Rows (int64) and cosines (float32), queries x neighbours, nearest first and equally near ones in their order.
    """
    sought = _directions(factors, queries)
    cosines = np.concatenate([sought @ _directions(factors, rows).T for rows in _blocks(len(factors))], axis=1)
    cosines[np.arange(len(queries)), queries] = -np.inf
    order = np.argsort(-cosines, axis=1, kind="stable")[:, : min(count, len(factors) - 1)]
    return order, np.take_along_axis(cosines, order, axis=1)


def nearest_songs(
    factors: np.ndarray, songs: pd.DataFrame, facts: pd.DataFrame, queries: np.ndarray, count: int = NEIGHBOURS
) -> pd.DataFrame:
    """Tabulate a few songs, each followed by its nearest songs by cosine.

    Parameters
    ----------
    factors, songs
        As of `read_embeddings`.
    facts
        ``title``, ``artist`` and ``genre`` by id.
    queries
        Rows of ``factors``.
    count
        Neighbours of each.

    Returns
    -------
    ``query`` (the id of the song that is asked for), ``rank`` (0 for that song itself, 1 for the nearest), ``song``,
    ``cosine``, ``listeners``, and ``title``, ``artist`` and ``genre``, null where the catalogue has none.
    """
    rows, cosines = nearest_rows(factors, queries, count)
    rows = np.column_stack([queries, rows]).astype(np.int64)
    cosines = np.column_stack([np.ones(len(queries)), cosines])
    found = songs.iloc[rows.ravel()]
    table = {
        "query": songs["song_id"].iloc[np.repeat(queries, rows.shape[1])].to_numpy(),
        "rank": np.tile(np.arange(rows.shape[1]), len(queries)),
        "song": found["song_id"].to_numpy(),
        "cosine": cosines.ravel().round(4),
        "listeners": found["listeners"].to_numpy(),
    }
    return pd.DataFrame(table).join(facts, on="song")


def _blocks(songs: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, songs, BLOCK))


def _directions(factors: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
    """Divide rows by their norms; zeros stay zeros."""
    taken = np.asarray(factors[rows], dtype=np.float32)
    norms = np.linalg.norm(taken, axis=1, keepdims=True)
    return np.divide(taken, norms, out=np.zeros_like(taken), where=norms > 0)
