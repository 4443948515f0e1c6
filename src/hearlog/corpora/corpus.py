"""A corpus: a folder that says which items exist, holds their crops and mel spectrograms, and how they are split.

Each task is a corpus whose target is a label or a number. The songs are one whose CF embeddings stand in
data/embeddings; their target is the genre, where it is known. The same stages serve all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ITEM_COLUMNS = ["item_id", "path", "artist", "title", "group", "fold", "split", "target"]
PARTS = ["train", "valid", "test"]


def item_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Give items the columns and types of ``items.parquet``; what is empty or not there becomes null."""
    table = rows.reindex(columns=ITEM_COLUMNS).reset_index(drop=True)
    words = table.columns.drop(["fold", "target"])
    number = pd.api.types.is_numeric_dtype(table["target"])
    types = dict.fromkeys(words, "str") | {"fold": "Int64", "target": "float64" if number else "str"}
    return table.astype(types).replace(dict.fromkeys(words, ""), None)


@dataclass(frozen=True)
class Corpus:
    """Names the files of one corpus folder.

    ``items.parquet``
        One row an item: ``item_id`` (text, unique), ``path`` (relative to the data set's root, ``/`` between
        folders), ``artist`` and ``title`` (text, null where unknown), ``group`` (text: the artist, recording or
        song that must not cross a split; null where unknown), ``fold`` (Int64: the published fold, from 0, that
        tests the item), ``split`` (the published part: train, valid or test) and ``target`` (text: a class;
        float64: a number; null for songs without a genre). ``fold`` and ``split`` are null where none is
        published.
    ``crops/crops.npy``
        int16, clips x samples. ``crops/clips.parquet``: row i describes row i of ``crops.npy`` and ``mel.npy``
        (``item_id``; ``seconds``, ``sample_rate`` and ``channels`` of the file). ``crops/rejected.parquet``:
        ``item_id``, ``path``, ``reason``, ``detail``.
    ``mel.npy``
        float16, clips x mel bands x frames, in dB.
    ``splits.parquet``
        What a training reads besides spectrograms. One row per fold and accepted clip: ``fold`` (from 0), ``item_id``,
        ``target`` (not of the songs) and ``part``, null where the protocol leaves the clip out. Row i of each fold
        describes row i of ``mel.npy``.
    """

    folder: Path

    @property
    def items(self) -> Path:
        """Table of what exists."""
        return self.folder / "items.parquet"

    @property
    def crops(self) -> Path:
        """Folder of the audio crops and the tables of accepted and rejected items."""
        return self.folder / "crops"

    @property
    def mel(self) -> Path:
        """Array of mel spectrograms."""
        return self.folder / "mel.npy"

    @property
    def splits(self) -> Path:
        """Table of folds and parts."""
        return self.folder / "splits.parquet"

    def embeddings(self, divisor: int) -> Path:
        """Array of the estimator's outputs, float32, clips x factors."""
        return self.folder / f"embeddings-div{divisor}.npy"

    def read_clips(self) -> pd.DataFrame:
        """Items that were accepted, in the row order of ``crops.npy`` and ``mel.npy``."""
        clips = pd.read_parquet(self.crops / "clips.parquet", columns=["item_id"])
        return clips.merge(pd.read_parquet(self.items), on="item_id", how="left", validate="1:1")

    def read_splits(self) -> tuple[pd.DataFrame, list[dict[str, np.ndarray]]]:
        """Read which clips are trained, validated and tested on.

        Returns
        -------
        clips
            ``item_id`` and ``target`` of the accepted clips, in the row order of ``mel.npy``.
        folds
            For each fold ``{"train": rows, "valid": rows, "test": rows}``, each int64 and ascending.
        """
        tables = [fold for _, fold in pd.read_parquet(self.splits).groupby("fold", sort=True)]
        clips = tables[0].drop(columns=["fold", "part"]).reset_index(drop=True)
        return clips, [{part: np.flatnonzero(fold["part"] == part) for part in PARTS} for fold in tables]
