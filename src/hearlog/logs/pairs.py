"""Numbered rows of logs become a matrix of all users and songs, in memory that does not grow with the rows.

Rows are dealt into parts of consecutive users, each small enough to be sorted in memory; one part after the other
then makes its rows of the matrix. Neither the order in which rows come nor the number of parts shows in the result.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from hearlog.errors import InputError
from hearlog.interactions import Interactions

PART = 2**22  # rows; a user with more is a part of its own
MOST_PLAYS = 2**31 - 1


class Numbered(NamedTuple):
    """Rows whose ids are numbers: ``keys`` is user * 2**32 + song, int64; ``plays`` int32, or None: all are 1."""

    keys: np.ndarray
    plays: np.ndarray | None


class _Part(NamedTuple):
    """Consecutive users, and where their rows stand."""

    users: range
    rows: slice


def collect(rows: Iterable[Numbered], user_rows: np.ndarray, songs: int, threads: int, folder: Path) -> Interactions:
    """Add up the plays of each user and song.

    Parameters
    ----------
    rows
        In any order, about a million at a time; all of them with plays, or none.
    user_rows
        How many of them each user has, (users,).
    songs
        Number of songs.
    threads
        Parts that are sorted at once.
    folder
        For files that take 8 bytes a row, 12 with plays, and then 8 bytes a pair.

    Returns
    -------
    The matrix with plays, users x songs, its arrays in files of the folder.

    Raises
    ------
    InputError
        If the rows are not as many as ``user_rows`` says, or a sum of plays is beyond `MOST_PLAYS`.
    """
    first_rows = np.concatenate([[0], np.cumsum(user_rows)])
    part_of_user = first_rows[:-1] // PART
    part_of_user = part_of_user.astype(np.min_scalar_type(int(part_of_user[-1])))  # 16 bits are sorted fastest
    starts = np.searchsorted(part_of_user, np.arange(int(part_of_user[-1]) + 2))
    _deal(rows, part_of_user, first_rows[starts], folder)
    parts = [
        _Part(range(*users), slice(*first_rows[users]))
        for users in np.stack([starts[:-1], starts[1:]], axis=1)
        if users[0] < users[1]
    ]
    user_songs = np.zeros(len(user_rows), dtype=np.int64)
    with (folder / "pairs").open("wb") as pair_file, (folder / "plays").open("wb") as play_file:
        for part, (part_songs, part_plays, counts) in zip(parts, _sort(parts, threads, folder), strict=True):
            user_songs[part.users] = counts
            part_songs.tofile(pair_file)
            part_plays.tofile(play_file)
    indptr = np.concatenate([[0], np.cumsum(user_songs)])
    indices, plays = (np.memmap(folder / name, dtype=np.int32, mode="r") for name in ("pairs", "plays"))
    return Interactions(indptr, indices, plays, songs)


def _deal(rows: Iterable[Numbered], part_of_user: np.ndarray, offsets: np.ndarray, folder: Path) -> None:
    """Write each row to the place of its part: part i has the rows from ``offsets[i]`` to ``offsets[i + 1]``."""
    filled = offsets[:-1].copy()
    with (folder / "keys").open("wb") as key_file, (folder / "row_plays").open("wb") as play_file:
        for keys, plays in rows:
            part = part_of_user[keys >> 32]
            order = np.argsort(part, kind="stable")
            counts = np.bincount(part, minlength=len(filled))
            _scatter(key_file.fileno(), keys[order], counts, filled)
            if plays is not None:
                _scatter(play_file.fileno(), plays[order], counts, filled)
            filled += counts
    if not np.array_equal(filled, offsets[1:]):
        raise InputError("the logs changed while they were read: run again when nothing writes to them")


def _scatter(file: int, values: np.ndarray, counts: np.ndarray, places: np.ndarray) -> None:
    ends = np.cumsum(counts)
    for part in np.flatnonzero(counts):
        os.pwrite(file, values[ends[part] - counts[part] : ends[part]].data, values.itemsize * places[part])


def _sort(parts: list[_Part], threads: int, folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Songs and plays of the distinct pairs of each part, and the number of pairs of each of its users."""
    has_plays = (folder / "row_plays").stat().st_size > 0

    def add_up(part: _Part) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = part.rows.stop - part.rows.start
        keys = np.fromfile(folder / "keys", dtype=np.int64, count=rows, offset=8 * part.rows.start)
        if has_plays:
            order = np.argsort(keys)
            plays = np.fromfile(folder / "row_plays", dtype=np.int32, count=rows, offset=4 * part.rows.start)[order]
            keys = keys[order]
        else:
            keys.sort()
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        sums = np.add.reduceat(plays, first, dtype=np.int64) if has_plays else np.diff(first, append=rows)
        if sums.max(initial=0) > MOST_PLAYS:
            raise InputError(
                f"a user has {sums.max():,} plays of one song: leave such users out by logs.max_user_plays"
            )
        pairs = keys[first]
        counts = np.bincount((pairs >> 32) - part.users.start, minlength=len(part.users))
        return pairs.astype(np.int32), sums.astype(np.int32), counts  # the song is the lower half

    with ThreadPoolExecutor(threads) as pool, tqdm(total=len(parts), desc="sorting", unit="part", disable=None) as bar:
        for start in range(0, len(parts), threads):
            for pairs in pool.map(add_up, parts[start : start + threads]):
                yield pairs
                bar.update()
