"""Tables of the page: what is printed in a cell, and by what it is sorted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from hearlog.page import words


class Column(NamedTuple):
    """A column's heading, and whether it holds numbers."""

    title: str
    numeric: bool = False


class Cell(NamedTuple):
    """What is printed, in small print behind it, and what a column is sorted by; ``None`` stands last."""

    text: str
    key: float | str | None = None
    remark: str = ""


NOTHING = Cell(words.NOTHING)


@dataclass(frozen=True)
class Table:
    """A table with its caption; ``notes`` stand beneath."""

    name: str
    caption: str
    columns: list[Column]
    rows: list[list[Cell]]
    notes: list[str] = field(default_factory=list)


def text(value: str | None, remark: str = "") -> Cell:
    """Make a cell of text; one that is null is a dash."""
    return NOTHING if value is None or pd.isna(value) or value == "" else Cell(value, value, remark)


def number(value: float, decimals: int = 0, printed: str = "", remark: str = "") -> Cell:
    """Make a cell of a number, printed with so many decimals or as given; nan is a dash."""
    return NOTHING if pd.isna(value) else Cell(printed or words.plain(value, decimals), float(value), remark)


def difference(value: float, decimals: int) -> Cell:
    """Make a cell of a number with its sign."""
    return number(value, printed="" if pd.isna(value) else words.signed(value, decimals))


def bounds(low: float, high: float, decimals: int) -> Cell:
    """Make a cell of a confidence interval, sorted by its lower end."""
    return number(low, printed=words.interval(low, high, decimals))


def p_value(value: float) -> Cell:
    """Make a cell of a p value."""
    return number(value, printed=words.p_value(value))


def numeric(*titles: str) -> list[Column]:
    """Make columns of numbers."""
    return [Column(title, numeric=True) for title in titles]


def textual(*titles: str) -> list[Column]:
    """Make columns of text."""
    return [Column(title) for title in titles]


def examples(shown: Sequence[str], total: int) -> str:
    """List some examples of so many in all."""
    return "; ".join(shown) + (f"; and {total - len(shown):,} more" if total > len(shown) else "")
