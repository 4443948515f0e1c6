"""The crops of a corpus: one array, and the lists of what was cropped and what was left out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from hearlog.audio.crop import UnusableAudioError
from hearlog.audio.decode import FileInfo, quiet_decoders, read_crop
from hearlog.util.ahead import ahead
from hearlog.util.arrays import RowWriter
from hearlog.util.errors import InputError

CROPS_AHEAD = 16  # of the one that is written, in memory: others go on while a long file is decoded
REJECTED_COLUMNS = ["item_id", "path", "reason", "detail"]


def crop_items(
    items: pd.DataFrame,
    root: Path,
    out: Path,
    *,
    sample_rate: int,
    seconds: float,
    min_seconds: float,
    max_rejected: float,
    threads: int,
) -> dict[str, int | dict[str, int]]:
    """Crop every item's file into one array, and list what had to be left out.

    Parameters
    ----------
    items
        With columns ``item_id`` and ``path``, relative to ``root``.
    root
        Folder of the audio files.
    out
        Folder for ``crops.npy``, ``clips.parquet`` and ``rejected.parquet`` (see `hearlog.corpora.corpus.Corpus`).
    sample_rate, seconds, min_seconds
        As in `read_crop`.
    max_rejected
        Largest share of items that may be left out.
    threads
        Files decoded at once.

    Returns
    -------
    Counts: ``accepted``, and ``rejected`` by reason.

    Raises
    ------
    InputError
        If more than ``max_rejected`` of the items cannot be used, with the reasons and the first of them.
    """
    out.mkdir(parents=True, exist_ok=True)

    def crop(path: str) -> tuple[np.ndarray, FileInfo] | UnusableAudioError:
        try:
            return read_crop(root / path, sample_rate, seconds, min_seconds)
        except UnusableAudioError as unusable:
            return unusable

    clips, rejected = [], []
    with (
        quiet_decoders() as terminal,
        RowWriter(out / "crops.npy", (round(seconds * sample_rate),), np.int16) as writer,
    ):
        cropped = ahead(crop, items["path"], threads, CROPS_AHEAD)
        results = tqdm(cropped, "crop", len(items), file=terminal, unit="file", disable=None)
        for item_id, path, result in zip(items["item_id"], items["path"], results, strict=True):
            if isinstance(result, UnusableAudioError):
                rejected.append((item_id, path, result.reason, result.detail))
            else:
                writer.append(result[0])
                clips.append({"item_id": item_id, **asdict(result[1])})
    table = pd.DataFrame(rejected, columns=REJECTED_COLUMNS, dtype="str")
    table.to_parquet(out / "rejected.parquet", index=False)
    columns = ["item_id", *FileInfo.__dataclass_fields__]
    pd.DataFrame(clips, columns=columns).to_parquet(out / "clips.parquet", index=False)
    _check_share(table, len(items), root, max_rejected)
    reasons = table["reason"].value_counts().sort_index()
    return {"accepted": len(clips), "rejected": {str(reason): int(count) for reason, count in reasons.items()}}


def _check_share(rejected: pd.DataFrame, items: int, root: Path, limit: float) -> None:
    if items == 0:
        raise InputError(f"{root}: no items to crop")
    if len(rejected) > limit * items or len(rejected) == items:
        first = [f"  {root}/{row.path}: {row.reason} ({row.detail})" for row in rejected.head(5).itertuples()]
        raise InputError(
            f"{root}: {len(rejected)} of {items} files cannot be used, more than audio.max_rejected = {limit:g} "
            "allows. Mend or remove them, or raise the limit. The first:\n" + "\n".join(first)
        )
