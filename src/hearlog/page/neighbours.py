"""Songs to listen to: each with its nearest neighbours by CF embedding and by the estimate from audio."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from hearlog.als.neighbours import NEIGHBOURS, agreement, nearest
from hearlog.util.errors import InputError

QUERIES = 300  # songs that can be picked; the page stays small, however large the corpus


def listening_panel(evaluation: Path, items: Path, audio_root: str, queries: int = QUERIES) -> dict[str, Any]:
    """Find the neighbours of test songs among all test songs, which the estimator was not trained on.

    Parameters
    ----------
    evaluation
        Folder of one capacity, with ``songs.parquet``, ``true.npy`` and ``predicted.npy`` (float32, songs x
        factors).
    items
        Table of the songs, with path, artist, title and genre.
    audio_root
        Folder that the paths start from, as in params: relative to the page, or absolute.
    queries
        Most songs that can be picked; beyond them that many are drawn at random, always the same.

    Returns
    -------
    ``test_songs`` and ``neighbours`` (numbers); ``songs``: ``title``, ``artist``, ``genre`` (text, or None),
    ``id`` and ``audio`` (a URL); ``queries``: ``song`` (row of ``songs``), ``cosine`` (of its estimate and its
    embedding), ``cf`` and ``estimate``, each a list of ``[song, cosine]``, nearest first; ``agreement``, as of
    `hearlog.als.neighbours.agreement`, or None without neighbours.

    Raises
    ------
    InputError
        When a file is missing, or a song is not among the items.
    """
    for path in (evaluation / "songs.parquet", evaluation / "true.npy", evaluation / "predicted.npy", items):
        if not path.is_file():
            raise InputError(f"{path}: no such file. Run: dvc repro")
    songs = _facts(pd.read_parquet(evaluation / "songs.parquet"), pd.read_parquet(items), evaluation, items)
    drawn = np.sort(np.random.default_rng(0).permutation(len(songs))[:queries])
    count = min(NEIGHBOURS, len(songs) - 1)
    found = {
        name: nearest(np.load(evaluation / file, allow_pickle=False), drawn, count)
        for name, file in (("cf", "true.npy"), ("estimate", "predicted.npy"))
    }
    shown = np.unique(np.concatenate([drawn, *(rows.ravel() for rows, _ in found.values())]))
    place = {int(row): position for position, row in enumerate(shown)}
    lists = {
        name: [
            [[place[int(song)], round(float(cosine), 3)] for song, cosine in zip(*neighbours, strict=True)]
            for neighbours in zip(rows, cosines, strict=True)
        ]
        for name, (rows, cosines) in found.items()
    }
    return {
        "test_songs": len(songs),
        "neighbours": count,
        "songs": [_song(song, audio_root) for song in songs.iloc[shown].to_dict("records")],
        "queries": [
            {"song": place[int(row)], "cosine": round(float(songs["cosine"].iloc[row]), 3)}
            | {name: lists[name][position] for name in lists}
            for position, row in enumerate(drawn)
        ],
        "agreement": agreement(found["cf"][0], found["estimate"][0], len(songs)) if count > 0 else None,
    }


def audio_url(audio_root: str, path: str) -> str:
    """Return the URL of a song's file, percent-encoded: relative to the page, or of scheme file if absolute."""
    file = Path(audio_root, path)
    return file.as_uri() if file.is_absolute() else quote(file.as_posix())


def _facts(songs: pd.DataFrame, items: pd.DataFrame, evaluation: Path, table: Path) -> pd.DataFrame:
    songs = songs.assign(song_id=songs["song_id"].astype("str"))
    facts = items.assign(item_id=items["item_id"].astype("str"))[["item_id", "path", "artist", "title", "target"]]
    joined = songs.merge(facts, left_on="song_id", right_on="item_id", how="left", validate="1:1")
    if len(unknown := joined.loc[joined["path"].isna(), "song_id"]):
        raise InputError(
            f"{evaluation / 'songs.parquet'}: song {unknown.iloc[0]} is not in {table}, so they come from different "
            "runs. Run: dvc repro"
        )
    return joined


def _song(song: dict[Hashable, Any], audio_root: str) -> dict[str, str | None]:
    words = {name: None if pd.isna(song[column]) else str(song[column]) for name, column in _WORDS.items()}
    return words | {"id": song["song_id"], "audio": audio_url(audio_root, song["path"])}


_WORDS = {"title": "title", "artist": "artist", "genre": "target"}
