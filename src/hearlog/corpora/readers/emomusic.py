"""EmoMusic (1000 Songs, duplicates removed): 744 clips of 45 s with genre and static arousal and valence; 44.1 kHz mp3.

The song ids run from 2 to 1000 with gaps; 619 songs are in the development set, 125 in the evaluation set. Arousal
and valence are means of ratings from 1 to 9. In the original ``songs_info.csv`` stray tabs stand in the text columns.
Its columns of segments are minutes.seconds and no decimals: 0.2 is 0:20, and every segment is 45 s long. By the column
of artists, 52 of them stand in both sets.

Citation: M. Soleymani, M. N. Caro, E. M. Schmidt, C.-Y. Sha and Y.-H. Yang, "1000 songs for emotional analysis of
music", ACM International Workshop on Crowdsourcing for Multimedia, 2013.

Source: the authors' page, on request, as "Emotion in Music Database"; music of the Free Music Archive.

Licence: the terms come with the database; the songs are under Creative Commons licences.

Checksums: none published that we know of.

Layout under the root: ``annotations/songs_info.csv`` (song, artist, title, segment, genre, set) and
``annotations/static_annotations.csv`` (mean ratings), both also taken from the root itself; the clips in
``clips_45sec/<song_id>.mp3``, in some copies ``clips_45seconds/``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hearlog.corpora import tables
from hearlog.corpora.readers.dataset import DataSet

SONGS = ("annotations/songs_info.csv", "songs_info.csv")
RATINGS = ("annotations/static_annotations.csv", "static_annotations.csv")
AUDIO_FOLDERS = ("clips_45sec", "clips_45seconds")
COLUMNS = {
    "song_id": "item_id",
    "Artist": "artist",
    "Song title": "title",
    "Genre": "genre",
    "Mediaeval 2013 set": "set",
}
SEGMENT = ("start of the segment (min.sec)", "end of the segment (min.sec)")
SPLITS = {"development": "train", "evaluation": "test"}
GENRES = {
    "Classical": 116, "Country": 105, "Jazz": 105, "Blues": 100, "Electronic": 92, "Pop": 78, "Rock": 77, "Folk": 71,
}  # fmt: skip


def read(root: Path, target: str) -> pd.DataFrame:
    """Items of EmoMusic.

    Parameters
    ----------
    root
        The folder that holds ``annotations`` and the clips.
    target
        ``"genre"``, or ``"valence"`` or ``"arousal"``: the mean rating, float64.

    Returns
    -------
    The columns of `hearlog.corpora.corpus.ITEM_COLUMNS`, in the order of ``songs_info.csv``. The group is the artist;
    the development set is train, the evaluation set test.

    Raises
    ------
    InputError
        For a file or column that is missing, an id that is no number, a song that stands twice or has no rating, and
        values that the data set does not have.
    """
    source = tables.find(root, *SONGS)
    rows = _read_songs(source).rename(columns=COLUMNS)
    _check_ids(source, rows["item_id"])
    folder = next((name for name in AUDIO_FOLDERS if (root / name).is_dir()), AUDIO_FOLDERS[0])
    rows["path"] = folder + "/" + rows["item_id"] + ".mp3"
    rows["group"] = rows["artist"]
    rows["split"] = tables.translate(source, rows["set"], SPLITS)
    if target == "genre":
        return tables.items(source, rows.assign(target=rows["genre"]), GENRES)
    return tables.items(source, rows.assign(target=_rate(root, target, source, rows["item_id"])))


def remarks(root: Path) -> list[str]:
    """Say whether a program has taken the segments' minutes and seconds for decimals: nothing here reads them."""
    source = tables.find(root, *SONGS)
    songs = _read_songs(source)
    if not set(SEGMENT) <= set(songs):
        return []
    start, end = (_seconds(songs[column]) for column in SEGMENT)
    wrong = songs.index[(end - start) != 45]
    if wrong.empty:
        return []
    first = songs.loc[wrong[0]]
    return [
        f"{source}, row {wrong[0]}: from {first[SEGMENT[0]]!r} to {first[SEGMENT[1]]!r} is no segment of 45 s "
        f"({len(wrong)} of {len(songs)} rows). These columns are minutes.seconds, 0.2 is 0:20; this copy seems to have "
        "been through a program that took them for decimals. They are not used here, but the program may have "
        "changed more: take the original file"
    ]


def _read_songs(source: Path) -> pd.DataFrame:
    """``songs_info.csv`` without its stray tabs."""
    return tables.read_csv(source, COLUMNS).apply(lambda column: column.str.replace("\t", "").str.strip())


def _check_ids(source: Path, ids: pd.Series) -> None:
    """Refuse the ``2.0`` that pandas and spreadsheets make of an id beside an empty one: no clip has such a name."""
    tables.refuse(source, ~ids.str.fullmatch(r"\d+"), "is no song id such as 2: take the original file", ids)


def _rate(root: Path, target: str, source: Path, songs: pd.Series) -> pd.Series:
    """Mean rating of each song, float64."""
    annotations = tables.find(root, *RATINGS)
    column = f"mean_{target}"
    table = tables.read_csv(annotations, ["song_id", column])
    ratings = pd.to_numeric(table[column], errors="coerce").astype("float64")
    tables.refuse(annotations, ~ratings.between(1, 9), f"is no {column} from 1 to 9", table[column])
    ids = table["song_id"].str.strip()
    _check_ids(annotations, ids)
    tables.refuse(annotations, ids.duplicated(), "stands twice: remove one of its rows", ids)
    tables.refuse(source, ~songs.isin(ids), f"has no row in {annotations}: fetch both files again", songs)
    return songs.map(ratings.set_axis(ids))


def _seconds(times: pd.Series) -> pd.Series:
    """Seconds of times such as ``1.05`` (65), ``0.2`` (20) and ``1`` (60), float64; NaN where it is no such time."""
    parts = times.str.extract(r"^(\d+)(?:\.([0-5]\d?)0*)?$")
    return parts[0].astype("float64") * 60 + parts[1].str.ljust(2, "0").fillna("0").astype("float64")


DATA_SET = DataSet(
    title="EmoMusic",
    read=read,
    targets=("genre", "valence", "arousal"),
    protocols=("official",),
    group="artist",
    classes=GENRES,
    parts={"official": {"train": 619, "test": 125}},
    remarks=remarks,
)
