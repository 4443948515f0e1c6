"""Log rows from lines of text: CSV and TSV, plain or packed."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from hearlog.logs.columns import positions, quoted
from hearlog.logs.judge import LONGEST_TEXT
from hearlog.logs.unpacked import DAMAGE, damaged, literal, open_text
from hearlog.params.log_blocks import Logs
from hearlog.util.errors import InputError

# DuckDB hands over whole lines, and they are split here: its own reader takes all lines up to the next quote
# character for one value, so that a single stray quote would swallow the rest of a file. It insists on a
# delimiter, so it gets three control characters; a line that holds them is cut there, and is rejected.
NO_DELIMITER = "\x1f\x1e\x1f"

LONGEST_HEADER = csv.field_size_limit()
MOST_SEARCHED = 10_000_000  # lines, in which to find a number; a file has them read again for it

# Of the line ends \r\r\n, those of a text file converted twice, DuckDB leaves the \n to the next line: hence `ltrim`.
WHOLE_LINES = """
    CREATE TEMP VIEW lines AS
    SELECT filename AS file, rest IS NOT NULL AS cut,
        CASE WHEN rest IS NOT NULL THEN ltrim(concat(line, getvariable('no_delimiter'), rest), e'\\r\\n')
            WHEN line < ' ' THEN ltrim(line, e'\\r\\n') ELSE line END AS line
    FROM read_lines
"""

UNQUOTE = """
    CREATE TEMP MACRO unquote(quoted, field) AS
    CASE WHEN quoted AND starts_with(field, '"') THEN replace(field[2:-2], '""', '"') ELSE field END
"""

SPLIT_LINES = """
    WITH split AS (
        SELECT file, cut, line,
            getvariable('quoting') AND contains(line, '"') AS quoted,
            CASE WHEN quoted THEN regexp_extract_all(line || getvariable('delimiter'), getvariable('field'), 1)
                ELSE string_split(line, getvariable('delimiter')) END AS fields
        FROM lines WHERE line <> ''
    )
    SELECT file, NULL::BIGINT AS number, line AS text,
        CASE WHEN cut THEN 'control_characters'
            WHEN quoted AND len(array_to_string(fields, getvariable('delimiter'))) <> len(line)
                THEN 'broken_quotes'
            WHEN len(fields) < getvariable('fewest_fields') THEN 'too_few_fields'
            WHEN len(fields) > getvariable('most_fields') THEN 'too_many_fields' END AS fault,
        unquote(quoted, fields[getvariable('user')]) AS user_id,
        unquote(quoted, fields[getvariable('song')]) AS song_id,
        CASE WHEN getvariable('plays') IS NULL THEN 1::BIGINT
            ELSE plays_of_text(unquote(quoted, fields[getvariable('plays')])) END AS plays,
        CASE WHEN getvariable('time') IS NULL THEN '-infinity'::TIMESTAMP
            ELSE time_of_text(unquote(quoted, fields[getvariable('time')])) END AS time
    FROM split
"""

UNREADABLE_LINES = """
    SELECT lower(replace(error_type, ' ', '_')) AS reason, count(*),
        min({'file': log_file(file_path), 'number': line, 'text': csv_line})
    FROM reject_errors JOIN reject_scans USING (scan_id, file_id) GROUP BY reason
"""


def parse_rows(con: duckdb.DuckDBPyConnection, files: list[Path], settings: Logs) -> duckdb.DuckDBPyRelation:
    """Split lines into fields, for `hearlog.logs.judge.judge`; ``text`` is the line."""
    header = _read_header(files, settings.delimiter) if settings.header else None
    found = positions(settings.columns, header, files[0])
    delimiter = f"\\x{{{ord(settings.delimiter):x}}}"
    variables = found._asdict() | {
        "delimiter": settings.delimiter,
        "quoting": settings.delimiter != "\t",
        "field": f'("(?:[^"]|"")*"|[^"{delimiter}][^{delimiter}]*|){delimiter}',
        "fewest_fields": len(header) if header else max(position or 0 for position in found),
        "most_fields": len(header) if header else None,
    }
    for name, value in variables.items():
        con.execute(f"SET VARIABLE {name} = ?", [value])
    con.execute(UNQUOTE)
    view_lines(con, files, skip=int(settings.header))
    return con.sql(SPLIT_LINES)


def view_lines(con: duckdb.DuckDBPyConnection, files: list[Path], skip: int = 0, longest: int = 2**21) -> None:
    """Create the view ``lines``: ``file``, ``line`` (without its end) and ``cut``, whether it holds `NO_DELIMITER`.

    Lines that are not UTF-8, or have more than ``longest`` bytes, are not in it, but in `unreadable_lines`.
    """
    con.execute("SET VARIABLE no_delimiter = ?", [NO_DELIMITER])
    con.read_csv(
        literal(con, files),  # type: ignore[arg-type]  # the stub knows no lists
        columns={"line": "VARCHAR", "rest": "VARCHAR"},
        null_padding=True,  # no line but a cut one has a rest
        sep=NO_DELIMITER,
        quotechar="",
        escapechar="",
        auto_detect=False,
        header=False,
        skiprows=skip,
        strict_mode=False,  # strict mode refuses a file that mixes line ends
        store_rejects=True,
        filename=True,
        max_line_size=longest,
    ).create_view("read_lines")
    con.execute(WHOLE_LINES)


def unreadable_lines(con: duckdb.DuckDBPyConnection) -> list[tuple[str, int, dict[str, Any]]]:
    """Reason, count and example of what DuckDB could not take for a line of text: not UTF-8, or too long.

    Known once ``rows`` was read; only text has any.
    """
    if not con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchone():
        return []
    return con.execute(UNREADABLE_LINES).fetchall()


def line_number(file: Path, text: str) -> int | None:
    """Find the first line of a log file whose beginning is ``text``, counted from 1; any kind of line end counts.

    None where there is no such line: in a file that mixes line ends, DuckDB may divide the lines otherwise; or where
    it is not among the first `MOST_SEARCHED`.

    Raises
    ------
    InputError
        If a packed file is damaged before it.
    """
    try:
        with open_text(file) as lines:
            numbered = enumerate(islice(lines, MOST_SEARCHED), start=1)
            return next((number for number, line in numbered if _cut(line)[:LONGEST_TEXT] == text), None)
    except DAMAGE as error:
        raise damaged(file, error) from None


def _cut(line: str) -> str:
    """Make of a line what `view_lines` gives: of one that holds `NO_DELIMITER` DuckDB reads two fields."""
    return NO_DELIMITER.join(line.rstrip("\n").split(NO_DELIMITER)[:2]).removesuffix(NO_DELIMITER)


def _read_header(files: list[Path], delimiter: str) -> list[str]:
    """Read the column names, which must be the same in all files."""
    headers = []
    for file in files:
        line = _read_first_line(file)
        headers.append(line.split("\t") if delimiter == "\t" else next(csv.reader([line], delimiter=delimiter)))
        if headers[-1] != headers[0]:
            raise InputError(
                f"{file}: its header {quoted(headers[-1])} is not that of {files[0]}, {quoted(headers[0])}. All files "
                "of a log must have the same columns; where there are no headers, set logs.header: false"
            )
    return headers[0]


def _read_first_line(file: Path) -> str:
    try:
        with open_text(file) as lines:
            line = lines.readline(LONGEST_HEADER + 1)
    except DAMAGE as error:
        raise damaged(file, error) from None
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
