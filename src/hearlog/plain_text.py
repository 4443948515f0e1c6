"""What the printed reports have in common: plain text of at most 100 columns."""

from __future__ import annotations

import textwrap

import pandas as pd

WIDTH = 100


def section(heading: str, body: str) -> str:
    """Set a text below its underlined heading."""
    return f"{heading}\n{'-' * len(heading)}\n{body}"


def paragraph(text: str, head: str = "", indent: int = 0) -> str:
    """Break a text between words, ``indent`` columns in, the first line beside ``head``."""
    lines = textwrap.wrap(text, WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    return head.ljust(indent) + ("\n" + " " * indent).join(lines)


def p_value(value: float) -> str:
    """Write a p-value for a table; a dash for nan, where there was no test."""
    if pd.isna(value):
        return "-"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def p_equals(value: float) -> str:
    """Write a p-value for a sentence."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
