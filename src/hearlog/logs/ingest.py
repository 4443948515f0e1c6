"""Listening logs into a user x song matrix on disk, by DuckDB and NumPy, within a limit of memory.

DuckDB reads the rows, numbers users and songs in the order of their ids, and puts the numbers in the ids' place; the
rest is arithmetic on whole numbers. What is written is described in `hearlog.logs.interactions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from hearlog.logs import filters
from hearlog.logs.connection import open_rows, progress, scratch_beside
from hearlog.logs.files import are_parquet
from hearlog.logs.identity import define_hash, read_key
from hearlog.logs.interactions import Interactions
from hearlog.logs.pairs import Numbered, collect
from hearlog.logs.rejected import find_rejected, reasons, write_rejected
from hearlog.logs.staged import part, stage
from hearlog.params.log_blocks import Logs
from hearlog.util.errors import InputError

BATCH = 2**20  # rows that DuckDB hands over at a time

LIST_IDS = "CREATE TABLE {table} AS SELECT DISTINCT {table}_id AS id FROM used"
# A table's rowid is the place in the order in which it was made.
NUMBER_IDS = "CREATE TABLE {table}s AS SELECT id, {name} AS name FROM {table} ORDER BY name"
NUMBER_ROWS = """
    SELECT (users.rowid << 32) + songs.rowid AS key, {plays}::INTEGER AS plays
    FROM used JOIN users ON user_id = users.id JOIN songs ON song_id = songs.id
"""


def ingest(settings: Logs, memory_limit: str, threads: int, out: Path) -> dict[str, Any]:
    """Read listening logs and write the user x song matrix of who and what meets the limits.

    Parameters
    ----------
    settings
        Where the logs are, how they are written, and the limits.
    memory_limit
        Of DuckDB, such as ``2GB``; sorting takes up to 1 GB beside it. Temporary files are written beside ``out``.
    threads
        0 for all cores.
    out
        Folder to write; see `hearlog.logs.interactions`.

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
    with scratch_beside(out) as scratch, open_rows(settings, memory_limit, threads, scratch) as rows:
        con = rows.con
        used = part(rows) if are_parquet(rows.files, settings) else stage(rows)
        counts = {"files": len(rows.files)} | check_rows(used, *find_rejected(con, settings), settings, out)
        list_ids(con)
        number_ids(con, settings)
        cores = con.execute("SELECT current_setting('threads')").fetchall()[0][0]
        numbered = _number_rows(con, settings.columns.plays is not None, used)
        pairs = collect(numbered, used, length(con, "users"), length(con, "songs"), cores, scratch)
        return counts | write_matrix(con, pairs, settings, out)


def check_rows(used: int, rejected: list[dict[str, Any]], outside: int, settings: Logs, out: Path) -> dict[str, Any]:
    """Write what `find_rejected` gave, stop if too little can be used, and return what `ingest` counts of rows."""
    rows = used + outside + sum(row["rows"] for row in rejected)
    counts = {"rows": rows, "rejected": write_rejected(rejected, rows, settings, out), "rows_outside_window": outside}
    if not rows:
        raise InputError(f"{settings.path}: holds no rows")
    if not used:
        window = f" ({outside:,} outside logs.since and logs.until)" if any(settings.window) else ""
        listed = f":\n{reasons(rejected)}" if rejected else ""
        raise InputError(f"{settings.path}: of {rows:,} rows none can be used{window}{listed}")
    return counts


def list_ids(con: duckdb.DuckDBPyConnection) -> None:
    """Make of the ids in the view ``used`` the tables ``user`` and ``song``, with the column ``id``."""
    for table in ("user", "song"):
        with progress(con, f"{table}s"):
            con.execute(LIST_IDS.format(table=table))


def number_ids(con: duckdb.DuckDBPyConnection, settings: Logs) -> None:
    """Make of the ids in tables ``user`` and ``song`` the tables ``users`` and ``songs``, whose rowid is the number."""
    if settings.hash_users:
        define_hash(con, read_key())
    con.execute(NUMBER_IDS.format(table="user", name="hashed(id)" if settings.hash_users else "id"))
    con.execute(NUMBER_IDS.format(table="song", name="id"))


def _number_rows(con: duckdb.DuckDBPyConnection, with_plays: bool, total: int) -> Iterator[Numbered]:
    """Give the rows as numbers, in any order."""
    query = NUMBER_ROWS.format(plays="plays" if with_plays else "NULL")
    con.execute("SET preserve_insertion_order = false")
    con.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")  # it takes staged rows for a few
    with tqdm(total=total, desc="rows", unit="row", unit_scale=True, disable=None, leave=False) as bar:
        for batch in con.sql(query).to_arrow_reader(BATCH):
            yield Numbered(batch["key"].to_numpy(), batch["plays"].to_numpy() if with_plays else None)
            bar.update(len(batch))
    con.execute("RESET disabled_optimizers")
    con.execute("SET preserve_insertion_order = true")


def write_matrix(con: duckdb.DuckDBPyConnection, pairs: Interactions, settings: Logs, out: Path) -> dict[str, Any]:
    """Write the matrix of who and what meets the limits, with the ids, and return what `ingest` counts of it.

    Parameters
    ----------
    con
        With the tables that `number_ids` makes.
    pairs
        With plays, the ``users`` x ``songs`` of those tables.
    """
    kept = filters.select(pairs, settings)
    if not kept.songs.any():
        names = ("max_user_plays", "min_song_plays", "min_song_users", "min_user_songs")
        limits = ", ".join(f"logs.{name} {getattr(settings, name)}" for name in names)
        raise InputError(f"{settings.path}: no user and song meet the limits {limits}: loosen them")
    _write_ids(con, kept, out)
    users, songs = int(kept.users.sum()), int(kept.songs.sum())
    interactions = filters.write(pairs, kept, settings.values == "counts", out)
    return {
        "users_above_max_plays": kept.bots,
        "users_below_limits": len(kept.users) - users - kept.bots,
        "songs_below_limits": len(kept.songs) - songs,
        "users": users,
        "songs": songs,
        "interactions": interactions,
        "density": interactions / (users * songs),
    }


def _write_ids(con: duckdb.DuckDBPyConnection, kept: filters.Kept, out: Path) -> None:
    """Write the ids that stay, and the songs' counts, in the order of rows and columns."""
    counts = {"plays": kept.plays, "listeners": kept.listeners}
    for name, query, mask, columns in (
        ("users", "SELECT name AS user_id FROM users ORDER BY rowid", kept.users, {}),
        ("songs", "SELECT name AS song_id FROM songs ORDER BY rowid", kept.songs, counts),
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


def length(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Count the rows of a table."""
    return con.table(table).shape[0]
