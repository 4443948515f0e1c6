"""Listening logs of any size, written block by block: python -m benchmarks.power_law USERS SONGS ROWS FOLDER.

How much users listen is log-normal; how often songs are played follows a Zipf-Mandelbrot law. Every user and every
song occurs, the number of rows is exact, and a seed gives the same rows whatever the number of cores. Rows come in
random order over all files, as those of many users at one time do: users are drawn block by block into arrays on
disk, and each log file takes its share of every block.
"""

import argparse
import bz2
import gzip
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from tqdm import tqdm

Format = Literal["parquet", "csv.gz", "csv.bz2"]

EXPONENT = 1.2  # of popularity over rank; with OFFSET the rarest of 2.5 M songs has about 10 of 991 M listeners
OFFSET = 100  # flattens the top: without it the first songs would be everyone's
SPREAD = 1.1  # standard deviation of log activity
REPEATS = 0.5  # share of rows that repeat a song of the same user, where rows need not be distinct
BLOCK = 2**23  # rows drawn at once
FILE = 5_000_000  # rows a file

# Songs through one dictionary a file, users as they are, since few have many rows in a file: 7 bytes a row.
PARQUET = {
    "compression": "zstd",
    "compression_level": 1,
    "row_group_size": FILE,
    "use_dictionary": ["song_id"],
    "dictionary_pagesize_limit": 2**30,
    "store_schema": False,  # of Arrow: it would tell readers that songs are a dictionary, not text
}


@dataclass(frozen=True)
class Shape:
    """Users, songs and rows of a log; where ``distinct``, no user has a song twice: rows are the non-zeros."""

    users: int
    songs: int
    rows: int
    distinct: bool = True


def write_logs(folder: Path, shape: Shape, seed: int = 0, formats: Sequence[Format] = ("parquet",)) -> list[Path]:
    """Write log files with columns ``user_id`` and ``song_id`` to a folder for each format; return these folders.

    What is there already of the same shape and seed is left as it is. While it runs, pairs take 8 bytes a row on disk
    beside the logs; memory is about 0.7 GB a core.
    """
    made = folder / "shape.json"
    wanted = json.dumps(asdict(shape) | {"seed": seed, "formats": list(formats)})
    targets = [folder / name for name in formats]
    if made.exists() and made.read_text() == wanted:
        return targets
    made.unlink(missing_ok=True)
    for path in [pairs := folder / "pairs", *targets]:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    files = -(-shape.rows // FILE)
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(cores) as pool:
        blocks = list(plan(shape, seed))
        for name, work, items in [
            ("draw", partial(draw_block, shape, seed, pairs), blocks),
            ("write", partial(write_file, shape, seed, files, pairs, targets), range(files)),
        ]:
            list(tqdm(pool.map(work, items), name, total=len(items), unit=name, disable=None))
    shutil.rmtree(pairs)
    made.write_text(wanted)
    return targets


@dataclass(frozen=True)
class Block:
    """Consecutive users: how many rows each has, and songs that must occur at given rows of the block."""

    number: int
    first: int
    activity: np.ndarray
    rows: np.ndarray
    songs: np.ndarray


def plan(shape: Shape, seed: int) -> Iterator[Block]:
    """Share the rows among users, and choose a row for each song, so that none is missing."""
    rng = np.random.default_rng(seed)
    activity = draw_activity(shape, rng)
    ends = np.cumsum(activity)
    rows = rng.choice(shape.rows, shape.songs, replace=False)
    songs = np.argsort(rows)
    rows = rows[songs]
    cuts = np.unique([0, *np.searchsorted(ends, np.arange(BLOCK, shape.rows, BLOCK)), shape.users])
    for number, (first, last) in enumerate(pairwise(cuts)):
        begin, end = ends[first] - activity[first], ends[last - 1]
        own = slice(*np.searchsorted(rows, [begin, end]))
        yield Block(number, first, activity[first:last], rows[own] - begin, songs[own])


def draw_activity(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Rows of each user: log-normal, at least 1, at most a quarter of the songs; their sum is exact.

    Raises
    ------
    ValueError
        Too few rows for every user and song, or too many.
    """
    most = max(shape.songs // 4, 1)
    if not max(shape.users, shape.songs) <= shape.rows <= shape.users * most // 2:
        raise ValueError(f"{shape} has too few rows for every user and song, or too many")
    weights = rng.lognormal(0, SPREAD, shape.users)
    activity = np.ones(shape.users, dtype=np.int64)
    while (left := shape.rows - activity.sum()) > 0:
        share = left * weights / weights.sum()
        more = np.floor(share).astype(np.int64) if left > shape.users else rng.random(shape.users) < share
        activity = np.minimum(activity + more, most)
        weights[activity == most] = 0
    surplus = rng.choice(np.flatnonzero(activity > 1), -left, replace=False)
    activity[surplus] -= 1
    return activity


def draw_block(shape: Shape, seed: int, folder: Path, block: Block) -> None:
    """Draw the songs of some users and write the pairs, in random order, as an array (rows, 2) of int32."""
    rng = np.random.default_rng([seed, 1, block.number])
    draw = distinct_pairs if shape.distinct else listened_pairs
    users, songs = draw(block, shape.songs, rng)
    order = rng.permutation(len(users))
    np.save(folder / f"{block.number}.npy", np.stack([users[order] + np.int32(block.first), songs[order]], axis=1))


def distinct_pairs(block: Block, songs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Users (from 0 within the block) and songs; what is drawn twice is drawn again until every user has enough."""
    bits = songs.bit_length()
    count = len(block.activity)
    forced = (np.repeat(np.arange(count), block.activity)[block.rows] << bits) + block.songs
    missing = block.activity - np.bincount(forced >> bits, minlength=count)
    first = pairs = ascending(forced, draw_pairs(missing, songs, rng))
    later = np.empty(0, dtype=np.int64)  # what the first round lacks: kept apart, since it is small
    missing = block.activity - np.bincount(first >> bits, minlength=count)
    while missing.any():
        drawn = draw_pairs(missing, songs, rng)
        later = ascending(later, drawn[first[np.minimum(np.searchsorted(first, drawn), len(first) - 1)] != drawn])
        pairs = np.concatenate([first, later])
        missing = block.activity - np.bincount(pairs >> bits, minlength=count)
    return (pairs >> bits).astype(np.int32), (pairs & ((1 << bits) - 1)).astype(np.int32)


def draw_pairs(rows: np.ndarray, songs: int, rng: np.random.Generator) -> np.ndarray:
    """Draw so many songs for each user; return user and song in one number, the song in the lower bits."""
    users = np.repeat(np.arange(len(rows)), rows)
    return (users << songs.bit_length()) + draw_songs(len(users), songs, rng)


def ascending(*numbers: np.ndarray) -> np.ndarray:
    """Join, sort, and leave out repeats (`np.unique` takes five times as long)."""
    joined = np.sort(np.concatenate(numbers))
    return joined[np.concatenate([[True], joined[1:] != joined[:-1]])] if len(joined) else joined


def listened_pairs(block: Block, songs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Users (from 0 within the block) and songs, a row a listen: many songs are listened to again."""
    users = np.repeat(np.arange(len(block.activity), dtype=np.int32), block.activity)
    starts = (np.cumsum(block.activity) - block.activity)[users]
    rows = np.arange(len(users))
    earlier = starts + (rng.random(len(users)) * (rows - starts)).astype(np.int64)
    drawn = draw_songs(len(users), songs, rng)
    drawn[block.rows] = block.songs
    repeats = rng.random(len(users)) < REPEATS
    repeats[block.rows] = False
    return users, drawn[np.where(repeats, earlier, rows)].astype(np.int32)


def draw_songs(count: int, songs: int, rng: np.random.Generator) -> np.ndarray:
    """Draw songs by popularity, song 0 being the most popular, through the inverse of the distribution function."""
    offset = min(OFFSET, songs / 10)
    power = 1 - EXPONENT
    top, tail = offset**power, (songs + offset) ** power
    ranks = (top - rng.random(count) * (top - tail)) ** (1 / power) - offset
    return np.minimum(ranks.astype(np.int64), songs - 1)


def write_file(shape: Shape, seed: int, files: int, pairs: Path, targets: Sequence[Path], number: int) -> None:
    """Take a file's share of every block, in random order, and write it in each format."""
    shares = []
    for path in sorted(pairs.iterdir()):
        block = np.load(path, mmap_mode="r")
        cuts = len(block) * np.array([number, number + 1]) // files
        shares.append(block[cuts[0] : cuts[1]])
    rows = np.concatenate(shares)[np.random.default_rng([seed, 2, number]).permutation(sum(map(len, shares)))]
    table = pa.table({"user_id": user_ids(rows[:, 0]), "song_id": song_ids(rows[:, 1], shape.songs)})
    for folder in targets:
        path = folder / f"listens-{number:04}.{folder.name}"
        if folder.name == "parquet":
            pq.write_table(table, path, **PARQUET)
        else:
            with gzip.open(path, "wb", 1) if folder.suffix == ".gz" else bz2.open(path, "wb") as stream:
                pa_csv.write_csv(table, stream, pa_csv.WriteOptions(quoting_style="none"))


def user_ids(users: np.ndarray) -> pa.Array:
    """Text such as ``u0000123``, for up to 10 million users."""
    thousands = np.array([f"u{number:03}" for number in range(1000)], dtype="S4")
    units = np.array([f"{number:04}" for number in range(10_000)], dtype="S4")
    text = np.stack([thousands[users // 10_000], units[users % 10_000]], axis=1)
    return fixed_width(text.view(np.uint8))


def song_ids(songs: np.ndarray, count: int) -> pa.Array:
    """Text such as ``TR0F3A5C7D9B1E2468``, whose order says nothing of popularity; repeats share one text."""
    present = np.zeros(count, dtype=bool)
    present[songs] = True
    codes = (np.cumsum(present) - 1)[songs].astype(np.int32)
    mixed = mix(np.flatnonzero(present).astype(np.uint64))
    nibbles = mixed[:, None] >> np.arange(60, -1, -4, dtype=np.uint64) & np.uint64(15)
    letters = np.frombuffer(b"0123456789ABCDEF", dtype=np.uint8)[nibbles]
    prefix = np.broadcast_to(np.frombuffer(b"TR", dtype=np.uint8), (len(mixed), 2))
    return pa.DictionaryArray.from_arrays(codes, fixed_width(np.concatenate([prefix, letters], axis=1)))


def mix(numbers: np.ndarray) -> np.ndarray:
    """Scatter 64-bit numbers, each to another (the last steps of SplitMix64)."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ numbers >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ numbers >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return numbers ^ numbers >> np.uint64(31)


def fixed_width(characters: np.ndarray) -> pa.Array:
    """Make an Arrow array of text of characters (texts, length)."""
    count, width = characters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    data = np.ascontiguousarray(characters, dtype=np.uint8)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("users", "songs", "rows"):
        parser.add_argument(name, type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--listens", action="store_true", help="users may have a song more than once")
    parser.add_argument("--formats", nargs="+", choices=get_args(Format), default=["parquet"])
    arguments = parser.parse_args()
    shape = Shape(arguments.users, arguments.songs, arguments.rows, not arguments.listens)
    write_logs(arguments.folder, shape, arguments.seed, arguments.formats)
