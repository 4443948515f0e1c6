"""The genres of the catalogue as a task: which songs can be learned from and tested on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hearlog.corpora.corpus import PARTS

REASONS = [
    "no genre",
    "genre not in train",
    "genre not in test",
    "no second genre",
    "no genre in valid",
]


def label_songs(clips: pd.DataFrame, parts: dict[str, np.ndarray]) -> pd.DataFrame:
    """Find the songs whose genre can be learned and tested in the split that the estimator was trained on.

    Parameters
    ----------
    clips
        The songs, as of `hearlog.corpora.corpus.Corpus.read_clips`; ``target`` is the genre, null where there is none.
    parts
        Rows of train, valid and test, as of `hearlog.corpora.corpus.Corpus.read_splits`.

    Returns
    -------
    One row a song, in the order of ``clips``: ``item_id``, ``genre``, ``part`` and ``left_out``, the reason (one of
    `REASONS`) why the song is not used, null if it is. A genre needs one song to train on and one to test on; a
    classifier needs two genres and a song to validate on, without which all songs are left out.
    """
    genre = clips["target"].astype("str")
    part = pd.Series(index=clips.index, dtype="str")
    for name, rows in parts.items():
        part.iloc[rows] = name
    trained, tested = (genre.isin(genre[part == name].dropna()) for name in ("train", "test"))
    left_out = pd.Series(
        np.select([genre.isna(), ~trained, ~tested], REASONS[:3], default=""), index=clips.index, dtype="str"
    )
    used = left_out == ""
    if genre[used].nunique() < 2:
        left_out[used] = REASONS[3]
    elif not (part[used] == "valid").any():
        left_out[used] = REASONS[4]
    songs = {"item_id": clips["item_id"], "genre": genre, "part": part, "left_out": left_out.replace("", None)}
    return pd.DataFrame(songs)


def count_songs(songs: pd.DataFrame) -> dict[str, Any]:
    """Count what `label_songs` found: songs, those used and their genres, those of each part, those left out."""
    used = songs[songs["left_out"].isna()]
    reasons = songs["left_out"].value_counts()
    return {
        "songs": len(songs),
        "used": len(used),
        "genres": used["genre"].nunique(),
        **{part: int((used["part"] == part).sum()) for part in PARTS},
        "left_out": {reason.replace(" ", "_"): int(reasons.get(reason, 0)) for reason in REASONS},
    }


def as_task(songs: pd.DataFrame) -> tuple[pd.DataFrame, list[dict[str, np.ndarray]]]:
    """Turn the songs into clips and folds of a `hearlog.transfer.cell.Task`; no folds if none can be used.

    Rows stay those of the spectrograms. Songs that are left out are in no part; the genre they are given here is one
    of the others', so that there is no class of them, and is never read.
    """
    used = songs["left_out"].isna()
    if not used.any():
        return pd.DataFrame({"item_id": songs["item_id"], "target": songs["genre"]}), []
    target = songs["genre"].where(used, songs.loc[used, "genre"].iloc[0])
    rows = {part: np.flatnonzero(used & (songs["part"] == part)) for part in PARTS}
    return pd.DataFrame({"item_id": songs["item_id"], "target": target}), [rows]
