"""Listening logs into a user x song matrix by pandas; run by `benchmarks.peer`."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.matrix_files import write_matrix
from benchmarks.peer import serve


def ingest(path: str, out: str) -> float:
    """Write the matrix of the logs in a folder, which is named as its files end; return the seconds."""
    begin = time.perf_counter()
    folder = Path(path)
    read = pd.read_parquet if folder.name == "parquet" else pd.read_csv
    rows = pd.concat(map(read, sorted(folder.iterdir())), ignore_index=True)
    users, user_ids = pd.factorize(rows["user_id"], sort=True)
    songs, song_ids = pd.factorize(rows["song_id"], sort=True)
    plays = np.bincount(songs, minlength=len(song_ids))
    pairs = pd.DataFrame({"user": users, "song": songs}).drop_duplicates().sort_values(["user", "song"])
    columns = pairs["song"].to_numpy(np.int32)
    write_matrix(Path(out), pairs["user"].to_numpy(), columns, pa.array(user_ids), pa.array(song_ids), plays)
    return time.perf_counter() - begin


if __name__ == "__main__":
    serve({"ingest": ingest}, ["pandas"])
