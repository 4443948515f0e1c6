"""What hearlog knows of a labelled data set: its reader, and what was published of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class DataSet:
    """A labelled data set.

    Parameters
    ----------
    title
        Its name in print.
    read
        Takes the folder of the data set and a target, and returns the items in the form of ``items.parquet`` (see
        `hearlog.corpora.corpus.Corpus`). It reads annotations alone: whether the audio is there and sound is found out,
        and listed, when it is cropped.
    targets
        What can be learned; empty where any column of the user's own table can.
    protocols
        Of `hearlog.corpora.protocols.PROTOCOLS`, those that make sense for it, the paper's first.
    group
        What a group is: artist, recording, version.
    classes
        Items of each class, as published; empty where nothing is.
    parts
        Items of each part under a protocol, as published.
    folds
        Number of published folds under a protocol that has them.
    damaged
        Items whose published audio is damaged or empty: the crop rejects them, as it should.
    checksums
        Of published annotation files, by their path in the data set's folder: ``"md5:…"`` or ``"sha1:…"``.
    remarks
        Says what is unusual about a copy in the folder and stops nothing, a sentence each.
    """

    title: str
    read: Callable[[Path, str], pd.DataFrame]
    targets: tuple[str, ...]
    protocols: tuple[str, ...]
    group: str
    classes: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    folds: Mapping[str, int] = field(default_factory=dict)
    damaged: frozenset[str] = frozenset()
    checksums: Mapping[str, str] = field(default_factory=dict)
    remarks: Callable[[Path], list[str]] = lambda root: []
