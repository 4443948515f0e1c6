"""FMA small and medium: 8000 clips in 8 balanced genres and 25000 in 16 unbalanced ones, 30 s each.

Layout under the root: ``fma_metadata/tracks.csv`` (sha1 e65cfe18cbba4e37921b58ea5293c2510329de75; two header
rows), also taken from the root itself, and ``fma_small/000/000002.mp3`` or ``fma_medium/...``: the track id
in six digits, in a folder of its first three. The subsets nest: medium contains small. A few clips hold next
to no audio (98565, 98567, 98569, 99134, 108925 and 133297 of small): they are items, which the crop rejects
and lists.

Citation: M. Defferrard, K. Benzi, P. Vandergheynst and X. Bresson, "FMA: a dataset for music analysis",
International Society for Music Information Retrieval Conference, 2017.

Source: the archives fma_metadata, fma_small and fma_medium of the project's repository. Metadata CC BY 4.0,
each track under the licence its artist chose.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd

from hearlog import tables
from hearlog.corpora.dataset import DataSet
from hearlog.errors import InputError

GENRES = (
    "Blues", "Classical", "Country", "Easy Listening", "Electronic", "Experimental", "Folk", "Hip-Hop",
    "Instrumental", "International", "Jazz", "Old-Time / Historic", "Pop", "Rock", "Soul-RnB", "Spoken",
)  # fmt: skip
SPLITS = {"training": "train", "validation": "valid", "test": "test"}
SUBSETS = {"small": ["small"], "medium": ["small", "medium"]}
COLUMNS = [("artist", "id"), ("set", "split"), ("set", "subset"), ("track", "genre_top")]


def read(root: Path, target: str, subset: Literal["small", "medium"]) -> pd.DataFrame:
    """Items of one subset of FMA.

    Parameters
    ----------
    root
        The folder that holds ``fma_metadata`` and ``fma_small`` or ``fma_medium``.
    target
        ``"genre"``: the top-level genre.
    subset
        Which of the nested subsets.

    Returns
    -------
    The columns of `hearlog.corpus.ITEM_COLUMNS`, in the order of ``tracks.csv``; ids have six digits as in
    the file names. The group is the artist's id.
    """
    source = tables.find(root, "fma_metadata/tracks.csv", "tracks.csv")
    tracks = _read_tracks(source)
    tracks = tracks[tracks["set", "subset"].isin(SUBSETS[subset])]
    track = tracks.index.to_series()
    tables.refuse(source, ~track.str.fullmatch(r"\d{1,6}"), "is no track id: fetch the file again", track)
    item_id = track.str.zfill(6)
    rows = pd.DataFrame(
        {
            "item_id": item_id,
            "path": f"fma_{subset}/" + item_id.str[:3] + "/" + item_id + ".mp3",
            "group": tracks["artist", "id"],
            "split": tables.translate(source, tracks["set", "split"], SPLITS),
            "target": tracks["track", "genre_top"],
        }
    )
    return tables.items(source, rows, GENRES)


def _read_tracks(source: Path) -> pd.DataFrame:
    """Four of the 52 columns, indexed by track id; pandas cannot choose columns under two header rows."""
    header = list(tables.read_csv(source, header=None, nrows=2).T.itertuples(index=False, name=None))
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise InputError(f"{source}: its two header rows lack {missing}. Take the official fma_metadata/tracks.csv")
    positions = [0, *(header.index(column) for column in COLUMNS)]
    tracks = tables.read_csv(source, header=None, skiprows=2, usecols=positions).set_index(0)[positions[1:]]
    # The official file names its index in a third row of its own.
    return (
        tracks.set_axis(pd.MultiIndex.from_tuples(COLUMNS), axis=1)
        .rename_axis("track")
        .drop("track_id", errors="ignore")
    )


SMALL = DataSet(
    title="FMA small",
    read=partial(read, subset="small"),
    targets=("genre",),
    protocols=("official",),
    group="artist",
    parts={"official": {"train": 6400, "valid": 800, "test": 800}},
)
MEDIUM = DataSet(
    title="FMA medium",
    read=partial(read, subset="medium"),
    targets=("genre",),
    protocols=("official",),
    group="artist",
    parts={"official": {"train": 19922, "valid": 2505, "test": 2573}},
)
