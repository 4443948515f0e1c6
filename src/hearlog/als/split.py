"""The matrix in two: interactions to fit on, and those of each user that are held out to score the fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, vstack

from hearlog.logs.interactions import Interactions
from hearlog.util.errors import InputError

SCORED = 10_000  # most users scored: the standard error of a mean is then below 0.005


@dataclass(frozen=True)
class Split:
    """What is fitted on and what is held out.

    Attributes
    ----------
    train
        Users x songs, without what is held out.
    users
        Numbers of the users to score, ascending, (scored,).
    known, relevant
        Their interactions in ``train``, and those held out: bool, (scored, songs).
    users_with_too_few_songs
        Of whom nothing is held out.
    """

    train: Interactions
    users: np.ndarray
    known: csr_matrix
    relevant: csr_matrix
    users_with_too_few_songs: int


def split(matrix: Interactions, share: float, seed: int, folder: Path) -> Split:
    """Hold out a share of every user's songs, drawn at random, and write the rest to arrays in a folder.

    Of n songs round(share * n) are held out, at most n - 1. The draw depends on the seed alone, neither on blocks nor
    on threads.

    Raises
    ------
    InputError
        If nothing can be held out.
    """
    held = _number_held_out(matrix, share)
    if not held.any():
        raise InputError(
            f"als.held_out {share:g}: no user has enough songs to hold one out: raise it, or set it to null"
        )
    generator = np.random.default_rng([seed, 1])
    scored = np.flatnonzero(held)
    scored = np.sort(generator.choice(scored, min(SCORED, len(scored)), replace=False))
    indptr = np.zeros(len(matrix.indptr), dtype=np.int64)
    np.cumsum(np.diff(matrix.indptr) - held, out=indptr[1:])
    known: list[csr_matrix] = []
    relevant: list[csr_matrix] = []
    with (folder / "indices").open("wb") as indices, (folder / "plays").open("wb") as plays:
        for block in matrix.blocks():
            rows = matrix.block(block)
            out = _draw(rows, held[block], generator)
            indices.write(rows.indices[~out].data)
            if rows.plays is not None:
                plays.write(rows.plays[~out].data)
            chosen = scored[(scored >= block.start) & (scored < block.stop)] - block.start
            for parts, mask in ((known, ~out), (relevant, out)):
                parts.append(_select(rows, mask, chosen))
    # Copy-on-write: implicit's solver refuses read-only arrays.
    left = np.memmap(folder / "indices", np.int32, "c")
    counts = None if matrix.plays is None else np.memmap(folder / "plays", np.int32, "c")
    train = Interactions(indptr, left, counts, matrix.columns)
    return Split(train, scored, vstack(known, "csr"), vstack(relevant, "csr"), int((held == 0).sum()))


def _number_held_out(matrix: Interactions, share: float) -> np.ndarray:
    songs = np.diff(matrix.indptr)
    number = np.floor(share * songs + 0.5).astype(np.int64)
    return np.clip(number, 0, np.maximum(songs - 1, 0))


def _draw(rows: Interactions, number: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Mark so many entries of each row, bool, (entries,): those whose random numbers are the lowest of the row."""
    filled = np.diff(rows.indptr)
    order = np.argsort(np.repeat(np.arange(len(filled)), filled) + generator.random(rows.entries))
    place = np.arange(rows.entries) - np.repeat(rows.indptr[:-1], filled)
    out = np.zeros(rows.entries, dtype=bool)
    out[order] = place < np.repeat(number, filled)
    return out


def _select(rows: Interactions, mask: np.ndarray, chosen: np.ndarray) -> csr_matrix:
    """Return the masked entries of some rows, bool."""
    selected = csr_matrix((mask, rows.indices, rows.indptr), shape=rows.shape)[chosen]
    selected.eliminate_zeros()
    return selected
