"""What the audio files of all corpora hold: each file is looked at once, whichever corpora name it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hearlog.check.files import inspect_files, same_bytes
from hearlog.params import Params
from hearlog.runtime.backend import count_threads

SONGS = "songs"  # no task has this name: hearlog.params sees to it


@dataclass(frozen=True)
class Listed:
    """The items of a corpus as its annotations or the catalogue list them, and the folder of their audio."""

    items: pd.DataFrame
    root: Path


def inspect(corpora: Mapping[str, Listed], params: Params, full: bool) -> dict[str, pd.DataFrame]:
    """Look at every corpus' audio files.

    Parameters
    ----------
    corpora
        By name, with columns ``item_id`` and ``path`` among others.
    params
        Settings of the crop, and threads.
    full
        Decode the files; otherwise only their headers are read.

    Returns
    -------
    For each corpus its items with the columns of `hearlog.check.files.inspect_files`, and two more: ``file``, the
    absolute path, and ``content`` (int64), equal for usable files of one corpus, or of a task and the songs, that hold
    the same bytes. Tasks are not compared with each other: FMA small is a part of FMA medium.
    """
    if not corpora:
        return {}
    files = {name: _absolute(listed) for name, listed in corpora.items()}
    seen = pd.DataFrame()
    for name, listed in corpora.items():
        new = files[name].drop_duplicates()
        new = new[~new.isin(seen.index)]
        if len(new):
            found = inspect_files(
                listed.items["path"][new.index],
                listed.root,
                **params.audio.model_dump(exclude={"max_rejected"}),
                full=full,
                threads=count_threads(params.runtime.threads),
                description=name,
            )
            seen = pd.concat([seen, found.set_axis(new)])
    seen["content"] = _contents(seen, files)
    return {
        name: listed.items.assign(file=files[name]).join(seen, on="file", validate="m:1")
        for name, listed in corpora.items()
    }


def _absolute(listed: Listed) -> pd.Series:
    root = os.path.abspath(listed.root)  # noqa: PTH100  resolve() would follow links: a linked file is a file of its own
    return listed.items["path"].fillna("").map(lambda path: os.path.normpath(os.path.join(root, path)))  # noqa: PTH118


def _contents(seen: pd.DataFrame, files: Mapping[str, pd.Series]) -> pd.Series:
    """Give usable files of the same bytes, and only those, the same number."""
    corpora = defaultdict(list)
    for name, paths in files.items():
        for path in paths.drop_duplicates():
            corpora[path].append(name)

    def matters(paths: list[Hashable]) -> bool:
        held = Counter(name for path in paths for name in corpora[path])
        return max(held.values()) > 1 or (SONGS in held and len(held) > 1)

    alone = pd.Series(-1 - np.arange(len(seen)), index=seen.index)
    good = seen.index[seen["reason"].isna()].to_series()
    return same_bytes(good, matters).reindex(seen.index).fillna(alone).astype("int64")
