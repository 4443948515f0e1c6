"""EmoMusic (1000 Songs, duplicates removed): 744 clips of 45 s with genre and static arousal and valence.

Layout under the root: ``annotations/songs_info.csv`` (song, artist, genre, set) and
``annotations/static_annotations.csv`` (mean ratings from 1 to 9), both also taken from the root itself;
``clips_45sec/<song_id>.mp3``, in some copies ``clips_45seconds/``. The text columns of the original
``songs_info.csv`` carry stray tabs. The song ids run from 2 to 1000 with gaps; 619 songs are in the
development set, 125 in the evaluation set.

Citation: M. Soleymani, M. N. Caro, E. M. Schmidt, C.-Y. Sha and Y.-H. Yang, "1000 songs for emotional
analysis of music", ACM International Workshop on Crowdsourcing for Multimedia, 2013.

Source: the authors' page, on request, as "Emotion in Music Database"; music of the Free Music Archive.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hearlog import tables
from hearlog.corpora.dataset import DataSet

RATINGS = {"valence": "mean_valence", "arousal": "mean_arousal"}
GENRES = ("Blues", "Classical", "Country", "Electronic", "Folk", "Jazz", "Pop", "Rock")
SPLITS = {"development": "train", "evaluation": "test"}
AUDIO_FOLDERS = ("clips_45sec", "clips_45seconds")


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
    The columns of `hearlog.corpus.ITEM_COLUMNS`, in the order of ``songs_info.csv``. The group is the
    artist; the development set is train, the evaluation set test.
    """
    source = tables.find(root, "annotations/songs_info.csv", "songs_info.csv")
    columns = ["song_id", "Artist", "Genre", "Mediaeval 2013 set"]
    songs = tables.read_csv(source, columns)[columns].apply(lambda column: column.str.strip())
    folder = next((name for name in AUDIO_FOLDERS if (root / name).is_dir()), AUDIO_FOLDERS[0])
    rows = pd.DataFrame(
        {
            "item_id": songs["song_id"],
            "path": folder + "/" + songs["song_id"] + ".mp3",
            "group": songs["Artist"],
            "split": tables.translate(source, songs["Mediaeval 2013 set"], SPLITS),
        }
    )
    if target == "genre":
        return tables.items(source, rows.assign(target=songs["Genre"]), GENRES)
    return tables.items(source, rows.assign(target=_ratings(root, target, source, rows["item_id"])))


def _ratings(root: Path, target: str, source: Path, songs: pd.Series) -> pd.Series:
    """Mean rating of each song, float64."""
    annotations = tables.find(root, "annotations/static_annotations.csv", "static_annotations.csv")
    column = RATINGS[target]
    table = tables.read_csv(annotations, ["song_id", column])
    ratings = pd.to_numeric(table[column], errors="coerce").astype("float64")
    tables.refuse(annotations, ~ratings.between(1, 9), f"is no {column} from 1 to 9", table[column])
    ids = table["song_id"].str.strip()
    tables.refuse(annotations, ids.duplicated(), "stands twice: remove one of its rows", ids)
    tables.refuse(source, ~songs.isin(ids), f"has no row in {annotations}: fetch both files again", songs)
    return songs.map(ratings.set_axis(ids))


DATA_SET = DataSet(
    title="EmoMusic",
    read=read,
    targets=("genre", *RATINGS),
    protocols=("official",),
    group="artist",
    parts={"official": {"train": 619, "test": 125}},
)
