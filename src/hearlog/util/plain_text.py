"""What the printed reports have in common: plain text of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import pandas as pd

WIDTH = 100


def section(heading: str, body: str) -> str:
    """Set a text below its underlined heading."""
    return f"{heading}\n{'-' * len(heading)}\n{body}"


def paragraph(text: str, head: str = "", indent: int = 0) -> str:
    """Break a text between words, ``indent`` columns in, the first line beside ``head``."""
    lines = textwrap.wrap(text, WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    return head.ljust(indent) + ("\n" + " " * indent).join(lines)


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number and its noun, of which ``many`` is the plural where it is not ``one`` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def some(names: Iterable[object], most: int = 3) -> str:
    """List the first few of many: ``a, b, c and 7 more``."""
    names = list(names)
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + rest


def data_size(count: float) -> str:
    """Write a number of bytes in decimal units."""
    value, unit = count, "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if round(value, 1) < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def won_and_lost(wins: int, ties: int, losses: int) -> str:
    """Write the wins, ties (if any) and losses of a paired test."""
    counts = [counted(wins, "win"), counted(losses, "loss", "losses")]
    if ties:
        counts.insert(1, counted(ties, "tie"))
    return ", ".join(counts)


def p_value(value: float) -> str:
    """Write a p-value for a table; a dash for nan, where there was no test."""
    if pd.isna(value):
        return "-"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def p_equals(value: float) -> str:
    """Write a p-value for a sentence."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
