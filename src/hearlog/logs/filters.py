"""Which users and songs stay, and the matrix of those."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from tqdm import tqdm

from hearlog.interactions import Interactions
from hearlog.params import Logs

BLOCK = 2**22  # entries counted at a time


@dataclass(frozen=True)
class Kept:
    """What stays: ``users`` and ``songs`` are bool masks; ``listeners`` and ``plays`` (int64) are of all songs.

    Both count what the users that stay have played.
    """

    users: np.ndarray
    songs: np.ndarray
    listeners: np.ndarray
    plays: np.ndarray


def select(pairs: Interactions, settings: Logs) -> Kept:
    """Find the users and songs that meet the limits among themselves.

    To leave out songs leaves users with fewer of them, and the other way round: both are repeated until
    `logs.min_song_plays`, `logs.min_song_users` and `logs.min_user_songs` hold at once.

    Parameters
    ----------
    pairs
        With plays, users x songs.
    settings
        The limits.
    """
    users = np.ones(pairs.shape[0], dtype=bool)
    while True:
        listeners, plays = _count_songs(pairs, users)
        songs = (listeners >= settings.min_song_users) & (plays >= settings.min_song_plays)
        user_songs = np.where(users, _count_users(pairs, songs), 0)
        enough = user_songs >= settings.min_user_songs
        if not user_songs[~enough].any():  # who leaves has none of these songs
            return Kept(enough, songs, listeners, plays)
        users = enough


def write(pairs: Interactions, kept: Kept, with_plays: bool, out: Path) -> int:
    """Write the matrix of what stays, with rows and columns numbered anew, and return its number of entries."""
    number = (np.cumsum(kept.songs) - 1).astype(np.int32)
    indptr = np.concatenate([[0], np.cumsum(_count_users(pairs, kept.songs)[kept.users])])
    np.save(out / "indptr.npy", indptr)
    names = ["indices", "plays"] if with_plays else ["indices"]
    shape = (int(indptr[-1]),)
    arrays = [open_memmap(out / f"{name}.npy", mode="w+", dtype=np.int32, shape=shape) for name in names]
    filled = 0
    for block, rows in _blocks(pairs, "writing"):
        stays = kept.songs[block.indices] & np.repeat(kept.users[rows], np.diff(block.indptr))
        for array, values in zip(arrays, (number[block.indices], block.plays), strict=False):
            part = values[stays]
            array[filled : filled + len(part)] = part
        filled += len(part)
    for array in arrays:
        array.flush()
    return filled


def _count_songs(pairs: Interactions, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count users and plays of each song, by those users alone."""
    listeners, plays = np.zeros((2, pairs.columns), dtype=np.int64)
    for block, rows in _blocks(pairs, "counting"):
        by_them = np.repeat(users[rows], np.diff(block.indptr))
        listeners += np.bincount(block.indices[by_them], minlength=pairs.columns)
        plays += np.bincount(block.indices[by_them], block.plays[by_them], minlength=pairs.columns).astype(np.int64)
    return listeners, plays


def _count_users(pairs: Interactions, songs: np.ndarray) -> np.ndarray:
    """Count how many of those songs each user has."""
    counts = np.zeros(pairs.shape[0], dtype=np.int64)
    for block, rows in _blocks(pairs, "counting"):
        counts[rows] = np.add.reduceat(songs[block.indices], block.indptr[:-1], dtype=np.int64)
    return counts


def _blocks(pairs: Interactions, title: str) -> Iterator[tuple[Interactions, slice]]:
    """Cut into blocks of rows. Every row has an entry."""
    with tqdm(total=pairs.entries, desc=title, unit="pair", unit_scale=True, disable=None, leave=False) as bar:
        for rows in pairs.blocks(BLOCK):
            block = pairs.block(rows)
            yield block, rows
            bar.update(block.entries)
