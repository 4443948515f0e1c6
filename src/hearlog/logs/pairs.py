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

from hearlog.logs.interactions import Interactions
from hearlog.util.errors import InputError

PART = 2**22  # rows, on average
WORKERS = 4  # parts sorted at once; each takes 0.2 GB, and one thread writes what they give
MOST_PLAYS = 2**31 - 1


class Numbered(NamedTuple):
    """Rows whose ids are numbers: ``keys`` is user * 2**32 + song, int64; ``plays`` int32, or None: all are 1."""

    keys: np.ndarray
    plays: np.ndarray | None


def collect(rows: Iterable[Numbered], total: int, users: int, songs: int, threads: int, folder: Path) -> Interactions:
    """Add up the plays of each user and song.

    Parameters
    ----------
    rows
        In any order, about a million at a time; all of them with plays, or none.
    total
        How many there are.
    users, songs
        Their numbers.
    threads
        Parts that are sorted at once, up to `WORKERS`.
    folder
        For files that take 8 bytes a row, 12 with plays, and 8 bytes a pair.

    Returns
    -------
    The matrix with plays, users x songs, its arrays in files of the folder.

    Raises
    ------
    InputError
        If the rows are not so many, or a sum of plays is beyond `MOST_PLAYS`.
    """
    width = -(-users // max(total // PART, 1))  # users of a part
    places = _deal(rows, width, -(-users // width), folder)
    if places.sum() != total:
        raise InputError("the logs changed while they were read: run again when nothing writes to them")
    user_songs = []
    with (folder / "pairs").open("wb") as pair_file, (folder / "plays").open("wb") as play_file:
        for part_songs, part_plays, counts in _sort(places, width, threads, folder):
            user_songs.append(counts)
            pair_file.write(part_songs.data)
            play_file.write(part_plays.data)
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(user_songs)[:users])])
    indices, plays = (np.memmap(folder / name, dtype=np.int32, mode="r") for name in ("pairs", "plays"))
    return Interactions(indptr, indices, plays, songs)


def _deal(rows: Iterable[Numbered], width: int, parts: int, folder: Path) -> np.ndarray:
    """Write batches of rows with those of a part beside each other; return their numbers, (batches, parts)."""
    counts = []
    with (folder / "keys").open("wb") as key_file, (folder / "row_plays").open("wb") as play_file:
        for keys, plays in rows:
            part = ((keys >> 32) // width).astype(np.min_scalar_type(parts))  # 16 bits are sorted fastest
            order = np.argsort(part, kind="stable")
            counts.append(np.bincount(part, minlength=parts))
            key_file.write(keys[order].data)
            if plays is not None:
                play_file.write(plays[order].data)
    return np.array(counts).reshape(-1, parts)


def _sort(
    places: np.ndarray, width: int, threads: int, folder: Path
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Songs and plays of the distinct pairs of each part, and the number of pairs of each of its users."""
    starts = (np.cumsum(places) - places.ravel()).reshape(places.shape)
    has_plays = (folder / "row_plays").stat().st_size > 0

    def read(name: str, dtype: type, part: int, batches: slice) -> np.ndarray:
        size = np.dtype(dtype).itemsize
        where = zip(starts[batches, part].tolist(), places[batches, part].tolist(), strict=True)
        with (folder / name).open("rb") as file:
            pieces = [os.pread(file.fileno(), size * count, size * start) for start, count in where]
        return np.frombuffer(bytearray().join(pieces), dtype)

    def count(part: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        keys, sums = np.empty((2, 0), dtype=np.int64)
        for batches in _runs(places[:, part]):
            plays = read("row_plays", np.int32, part, batches).astype(np.int64) if has_plays else None
            new, new_sums = _add_up(read("keys", np.int64, part, batches), plays)
            if len(keys):
                new, new_sums = _add_up(np.concatenate([keys, new]), np.concatenate([sums, new_sums]))
            keys, sums = new, new_sums
        refuse_too_many_plays(sums)
        counts = np.bincount((keys >> 32) - part * width, minlength=width)
        return keys.astype(np.int32), sums.astype(np.int32), counts  # the song is the lower half

    parts = range(places.shape[1])
    workers = min(threads, WORKERS)
    with ThreadPoolExecutor(workers) as pool, tqdm(total=len(parts), desc="sorting", unit="part", disable=None) as bar:
        for start in range(0, len(parts), workers):
            for pairs in pool.map(count, parts[start : start + workers]):
                yield pairs
                bar.update()


def _runs(rows: np.ndarray) -> Iterator[slice]:
    """Cut batches with so many rows each into runs of twice `PART` rows or little more: a user may have any number."""
    start, ends = 0, np.cumsum(rows)
    while start < len(rows):
        before = ends[start] - rows[start]
        stop = int(np.searchsorted(ends, before + 2 * PART)) + 1
        yield slice(start, stop)
        start = stop


def _add_up(keys: np.ndarray, plays: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys, ascending, and the sum of the plays of each; without plays, each counts one."""
    if plays is None:
        keys.sort()
    else:
        order = np.argsort(keys)
        keys, plays = keys[order], plays[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    if not len(first):
        return keys, np.empty(0, dtype=np.int64)
    return keys[first], np.diff(first, append=len(keys)) if plays is None else np.add.reduceat(plays, first)


def refuse_too_many_plays(sums: np.ndarray) -> None:
    """Raise `InputError` if plays of a user and song, (pairs,), are beyond `MOST_PLAYS`."""
    if sums.max(initial=0) > MOST_PLAYS:
        raise InputError(f"a user has {sums.max():,} plays of one song: leave such users out by logs.max_user_plays")
