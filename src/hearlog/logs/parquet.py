"""Log rows from Parquet files."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import ColumnExpression, SQLExpression

from hearlog.logs.columns import positions
from hearlog.logs.unpacked import literal
from hearlog.params.log_blocks import LogColumns
from hearlog.util.errors import InputError

WHOLE = {"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint"}
NUMBERS = WHOLE | {"uhugeint", "float", "double", "decimal"}
MOMENTS = {"date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"}
NOTHING = '"null"'  # of a column without any value
IDS = WHOLE | {"uhugeint", "varchar", "enum", "uuid", NOTHING}
FILE, NUMBER = "file of the log", "file_row_number"  # what DuckDB adds; the second name cannot be chosen

# Folders such as date=2018-01-31 name a column, whose values stay text: the id 007 is no number.
READ = """
    FROM read_parquet($files{part}, hive_partitioning = {partitioned}, hive_types_autocast = false,
        binary_as_string = true, filename = '{file}', file_row_number = true)
"""


class Part(NamedTuple):
    """Files whose columns have the same types: their rows, and of the columns by key the names and types."""

    file: Path
    names: dict[str, str]
    kinds: dict[str, str]
    rows: duckdb.DuckDBPyRelation


def parse_parquet(con: duckdb.DuckDBPyConnection, files: list[Path], columns: LogColumns) -> duckdb.DuckDBPyRelation:
    """Take the columns of Parquet files, for `hearlog.logs.judge.judge`; ``text`` shows the row's values.

    Numbers and times of their own types do not pass through text, which takes most of the time. Files of different
    types are read apart: DuckDB would cast all to the types of the first, text 007 to the number 7.

    Raises
    ------
    InputError
        If a column is not there, is another one in another file, or holds no ids, or ids of different kinds.
    """
    alike = dict[object, list[Path]]()
    for file in files:
        alike.setdefault(_types(file, columns), []).append(file)
    parts = [_read(con, number, group, columns) for number, group in enumerate(alike.values())]
    _refuse_different(parts, columns)
    return reduce(lambda rows, more: rows.union(more), (part.rows for part in parts))


def _types(file: Path, columns: LogColumns) -> object:
    """Return what is equal where files can be read as one: names and types of the columns, and the folder's column."""
    try:
        schema = pq.read_schema(file)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{file}: not readable: {error}") from None
    if NUMBER in (name.lower() for name in schema.names):
        raise InputError(f"{file}: has a column {NUMBER!r}, which is DuckDB's own name for the row: rename it")
    used = [column - 1 if isinstance(column, int) else column for _, column in columns]
    fields = [(field.name, field.type) for i, field in enumerate(schema) if i in used or field.name in used]
    _refuse_folder(file, [name for name, _ in fields])
    return (*fields, file.parent.name.partition("=")[0] if _is_partition(file) else None)


def _refuse_folder(file: Path, names: list[str]) -> None:
    """Raise `InputError` if a folder names a column that the file has too: DuckDB would take the folder's value."""
    folders = {part.partition("=")[0].lower() for part in file.parts[:-1] if "=" in part} if _is_partition(file) else ()
    for name in names:
        if name.lower() in folders:
            raise InputError(
                f"{file}: column {name!r} (logs.columns) is in the file, and a folder of that name gives it another "
                "value: rename the folder"
            )


def _is_partition(file: Path) -> bool:
    return "=" in file.parent.name


def _read(con: duckdb.DuckDBPyConnection, number: int, files: list[Path], columns: LogColumns) -> Part:
    query = READ.format(part=number, partitioned=_is_partition(files[0]), file=FILE)
    table = con.sql(query, params={f"files{number}": literal(con, files)})
    columns_of_files = [name for name in table.columns if name not in (FILE, NUMBER)]
    found = positions(columns, columns_of_files, files[0])._asdict()
    names = {key: columns_of_files[position - 1] for key, position in found.items() if position}
    kinds = {key: _kind(table, name) for key, name in names.items()}
    for key in ("user", "song"):
        if kinds[key] not in IDS:
            raise InputError(
                f"{files[0]}: column {names[key]!r} (logs.columns.{key}) is of type {kinds[key]}. Ids are text or "
                "whole numbers: write it so (in pandas whole numbers with gaps are of type Int64)"
            )
    return Part(files[0], names, kinds, _take(table, names, kinds))


def _take(table: duckdb.DuckDBPyRelation, names: dict[str, str], kinds: dict[str, str]) -> duckdb.DuckDBPyRelation:
    values = ", ".join(f"'{key}': row_{key}" for key in names)
    return table.select(
        ColumnExpression(FILE).alias("file"),
        SQLExpression(f"{NUMBER} + 1").alias("number"),
        *(ColumnExpression(name).alias(f"row_{key}") for key, name in names.items()),
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


def _refuse_different(parts: list[Part], columns: LogColumns) -> None:
    """Raise `InputError` if a position is of another column in another file, or ids are text here and numbers there."""
    for key in parts[0].names:
        first = next((part for part in parts if part.kinds[key] != NOTHING), parts[0])
        for part in parts:
            if part.names[key] != first.names[key]:
                raise InputError(
                    f"{part.file}: column {getattr(columns, key)} (logs.columns.{key}) is {part.names[key]!r}, and in "
                    f"{first.file} {first.names[key]!r}. Give the name instead of the position"
                )
            is_number, was_number = part.kinds[key] in NUMBERS, first.kinds[key] in NUMBERS
            if key in ("user", "song") and part.kinds[key] != NOTHING and is_number != was_number:
                raise InputError(
                    f"{part.file}: column {part.names[key]!r} (logs.columns.{key}) is of type {part.kinds[key]}, and "
                    f"in {first.file} of type {first.kinds[key]}: 007 and 7 may be the same id there, and are two in "
                    "text. Write all files with the same type"
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
