"""The rows of log files, as a DuckDB view: CSV or TSV, plain or packed, and Parquet."""

from __future__ import annotations

import csv
import glob
import io
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from duckdb import ColumnExpression, ConstantExpression

from hearlog.blocks import LogColumns, Logs
from hearlog.errors import InputError
from hearlog.files import refuse_lfs_pointer, refuse_unencodable

SUFFIXES = [kind + packed for kind in (".csv", ".tsv", ".txt", ".dat") for packed in ("", ".gz", ".zst")]

# DuckDB hands over whole lines, and they are split here: its own reader takes all lines up to the next quote
# character for one value, so that a single stray quote would swallow the rest of a file. It insists on a
# delimiter, so it gets three control characters; a line that holds them is cut there, and is rejected.
NO_DELIMITER = "\x1f\x1e\x1f"

LONGEST_HEADER = csv.field_size_limit()

UNQUOTE = """
    CREATE TEMP MACRO unquote(quoted, field) AS
    CASE WHEN quoted AND starts_with(field, '"') THEN replace(field[2:-2], '""', '"') ELSE field END
"""

# Of the line ends \r\r\n, those of a text file converted twice, DuckDB leaves the \n to the next line: hence `ltrim`.
SPLIT_LINES = """
    CREATE TEMP VIEW rows AS
    WITH whole AS (
        SELECT filename, rest IS NOT NULL AS cut,
            CASE WHEN rest IS NOT NULL THEN ltrim(concat(line, getvariable('no_delimiter'), rest), e'\\r\\n')
                WHEN line < ' ' THEN ltrim(line, e'\\r\\n') ELSE line END AS line
        FROM lines
    ), split AS (
        SELECT filename, cut, line,
            getvariable('quoting') AND contains(line, '"') AS quoted,
            CASE WHEN quoted THEN regexp_extract_all(line || getvariable('delimiter'), getvariable('field'), 1)
                ELSE string_split(line, getvariable('delimiter')) END AS fields
        FROM whole WHERE line <> ''
    )
    SELECT filename AS file, NULL::BIGINT AS number, line AS text,
        CASE WHEN cut THEN 'control_characters'
            WHEN quoted AND len(array_to_string(fields, getvariable('delimiter'))) <> len(line)
                THEN 'broken_quotes'
            WHEN len(fields) < getvariable('fewest_fields') THEN 'too_few_fields'
            WHEN len(fields) > getvariable('most_fields') THEN 'too_many_fields' END AS fault,
        unquote(quoted, fields[getvariable('user')]) AS user_id,
        unquote(quoted, fields[getvariable('song')]) AS song_id,
        CASE WHEN getvariable('plays') IS NULL THEN '1'
            ELSE unquote(quoted, fields[getvariable('plays')]) END AS plays
    FROM split
"""

UNREADABLE_LINES = """
    SELECT lower(replace(error_type, ' ', '_')) AS reason, count(*),
        min({'file': file_path, 'number': line, 'text': csv_line})
    FROM reject_errors JOIN reject_scans USING (scan_id, file_id) GROUP BY reason
"""


def find_files(path: str) -> list[Path]:
    """List the log files of a file, a folder (searched through) or a glob, in ascending order."""
    if Path(path).is_dir():
        endings = (*SUFFIXES, ".parquet")
        found = [file for file in Path(path).rglob("*") if file.name.lower().endswith(endings)]
    else:
        names = [path] if Path(path).is_file() else glob.glob(path, recursive=True)  # noqa: PTH207 (absolute paths too)
        found = [Path(name) for name in names]
    for file in found:
        refuse_unencodable(file)
    files = sorted(file for file in found if file.is_file())
    if not files:
        raise InputError(f"{path}: no log files (logs.path); a folder is searched for .parquet, {', '.join(SUFFIXES)}")
    return files


def view_rows(con: duckdb.DuckDBPyConnection, files: list[Path], settings: Logs) -> None:
    """Create the view ``rows``, one row a line that is not blank, or a row of a Parquet file.

    Its columns: ``file``, ``number`` (of the row in a Parquet file, from 1; null for a line), ``text`` (the line;
    null for Parquet), ``fault`` (why the line could not be split, or null), ``user_id``, ``song_id`` and
    ``plays``, all three as text.
    """
    for file in files:
        refuse_lfs_pointer(file)
    parquet = [file for file in files if file.suffix.lower() == ".parquet"]
    if not parquet:
        _view_lines(con, files, settings)
    elif parquet == files:
        _view_parquet(con, files, settings.columns)
    else:
        raise InputError(
            f"{settings.path}: {len(parquet)} of {len(files)} files are Parquet; logs.path must name one kind"
        )


def unreadable_lines(con: duckdb.DuckDBPyConnection) -> list[tuple[str, int, dict[str, Any]]]:
    """Reason, count and example of what DuckDB could not take for a line of text: not UTF-8, or above 2 MB.

    Known once ``rows`` was read; Parquet files have none.
    """
    if not con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchone():
        return []
    return con.execute(UNREADABLE_LINES).fetchall()


def line_number(file: Path, text: str) -> int | None:
    """Find the first line of a log file that reads ``text``, counted from 1; any kind of line end counts.

    None where there is no such line: in a file that mixes line ends, DuckDB may divide the lines otherwise.
    """
    with _open_text(file) as lines:
        return next((number for number, line in enumerate(lines, start=1) if _cut(line) == text), None)


def _cut(line: str) -> str:
    """Make of a line what `view_rows` gives: of one that holds `NO_DELIMITER` DuckDB reads two fields."""
    return NO_DELIMITER.join(line.rstrip("\n").split(NO_DELIMITER)[:2]).removesuffix(NO_DELIMITER)


def _view_lines(con: duckdb.DuckDBPyConnection, files: list[Path], settings: Logs) -> None:
    header = _read_header(files, settings.delimiter) if settings.header else None
    user, song, plays = _positions(settings.columns, header, files[0])
    delimiter = f"\\x{{{ord(settings.delimiter):x}}}"
    variables = {
        "no_delimiter": NO_DELIMITER,
        "delimiter": settings.delimiter,
        "quoting": settings.delimiter != "\t",
        "field": f'("(?:[^"]|"")*"|[^"{delimiter}][^{delimiter}]*|){delimiter}',
        "user": user,
        "song": song,
        "plays": plays,
        "fewest_fields": len(header) if header else max(user, song, plays or 0),
        "most_fields": len(header) if header else None,
    }
    for name, value in variables.items():
        con.execute(f"SET VARIABLE {name} = ?", [value])
    con.read_csv(
        [str(file) for file in files],  # type: ignore[arg-type]  # the stub knows no lists
        columns={"line": "VARCHAR", "rest": "VARCHAR"},
        null_padding=True,  # no line but a cut one has a rest
        sep=NO_DELIMITER,
        quotechar="",
        escapechar="",
        auto_detect=False,
        header=False,
        skiprows=int(settings.header),
        strict_mode=False,  # strict mode refuses a file that mixes line ends
        store_rejects=True,
        filename=True,
    ).create_view("lines")
    con.execute(UNQUOTE)
    con.execute(SPLIT_LINES)


def _view_parquet(con: duckdb.DuckDBPyConnection, files: list[Path], columns: LogColumns) -> None:
    table = con.read_parquet([str(file) for file in files], filename=True, file_row_number=True)
    names = [name for name in table.columns if name not in ("filename", "file_row_number")]
    user, song, plays = _positions(columns, names, files[0])
    nothing = ConstantExpression(None).cast("VARCHAR")
    table.select(
        ColumnExpression("filename").alias("file"),
        (ColumnExpression("file_row_number") + ConstantExpression(1)).alias("number"),
        nothing.alias("text"),
        nothing.alias("fault"),
        ColumnExpression(names[user - 1]).cast("VARCHAR").alias("user_id"),
        ColumnExpression(names[song - 1]).cast("VARCHAR").alias("song_id"),
        (ColumnExpression(names[plays - 1]) if plays else ConstantExpression(1)).cast("VARCHAR").alias("plays"),
    ).create_view("rows")


def _open_text(file: Path) -> io.TextIOWrapper:
    """Open a log file, unpacked as its name says."""
    return io.TextIOWrapper(pa.input_stream(str(file)), encoding="utf-8-sig", errors="replace")


def _read_header(files: list[Path], delimiter: str) -> list[str]:
    """Read the column names, which must be the same in all files."""
    headers = []
    for file in files:
        line = _read_first_line(file)
        headers.append(line.split("\t") if delimiter == "\t" else next(csv.reader([line], delimiter=delimiter)))
        if headers[-1] != headers[0]:
            raise InputError(
                f"{file}: its header {_some(headers[-1])} is not that of {files[0]}, {_some(headers[0])}. All files of "
                "a log must have the same columns; where there are no headers, set logs.header: false"
            )
    return headers[0]


def _read_first_line(file: Path) -> str:
    try:
        with _open_text(file) as lines:
            line = lines.readline(LONGEST_HEADER + 1)
    except OSError as error:
        raise InputError(f"{file}: not readable: {error}") from None
    if not line:
        raise InputError(f"{file}: is empty, without even a header. Write it again, or remove it")
    if len(line) > LONGEST_HEADER:
        raise InputError(
            f"{file}: its first line has more than {LONGEST_HEADER:,} characters, so it is no header. A log has one "
            "row a line: write the file again so, or remove it"
        )
    if not line.strip():
        raise InputError(f"{file}: its first line is blank. Put the header there, or set logs.header: false")
    return line.rstrip("\n")


def _positions(columns: LogColumns, names: list[str] | None, file: Path) -> tuple[int, int, int | None]:
    """Positions from 1 of the user, song and plays columns; ``names`` where the file tells them."""

    def position(key: str, column: str | int) -> int:
        if isinstance(column, int) and (names is None or column <= len(names)):
            return column
        if isinstance(column, str) and names is not None and column in names:
            if names.count(column) > 1:
                raise InputError(
                    f"{file}: two columns are named {column!r} (logs.columns.{key}). Give the position instead, from 1"
                )
            return names.index(column) + 1
        raise InputError(
            f"{file}: no column {column!r} (logs.columns.{key}). The columns are {_some(names or [])}; one alone "
            "speaks for another logs.delimiter"
        )

    plays = None if columns.plays is None else position("plays", columns.plays)
    return position("user", columns.user), position("song", columns.song), plays


def _some(names: list[str], most: int = 8, longest: int = 40) -> str:
    """Quote the first few of a header's names, which may be no names at all but a line of something else."""
    shown = [name if len(name) <= longest else f"{name[:longest]}…" for name in names[:most]]
    return f"{shown}" + (f" and {len(names) - most:,} more" if len(names) > most else "")
