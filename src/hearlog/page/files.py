"""The files of a run that the page reads, and what is said when one is missing or broken."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from hearlog.errors import InputError
from hearlog.validation import read_yaml


def read_json(path: Path) -> dict[str, Any]:
    """Read a metrics file."""
    content = _existing(path).read_bytes()
    try:
        return json.loads(content)
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({error}). Run: dvc repro") from None


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table."""
    return pd.read_parquet(_existing(path))


def read_stages(path: Path, arguments: Collection[str]) -> dict[str, dict[str, Any]]:
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
    stages = read_yaml(_existing(path)).get("stages", {})
    return {name: stage for name, stage in stages.items() if set(stage["cmd"].split()[3:]) <= set(arguments)}


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Run: dvc repro")
    return path
