"""Log rows from JSON playlists; a playlist stands for a user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from hearlog.logs.columns import quoted
from hearlog.logs.unpacked import literal
from hearlog.params.log_blocks import Logs
from hearlog.util.errors import InputError

OBJECT = 2**24  # bytes of a playlist; DuckDB holds twice as much a thread
SLICE = 2**26  # of an object that holds a list of playlists, unpacked
LOOKED_AT = 100  # objects that may lack the keys before they are taken for wrong

LISTED = """
    unnest(CASE WHEN json_type(json, getvariable('within')) = 'ARRAY'
        THEN json_extract(json_extract(json, getvariable('within')), '$[*]') ELSE [NULL] END)
"""

# A playlist is taken apart before its list is unfolded: in the same SELECT DuckDB would do it anew for each entry.
ENTRIES = """
    WITH listed AS (
        SELECT file, playlist,
            json_extract_string(playlist, getvariable('user')) AS user_id,
            json_type(playlist, getvariable('user')) AS user_type,
            json_extract_string(playlist, getvariable('time')) AS time,
            json_type(playlist, getvariable('songs')) AS songs_type,
            CASE WHEN songs_type = 'ARRAY' THEN json_extract(json_extract(playlist, getvariable('songs')), '$[*]')
                ELSE [] END AS songs
        FROM playlists
    ), entries AS (
        SELECT * EXCLUDE songs, unnest(CASE WHEN songs = [] THEN [NULL] ELSE songs END) AS entry FROM listed
    )
    SELECT file, NULL::BIGINT AS number, coalesce(playlist::VARCHAR, '') AS text,
        CASE WHEN playlist IS NULL THEN 'no_playlist'
            WHEN songs_type IS DISTINCT FROM 'ARRAY' THEN 'no_song_list'
            WHEN entry IS NULL THEN 'no_songs'
            WHEN user_type IN ('OBJECT', 'ARRAY', 'BOOLEAN') THEN 'bad_user_id'
            WHEN user_type = 'DOUBLE' AND regexp_matches(user_id, '[.eE]') THEN 'bad_user_id'
            WHEN json_type(entry, getvariable('song')) IN ('OBJECT', 'ARRAY', 'BOOLEAN') THEN 'bad_song_id'
            WHEN json_type(entry, getvariable('song')) = 'DOUBLE'
                AND regexp_matches(json_extract_string(entry, getvariable('song')), '[.eE]') THEN 'bad_song_id'
            END AS fault,
        user_id, json_extract_string(entry, getvariable('song')) AS song_id, 1::BIGINT AS plays,
        CASE WHEN getvariable('time') IS NULL THEN '-infinity'::TIMESTAMP ELSE time_of_text(time) END AS time
    FROM entries
"""

FIND = "SELECT min(number) FROM numbered WHERE left(playlist, getvariable('longest_text')) = ?"


def parse_playlists(con: duckdb.DuckDBPyConnection, files: list[Path], settings: Logs) -> duckdb.DuckDBPyRelation:
    """Make a row of each song of a playlist, for `hearlog.logs.judge.judge`; ``text`` is the playlist.

    A file is an array of objects, a sequence of objects (such as one a line), or one object with an array of them.

    Raises
    ------
    InputError
        If the first objects have none of the keys.
    """
    columns = settings.columns
    songs, _, song = str(columns.song).partition(".")
    pointers = {"user": columns.user, "songs": songs, "song": song, "time": columns.time}
    for name, key in pointers.items():
        con.execute(f"SET VARIABLE {name} = ?", [None if key is None else _pointer(str(key))])
    within = _find_list(con, files, [str(columns.user), songs])
    con.execute("SET VARIABLE within = ?", [None if within is None else _pointer(within)])
    _playlists(con, files).create_view("playlists")
    return con.sql(ENTRIES)


def playlist_number(con: duckdb.DuckDBPyConnection, file: Path, text: str) -> int | None:
    """Find the first playlist of a file whose beginning is ``text``, counted from 1; `parse_playlists` comes before."""
    _playlists(con, [file]).project("playlist, row_number() OVER () AS number").create_view("numbered")
    found: int | None = con.execute(FIND, [text]).fetchall()[0][0]
    return found


def _playlists(con: duckdb.DuckDBPyConnection, files: list[Path]) -> duckdb.DuckDBPyRelation:
    """Read ``file`` and ``playlist`` (JSON), in the order of the files."""
    within = con.execute("SELECT getvariable('within')").fetchall()[0][0]
    objects = _read(con, files, OBJECT if within is None else _largest(files))
    return objects.project(f"filename AS file, {'json' if within is None else LISTED} AS playlist")


def _read(con: duckdb.DuckDBPyConnection, files: list[Path], largest: int) -> duckdb.DuckDBPyRelation:
    return con.read_json(
        literal(con, files),  # type: ignore[arg-type]  # the stub knows no lists
        columns={"json": "JSON"},
        records="false",
        format="auto",
        maximum_object_size=largest,
        filename=True,
    )


def _largest(files: list[Path]) -> int:
    return max(SLICE, *(file.stat().st_size for file in files))


def _find_list(con: duckdb.DuckDBPyConnection, files: list[Path], keys: list[str]) -> str | None:
    """Tell under which key of a file's one object its playlists are; None where they are the objects themselves."""
    for file in files:
        objects = _look(con, file, OBJECT)
        if any(_has_one(_parse(text, file), keys) for text in objects):  # one after the other: each may be large
            return None
        if objects:
            return _key_of_list(_parse(objects[0], file), keys, file)
    return None


def _look(con: duckdb.DuckDBPyConnection, file: Path, largest: int) -> list[str]:
    """Read the first objects of a file; one that is a single object may need to be read whole."""
    try:
        first = _read(con, [file], largest).limit(LOOKED_AT).project("json").fetchall()
    except duckdb.InvalidInputException as error:
        if largest > OBJECT or "maximum_object_size" not in str(error):
            raise
        return _look(con, file, _largest([file]))
    return [text or "null" for (text,) in first]


def _parse(text: str, file: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # what DuckDB reads, and Python does not: deep nesting, long numbers
        raise InputError(f"{file}: an object that is no playlist: {error}. Remove it") from None


def _key_of_list(value: Any, keys: list[str], file: Path) -> str:
    found = value if isinstance(value, dict) else {}
    lists = [key for key, inner in found.items() if isinstance(inner, list) and any(_has_one(x, keys) for x in inner)]
    if len(lists) == 1:
        return lists[0]
    raise InputError(
        f"{file}: no playlists with the keys {keys} (logs.columns.user and song). The first object's keys are "
        f"{quoted([str(key) for key in found])}"
    )


def _has_one(value: Any, keys: list[str]) -> bool:
    return isinstance(value, dict) and not value.keys().isdisjoint(keys)


def _pointer(key: str) -> str:
    """Write a key as a JSON pointer, RFC 6901; the empty key stands for the value itself."""
    return "/" + key.replace("~", "~0").replace("/", "~1") if key else ""
