"""Listening logs into a user x song matrix by Polars; run by `benchmarks.peer`.

Of six ways to write it (joins with numbered ids, distinct pairs as text or as categories, dense ranks, an Enum), this
is the fastest: ids become categories while the files are read once by the streaming engine, and pairs are sorted as
one whole number each.
"""

from __future__ import annotations

import bz2
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.matrix_files import write_matrix
from benchmarks.peer import serve


def unpack(files: Path) -> pl.LazyFrame:
    """Read files of CSV packed by bzip2, which Polars leaves to Python, as many at once as there are cores."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        frames = pool.map(lambda file: pl.read_csv(bz2.decompress(file.read_bytes())), files.parent.glob(files.name))
        return pl.concat(frames).lazy()


SCANS = {"parquet": pl.scan_parquet, "csv.gz": pl.scan_csv, "csv.bz2": unpack}


def ingest(path: str, out: str) -> float:
    """Write the matrix of the logs in a folder, which is named as its files end; return the seconds."""
    begin = time.perf_counter()
    folder = Path(path)
    kinds = {name: pl.Categorical(pl.Categories(name)) for name in ("user_id", "song_id")}
    codes = SCANS[folder.name](folder / f"*.{folder.name}").cast(kinds).collect(engine="streaming")
    users, user_ids = number(codes["user_id"])
    songs, song_ids = number(codes["song_id"])
    del codes
    plays = np.bincount(songs, minlength=len(song_ids))
    keys = pl.Series(users * len(song_ids) + songs)
    del users, songs
    keys = keys.sort()
    keys = keys.filter(keys != keys.shift(1).fill_null(-1))
    users, songs = np.divmod(keys.to_numpy(), len(song_ids))
    write_matrix(Path(out), users, songs.astype(np.int32), user_ids.to_arrow(), song_ids.to_arrow(), plays)
    return time.perf_counter() - begin


def number(ids: pl.Series) -> tuple[np.ndarray, pl.Series]:
    """Give ids numbers in ascending order; return each row's number and the ids."""
    distinct = ids.unique()
    order = distinct.cast(pl.String).arg_sort()
    distinct = distinct.gather(order)
    numbers = np.empty(ids.to_physical().max() + 1, dtype=np.int64)
    numbers[distinct.to_physical().to_numpy()] = np.arange(len(distinct))
    return numbers[ids.to_physical().to_numpy()], distinct.cast(pl.String)


if __name__ == "__main__":
    serve({"ingest": ingest}, ["polars"])
