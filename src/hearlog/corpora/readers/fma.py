"""FMA small and medium: 8000 clips in 8 balanced genres and 25000 in 16 unbalanced ones, 30 s each.

The subsets nest: medium contains small. The mp3 files have mixed sample rates, some are mono. Where the metadata gave
a wrong length, a clip was cut in the wrong place and holds next to nothing: 6 clips of small, and 15 more of medium
(of these 98566 has 6.2 s, 98568 6.6 s and 108924 27.4 s, the others none). They are items; the crop rejects and lists
those that are too short. An artist stands in one part of the official split only.

Citation: M. Defferrard, K. Benzi, P. Vandergheynst and X. Bresson, "FMA: a dataset for music analysis", International
Society for Music Information Retrieval Conference, 2017.

Source: the archives fma_metadata.zip, fma_small.zip and fma_medium.zip that the repository mdeff/fma names.

Licence: metadata CC BY 4.0; each track under the licence its artist chose; meant for research.

Checksums: sha1 f0df49ffe5f2a6008d7dc83c6915b31835dfe733 of fma_metadata.zip,
ade154f733639d52e35e32f5593efe5be76c6d70 of fma_small.zip, c67b69ea232021025fca9231fc1c7c1a063ab50b of
fma_medium.zip, and e65cfe18cbba4e37921b58ea5293c2510329de75 of the ``tracks.csv`` in the first; each archive has a
file ``checksums`` for the files in it.

Layout under the root: ``fma_metadata/tracks.csv``, also taken from the root itself, with two header rows; the clips in
``fma_small/000/000002.mp3`` or ``fma_medium/...``: the track id in six digits, in a folder of its first three.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd

from hearlog.corpora import tables
from hearlog.corpora.readers.dataset import DataSet
from hearlog.util.errors import InputError

TRACKS = ("fma_metadata/tracks.csv", "tracks.csv")
COLUMNS = [("artist", "id"), ("set", "split"), ("set", "subset"), ("track", "genre_top")]
NAMES = [("artist", "name"), ("track", "title")]
SPLITS = {"training": "train", "validation": "valid", "test": "test"}
SUBSETS = {"small": ["small"], "medium": ["small", "medium"]}
GENRES = {
    "small": dict.fromkeys(
        ("Electronic", "Experimental", "Folk", "Hip-Hop", "Instrumental", "International", "Pop", "Rock"), 1000
    ),
    "medium": {
        "Rock": 7103, "Electronic": 6314, "Experimental": 2251, "Hip-Hop": 2201, "Folk": 1519, "Instrumental": 1350,
        "Pop": 1186, "International": 1018, "Classical": 619, "Old-Time / Historic": 510, "Jazz": 384,
        "Country": 178, "Soul-RnB": 154, "Spoken": 118, "Blues": 74, "Easy Listening": 21,
    },
}  # fmt: skip
DAMAGED_SMALL = frozenset({"098565", "098567", "098569", "099134", "108925", "133297"})
DAMAGED_MEDIUM = DAMAGED_SMALL | {
    "001486", "005574", "065753", "080391", "098558", "098559", "098560", "098566", "098568", "098571",
    "105247", "108924", "126981", "127336", "143992",
}  # fmt: skip
CHECKSUMS = {TRACKS[0]: "sha1:e65cfe18cbba4e37921b58ea5293c2510329de75"}

Subset = Literal["small", "medium"]


def read(root: Path, target: str, subset: Subset) -> pd.DataFrame:
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
    The columns of `hearlog.corpora.corpus.ITEM_COLUMNS`, in the order of ``tracks.csv``; ids have six digits as in the
    file names. The group is the artist's id; artist and title are null where the file has no such columns.

    Raises
    ------
    InputError
        For a ``tracks.csv`` that is missing, a Git LFS pointer or not the official table, a track that stands twice,
        and values that the data set does not have.
    """
    source = tables.find(root, *TRACKS)
    tracks = _read_tracks(source)
    tracks = tracks[tracks["set", "subset"].isin(SUBSETS[subset])]
    track = tracks.index.to_series()
    tables.refuse(source, ~track.str.fullmatch(r"\d{1,6}"), "is no track id: fetch the file again", track)
    item_id = track.str.zfill(6)
    rows = pd.DataFrame(
        {
            "item_id": item_id,
            "path": f"fma_{subset}/" + item_id.str[:3] + "/" + item_id + ".mp3",
            "artist": tracks["artist", "name"],
            "title": tracks["track", "title"],
            "group": tracks["artist", "id"],
            "split": tables.translate(source, tracks["set", "split"], SPLITS),
            "target": tracks["track", "genre_top"],
        }
    )
    return tables.items(source, rows, GENRES[subset])


def remarks(root: Path, subset: Subset) -> list[str]:
    """Say whether the clips lie in another place than the archive puts them."""
    folder = root / f"fma_{subset}"
    numbered = "[0-9][0-9][0-9]"
    if any(folder.glob(numbered)):
        return []
    if any((folder / folder.name).glob(numbered)):
        return [f"{folder}: its clips lie one folder too deep, in {folder.name}/{folder.name}. Move them up"]
    if any(root.glob(numbered)):
        return [f"{root}: the folders 000 to 155 of clips lie here themselves. Move them into {folder}"]
    return []


def _read_tracks(source: Path) -> pd.DataFrame:
    """Read the columns used, of 52, indexed by track id; pandas cannot choose columns under two header rows."""
    header = list(tables.read_csv(source, header=None, nrows=2).T.itertuples(index=False, name=None))
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise InputError(f"{source}: its two header rows lack {missing}. Take the official fma_metadata/tracks.csv")
    repeated = [column for column in [*COLUMNS, *NAMES] if header.count(column) > 1]
    if repeated:
        raise InputError(f"{source}: its two header rows name {repeated} twice. Take the official {TRACKS[0]}")
    columns = sorted((column for column in [*COLUMNS, *NAMES] if column in header), key=header.index)
    positions = [0, *map(header.index, columns)]
    tracks = tables.read_csv(source, header=None, skiprows=2, usecols=positions).set_index(0)
    # The official file names its index in a third row of its own.
    return (
        tracks.set_axis(pd.MultiIndex.from_tuples(columns), axis=1)
        .reindex(columns=pd.MultiIndex.from_tuples([*COLUMNS, *NAMES]))
        .rename_axis("track")
        .drop("track_id", errors="ignore")
    )


SMALL = DataSet(
    title="FMA small",
    read=partial(read, subset="small"),
    targets=("genre",),
    protocols=("official",),
    group="artist",
    classes=GENRES["small"],
    parts={"official": {"train": 6400, "valid": 800, "test": 800}},
    damaged=DAMAGED_SMALL,
    checksums=CHECKSUMS,
    remarks=partial(remarks, subset="small"),
)
MEDIUM = DataSet(
    title="FMA medium",
    read=partial(read, subset="medium"),
    targets=("genre",),
    protocols=("official",),
    group="artist",
    classes=GENRES["medium"],
    parts={"official": {"train": 19922, "valid": 2505, "test": 2573}},
    damaged=DAMAGED_MEDIUM,
    checksums=CHECKSUMS,
    remarks=partial(remarks, subset="medium"),
)
