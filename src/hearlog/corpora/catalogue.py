"""The catalogue of songs, and which of them the estimator can learn from: those with plays and with audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from hearlog.corpora import tables
from hearlog.corpora.corpus import item_table
from hearlog.util.errors import InputError
from hearlog.util.seeds import derive

REQUIRED = ["song_id", "path"]
COLUMNS = [*REQUIRED, "title", "artist", "genre"]
REASONS = ["no plays", "no audio", "not sampled", "not in catalogue"]


def read(path: Path | str) -> pd.DataFrame:
    """Read a catalogue.

    Parameters
    ----------
    path
        CSV, or Parquet by its name ``*.parquet``: ``song_id``, ``path`` (relative to the folder of the audio, ``/``
        between folders) and, where known, ``title``, ``artist``, ``genre``. Other columns are left alone.

    Returns
    -------
    These five columns as text, in the order of the file, null where it has nothing. Ids keep their leading zeros.

    Raises
    ------
    InputError
        For a missing file or column, an empty or repeated id, and a path that leads out of the folder of the audio.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Put the catalogue there, or mend songs.catalog in the params")
    parquet = path.suffix == ".parquet"
    table = tables.read_parquet(path, REQUIRED, COLUMNS) if parquet else tables.read_csv(path, REQUIRED)
    table = table.reindex(columns=COLUMNS, fill_value="").astype("str")
    tables.refuse(path, table["song_id"] == "", "this row has no song_id: complete or remove it")
    repeated = table["song_id"].duplicated()
    tables.refuse(path, repeated, "is the song_id of an earlier row: remove one of the two", table["song_id"])
    tables.refuse_outside(path, table["path"], "songs.audio_root")
    return table.replace("", None).reset_index(drop=True)


def select(
    catalogue: pd.DataFrame, embedded: pd.Series, audio_root: Path, sample: int | None, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choose the songs that have plays and audio, or a random sample of them.

    Parameters
    ----------
    catalogue
        As of `read`.
    embedded
        Ids of the songs that have a CF embedding, which is to say plays.
    audio_root
        The folder that the catalogue's paths start from.
    sample
        How many songs to draw; ``None`` takes all.
    seed
        The draw depends on this and on which songs there are, not on the order of the catalogue.

    Returns
    -------
    items
        The columns of `hearlog.corpora.corpus.ITEM_COLUMNS`, by id: the group is the artist and the target the genre,
        both null where the catalogue has none.
    left_out
        ``song_id``, ``path`` and ``reason``, one of `REASONS`; the last is that of an embedding without a row in the
        catalogue.

    Raises
    ------
    InputError
        If no song has both plays and audio, or fewer than ``sample``.
    """
    songs = catalogue.sort_values("song_id", ignore_index=True)
    embedded = embedded.astype("str")
    reason = pd.Series("", index=songs.index)
    reason[~songs["song_id"].isin(embedded)] = "no plays"
    played = songs.loc[reason == "", "path"]
    reason[played.index[~_is_file(audio_root, played)]] = "no audio"
    usable = np.flatnonzero(reason == "")
    _check_enough(reason, audio_root, sample)
    if sample is not None:
        drawn = np.random.default_rng(derive(seed, "songs")).choice(usable, sample, replace=False)
        reason[np.setdiff1d(usable, drawn)] = "not sampled"
    left_out = songs[["song_id", "path"]].assign(reason=reason)[reason != ""]
    unlisted = pd.DataFrame({"song_id": embedded[~embedded.isin(songs["song_id"])], "reason": "not in catalogue"})
    left_out = pd.concat([left_out, unlisted], ignore_index=True).astype("str")
    return _items(songs[reason == ""]), left_out


def _is_file(root: Path, paths: pd.Series) -> np.ndarray:
    """Whether there is a file; one that cannot be reached, for lack of permission say, is there: the crop lists it."""

    def exists(path: str) -> bool:
        try:
            return (root / path).is_file()
        except OSError:
            return True

    progress = tqdm(paths.fillna(""), desc="audio files", unit="file", disable=None)
    return np.fromiter(map(exists, progress), bool, len(paths))


def _check_enough(reason: pd.Series, audio_root: Path, sample: int | None) -> None:
    usable = int((reason == "").sum())
    if usable == 0:
        raise InputError(
            f"no song has both plays and audio: of {len(reason)} in the catalogue {(reason == 'no plays').sum()} have "
            f"no plays and {(reason == 'no audio').sum()} no file under {audio_root}. Check that logs and catalogue "
            "write song ids alike, and songs.audio_root"
        )
    if sample is not None and sample > usable:
        raise InputError(
            f"songs.sample asks for {sample} songs, but {usable} have plays and audio: lower it, or null takes all"
        )


def _items(songs: pd.DataFrame) -> pd.DataFrame:
    return item_table(songs.rename(columns={"song_id": "item_id", "genre": "target"}).assign(group=songs["artist"]))
