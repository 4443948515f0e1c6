"""Which column of a table of rows holds what."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hearlog.params.log_blocks import LogColumns
from hearlog.util.errors import InputError


class Positions(NamedTuple):
    """Columns from 1; None for one that is not there."""

    user: int
    song: int
    plays: int | None
    time: int | None


def positions(columns: LogColumns, names: list[str] | None, file: Path) -> Positions:
    """Find the columns of the settings among ``names``; None where a file has no names.

    Raises
    ------
    InputError
        If one is not there, or there twice.
    """

    def find(key: str) -> int:
        column: str | int = getattr(columns, key)
        if isinstance(column, int) and (names is None or column <= len(names)):
            return column
        if isinstance(column, str) and names is not None and column in names:
            if names.count(column) > 1:
                raise InputError(
                    f"{file}: two columns are named {column!r} (logs.columns.{key}). Give the position instead, from 1"
                )
            return names.index(column) + 1
        text = len(names or []) == 1 and not file.name.lower().endswith(".parquet")
        hint = "; one alone speaks for another logs.delimiter" if text else ""
        raise InputError(
            f"{file}: no column {column!r} (logs.columns.{key}). The columns are {quoted(names or [])}{hint}"
        )

    plays = None if columns.plays is None else find("plays")
    return Positions(find("user"), find("song"), plays, None if columns.time is None else find("time"))


def quoted(names: list[str], most: int = 8, longest: int = 40) -> str:
    """Quote the first few of a header's names, which may be no names at all but a line of something else."""
    shown = [name if len(name) <= longest else f"{name[:longest]}…" for name in names[:most]]
    return f"{shown}" + (f" and {len(names) - most:,} more" if len(names) > most else "")
