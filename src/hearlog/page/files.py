"""The files of a run that the page reads, and what is said when one is missing or broken."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from hearlog.pipeline import lock
from hearlog.util.errors import InputError


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table."""
    return pd.read_parquet(_existing(path))


def read_stages(path: Path, arguments: Collection[str]) -> dict[str, Any]:
    """Read the stages of a ``dvc.lock``, which keeps those of earlier settings as well.

    Parameters
    ----------
    path
        The file.
    arguments
        Words that stages of the present settings are called with; stages called with others are left out.

    Returns
    -------
    For each stage its ``cmd``, ``deps`` and ``outs``, in the order of the file.
    """
    stages = lock.read_stages(_existing(path))
    return {name: stage for name, stage in stages.items() if set(stage.get("cmd", "").split()[3:]) <= set(arguments)}


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Run: dvc repro")
    return path
