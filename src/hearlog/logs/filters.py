"""Which users and songs stay, and the matrix of those."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.format import write_array_header_1_0
from tqdm import tqdm

from hearlog.logs.interactions import Interactions
from hearlog.params.log_blocks import Logs
from hearlog.util import arrays

BLOCK = 2**22  # entries counted at a time


@dataclass(frozen=True)
class Kept:
    """What stays: ``users`` and ``songs`` are bool masks; the counts, int64, are of all users and all songs.

    ``user_songs`` counts the songs that stay, ``listeners`` and ``plays`` the users that stay and what they played;
    ``bots`` is the number of users above `logs.max_user_plays`.
    """

    users: np.ndarray
    songs: np.ndarray
    user_songs: np.ndarray
    listeners: np.ndarray
    plays: np.ndarray
    bots: int


def select(pairs: Interactions, settings: Logs) -> Kept:
    """Find the users and songs that meet the limits.

    Users above `logs.max_user_plays` go first. To leave out songs leaves users with fewer of them, and the other way
    round: both are repeated until `logs.min_song_plays`, `logs.min_song_users` and `logs.min_user_songs` hold at once.

    Parameters
    ----------
    pairs
        With plays, users x songs.
    settings
        The limits.
    """
    users = np.ones(pairs.shape[0], dtype=bool)
    if settings.max_user_plays is not None:
        users = _add_plays(pairs) <= settings.max_user_plays
    bots = int((~users).sum())
    while True:
        listeners, plays = _count_songs(pairs, users)
        songs = (listeners >= settings.min_song_users) & (plays >= settings.min_song_plays)
        user_songs = np.where(users, pairs.count(songs), 0)
        enough = user_songs >= settings.min_user_songs
        if not user_songs[~enough].any():  # who leaves has none of these songs
            return Kept(enough, songs, user_songs, listeners, plays, bots)
        users = enough


def write(pairs: Interactions, kept: Kept, with_plays: bool, out: Path) -> int:
    """Write the matrix of what stays, with rows and columns numbered anew, and return its number of entries."""
    number = (np.cumsum(kept.songs) - 1).astype(np.int32)
    indptr = np.concatenate([[0], np.cumsum(kept.user_songs[kept.users])])
    arrays.save(out / "indptr.npy", indptr)
    entries = int(indptr[-1])
    (out / "plays.npy").unlink(missing_ok=True)
    with ExitStack() as files:
        names = ["indices", "plays"] if with_plays else ["indices"]
        targets = [files.enter_context((out / f"{name}.npy").open("wb")) for name in names]
        for file in targets:
            header = {"descr": np.dtype(np.int32).str, "fortran_order": False, "shape": (entries,)}
            write_array_header_1_0(file, header)
        for block in _blocks(pairs, "writing"):
            stays = kept.songs[block.songs] & kept.users[block.users]
            for file, values in zip(targets, (number[block.songs], block.plays), strict=False):
                file.write(values[stays].data)
    return entries


def _add_plays(pairs: Interactions) -> np.ndarray:
    """Add up the plays of each user."""
    sums = np.zeros(pairs.shape[0])
    for block in _blocks(pairs, "counting"):
        sums += np.bincount(block.users, block.plays, minlength=len(sums))
    return sums


def _count_songs(pairs: Interactions, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count users and plays of each song, by those users alone."""
    listeners, plays = np.zeros((2, pairs.columns), dtype=np.int64)
    for block in _blocks(pairs, "counting"):
        by_them = users[block.users]
        songs = block.songs[by_them]
        listeners += np.bincount(songs, minlength=pairs.columns)
        plays += np.bincount(songs, block.plays[by_them], minlength=pairs.columns).astype(np.int64)
    return listeners, plays


class _Block(NamedTuple):
    """Pairs of consecutive users: the number of the user, of the song, and the plays of each."""

    users: np.ndarray
    songs: np.ndarray
    plays: np.ndarray


def _blocks(pairs: Interactions, title: str) -> Iterator[_Block]:
    with tqdm(total=pairs.entries, desc=title, unit="pair", unit_scale=True, disable=None, leave=False) as bar:
        for rows in pairs.blocks(BLOCK):
            block = pairs.block(rows)
            users = np.arange(rows.start, rows.stop).repeat(np.diff(block.indptr))
            yield _Block(users, block.indices, np.asarray(block.plays))
            bar.update(block.entries)
