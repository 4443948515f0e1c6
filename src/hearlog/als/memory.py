"""Memory that a factorisation takes, known before it starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import psutil

from hearlog.als.split import SCORED
from hearlog.logs.interactions import BLOCK, TRANSPOSED, Interactions
from hearlog.params.log_blocks import Als
from hearlog.util.errors import InputError

SCORES = 2**27  # of held-out songs, computed at once, whatever the number of songs
SOLVED = 2**27  # entries whose rows engine implicit solves at once


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak of a factorisation.

    ``own`` must be free beside the process: the factors, their Gram matrices, row positions and a block of the
    matrix. ``mapped`` are the matrix and its transpose, which the operating system keeps in memory while there is room
    and otherwise reads again from disk.
    """

    own: int
    mapped: int


def reckon(rows: int, columns: int, entries: int, factors: int, counts: bool, held_out: bool = False) -> Memory:
    """Reckon the memory of a factorisation from the size of its matrix.

    Parameters
    ----------
    rows, columns, entries
        Users, songs and interactions.
    factors
        Dimensions.
    counts
        Whether plays stand beside the indices.
    held_out
        Whether songs are ranked for users after each iteration.
    """
    # One after the other: a block is transposed, as a sorted copy with its values, whose places are found a part at a
    # time; the short rows of a block are copied, with a mask or confidences, and solved; the loss takes scores and
    # confidences of a smaller block; held-out songs are scored after that.
    transposed = min(entries, TRANSPOSED) * (8 if counts else 6) + min(entries, BLOCK // 4) * 20
    solved = min(entries, SOLVED) * (12 if counts else 5)
    lost = min(entries, BLOCK) * (20 if counts else 8)
    scores = 4 * held_out * min(SCORES, min(rows, SCORED) * columns)
    # Beside the factors, a Gram matrix of them and its parts in float64 while they are added up.
    own = (4 * factors + 32) * (rows + columns) + 40 * factors**2 + max(transposed, solved, lost, scores)
    return Memory(own, 2 * 4 * (1 + counts) * entries)


def refuse_too_large(matrix: Interactions, settings: Als) -> None:
    """Stop before hours are spent where the factors and a block of the matrix do not fit.

    Raises
    ------
    InputError
        With the sizes, and the options that lower them.
    """
    (users, songs), entries = matrix.shape, matrix.entries
    counts, held_out = matrix.plays is not None, settings.held_out is not None
    needed, free = reckon(users, songs, entries, settings.factors, counts, held_out).own, available()
    if needed > free:
        raise InputError(
            f"ALS of {users:,} users x {songs:,} songs with {entries:,} interactions in {settings.factors} dimensions "
            f"takes {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free. Lower als.factors; or leave out "
            "rare songs and users (logs.min_song_plays, logs.min_song_users, logs.min_user_songs); or take more "
            "machines (als.engine: spark)"
        )


def available() -> int:
    """Bytes that may still be taken: of the machine, or of this process' control group where it is given less."""
    return int(min(psutil.virtual_memory().available, _left_to_group(Path("/sys/fs/cgroup"))))


def _left_to_group(folder: Path) -> int | float:
    """Bytes left to a control group (version 2), whose files in memory give way; infinity where nothing limits it."""
    try:
        limit, used = (int((folder / f"memory.{name}").read_text()) for name in ("max", "current"))
        figures = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return limit - used + int(figures["inactive_file"])
    except (OSError, ValueError, KeyError):  # no such file, or "max"
        return math.inf
