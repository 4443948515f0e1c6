"""The table of log formats: what settings, reading and the plan ask of each; without DuckDB.

A further format is a module that parses its files, a row here, and an entry of `hearlog.logs.rows.PARSERS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

PACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}  # what is unpacked, as PyArrow names it
TEXT = tuple(kind + packed for kind in (".csv", ".tsv", ".txt", ".dat") for packed in ("", *PACKED))
JSON = tuple(kind + packed for kind in (".json", ".jsonl", ".ndjson") for packed in ("", *PACKED))
PARQUET = (".parquet",)


class LogSettings(Protocol):
    """The settings of the block ``logs`` that formats look at; ``columns`` is iterated as pairs of key and column."""

    format: str
    header: bool
    delimiter: str
    columns: Any


@dataclass(frozen=True)
class Format:
    """One row of the table of formats.

    Attributes
    ----------
    endings
        Endings of the files that a folder of logs is searched for.
    check
        Raises ValueError for settings that the format does not have.
    count_rows
        Counts the rows in the beginning of a text file, given as bytes.
    longest_line
        Bytes of the longest line, where DuckDB does not bound it itself.
    """

    endings: tuple[str, ...]
    check: Callable[[LogSettings], None]
    count_rows: Callable[[bytes, LogSettings], int]
    longest_line: int | None = None


def _check_rows(logs: LogSettings) -> None:
    named = [column for _, column in logs.columns if isinstance(column, str)]
    if named and not logs.header:
        raise ValueError(f"columns {named} are names, but header is false: give positions from 1")


def _check_song_lists(logs: LogSettings) -> None:
    _refuse_counts(logs)
    if logs.columns.time is not None:
        raise ValueError(f"columns.time {logs.columns.time!r}: song_lists have no times: set it to null")


def _check_playlists(logs: LogSettings) -> None:
    _refuse_counts(logs)
    _check_keys(logs.columns)


def _refuse_counts(logs: LogSettings) -> None:
    if logs.columns.plays is not None:
        raise ValueError(f"columns.plays {logs.columns.plays!r}: {logs.format} have no counts: set it to null")


def _check_keys(columns: Any) -> None:
    for key, column in columns:
        if isinstance(column, int):
            raise ValueError(f"columns.{key} {column} is a position, but playlists have keys: give its name")
    if not re.fullmatch(r"[^.]+([.][^.]+)?", str(columns.song)):
        raise ValueError(
            f"columns.song {columns.song!r}: give the key of the list of songs, 'songs', or that and the key "
            "of the id within it, 'tracks.track_uri'"
        )


def _count_lines(sample: bytes, logs: LogSettings) -> int:
    return sample.count(b"\n")


def _count_listed_songs(sample: bytes, logs: LogSettings) -> int:
    separated = sample.split() if logs.delimiter == " " else sample.split(logs.delimiter.encode())
    return len(separated) - (sample.count(b"\n") if logs.delimiter == " " else 1)


def _count_songs_of_playlists(sample: bytes, logs: LogSettings) -> int:
    songs, _, song = str(logs.columns.song).partition(".")
    if song:
        return len(re.findall(rb'"%b"\s*:' % re.escape(song.encode()), sample))
    lists = re.findall(rb'"%b"\s*:\s*\[([^\]]*)' % re.escape(songs.encode()), sample)
    return sum(1 + songs.count(b",") for songs in lists)


# DuckDB lists lines that are too long for it, but nothing longer than its buffer: 32 MB, of lists 512 MB.
FORMATS = {
    "rows": Format((*PARQUET, *TEXT), _check_rows, _count_lines, longest_line=2**24),
    "song_lists": Format(TEXT, _check_song_lists, _count_listed_songs, longest_line=2**26),
    "playlists": Format(JSON, _check_playlists, _count_songs_of_playlists),
}
