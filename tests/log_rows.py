"""The rows of log files as `hearlog.logs.rows` sees them."""

import bz2
import gzip
import tempfile
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from log_settings import logs

from hearlog.logs.connection import open_rows
from hearlog.logs.rows import find_number


def zstd(content: bytes) -> bytes:
    """Pack by Zstandard, with the checksum that its program writes."""
    return pa.Codec("zstd").compress(content, asbytes=True)


PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstd}


class Read(NamedTuple):
    """Usable rows as (user, song, plays), and the others as (reason, place in the file)."""

    used: list
    faults: list


def read(path: Path, **changes) -> Read:
    """Read a file, or the logs of a folder."""
    settings = logs(path, **changes)
    with tempfile.TemporaryDirectory() as scratch, open_rows(settings, "1GB", 2, Path(scratch), whole=False) as rows:
        con = rows.con
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
    path.write_bytes(PACK.get(path.suffix.lower(), bytes)(content))
    return path
