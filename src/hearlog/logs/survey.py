"""What is in listening logs, without writing anything: all rows, or the first of them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from hearlog.logs.connection import open_rows
from hearlog.logs.files import are_parquet
from hearlog.logs.rejected import find_rejected
from hearlog.logs.staged import part, stage
from hearlog.params.log_blocks import Logs

USERS = "SELECT count(DISTINCT user_id) FROM used"
PLAYS = "SELECT song_id, sum(plays)::BIGINT AS plays FROM used GROUP BY song_id ORDER BY song_id"


@dataclass(frozen=True)
class Survey:
    """What was read of the logs; no user or song is left out by a limit.

    ``rejected`` has one entry a reason, with the keys of ``rejected.parquet``; ``outside`` rows lie outside the window
    of time; ``songs`` is a table of ``song_id`` and ``plays``, by id; ``complete`` says that no row was left unread.
    """

    files: list[Path]
    rows: int
    complete: bool
    rejected: list[dict[str, Any]]
    outside: int
    users: int
    songs: pa.Table


def survey(settings: Logs, memory_limit: str, threads: int, spill: Path, most_rows: int | None = None) -> Survey:
    """Count what is in the logs, as `hearlog.logs.ingest.ingest` would take it.

    Parameters
    ----------
    settings, memory_limit, threads
        As of `ingest`; of the settings no limit matters.
    spill
        Folder for temporary files.
    most_rows
        Stop reading after this many; None reads all.

    Raises
    ------
    InputError
        If files or columns cannot be used.
    """
    with (
        tempfile.TemporaryDirectory(dir=spill) as scratch,
        open_rows(settings, memory_limit, threads, Path(scratch), whole=most_rows is None) as rows,
    ):
        again = most_rows is None and are_parquet(rows.files, settings)
        used = part(rows) if again else stage(rows, most_rows)
        rejected, outside = find_rejected(rows.con, settings)
        total = used + outside + sum(row["rows"] for row in rejected)
        users = rows.con.execute(USERS).fetchall()[0][0]
        complete = most_rows is None or total < most_rows
        return Survey(rows.files, total, complete, rejected, outside, users, rows.con.sql(PLAYS).to_arrow_table())
