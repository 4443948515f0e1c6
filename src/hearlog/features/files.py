"""Sound files, found in folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hearlog.audio.decode import SUFFIXES
from hearlog.util.errors import InputError


def find_sounds(places: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List sound files.

    Parameters
    ----------
    places
        Files, taken whatever their name, and folders, which are searched through, but for what is hidden. Links to
        folders are not followed.

    Returns
    -------
    Each file once: the places in their order, the files of a folder in that of their names.

    Raises
    ------
    InputError
        If a place is not there, or nothing is found.
    """
    found: dict[Path, None] = {}
    for place in map(Path, places):
        if not place.exists():
            raise InputError(f"{place}: no such file or folder")
        found |= dict.fromkeys(_search(place) if place.is_dir() else [place])
    if not found:
        raise InputError(f"{', '.join(map(str, places))}: no sound files ({' '.join(sorted(SUFFIXES))})")
    return list(found)


def _search(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(here, name)
