"""The files of `hearlog.logs.interactions`, written by peers, which have no hearlog, and compared."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def write_matrix(
    out: Path, users: np.ndarray, songs: np.ndarray, user_ids: pa.Array, song_ids: pa.Array, plays: np.ndarray
) -> None:
    """Write a matrix, given the row and the column of each entry, in order, and the plays of each song."""
    out.mkdir()
    np.save(out / "indptr.npy", np.concatenate([[0], np.cumsum(np.bincount(users, minlength=len(user_ids)))]))
    np.save(out / "indices.npy", songs)
    listeners = np.bincount(songs, minlength=len(song_ids))
    pq.write_table(pa.table({"user_id": user_ids}), out / "users.parquet")
    pq.write_table(pa.table({"song_id": song_ids, "plays": plays, "listeners": listeners}), out / "songs.parquet")


def same_matrix(one: Path, other: Path) -> bool:
    """Tell whether two folders hold the same entries, ids and counts."""
    arrays = all(
        np.array_equal(*(np.load(folder / f"{name}.npy", mmap_mode="r") for folder in (one, other)))
        for name in ("indptr", "indices")
    )
    tables = all(
        pq.read_table(one / name).equals(pq.read_table(other / name).cast(pq.read_schema(one / name)))
        for name in ("users.parquet", "songs.parquet")
    )
    return arrays and tables
