"""Listening logs, read by DuckDB into a binary user x song matrix on disk.

The folder that `ingest` writes:

``indptr.npy`` (int64, users + 1), ``indices.npy`` (int32, interactions)
    The matrix in compressed sparse row form, column indices ascending within a row. Every stored entry is a one.
``users.parquet``
    ``user_id`` (text); row i is row i of the matrix. Ascending by the id's UTF-8 bytes, so that neither the
    order of the files nor the number of threads shows in the result.
``songs.parquet``
    ``song_id`` (text), ``plays`` and ``listeners`` (int64); row i is column i, ascending by id.
``rejected.parquet``
    One row a reason: ``reason``, ``rows`` (int64), ``example_file``, ``example_line`` (int64, from 1; in Parquet
    the row; null for a line that cannot be found again, in a file of mixed line ends) and ``example``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib.format import open_memmap

from hearlog.errors import InputError
from hearlog.logs.rows import find_files, line_number, unreadable_lines, view_rows
from hearlog.params import Logs

REJECTED_SCHEMA = pa.schema(
    {
        "reason": pa.string(),
        "rows": pa.int64(),
        "example_file": pa.string(),
        "example_line": pa.int64(),
        "example": pa.string(),
    }
)

# One pass over the files: the rows that cannot be used make one pair a reason.
COUNT_PAIRS = """
    CREATE TEMP TABLE pairs AS
    WITH judged AS (
        SELECT *, CASE WHEN fault IS NOT NULL THEN fault
            WHEN coalesce(trim(user_id), '') = '' THEN 'empty_user_id'
            WHEN coalesce(trim(song_id), '') = '' THEN 'empty_song_id'
            WHEN NOT coalesce(regexp_full_match(plays, '0*[1-9][0-9]{0,8}([.]0*)?'), false)
                THEN 'bad_play_count' END AS reason
        FROM read_rows
    )
    SELECT reason,
        CASE WHEN reason IS NULL THEN user_id END AS user_id,
        CASE WHEN reason IS NULL THEN song_id END AS song_id,
        sum(CASE WHEN reason IS NULL THEN TRY_CAST(plays AS BIGINT) END)::BIGINT AS plays,
        count(*) AS rows,
        min({'file': file, 'number': number, 'text':
            coalesce(text, {'user': user_id, 'song': song_id, 'plays': plays}::VARCHAR)
        }) FILTER (WHERE reason IS NOT NULL) AS example
    FROM judged GROUP BY ALL
"""

USED_ROWS = """
    SELECT coalesce(sum(rows), 0)::BIGINT, count(DISTINCT user_id) FROM pairs WHERE reason IS NULL
"""

PLAYS = """
    SELECT song_id, sum(plays)::BIGINT AS plays FROM pairs WHERE reason IS NULL GROUP BY song_id ORDER BY song_id
"""

INDEX_SONGS = """
    CREATE TEMP TABLE songs AS
    SELECT song_id, sum(plays)::BIGINT AS plays, count(*) AS listeners,
        row_number() OVER (ORDER BY song_id) - 1 AS song
    FROM pairs WHERE reason IS NULL GROUP BY song_id HAVING sum(plays) >= ?
"""

INDEX_USERS = """
    CREATE TEMP TABLE users AS
    SELECT user_id, count(*) AS songs, row_number() OVER (ORDER BY user_id) - 1 AS user
    FROM pairs SEMI JOIN songs USING (song_id) WHERE reason IS NULL GROUP BY user_id
"""

INTERACTIONS = """
    SELECT song::INTEGER AS song
    FROM pairs JOIN songs USING (song_id) JOIN users USING (user_id)
    WHERE reason IS NULL ORDER BY user, song
"""


def ingest(settings: Logs, memory_limit: str, threads: int, out: Path) -> dict[str, Any]:
    """Read listening logs and write the binary user x song matrix of the songs played often enough.

    A row of a text file is one line; blank lines are skipped. Values may stand in double quotes (doubled inside)
    unless the delimiter is a tab, where quote characters are text.

    Parameters
    ----------
    settings
        Where the logs are, which columns hold what, and the limits.
    memory_limit
        Of DuckDB, such as ``2GB``; beyond it temporary files are written inside ``out``.
    threads
        0 for all cores.
    out
        Folder to write; see the module's docstring.

    Returns
    -------
    Counts: ``files``, ``rows``, ``rejected`` (a dict: ``total`` and each reason), ``users``, ``songs``,
    ``interactions``, ``density``, and what ``min_song_plays`` left out (``songs_below_min_plays``,
    ``users_without_songs``).

    Raises
    ------
    InputError
        If files, columns or too many rows cannot be used, or nothing remains.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _count_pairs(settings, memory_limit, threads, out) as (con, files):
        counts = _write_rejected(con, settings, out)
        return {"files": len(files), **counts, **_write_matrix(con, settings, out)}


@dataclass(frozen=True)
class Survey:
    """What was read of the logs: all rows, or the first of them; no song is left out for having few plays.

    ``rejected`` has one entry a reason, with the keys of ``rejected.parquet``; ``songs`` is a table of ``song_id`` and
    ``plays``, by id; ``complete`` says that no row was left unread.
    """

    files: list[Path]
    rows: int
    complete: bool
    rejected: list[dict[str, Any]]
    users: int
    songs: pa.Table


def survey(settings: Logs, memory_limit: str, threads: int, spill: Path, most_rows: int | None = None) -> Survey:
    """Count what is in the logs, as `ingest` would take it, and write nothing.

    Parameters
    ----------
    settings, memory_limit, threads
        As of `ingest`; of the settings no limit matters.
    spill
        Folder for temporary files beyond the memory limit.
    most_rows
        Stop reading after this many; None reads all.

    Raises
    ------
    InputError
        If files or columns cannot be used.
    """
    with _count_pairs(settings, memory_limit, threads, spill, most_rows) as (con, files):
        rejected = _read_rejected(con)
        used, users = con.execute(USED_ROWS).fetchall()[0]
        rows = used + sum(row["rows"] for row in rejected)
        complete = most_rows is None or rows < most_rows
        songs = con.sql(PLAYS).to_arrow_table()
        return Survey(files, rows, complete, rejected, users, songs)


@contextmanager
def _count_pairs(
    settings: Logs, memory_limit: str, threads: int, spill: Path, most_rows: int | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Path]]]:
    """Read the log files, which are named as well, into the table ``pairs`` of a connection."""
    files = find_files(settings.path)
    with tempfile.TemporaryDirectory(dir=spill) as folder, duckdb.connect() as con:
        con.execute("SET memory_limit = ?", [memory_limit])
        con.execute("SET temp_directory = ?", [folder])
        if threads:
            con.execute("SET threads = ?", [threads])
        try:
            view_rows(con, files, settings)
            rows = con.view("rows")
            (rows if most_rows is None else rows.limit(most_rows)).create_view("read_rows")
            con.execute(COUNT_PAIRS)
            yield con, files
        except duckdb.OutOfMemoryException as error:
            raise InputError(f"{settings.path}: raise runtime.memory_limit ({memory_limit}): {error}") from None
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise InputError(f"{settings.path}: not readable: {error}") from None


def _write_rejected(con: duckdb.DuckDBPyConnection, settings: Logs, out: Path) -> dict[str, Any]:
    """List the rows that cannot be used, by reason, and stop if they are too many."""
    rejected = _read_rejected(con)
    pq.write_table(pa.Table.from_pylist(rejected, schema=REJECTED_SCHEMA), out / "rejected.parquet")

    used, _ = con.execute(USED_ROWS).fetchall()[0]
    total = sum(row["rows"] for row in rejected)
    if total > settings.max_rejected * (used + total):
        reasons = "\n".join(
            f"  {row['reason']}: {row['rows']}, such as {row['example_file']} line {row['example_line']}: "
            f"{row['example']!r}"
            for row in rejected
        )
        raise InputError(
            f"{settings.path}: {total} of {used + total} rows cannot be used, above logs.max_rejected "
            f"{settings.max_rejected:g}. Check logs.delimiter, logs.header and logs.columns, or mend the rows "
            f"({out / 'rejected.parquet'}):\n{reasons}"
        )
    return {"rows": used + total, "rejected": {"total": total} | {row["reason"]: row["rows"] for row in rejected}}


def _read_rejected(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    found = con.execute("SELECT reason, rows, example FROM pairs WHERE reason IS NOT NULL").fetchall()
    rejected = [_describe(reason, rows, example) for reason, rows, example in found + unreadable_lines(con)]
    return sorted(rejected, key=lambda row: row["reason"])


def _describe(reason: str, rows: int, example: dict[str, Any]) -> dict[str, Any]:
    line = example["number"] or line_number(Path(example["file"]), example["text"])
    return {
        "reason": reason,
        "rows": rows,
        "example_file": example["file"],
        "example_line": line,
        "example": example["text"][:200],
    }


def _write_matrix(con: duckdb.DuckDBPyConnection, settings: Logs, out: Path) -> dict[str, Any]:
    """Give users and songs their rows and columns, by id, and write the matrix."""
    con.execute(INDEX_SONGS, [settings.min_song_plays])
    con.execute(INDEX_USERS)
    songs = con.sql("SELECT song_id, plays, listeners FROM songs ORDER BY song").to_arrow_table()
    users = con.sql("SELECT user_id, songs FROM users ORDER BY user").to_arrow_table()
    if not len(songs):
        raise InputError(f"{settings.path}: no song was played {settings.min_song_plays} times (logs.min_song_plays)")
    indptr = np.concatenate([[0], np.cumsum(users["songs"].to_numpy())])
    indices = open_memmap(out / "indices.npy", mode="w+", dtype=np.int32, shape=(int(indptr[-1]),))
    filled = 0
    for batch in con.sql(INTERACTIONS).to_arrow_reader(1_000_000):
        indices[filled : filled + len(batch)] = batch["song"].to_numpy()
        filled += len(batch)
    indices.flush()
    np.save(out / "indptr.npy", indptr.astype(np.int64))
    pq.write_table(users.select(["user_id"]), out / "users.parquet")
    pq.write_table(songs, out / "songs.parquet")

    heard = "SELECT count(DISTINCT song_id), count(DISTINCT user_id) FROM pairs WHERE reason IS NULL"
    all_songs, all_users = con.execute(heard).fetchall()[0]
    return {
        "songs_below_min_plays": all_songs - len(songs),
        "users_without_songs": all_users - len(users),
        "users": len(users),
        "songs": len(songs),
        "interactions": filled,
        "density": filled / (len(users) * len(songs)),
    }
