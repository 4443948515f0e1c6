"""The rows of logs that cannot be used: counted by reason, listed with an example, and limited in number.

``rejected.parquet`` has one row a reason: ``reason``, ``rows`` (int64), and of one of them ``example_file``,
``example_line`` (int64, from 1; in Parquet the row; null for a line that cannot be found again, in a file of mixed line
ends) and ``example``. With `logs.hash_users` these three are null: lines, and paths, name listeners.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hearlog.logs.delimited import unreadable_lines
from hearlog.logs.judge import OUTSIDE_WINDOW
from hearlog.logs.rows import find_number
from hearlog.params.log_blocks import Logs
from hearlog.util.errors import InputError

SCHEMA = pa.schema(
    {
        "reason": pa.string(),
        "rows": pa.int64(),
        "example_file": pa.string(),
        "example_line": pa.int64(),
        "example": pa.string(),
    }
)
LONGEST_EXAMPLE = 200
Found = tuple[str, int, dict[str, Any]]  # reason, rows, and of one of them file, number and text

FIND = """
    SELECT reason, count(*), min({'file': file, 'number': number, 'text': text})
    FROM unused GROUP BY reason
"""


def find_rejected(con: duckdb.DuckDBPyConnection, settings: Logs) -> tuple[list[dict[str, Any]], int]:
    """List what of the rows cannot be used, and count what lies outside the window of time.

    Parameters
    ----------
    con
        With the view ``unused``, see `hearlog.logs.staged`.

    Returns
    -------
    rejected
        An entry a reason, with the columns of ``rejected.parquet``.
    outside
        Rows that `logs.since` and `logs.until` leave out, which are no fault.
    """
    return describe(con, find(con), settings)


def find(con: duckdb.DuckDBPyConnection) -> list[Found]:
    """Count the rows of the view ``unused`` by reason, and lines that are no text: with one of each, as it was read."""
    return con.execute(FIND).fetchall() + unreadable_lines(con)


def describe(con: duckdb.DuckDBPyConnection, found: list[Found], settings: Logs) -> tuple[list[dict[str, Any]], int]:
    """Return of what `find` gave what `find_rejected` returns."""
    outside = sum(rows for reason, rows, _ in found if reason == OUTSIDE_WINDOW)
    rejected = [_describe(con, settings, *row) for row in sorted(found) if row[0] != OUTSIDE_WINDOW]
    return rejected, outside


def _describe(
    con: duckdb.DuckDBPyConnection, settings: Logs, reason: str, rows: int, example: dict[str, Any]
) -> dict[str, Any]:
    if settings.hash_users:
        return {"reason": reason, "rows": rows, "example_file": None, "example_line": None, "example": None}
    number = example["number"] or find_number(con, Path(example["file"]), example["text"], settings)
    return {
        "reason": reason,
        "rows": rows,
        "example_file": example["file"],
        "example_line": number,
        "example": example["text"][:LONGEST_EXAMPLE],
    }


def place(row: dict[str, Any]) -> str:
    """Say where the example of a row of ``rejected.parquet`` stands and what it is; nothing, if it is not known."""
    if not row["example_file"]:
        return ""
    line = "" if row["example_line"] is None else f" line {row['example_line']}"
    return f", such as {row['example_file']}{line}: {row['example']!r}"


def reasons(rejected: list[dict[str, Any]]) -> str:
    """List reasons, a line each, with the number of rows and an example."""
    return "\n".join(f"  {row['reason']}: {row['rows']}{place(row)}" for row in rejected)


def write_rejected(rejected: list[dict[str, Any]], rows: int, settings: Logs, out: Path) -> dict[str, int]:
    """Write ``rejected.parquet``, and stop if the rows in it are too many.

    Parameters
    ----------
    rejected
        As `find_rejected` gives them.
    rows
        All rows, usable or not.

    Returns
    -------
    Rows by reason, and their ``total``.

    Raises
    ------
    InputError
        If more than the share `logs.max_rejected` of the rows cannot be used.
    """
    pq.write_table(pa.Table.from_pylist(rejected, schema=SCHEMA), out / "rejected.parquet")
    total = sum(row["rows"] for row in rejected)
    if total > settings.max_rejected * rows:
        raise InputError(
            f"{settings.path}: {total} of {rows} rows cannot be used, above logs.max_rejected "
            f"{settings.max_rejected:g}. Check logs.format, logs.delimiter, logs.header and logs.columns, or mend the "
            f"rows ({out / 'rejected.parquet'}):\n{reasons(rejected)}"
        )
    return {"total": total} | {row["reason"]: row["rows"] for row in rejected}
