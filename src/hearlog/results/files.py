"""Files of results: readers whose errors name the file and the fix, and a writer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hearlog.util.errors import InputError


def read_json(path: Path) -> Any:
    """Read a metrics file.

    Raises
    ------
    InputError
        When there is none, or it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Run: dvc repro") from None
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({error}). Run: dvc repro") from None


def write_json(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write a metrics file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")


def read_table(path: Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table that a stage has written to plots/; git keeps it, so that a merge may have left both versions in it.

    Raises
    ------
    InputError
        When there is none, it lacks one of the ``columns``, or two versions of it stand in the file.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file. Run: dvc repro")
    if "<<<<<<<" in path.read_text(encoding="utf-8", errors="replace"):
        raise InputError(f"{path}: a merge has left both versions in it. Run: dvc repro")
    return read_columns(path, columns)


def read_columns(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table, Parquet or tab-separated, that has these columns, and maybe others.

    Raises
    ------
    InputError
        When it is broken, or lacks one of them.
    """
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else _read_tsv(path)
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not readable as a table ({error}). Run: dvc repro") from None
    if missing := [column for column in columns if column not in table]:
        raise InputError(f"{path}: has no column {', '.join(missing)}. Run: dvc repro")
    return table


def _read_tsv(path: Path) -> pd.DataFrame:
    # Only empty text is missing: "na" may be the name of somebody's task.
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])


def asked_for(path: Path) -> Path:
    """Give the path of a file of a cell that params name, or say that it is missing."""
    if not path.is_file():
        raise InputError(f"{path}: no such file, but params.yaml asks for this cell. Run: dvc repro")
    return path
