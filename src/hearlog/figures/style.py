"""The one style of all figures: for print at the width of a page or column, and for colour-blind readers."""

from __future__ import annotations

import string
import warnings
from bisect import bisect
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextPath

# Okabe and Ito (2008): told apart with any colour vision; the markers tell them apart in grey.
COLOURS = {"base": "#000000", "fix": "#E69F00", "init": "#0072B2", "kd": "#D55E00"}
MARKERS = {"base": "o", "fix": "^", "init": "s", "kd": "D"}
QUIET = "#555555"
FAINT = "#BBBBBB"
STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.columnspacing": 1.4,
    "figure.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "pdf.fonttype": 42,  # journals refuse matplotlib's default Type 3 fonts
    "text.parse_math": False,  # a dollar sign in a label of somebody's data is a dollar sign
}
COLUMN, PAGE = 3.5, 7.16  # inches: of a column and of a page of two
MINUS = "\N{MINUS SIGN}"
SYNTHETIC = "Synthetic data"
SYNTHETIC_SCORES = "Synthetic data, too small to resolve the paper's 2.6 points"


def name_panel(axes: Axes, position: int, title: str, remark: str) -> None:
    """Write the letter and the name of a panel above it and, smaller, a remark of one or more lines."""
    axes.set_title(f"({string.ascii_letters[position]}) {title}", pad=14 + 8.5 * remark.count("\n"))
    axes.annotate(
        remark, (0, 1), xycoords="axes fraction", xytext=(0, 4), textcoords="offset points", fontsize=7, color=QUIET
    )


def interval(low: float, high: float) -> str:
    """Write the ends of a confidence interval as the printed report does."""
    return f"[{low:.1f}, {high:.1f}]".replace("-", MINUS)


def short_name(name: str, letters: int = 16) -> str:
    """Cut a label of the data to the letters that there is room for, and write its underscores as spaces."""
    name = " ".join(name.replace("_", " ").split())
    return name if len(name) <= letters else name[: letters - 1].rstrip() + "…"


def fit_name(name: str, points: float, size: float) -> str:
    """Cut a text to a width on paper in a font size, both in points; letters are of different widths."""
    name = " ".join(name.split())

    def width(text: str) -> float:
        return TextPath((0, 0), text, size=size).get_extents().width if text else 0

    most = int(points)  # letters: one that is seen takes a point
    if len(name) <= most and width(name) <= points:
        return name
    return name[: bisect(range(1, most), points, key=lambda count: width(name[:count] + "…"))].rstrip() + "…"


def has_glyphs(text: str) -> bool:
    """Whether the fonts of the figures (matplotlib's ``font.family``) have all letters of a text."""
    fonts = [get_font(findfont(FontProperties(family=[name]))) for name in FontProperties().get_family()]
    return all(letter.isspace() or any(font.get_char_index(ord(letter)) for font in fonts) for letter in text)


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as ``<stem>.png`` and ``<stem>.pdf``, the same bytes for the same figure.

    Returns
    -------
    The paths of the files.
    """
    undated: dict[str, dict[str, Any]] = {".png": {"Software": None}, ".pdf": {"CreationDate": None}}
    paths = [stem.with_name(stem.name + suffix) for suffix in undated]
    with rc_context(STYLE), warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box; a matplotlibrc can name a font that has it (font.family).
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        for path, metadata in zip(paths, undated.values(), strict=True):
            figure.savefig(path, dpi=300, metadata=metadata)
    return paths
