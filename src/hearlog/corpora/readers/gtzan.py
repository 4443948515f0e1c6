"""GTZAN: 1000 clips of 30 s, 100 for each of 10 genres; 22.05 kHz mono, many a little shorter or longer.

``jazz.00054.wav`` of the common re-upload is damaged: where the file is there, it is an item, which the crop rejects
and lists. B. L. Sturm's index names the artists and titles of the clips: 271 artists, and none for 17 clips. Artists
that play together (``Jennifer Lopez; Ja Rule``) are an artist of their own there, and a group of their own here.

The fault-filtered split leaves out 70 clips for faults such as repetitions, and divides the other 930 into 443 for
training (jazz.00054 among them), 197 for validation and 290 for test. It comes with hearlog, as
``gtzan_fault_filtered.csv``. By the index, 6 artists stand in both its training and its test part.

Citation: G. Tzanetakis and P. Cook, "Musical genre classification of audio signals", IEEE Transactions on Speech and
Audio Processing 10(5), 2002. Index: B. L. Sturm, "The state of the art ten years after a state of the art: future
research in music information retrieval", Journal of New Music Research 43(2), 2014. Fault-filtered split:
C. Kereliuk, B. L. Sturm and J. Larsen, "Deep learning and music adversaries", IEEE Transactions on Multimedia 17(11),
2015.

Source: once offered by the Marsyas project as ``genres.tar.gz``, now re-uploaded in several places.

Licence: none is stated; the music is commercial.

Checksums: md5 5b3d6dddb579ab49814ab86dba69e7c7 of ``genres.tar.gz``, as in mirdata's loader.

Layout under the root: ``genres/<genre>/<genre>.000NN.au`` (the original archive) or
``genres_original/<genre>/<genre>.000NN.wav`` (the re-upload); the files themselves are the annotation. Beside those
folders, where it is to be had, Sturm's ``index.txt`` (``file ::: artist ::: title``; the file may lack its extension).
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pandas as pd

from hearlog.corpora import tables
from hearlog.corpora.readers.dataset import DataSet
from hearlog.util.errors import InputError
from hearlog.util.files import refuse_lfs_pointer, refuse_unencodable
from hearlog.util.plain_text import some

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
CLIPS = tuple(f"{genre}.{number:05d}" for genre in GENRES for number in range(100))
FOLDERS = ("genres", "genres_original")
EXTENSIONS = (".au", ".wav")
INDEX = "index.txt"
FAULT_FILTERED = "gtzan_fault_filtered.csv"
DAMAGED = "jazz.00054"


def read(root: Path, target: str) -> pd.DataFrame:
    """Items of GTZAN, as far as the folder has them.

    Parameters
    ----------
    root
        The folder that holds ``genres`` or ``genres_original``.
    target
        ``"genre"``.

    Returns
    -------
    The columns of `hearlog.corpora.corpus.ITEM_COLUMNS`, by path. Artist and title are those of the index, null without
    one and for the clips nobody has identified; the group is the artist. The split is the fault-filtered one, null for
    the clips it leaves out.

    Raises
    ------
    InputError
        For a folder without clips, a file that is named otherwise than GTZAN's, a clip that is there twice, or a
        broken index.
    """
    files = _find_files(root)
    paths = pd.Index([file.relative_to(root).as_posix() for file in files], name="file")
    misnamed = [re.fullmatch(rf"{re.escape(file.parent.name)}\.\d{{5}}", file.stem) is None for file in files]
    tables.refuse(
        root, pd.Series(misnamed, paths), "GTZAN's files are <genre>/<genre>.000NN: rename or remove this one"
    )
    clips = [file.stem for file in files]
    rows = pd.DataFrame({"item_id": clips, "path": paths, "target": [file.parent.name for file in files]}, index=paths)
    _refuse_copies(root, rows)
    rows = rows.join(_read_index(root / INDEX), on="item_id")
    rows["group"] = rows["artist"]
    rows["split"] = rows["item_id"].map(_read_fault_filtered())
    return tables.items(root, rows, GENRES)


def remarks(root: Path) -> list[str]:
    """Say which of the 1000 clips the folder lacks, and of which clips the artist cannot be known."""
    clips = {file.stem for file in _find_files(root)}
    index = root / INDEX
    listed = set(_read_index(index).index)
    missing = [clip for clip in CLIPS if clip not in clips]
    unlisted = sorted(clips - listed)
    found = []
    if missing:
        advice = "Unpack the data set again"
        if missing == [DAMAGED]:
            advice = "Its file in the common re-upload is damaged, and to leave it out is usual"
        found.append(
            f"{root}: {len(CLIPS) - len(missing)} of GTZAN's 1000 clips, without {some(missing, 10)}. {advice}"
        )
    if not index.is_file():
        found.append(
            f"{index}: no such file, so no artist is known: protocol artist_cv cannot be had, nor can artists on both "
            "sides of a split be seen. Put Sturm's index of artists and titles there"
        )
    elif unlisted:
        found.append(f"{index}: does not list {some(unlisted, 10)}: their artists are unknown")
    return found


def _find_files(root: Path) -> list[Path]:
    """Sound files by path; at least one."""
    files = [
        file
        for folder in FOLDERS
        for file in sorted((root / folder).glob("*/*"))
        # macOS archives bring a "._blues.00000.au" beside each file.
        if file.suffix.lower() in EXTENSIONS and not file.name.startswith(".")
    ]
    if not files and any((root / genre).is_dir() for genre in GENRES):
        raise InputError(
            f"{root}: the genres lie in this folder itself. Name the folder above it in the params; "
            f"this one must be called {' or '.join(FOLDERS)}"
        )
    if not files:
        raise InputError(
            f"{root}: neither genres/<genre>/*.au nor genres_original/<genre>/*.wav. "
            "Unpack GTZAN there, or mend the path in the params"
        )
    for file in files:
        refuse_unencodable(file)
    return files


def _refuse_copies(root: Path, rows: pd.DataFrame) -> None:
    copies = rows[rows["item_id"].duplicated(keep=False)].groupby("item_id")["path"].agg(" and ".join)
    if len(copies):
        more = f" ({len(copies) - 1} more such clips)" if len(copies) > 1 else ""
        raise InputError(f"{root}: {copies.iloc[0]} are one clip: remove one of the files{more}")


def _read_index(path: Path) -> pd.DataFrame:
    """Artist and title by clip, empty for what nobody has identified; no rows where there is no index."""
    entries = []
    for number, line in enumerate(_read_lines(path), start=1):
        if not line.strip() or line.startswith("##"):
            continue
        fields = [field.strip() for field in line.split(":::")]
        if len(fields) != 3:
            raise InputError(f"{path}, line {number}: expected `file ::: artist ::: title`, found {line!r}")
        # Not `Path.stem`: of a name without an extension it would cut the number.
        clip = re.sub(r"\.[A-Za-z]\w*$", "", Path(fields[0]).name)
        entries.append((number, clip, *fields[1:]))
    index = pd.DataFrame(entries, columns=["line", "item_id", "artist", "title"], dtype=object).set_index("line")
    tables.refuse(path, index["item_id"].duplicated(), "stands twice: remove one of its lines", index["item_id"])
    return index.set_index("item_id")


def _read_lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    refuse_lfs_pointer(path)
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not readable as UTF-8: {error}. Fetch the file again") from None


def _read_fault_filtered() -> pd.Series:
    """Part of the fault-filtered split by clip: train, valid or test."""
    with resources.as_file(resources.files(__package__) / FAULT_FILTERED) as path:
        return tables.read_csv(path).set_index("item_id")["part"]


DATA_SET = DataSet(
    title="GTZAN",
    read=read,
    targets=("genre",),
    protocols=("stratified_cv", "fault_filtered", "artist_cv"),
    group="artist",
    classes=dict.fromkeys(GENRES, 100),
    parts={"fault_filtered": {"train": 443, "valid": 197, "test": 290}},
    damaged=frozenset({DAMAGED}),
    remarks=remarks,
)
