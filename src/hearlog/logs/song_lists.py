"""Log rows from lines of text that list a user's songs, ``user song song ...``, as KGAT and LightGCN have them."""

from __future__ import annotations

from pathlib import Path

import duckdb

from hearlog.logs.delimited import view_lines
from hearlog.params.log_blocks import Logs

LONGEST = 2**25  # bytes of a line: some four million songs

# A list begins with the user, which may be empty before a delimiter; runs of blanks are one delimiter, also in front.
SPLIT_LISTS = """
    WITH split AS (
        SELECT file, cut, line,
            CASE WHEN getvariable('delimiter') = ' ' THEN string_split(ltrim(translate(line, e'\\t', ' ')), ' ')
                ELSE string_split(line, getvariable('delimiter')) END AS fields
        FROM lines WHERE trim(line, e' \\t') <> ''
    ), listed AS (
        SELECT file, cut, line, fields[1] AS user_id, list_filter(fields[2:], lambda song: song <> '') AS songs
        FROM split
    ), entries AS (
        SELECT file, cut, line, user_id, songs,
            unnest(CASE WHEN cut OR songs = [] THEN [NULL] ELSE songs END) AS song_id
        FROM listed
    )
    SELECT file, NULL::BIGINT AS number, line AS text,
        CASE WHEN cut THEN 'control_characters' WHEN songs = [] THEN 'no_songs' END AS fault,
        user_id, song_id, 1::BIGINT AS plays, '-infinity'::TIMESTAMP AS time
    FROM entries
"""


def parse_song_lists(con: duckdb.DuckDBPyConnection, files: list[Path], settings: Logs) -> duckdb.DuckDBPyRelation:
    """Make a row of each song of a line, for `hearlog.logs.judge.judge`; ``text`` is the line."""
    con.execute("SET VARIABLE delimiter = ?", [settings.delimiter])
    view_lines(con, files, longest=LONGEST)
    return con.sql(SPLIT_LISTS)
