"""Features of many files in one table on disk: Parquet, npz or CSV."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hearlog.util.errors import InputError
from hearlog.util.files import whole

SUFFIXES = (".parquet", ".npz", ".csv")
ABOUT = "hearlog"  # key under which Parquet and npz say what the features are


@dataclass(frozen=True)
class FeatureTable:
    """Features of files.

    Attributes
    ----------
    paths
        Of the files, text, (rows,); a file has a row for each of its windows.
    starts
        Seconds at which the windows begin, float64, (rows,); None where a row is the middle of its file.
    vectors
        float32, rows x dimensions.
    about
        ``model`` (SHA-256 of its weights and config), ``hearlog`` (its version), ``layer``, ``hop``, ``engine`` and
        ``precision``; empty where it is not known, as in CSV.
    """

    paths: np.ndarray
    starts: np.ndarray | None
    vectors: np.ndarray
    about: dict[str, Any]


def write_features(table: FeatureTable, path: Path) -> None:
    """Write a table in the format that the name ends with, whole or not at all.

    Parquet and CSV have the columns ``path``, ``start`` where there are windows, and ``f0``, ``f1`` …; npz the arrays
    ``path``, ``start`` and ``features``.
    """
    with whole(path) as partial:
        _write(table, partial)


def _write(table: FeatureTable, path: Path) -> None:
    if path.suffix == ".npz":
        arrays: dict[str, Any] = {"path": table.paths.astype(np.str_), "features": table.vectors}
        arrays |= {} if table.starts is None else {"start": table.starts}
        arrays[ABOUT] = json.dumps(table.about)
        np.savez(path, **arrays)
    else:
        columns: dict[str, Any] = {"path": table.paths}
        columns |= {} if table.starts is None else {"start": table.starts}
        columns |= {f"f{i}": column for i, column in enumerate(np.ascontiguousarray(table.vectors.T))}
        if path.suffix == ".csv":
            pd.DataFrame(columns).to_csv(path, index=False)
        else:
            found = pa.table({**columns, "path": pa.array(table.paths, pa.string())})
            pq.write_table(found.replace_schema_metadata({ABOUT: json.dumps(table.about)}), path)


def read_features(path: Path) -> FeatureTable:
    """Read what `write_features` wrote.

    Raises
    ------
    InputError
        If the file is not there or holds no features.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: features are in a file that ends with {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise InputError(f"{path}: no such file. Make it with hearlog embed FILES --out {path}")
    try:
        table = _read_arrays(path) if path.suffix == ".npz" else _read_columns(path)
        _check_form(table)
    except (
        OSError,
        KeyError,
        TypeError,
        ValueError,
        MemoryError,
        RuntimeError,
        EOFError,
        BadZipFile,
        pa.ArrowException,
    ) as error:
        raise InputError(f"{path}: holds no features of hearlog embed: {error}") from None
    faulty = np.flatnonzero(~np.isfinite(table.vectors).all(axis=1))
    if len(faulty):
        raise InputError(f"{path}: the features of {table.paths[faulty[0]]} are not finite: embed it again")
    return table


def _is_feature(column: object) -> bool:
    return re.fullmatch("f[0-9]+", str(column)) is not None


def _check_form(table: FeatureTable) -> None:
    rows = table.vectors.shape[:1]
    columns = [table.paths] if table.starts is None else [table.paths, table.starts]
    if table.vectors.ndim != 2 or not table.vectors.size or any(column.shape != rows for column in columns):
        raise ValueError(f"{len(table.paths)} paths and features of shape {table.vectors.shape} do not belong together")
    if not isinstance(table.about, dict) or not isinstance(table.about.get("layer", ""), str):
        raise ValueError(f"what it says of itself is of another program: {table.about!r:.80}")


def _read_arrays(path: Path) -> FeatureTable:
    with np.load(path, allow_pickle=False) as arrays:
        if any(member.compress_type != ZIP_STORED for member in arrays.zip.infolist()):
            raise ValueError("its arrays are packed, and might be of any size: write them with numpy.savez")
        starts = arrays.get("start")
        about = json.loads(str(arrays[ABOUT]))
        vectors = arrays["features"].astype(np.float32, casting="same_kind")  # not of complex numbers
        return FeatureTable(arrays["path"].astype(object), starts, vectors, about)


def _read_columns(path: Path) -> FeatureTable:
    if path.suffix == ".csv":
        frame, about = pd.read_csv(path, dtype={"path": "str"}, keep_default_na=False), {}
    else:
        found = pq.ParquetFile(path).read()
        frame, about = (
            found.to_pandas(ignore_metadata=True),
            json.loads((found.schema.metadata or {}).get(ABOUT.encode(), b"{}")),
        )
    columns = [f"f{i}" for i in range(sum(_is_feature(name) for name in frame))]
    if not columns:
        raise ValueError("no columns f0, f1 …")
    starts = frame["start"].to_numpy(np.float64) if "start" in frame else None
    return FeatureTable(frame["path"].to_numpy(object), starts, frame[columns].to_numpy(np.float32), about)
