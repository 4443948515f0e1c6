"""Features of many files, written as one table; a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from tqdm import tqdm

from hearlog.audio.crop import UnusableAudioError
from hearlog.audio.decode import quiet_decoders
from hearlog.features.extractor import FeatureExtractor, Features
from hearlog.features.table import SUFFIXES, FeatureTable, write_features
from hearlog.model.folder import CONFIG, WEIGHTS
from hearlog.util.errors import InputError
from hearlog.util.files import sha256, whole

T = TypeVar("T")
FILES_AT_ONCE = 64  # of a part, which is kept when a run is stopped
REJECTED = ["path", "reason", "detail"]
BAD_NAME = "name"  # a reason


@dataclass(frozen=True)
class Embedded:
    """What `embed_files` has done: numbers of files, and the table of those it left out, None if there is none."""

    files: int
    rejected: int
    rejected_table: Path | None


def embed_files(
    files: Sequence[Path],
    extractor: FeatureExtractor,
    about: dict[str, Any],
    out: Path,
    *,
    batch_size: int = 16,
) -> Embedded:
    """Compute features of files into one table.

    Files are taken in parts of `FILES_AT_ONCE`, each of which is kept in ``.<out>.parts`` when it is done. Another run
    for the same table takes over those whose files, model and settings are the same; batches never cross parts, so its
    result is that of a run that was not stopped, to the last bit.

    Parameters
    ----------
    files
        Paths of sound files.
    extractor
        The model.
    about
        What decides the features beside the files, their layer and hop among it: as of `FeatureTable`.
    out
        The table to write: ``.parquet``, ``.npz`` or ``.csv``. The files that cannot be used are listed beside it, in
        ``<out>.rejected.csv``: ``path``, ``reason`` and ``detail``.
    batch_size
        As of `FeatureExtractor.stream`.

    Raises
    ------
    InputError
        If the table cannot be written or another run is writing it, or no file can be used.
    """
    if out.suffix not in SUFFIXES:
        raise InputError(f"{out}: the name must end with {', '.join(SUFFIXES)}")
    if not out.parent.is_dir() or out.is_dir():
        raise InputError(f"{out}: {'is a folder' if out.is_dir() else f'there is no folder {out.parent}'}: name a file")
    folder = out.with_name(f".{out.name}.parts")
    folder.mkdir(exist_ok=True)
    try:
        held = FileLock(folder / "lock").acquire(blocking=False)
    except Timeout:
        raise InputError(f"{out}: another run is writing it: wait for it, or end it") from None
    with held:
        return _embed(files, extractor, about, out, folder, batch_size)


def _embed(
    files: Sequence[Path],
    extractor: FeatureExtractor,
    about: dict[str, Any],
    out: Path,
    folder: Path,
    batch_size: int,
) -> Embedded:
    """Do what is missing of the parts in a folder, and make one table of them all."""
    parts = {
        folder / _part_name(part, about, batch_size): part
        for part in (files[start : start + FILES_AT_ONCE] for start in range(0, len(files), FILES_AT_ONCE))
    }
    options = {"layer": about["layer"], "hop": about["hop"], "batch_size": batch_size}
    with quiet_decoders() as terminal, tqdm(total=len(files), unit="file", file=terminal, disable=None) as bar:
        missing = {kept: part for kept, part in parts.items() if not _is_done(kept, extractor, options)}
        left = [file for part in missing.values() for file in part]
        bar.update(len(files) - len(left))
        found = extractor.stream(left, **options, group=FILES_AT_ONCE)
        for kept, part in missing.items():
            arrays = _collect(part, _counted(islice(found, len(part)), bar), extractor.dimensions(about["layer"]))
            with whole(kept) as partial:
                np.savez(partial, *arrays)
    columns = zip(*map(_read_part, parts), strict=True)
    paths, starts, vectors, rejected = (np.concatenate(column) for column in columns)
    rejected_table = out.with_name(f"{out.name}.rejected.csv")
    rejected_table.unlink(missing_ok=True)
    if len(rejected):
        pd.DataFrame(rejected, columns=REJECTED).to_csv(rejected_table, index=False)
    if not len(paths):
        raise InputError(f"none of {len(files)} files can be used; {rejected_table} says why")
    hop = about["hop"]
    write_features(FeatureTable(paths.astype(object), None if hop is None else starts, vectors, about), out)
    shutil.rmtree(folder)
    return Embedded(len(files) - len(rejected), len(rejected), rejected_table if len(rejected) else None)


def _is_done(kept: Path, extractor: FeatureExtractor, options: dict[str, Any]) -> bool:
    """Whether a part was kept whole, and what it left out can still not be used: a decoder may be there by now."""
    try:
        rejected = _read_part(kept)[3]
    except (OSError, ValueError, EOFError, BadZipFile):  # there is none, or the disk was full, or the power went
        return False
    again = extractor.stream([Path(path) for path, reason, _ in rejected if reason != BAD_NAME], **options)
    return all(isinstance(found, UnusableAudioError) for found in again)


def _part_name(files: Sequence[Path], about: dict[str, Any], batch_size: int) -> str:
    """Name a part after all that decides what is in it."""
    stats = [(str(file), *_stamp(file)) for file in files]
    return f"{hashlib.sha256(json.dumps([about, batch_size, stats]).encode()).hexdigest()}.npz"


def _stamp(file: Path) -> tuple[int, int]:
    """Size and time of a file; of one that is gone, which is found out when it is read, zeros."""
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _counted(found: Iterable[T], bar: tqdm) -> Iterator[T]:
    for features in found:
        bar.update()
        yield features


def _collect(
    files: Sequence[Path], found: Iterable[Features | UnusableAudioError], dimensions: int
) -> tuple[np.ndarray, ...]:
    """Gather what was found in a part: paths, starts and vectors of its windows, and rows of the rejected."""
    paths, rejected = list[str](), list[tuple[str, str, str]]()
    starts, vectors = [np.empty(0)], [np.empty((0, dimensions), np.float32)]
    for file, features in zip(files, found, strict=True):
        if (name := _escaped(file)) != str(file):
            rejected.append((name, BAD_NAME, "it is not UTF-8, which tables hold: rename the file"))
            continue
        if isinstance(features, UnusableAudioError):
            rejected.append((str(file), features.reason, features.detail))
            continue
        paths += [str(file)] * len(features.starts)
        starts.append(features.starts)
        vectors.append(features.vectors)
    table = np.array(rejected, np.str_).reshape(len(rejected), len(REJECTED))
    return np.array(paths, np.str_), np.concatenate(starts), np.concatenate(vectors), table


def _escaped(file: Path) -> str:
    """Return a path as text, what is not UTF-8 in it as escapes."""
    return os.fsencode(file).decode("utf-8", "backslashreplace")


def _read_part(path: Path) -> tuple[np.ndarray, ...]:
    with np.load(path, allow_pickle=False) as arrays:
        return tuple(arrays.values())


def describe(folder: Path, layer: str, hop: float | None, engine: str, precision: str) -> dict[str, Any]:
    """Say what features a model folder gives, as of `FeatureTable.about`."""
    settings = {"layer": layer, "hop": hop, "engine": engine, "precision": precision}
    return {"model": identify(folder), "hearlog": version("hearlog"), **settings}


def identify(folder: Path) -> str:
    """Return what tells a model from others: a SHA-256 of its weights and its config.

    Raises
    ------
    InputError
        If one of the two is missing.
    """
    missing = [name for name in (WEIGHTS, CONFIG) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder}: not a model folder: it has no {' and no '.join(missing)}")
    return hashlib.sha256((sha256(folder / WEIGHTS) + sha256(folder / CONFIG)).encode()).hexdigest()
