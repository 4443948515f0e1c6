"""The rows of logs, read once and kept in Arrow files, which DuckDB reads as often as it is asked.

Parquet would be half as large, but takes three times as long to write as text takes to be read.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from duckdb import SQLExpression

from hearlog.logs.connection import OpenRows, progress
from hearlog.logs.judge import OUTSIDE_WINDOW

BATCH = 2**16  # rows
FAULT = f"""
    CASE WHEN reason IS NOT NULL
        THEN [reason, CASE WHEN reason <> '{OUTSIDE_WINDOW}' THEN log_file(file) END, number::VARCHAR, text] END
"""
USED = "CREATE TEMP VIEW used AS SELECT user_id, song_id, {plays} AS plays FROM staged"
UNUSED = """
    CREATE TEMP VIEW unused AS
    SELECT fault[1] AS reason, fault[2] AS file, fault[3]::BIGINT AS number, fault[4] AS text FROM faults
"""


class ArrowRows:
    """Rows in an Arrow file, handed over batch by batch to whoever asks.

    The file is not mapped: its pages would count as memory of this process.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give a stream of the batches."""
        reader = pa.ipc.open_file(pa.OSFile(str(self.file)))
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        return pa.RecordBatchReader.from_batches(reader.schema, batches).__arrow_c_stream__(requested_schema)


def part(rows: OpenRows) -> int:
    """Make the views of `stage` where the view ``rows`` is quick to read again; return the number of usable rows."""
    read = rows.con.view("rows")
    used, total = read.aggregate("count(*) FILTER (reason IS NULL), count(*)").fetchall()[0]
    # Where all rows are used, a question about users need not read the songs to judge a row.
    usable, others = (
        (read, read.limit(0)) if used == total else (read.filter("reason IS NULL"), read.filter("reason IS NOT NULL"))
    )
    usable.select("user_id", "song_id", "plays").create_view("used")
    others.select("reason", "file", "number", "text").create_view("unused")
    return int(used)


def stage(rows: OpenRows, most_rows: int | None = None) -> int:
    """Read the view ``rows``, or its first rows, once, and make the views ``used`` and ``unused`` of what was read.

    ``used`` has ``user_id``, ``song_id`` and ``plays`` of the rows that can be used, ``unused`` has ``reason``,
    ``file``, ``number`` and ``text`` of the others.

    Returns
    -------
    Number of rows in ``used``.

    Raises
    ------
    InputError
        If a packed file is damaged; where only the first rows are read, if it shows before their end.
    """
    con, counted = rows.con, rows.settings.columns.plays is not None
    columns = ["user_id", "song_id", *(["plays"] if counted else [])]
    read = con.view("rows").select(*columns, SQLExpression(FAULT).alias("fault"))
    con.execute(f"SET preserve_insertion_order = {most_rows is not None}")
    with progress(con, "reading", rows.pipes.share if rows.pipes.files else None):
        total = _write(rows, (read if most_rows is None else read.limit(most_rows)).to_arrow_reader(BATCH))
    con.execute("SET preserve_insertion_order = true")
    if most_rows is None:
        rows.pipes.check_whole()
    for name in ("staged", "faults"):
        con.register(name, ArrowRows(_file(rows, name)))
    con.execute(USED.format(plays="plays" if counted else "1::BIGINT"))
    con.execute(UNUSED)
    return total


def _file(rows: OpenRows, name: str) -> Path:
    return rows.scratch / f"{name}.arrow"


def _write(rows: OpenRows, batches: pa.RecordBatchReader) -> int:
    """Write rows that can be used, and the faults of the others; return the number of the former."""
    *columns, fault = batches.schema
    total = 0
    with (
        pa.OSFile(str(_file(rows, "staged")), "wb") as staged_file,
        pa.OSFile(str(_file(rows, "faults")), "wb") as faults_file,
        pa.ipc.new_file(staged_file, pa.schema(columns)) as staged,
        pa.ipc.new_file(faults_file, pa.schema([fault])) as faults,
    ):
        for batch in batches:
            rows.pipes.check()
            faulty = len(batch) - batch["fault"].null_count
            if faulty:
                faults.write_batch(batch.select(["fault"]).filter(batch["fault"].is_valid()))
            used = batch.filter(batch["fault"].is_null()) if faulty else batch
            staged.write_batch(used.select([column.name for column in columns]))
            total += len(used)
    rows.pipes.check()
    return total
