"""Listening logs into a user x song matrix on disk, by DuckDB and NumPy, within a limit of memory.

DuckDB reads the rows, numbers users and songs in the order of their ids, and puts the numbers in the ids' place; the
rest is arithmetic on whole numbers. What is written is described in `hearlog.interactions`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from hearlog.errors import InputError
from hearlog.logs import filters
from hearlog.logs.connection import open_rows, progress, stage
from hearlog.logs.files import are_parquet
from hearlog.logs.identity import define_hash, read_key
from hearlog.logs.pairs import Numbered, collect
from hearlog.logs.rejected import find_rejected, write_rejected
from hearlog.params import Logs

BATCH = 2**20  # rows that DuckDB hands over at a time

COUNT_USERS = """
    CREATE TABLE counted AS
    SELECT user_id, count(*) AS rows, sum(plays)::BIGINT AS plays FROM rows WHERE reason IS NULL GROUP BY user_id
"""
# A table's rowid is the place in the order in which it was made.
NUMBER_USERS = """
    CREATE TABLE users AS
    SELECT user_id, {name} AS name, rows FROM counted WHERE coalesce(plays <= ?, true) ORDER BY name
"""
NUMBER_SONGS = "CREATE TABLE songs AS SELECT DISTINCT song_id FROM rows WHERE reason IS NULL ORDER BY song_id"
NUMBER_ROWS = """
    SELECT (users.rowid << 32) + songs.rowid AS key, {plays}::INTEGER AS plays
    FROM rows JOIN users USING (user_id) JOIN songs USING (song_id) WHERE reason IS NULL
"""


def ingest(settings: Logs, memory_limit: str, threads: int, out: Path) -> dict[str, Any]:
    """Read listening logs and write the user x song matrix of who and what meets the limits.

    Parameters
    ----------
    settings
        Where the logs are, how they are written, and the limits.
    memory_limit
        Of DuckDB, such as ``2GB``. Beyond it, and for the rows as numbers, temporary files are written inside ``out``.
    threads
        0 for all cores.
    out
        Folder to write; see `hearlog.interactions`.

    Returns
    -------
    Counts: ``files``; ``rows``, of which ``rejected`` (a dict: ``total`` and each reason) and
    ``rows_outside_window`` are not used; ``users_above_max_plays``, ``users_below_limits`` and
    ``songs_below_limits``, which are left out; ``users``, ``songs``, ``interactions`` and ``density`` of the matrix.

    Raises
    ------
    InputError
        If files, columns or too many rows cannot be used, or nothing remains.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        scratch = Path(folder)
        with open_rows(settings, memory_limit, threads, scratch) as (con, files):
            if not are_parquet(files, settings):
                stage(con, scratch)
            counts = {"files": len(files)} | _count_rows(con, settings, out)
            user_rows = _number_users(con, settings)
            with progress(con, "songs"):
                con.execute(NUMBER_SONGS)
            rows = _number_rows(con, settings, int(user_rows.sum()))
            cores = con.execute("SELECT current_setting('threads')").fetchall()[0][0]
            pairs = collect(rows, user_rows, _length(con, "songs"), cores, scratch)
            kept = filters.select(pairs, settings)
            if not kept.songs.any():
                raise InputError(f"{settings.path}: no song and user meet the limits {_limits(settings)}: lower them")
            _write_ids(con, kept, out)
            counts["users_above_max_plays"] = _length(con, "counted") - len(kept.users)
        users, songs = int(kept.users.sum()), int(kept.songs.sum())
        interactions = filters.write(pairs, kept, settings.values == "counts", out)
    return counts | {
        "users_below_limits": len(kept.users) - users,
        "songs_below_limits": len(kept.songs) - songs,
        "users": users,
        "songs": songs,
        "interactions": interactions,
        "density": interactions / (users * songs),
    }


def _count_rows(con: duckdb.DuckDBPyConnection, settings: Logs, out: Path) -> dict[str, Any]:
    """Count the rows of each user, and those that are not used."""
    with progress(con, "users"):
        con.execute(COUNT_USERS)
    used = con.execute("SELECT coalesce(sum(rows), 0)::BIGINT FROM counted").fetchall()[0][0]
    rejected, outside = find_rejected(con, used, settings)
    rows = used + outside + sum(row["rows"] for row in rejected)
    counts = {"rows": rows, "rejected": write_rejected(rejected, rows, settings, out), "rows_outside_window": outside}
    if not used:
        raise InputError(f"{settings.path}: of {rows:,} rows none can be used ({outside:,} outside since and until)")
    return counts


def _number_users(con: duckdb.DuckDBPyConnection, settings: Logs) -> np.ndarray:
    """Give users who are no bots their numbers, and return the rows of each."""
    if settings.hash_users:
        define_hash(con, read_key())
    name = "hashed(user_id)" if settings.hash_users else "user_id"
    con.execute(NUMBER_USERS.format(name=name), [settings.max_user_plays])
    rows: np.ndarray = con.sql("SELECT rows FROM users ORDER BY rowid").fetchnumpy()["rows"]
    if not len(rows):
        raise InputError(f"{settings.path}: every user has more than logs.max_user_plays {settings.max_user_plays}")
    return rows


def _number_rows(con: duckdb.DuckDBPyConnection, settings: Logs, total: int) -> Iterator[Numbered]:
    """Give the rows as numbers, in any order."""
    plays_vary = con.execute("SELECT bool_or(plays <> rows) FROM counted").fetchall()[0][0]
    query = NUMBER_ROWS.format(plays="plays" if plays_vary else "NULL")
    con.execute("SET preserve_insertion_order = false")
    with tqdm(total=total, desc="rows", unit="row", unit_scale=True, disable=None, leave=False) as bar:
        for batch in con.sql(query).to_arrow_reader(BATCH):
            yield Numbered(batch["key"].to_numpy(), batch["plays"].to_numpy() if plays_vary else None)
            bar.update(len(batch))
    con.execute("SET preserve_insertion_order = true")


def _write_ids(con: duckdb.DuckDBPyConnection, kept: filters.Kept, out: Path) -> None:
    """Write the ids that stay, and the songs' counts, in the order of rows and columns."""
    counts = {"plays": kept.plays, "listeners": kept.listeners}
    for name, query, mask, columns in (
        ("users", "SELECT name AS user_id FROM users ORDER BY rowid", kept.users, {}),
        ("songs", "SELECT song_id FROM songs ORDER BY rowid", kept.songs, counts),
    ):
        reader = con.sql(query).to_arrow_reader(BATCH)
        schema = reader.schema
        for column in columns:
            schema = schema.append(pa.field(column, pa.int64()))
        with pq.ParquetWriter(out / f"{name}.parquet", schema) as writer:
            start = 0
            for batch in reader:
                rows = slice(start, start + len(batch))
                start = rows.stop
                arrays = [*batch.columns, *(pa.array(values[rows]) for values in columns.values())]
                writer.write_batch(pa.record_batch(arrays, schema=schema).filter(pa.array(mask[rows])))


def _length(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608 (names of our own)


def _limits(settings: Logs) -> str:
    names = ("min_song_plays", "min_song_users", "min_user_songs")
    return ", ".join(f"logs.{name} {getattr(settings, name)}" for name in names)
