"""Which rows of a log can be used, and why the others cannot: SQL shared by all formats."""

from __future__ import annotations

from duckdb import DuckDBPyConnection, DuckDBPyRelation, SQLExpression

from hearlog.params.log_blocks import Logs

# Plays of a row are a whole number with at most nine digits; "3.0" is what pandas writes where some are missing.
# Whole numbers of eight digits are dates, 20180131; those of seconds since 1970 have nine to eleven (until the year
# 5138), those of milliseconds more.
# Casting text to TIMESTAMP would drop its zone, casting to TIMESTAMPTZ takes it into account (the session is in UTC).
MACROS = """
    CREATE TEMP MACRO is_blank(id) AS
        CASE WHEN id BETWEEN '!' AND '~' THEN false ELSE coalesce(trim(id), '') = '' END;
    CREATE TEMP MACRO plays_of_text(plays) AS
        CASE WHEN regexp_full_match(plays, '0*[1-9][0-9]{0,8}([.]0*)?') THEN TRY_CAST(plays AS BIGINT) END;
    CREATE TEMP MACRO plays_of_number(plays) AS
        CASE WHEN plays BETWEEN 1 AND 999999999 AND plays = floor(plays) THEN TRY_CAST(plays AS BIGINT) END;
    CREATE TEMP MACRO time_of_number(number) AS
        CASE WHEN number BETWEEN 100_000_000 AND 99_999_999_999 THEN make_timestamp(number * 1_000_000)
            WHEN number BETWEEN 100_000_000_000 AND 99_999_999_999_999 THEN make_timestamp(number * 1_000)
            WHEN number BETWEEN 10_000_000 AND 99_999_999 THEN try_strptime(number::VARCHAR, '%Y%m%d') END;
    CREATE TEMP MACRO time_of_text(time) AS
        CASE WHEN regexp_full_match(time, ' *[0-9]{8,14}([.][0-9]*)? *')
                THEN time_of_number(TRY_CAST(split_part(time, '.', 1) AS BIGINT))
            WHEN ltrim(time) BETWEEN '0' AND ':' THEN TRY_CAST(TRY_CAST(trim(time) AS TIMESTAMPTZ) AS TIMESTAMP) END;
    CREATE TEMP MACRO log_file(path) AS
        CASE WHEN starts_with(path, getvariable('pipes'))
            THEN getvariable('packed')[1 + split_part(path, '/', -1)::INTEGER] ELSE path END;
"""

# Characters of a line or playlist that a rejected row keeps: a list may have megabytes, and each of its songs be bad.
LONGEST_TEXT = 1000

OUTSIDE_WINDOW = "outside_window"
REASON = f"""
    CASE WHEN fault IS NOT NULL THEN fault
        WHEN is_blank(user_id) THEN 'empty_user_id'
        WHEN is_blank(song_id) THEN 'empty_song_id'
        WHEN plays IS NULL THEN 'bad_play_count'
        WHEN time IS NULL THEN 'bad_time'
        WHEN time < getvariable('since') OR time >= getvariable('until') THEN '{OUTSIDE_WINDOW}' END
"""


def prepare(con: DuckDBPyConnection, settings: Logs) -> None:
    """Define what the formats' SQL needs: macros, the window, and UTC for times with a zone."""
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET VARIABLE longest_text = ?", [LONGEST_TEXT])
    for name, moment in zip(("since", "until"), settings.window, strict=True):
        con.execute(f"SET VARIABLE {name} = CAST(? AS TIMESTAMP)", [moment])
    con.execute(MACROS)


def judge(parsed: DuckDBPyRelation) -> DuckDBPyRelation:
    """Add ``reason`` to rows that a format has parsed.

    ``parsed`` has the columns ``file``, ``number``, ``text``, ``fault`` (text: why it could not be parsed, or null),
    ``user_id`` and ``song_id`` (text), ``plays`` (BIGINT; null where it is no count) and ``time`` (TIMESTAMP in UTC;
    null where it is no time). Of ``text`` the first `LONGEST_TEXT` characters are kept, and only of rows at fault.
    """
    judged = parsed.select("*", SQLExpression(REASON).alias("reason"))
    text = f"CASE WHEN reason <> '{OUTSIDE_WINDOW}' THEN left(text, getvariable('longest_text')) END"
    return judged.select("file", "number", SQLExpression(text).alias("text"), "reason", "user_id", "song_id", "plays")
