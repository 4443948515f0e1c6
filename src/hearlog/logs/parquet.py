"""Log rows from Parquet files."""

from __future__ import annotations

from pathlib import Path

import duckdb
from duckdb import ColumnExpression, SQLExpression

from hearlog.errors import InputError
from hearlog.log_blocks import LogColumns
from hearlog.logs.columns import positions
from hearlog.logs.files import literal

WHOLE = {"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint"}
NUMBERS = WHOLE | {"uhugeint", "float", "double", "decimal"}
MOMENTS = {"date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"}
IDS = WHOLE | {"uhugeint", "varchar", "enum", "uuid"}

# Folders such as date=2018-01-31 name a column, whose values stay text: the id 007 is no number.
READ = """
    FROM read_parquet($files, hive_partitioning = $partitioned, hive_types_autocast = false, binary_as_string = true,
        filename = true, file_row_number = true)
"""


def parse_parquet(con: duckdb.DuckDBPyConnection, files: list[Path], columns: LogColumns) -> duckdb.DuckDBPyRelation:
    """Take the columns of Parquet files, for `hearlog.logs.judge.judge`; ``text`` shows the row's values.

    Numbers and times of their own types do not pass through text, which takes most of the time.
    """
    partitioned = all("=" in file.parent.name for file in files)
    table = con.sql(READ, params={"files": literal(files), "partitioned": partitioned})
    names = [name for name in table.columns if name not in ("filename", "file_row_number")]
    found = {key: position for key, position in positions(columns, names, files[0])._asdict().items() if position}
    kinds = {key: _kind(table, names[position - 1]) for key, position in found.items()}
    for key in ("user", "song"):
        if kinds[key] not in IDS:
            raise InputError(
                f"{files[0]}: column {names[found[key] - 1]!r} (logs.columns.{key}) is of type {kinds[key]}. Ids are "
                "text or whole numbers: write it so (in pandas whole numbers with gaps are of type Int64)"
            )
    values = ", ".join(f"'{key}': row_{key}" for key in found)
    return table.select(
        ColumnExpression("filename").alias("file"),
        SQLExpression("file_row_number + 1").alias("number"),
        *(ColumnExpression(names[position - 1]).alias(f"row_{key}") for key, position in found.items()),
    ).select(
        "file",
        "number",
        SQLExpression(f"{{{values}}}::VARCHAR").alias("text"),
        SQLExpression("NULL::VARCHAR").alias("fault"),
        SQLExpression("row_user::VARCHAR").alias("user_id"),
        SQLExpression("row_song::VARCHAR").alias("song_id"),
        SQLExpression(_plays(kinds.get("plays"))).alias("plays"),
        SQLExpression(_time(kinds.get("time"))).alias("time"),
    )


def _kind(table: duckdb.DuckDBPyRelation, name: str) -> str:
    """Return the type of a column without its parameters, such as ``decimal``."""
    return str(table.types[table.columns.index(name)]).lower().partition("(")[0]


def _plays(kind: str | None) -> str:
    if kind is None:
        return "1::BIGINT"
    return "plays_of_number(row_plays)" if kind in NUMBERS else "plays_of_text(row_plays::VARCHAR)"


def _time(kind: str | None) -> str:
    if kind is None:
        return "'-infinity'::TIMESTAMP"
    if kind in NUMBERS:
        return "time_of_number(TRY_CAST(floor(row_time) AS BIGINT))"
    return "row_time::TIMESTAMP" if kind in MOMENTS else "time_of_text(row_time::VARCHAR)"
