"""The rows of log files as `hearlog.logs.rows` sees them."""

import gzip
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
from log_settings import logs

from hearlog.logs.files import find_files
from hearlog.logs.rows import find_number, view_rows


class Read(NamedTuple):
    """Usable rows as (user, song, plays), and the others as (reason, place in the file)."""

    used: list
    faults: list


def read(path: Path, **changes) -> Read:
    """Read a file, or the logs of a folder."""
    settings = logs(path, **changes)
    with duckdb.connect() as con:
        con.execute("SET threads = 2")
        con.execute("SET memory_limit = '1GB'")
        view_rows(con, find_files(settings), settings)
        used = con.execute("SELECT user_id, song_id, plays FROM rows WHERE reason IS NULL").fetchall()
        query = "SELECT reason, file, number, text FROM rows WHERE reason IS NOT NULL"
        faults = [
            (reason, number or (text and find_number(con, Path(file), text, settings)))
            for reason, file, number, text in con.execute(query).fetchall()
        ]
    return Read(used, faults)


def pack(path: Path, content: bytes | str) -> Path:
    """Write a file, packed as its name says."""
    content = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zst":
        with pa.output_stream(str(path), compression="zstd") as stream:
            stream.write(content)
    else:
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
