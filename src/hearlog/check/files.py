"""Audio files as they lie on disk: what each holds, why it cannot be used, and which are the same byte by byte."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from tqdm import tqdm

from hearlog.audio.crop import UnusableAudioError
from hearlog.audio.decode import FileInfo, quiet_decoders, read_crop, read_info

COLUMNS = {
    "bytes": "Int64",
    "seconds": "float64",
    "sample_rate": "Int64",
    "channels": "Int64",
    "reason": "str",
    "detail": "str",
}
BLOCK = 4096  # bytes


def inspect_files(
    paths: pd.Series,
    root: Path,
    *,
    sample_rate: int,
    seconds: float,
    min_seconds: float,
    full: bool,
    threads: int,
    description: str,
) -> pd.DataFrame:
    """Find out what audio files hold, and which of them the crop will reject.

    Parameters
    ----------
    paths
        Relative to ``root``; a null is a file that is missing.
    root
        Folder of the audio files.
    sample_rate, seconds, min_seconds
        Of the crop, as in `hearlog.audio.decode.read_crop`.
    full
        Decode each file as the crop will, which gives the same reasons; otherwise only the headers are read, which
        leaves some unseen: see `hearlog.audio.decode.read_info`.
    threads
        Files read at once.
    description
        Shown beside the progress bar.

    Returns
    -------
    One row a file, with the index of ``paths``: ``bytes`` (Int64, null for a file that is missing or out of reach);
    ``seconds`` (float64), ``sample_rate`` and ``channels`` (Int64), null where a file cannot be used, ``seconds`` where
    only decoding would tell as well; ``reason``, one of `read_crop`, and ``detail`` (text), null where it can.
    """

    def read(path: Path) -> FileInfo:
        if full:
            return read_crop(path, sample_rate, seconds, min_seconds)[1]
        return read_info(path, sample_rate, min_seconds)

    files = [root / path for path in paths.fillna("")]
    with quiet_decoders() as terminal, ThreadPoolExecutor(threads) as pool:
        results = pool.map(lambda path: _inspect(path, read), files)
        rows = list(tqdm(results, description, len(files), file=terminal, unit="file", disable=None))
    return pd.DataFrame(rows, paths.index, list(COLUMNS)).astype(COLUMNS)


def _inspect(path: Path, read: Callable[[Path], FileInfo]) -> dict[str, Any]:
    file = _identify(path)
    size = {"bytes": file.size} if file else {}
    try:
        return size | asdict(read(path))
    except UnusableAudioError as unusable:
        return size | {"reason": unusable.reason, "detail": unusable.detail}


def same_bytes(files: pd.Series, matters: Callable[[list[Hashable]], bool] = lambda labels: True) -> pd.Series:
    """Find the sets of files that hold the same bytes.

    As little is read as can be: nothing of a file whose size no other has; of the others three blocks; whole files
    only where those are equal too. Two names of one file (links) are the same, and it is read once.

    Parameters
    ----------
    files
        Absolute paths, with any index; a null is a file that is missing.
    matters
        Told the labels, in the index of ``files``, of files that look alike: whether to read on. Where not, they are
        not compared, and like no other.

    Returns
    -------
    Int64, from 0, with the index of ``files``: the number of a file's set; null for a file that is like no other, and
    for one that is missing or cannot be read.
    """
    identities = [_identify(path) for path in files.fillna("")]
    paths = {identity: path for identity, path in zip(identities, files, strict=True) if identity}
    labels = defaultdict(list)
    for identity, label in zip(identities, files.index, strict=True):
        labels[identity].append(label)
    contents: dict[_Identity, Hashable] = {identity: identity.size for identity in paths}
    with ThreadPoolExecutor() as pool:
        for whole in (False, True):
            alike = []
            for like in _sets(contents):
                if matters([label for identity in like for label in labels[identity]]):
                    alike += like
                else:
                    contents |= {identity: identity for identity in like}
            results = pool.map(partial(_digest, whole=whole), [paths[identity] for identity in alike])
            bar = tqdm(results, "compare", len(alike), unit="file", disable=None, leave=False)
            for identity, result in zip(alike, bar, strict=True):
                contents[identity] = contents[identity], result
    content = pd.Series([identity and contents[identity] for identity in identities], files.index, dtype=object)
    numbers, _ = pd.factorize(content.where(content.duplicated(keep=False)))
    return pd.Series(numbers, files.index, dtype="Int64").mask(numbers < 0)


def _sets(contents: Mapping[_Identity, Hashable]) -> list[list[_Identity]]:
    """Files of equal content, as far as it is known; those that are like no other are left out."""
    sets = defaultdict(list)
    for identity, content in contents.items():
        sets[content].append(identity)
    return [like for like in sets.values() if len(like) > 1]


class _Identity(NamedTuple):
    """A file, whatever its name, and its size in bytes."""

    device: int
    inode: int
    size: int


def _identify(path: str | Path) -> _Identity | None:
    try:
        status = Path(path).stat()
    except (OSError, ValueError):  # ValueError: no path at all, such as one with a null character
        return None
    return _Identity(status.st_dev, status.st_ino, status.st_size) if stat.S_ISREG(status.st_mode) else None


def _digest(path: str, whole: bool) -> Hashable:
    """Digest a file, or a block each from its beginning, middle and end; one that cannot be read is like no other."""
    try:
        with Path(path).open("rb", buffering=0) as file:
            if whole:
                return hashlib.file_digest(file, "sha256").digest()
            digest = hashlib.sha256()
            last = max(os.fstat(file.fileno()).st_size - BLOCK, 0)
            for begin in (0, last // 2, last):
                file.seek(begin)
                digest.update(file.read(BLOCK))
            return digest.digest()
    except OSError:
        return path
