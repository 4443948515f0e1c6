"""GTZAN: 1000 clips of 30 s, 100 for each of 10 genres.

Layout under the root: ``genres/<genre>/<genre>.000NN.au`` (the original archive) or
``genres_original/<genre>/<genre>.000NN.wav`` (the common re-upload). The files themselves are the
annotation. Sturm's index of artists and titles, ``index.txt`` (``file ::: artist ::: title``), is used where
it lies beside those folders; 17 clips have no artist there. ``jazz.00054.wav`` of the re-upload is damaged:
it is an item, which the crop rejects and lists.

Citation: G. Tzanetakis and P. Cook, "Musical genre classification of audio signals", IEEE Transactions on
Speech and Audio Processing 10(5), 2002. Index: B. L. Sturm, "The state of the art ten years after a state
of the art", Journal of New Music Research 43(2), 2014.

Source: once offered by the Marsyas project, now re-uploaded in several places. No licence is stated; the
music is commercial.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from hearlog import tables
from hearlog.corpora.dataset import DataSet
from hearlog.errors import InputError

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
FOLDERS = ("genres", "genres_original")
EXTENSIONS = (".au", ".wav")


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
    The columns of `hearlog.corpus.ITEM_COLUMNS`, by path. The group is the artist, null without an index and
    for the clips nobody has identified; there is no official split.
    """
    files = [
        file
        for folder in FOLDERS
        for file in sorted((root / folder).glob("*/*"))
        # macOS archives bring a "._blues.00000.au" beside each file.
        if file.suffix in EXTENSIONS and not file.name.startswith(".")
    ]
    if not files:
        raise InputError(
            f"{root}: neither genres/<genre>/*.au nor genres_original/<genre>/*.wav. "
            "Unpack GTZAN there, or mend the path in the params"
        )
    paths = pd.Index([file.relative_to(root).as_posix() for file in files], name="file")
    rows = pd.DataFrame(
        {
            "item_id": [file.stem for file in files],
            "path": paths,
            "split": None,
            "target": [file.parent.name for file in files],
        },
        index=paths,
    )
    misnamed = [re.fullmatch(rf"{file.parent.name}\.\d{{5}}", file.stem) is None for file in files]
    tables.refuse(
        root, pd.Series(misnamed, paths), "GTZAN's files are <genre>/<genre>.000NN: rename or remove this one"
    )
    rows["group"] = rows["item_id"].map(_artists(root / "index.txt"))
    return tables.items(root, rows, GENRES)


def _artists(index: Path) -> dict[str, str]:
    """Artist of each clip by Sturm's index; empty for the clips nobody has identified."""
    artists = {}
    lines = index.read_text(encoding="utf-8").splitlines() if index.is_file() else []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("##"):
            continue
        fields = [field.strip() for field in line.split(":::")]
        if len(fields) != 3:
            raise InputError(f"{index}, line {number}: expected `file ::: artist ::: title`, found {line!r}")
        artists[Path(fields[0]).stem] = fields[1]
    return artists


DATA_SET = DataSet(
    title="GTZAN",
    read=read,
    targets=("genre",),
    protocols=("stratified_cv", "fault_filtered", "artist_cv"),
    group="artist",
    classes=dict.fromkeys(GENRES, 100),
    parts={"fault_filtered": {"train": 443, "valid": 197, "test": 290}},
    damaged=frozenset({"jazz.00054"}),
)
