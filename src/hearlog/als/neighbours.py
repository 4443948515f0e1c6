"""Nearest songs by cosine."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 5  # shown on the page and counted in the figure


def nearest(embeddings: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows of greatest cosine to each query, itself left out.

    For many queries, taken in chunks, among embeddings in memory; `hearlog.als.reading.nearest_rows` is for a few
    queries among more songs than memory may hold.

    Parameters
    ----------
    embeddings
        Float, songs x factors.
    queries
        Rows of ``embeddings``.
    count
        Neighbours of each.

    Returns
    -------
    Rows (int64) and cosines (float), queries x ``count``, nearest first.
    """
    if count < 1:
        return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0))
    index = NearestNeighbors(n_neighbors=count + 1, metric="cosine", algorithm="brute").fit(embeddings)
    distances, rows = index.kneighbors(embeddings[queries])
    itself = rows == queries[:, None]
    itself[~itself.any(axis=1), -1] = True  # more than `count` songs with exactly its embedding
    shape = len(queries), count
    return rows[~itself].reshape(shape), 1 - distances[~itself].reshape(shape)


def agreement(cf: np.ndarray, estimate: np.ndarray, songs: int) -> dict[str, float]:
    """Count how many neighbours two lists share on average, and how many two random lists would.

    Parameters
    ----------
    cf, estimate
        Rows of neighbours, queries x neighbours.
    songs
        Among which the neighbours were looked for, the query included.
    """
    shared = np.mean([len(np.intersect1d(*lists)) for lists in zip(cf, estimate, strict=True)])
    return {"shared": float(shared), "by_chance": cf.shape[1] ** 2 / (songs - 1)}
