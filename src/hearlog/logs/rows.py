"""The rows of log files as a DuckDB view, whatever their format."""

from __future__ import annotations

from pathlib import Path

import duckdb

from hearlog.logs.delimited import line_number, parse_rows
from hearlog.logs.files import are_parquet, refuse_binary
from hearlog.logs.judge import judge, prepare
from hearlog.logs.parquet import parse_parquet
from hearlog.logs.playlists import parse_playlists, playlist_number
from hearlog.logs.song_lists import parse_song_lists
from hearlog.params.log_blocks import Logs

PARSERS = {"rows": parse_rows, "song_lists": parse_song_lists, "playlists": parse_playlists}  # of text


def view_rows(con: duckdb.DuckDBPyConnection, files: list[Path], settings: Logs) -> None:
    """Create the view ``rows``: one row a line that is not blank, a row of a Parquet file, or a song of a list.

    ``file`` (text), ``number`` (BIGINT)
        Where it stands; of a row of a Parquet file from 1, else null: see `find_number`.
    ``text``
        The line, the playlist or the values of a row at fault; null for others.
    ``reason`` (text)
        Why it cannot be used, or null; ``outside_window`` is no fault.
    ``user_id``, ``song_id`` (text), ``plays`` (BIGINT)
        As written; anything where there is a reason.

    Raises
    ------
    InputError
        If files of several kinds are mixed, are no text, or have no such columns.
    """
    parquet = are_parquet(files, settings)
    for file in () if parquet else files:
        refuse_binary(file)
    prepare(con, settings)
    parsed = parse_parquet(con, files, settings.columns) if parquet else PARSERS[settings.format](con, files, settings)
    judge(parsed).create_view("rows")


def find_number(con: duckdb.DuckDBPyConnection, file: Path, text: str, settings: Logs) -> int | None:
    """Find where a row without a number stands, by its ``text``: its line, or its playlist's place in the file.

    From 1; None where it cannot be found again: in a file of mixed line ends, or far down in a long one. Reads the
    file up to there.
    """
    return playlist_number(con, file, text) if settings.format == "playlists" else line_number(file, text)
