"""DCASE2016 task 1 (TUT Acoustic Scenes 2016): 1170 + 390 clips of 30 s in 15 scenes, 44.1 kHz 24-bit stereo wav.

The clips are cut from recordings of 3 to 5 minutes: what stands before the first ``_`` of a file's name is the
recording. All clips of a recording are in one set, development or evaluation, and within the development set in one
of four folds. The published clips of the evaluation set are numbered; its ``evaluate.txt`` names in a third column
the file that each was, so its recording.

Citation: A. Mesaros, T. Heittola and T. Virtanen, "TUT database for acoustic scene classification and sound event
detection", European Signal Processing Conference, 2016.

Source: Zenodo, records 45739 (development) and 165995 (evaluation).

Licence: free for non-commercial use; the terms are the ``EULA.pdf`` of each record.

Checksums: md5 779b33da2ebbf8bde494b3c981827251 of TUT-acoustic-scenes-2016-development.meta.zip,
a0d3e0d81b0a36ece87d0f3a9124a386 of -development.error.zip and 0d5c131fc3f50c682de62e0e648aceba of
-evaluation.meta.zip, as in the authors' dcase_util.

Layout under the root: ``TUT-acoustic-scenes-2016-development`` with ``meta.txt`` (``audio/a001_0_30.wav<TAB>label``,
no header), ``evaluation_setup/foldN_{train,test,evaluate}.txt`` of the same form (test without labels), ``error.txt``
(file, start and end of disturbed seconds, and of what kind) and ``audio/``;
``TUT-acoustic-scenes-2016-evaluation`` with ``evaluation_setup/evaluate.txt`` or ``meta.txt`` and ``audio/``.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from hearlog.corpora import tables
from hearlog.corpora.readers.dataset import DataSet
from hearlog.util.errors import InputError

FOLDERS = {name: f"TUT-acoustic-scenes-2016-{name}" for name in ("development", "evaluation")}
ANNOTATIONS = {"development": ("meta.txt",), "evaluation": ("evaluation_setup/evaluate.txt", "meta.txt")}
SPLITS = {"development": "train", "evaluation": "test"}
FOLDS = 4
SCENES = (
    "beach", "bus", "cafe/restaurant", "car", "city_center", "forest_path", "grocery_store", "home",
    "library", "metro_station", "office", "park", "residential_area", "train", "tram",
)  # fmt: skip


def read(root: Path, target: str) -> pd.DataFrame:
    """Items of the development set and, where its folder is there, of the evaluation set.

    Parameters
    ----------
    root
        The folder that holds the development and the evaluation folder.
    target
        ``"scene"``.

    Returns
    -------
    The columns of `hearlog.corpora.corpus.ITEM_COLUMNS`. An id is ``development/`` or ``evaluation/`` and the file's
    name without its extension; the group is the recording. The development set is train, the evaluation set test; the
    fold is the published one that tests a development clip, null where there are no lists of folds.

    Raises
    ------
    InputError
        For lists that are missing or without labels, a clip that stands twice, an unknown label, and folds that do
        not divide the development set.
    """
    sets = [name for name, folder in FOLDERS.items() if name == "development" or (root / folder).is_dir()]
    return pd.concat([_read_set(root, name) for name in sets], ignore_index=True)


def remarks(root: Path) -> list[str]:
    """Say what of the two records is not there, and how many clips hold disturbed seconds."""
    development, evaluation = (root / folder for folder in FOLDERS.values())
    errors = development / "error.txt"
    found = []
    if not evaluation.is_dir():
        found.append(
            f"{evaluation}: no such folder, so the items are those of the development set. Protocol dev_cv4 needs no "
            "more; for official, unpack the evaluation set there"
        )
    if not _has_folds(development):
        found.append(
            f"{development / 'evaluation_setup'}: no lists of folds, so protocol dev_cv4 cannot be had. Unpack the "
            "development set's metadata there"
        )
    if errors.is_file() and errors.stat().st_size:
        found.append(_count_disturbed(errors))
    return found


def _count_disturbed(errors: Path) -> str:
    try:
        disturbed = _read_list(errors)[0].nunique()
    except InputError as error:
        return f"{error}. Without it nobody knows how many clips hold disturbed seconds; all are used as they are"
    return f"{errors}: {disturbed} of the clips hold disturbed seconds; they are used as they are"


def _read_set(root: Path, name: str) -> pd.DataFrame:
    folder = FOLDERS[name]
    source = tables.find(root / folder, *ANNOTATIONS[name])
    clips = _read_list(source)
    clip = _stem(clips[0])
    rows = pd.DataFrame(
        {
            "item_id": f"{name}/" + clip,
            "path": f"{folder}/" + clips[0],
            "group": _stem(clips.get(2, clips[0])).str.split("_").str[0],
            "split": SPLITS[name],
            "target": clips.get(1, ""),
        }
    )
    items = tables.items(source, rows, SCENES)
    if name == "development" and _has_folds(root / folder):
        items["fold"] = _read_folds(source, clip).array
    return items


def _read_folds(meta: Path, clips: pd.Series) -> pd.Series:
    """Fold, from 0, that tests each of the development set's ``clips``, in their order; Int64."""
    folds: dict[str, int] = {}
    for fold in range(FOLDS):
        names = [f"evaluation_setup/fold{fold + 1}_{part}.txt" for part in ("evaluate", "test", "train")]
        source, train = tables.find(meta.parent, *names[:2]), meta.parent / names[2]
        test = _stem(_read_list(source)[0])
        tables.refuse(source, ~test.isin(clips), f"is no clip of {meta}: fetch the lists again", test)
        again = test.duplicated() | test.isin(folds)
        tables.refuse(source, again, "is a test clip already, of this fold or another: fetch the lists again", test)
        if train.is_file():
            _check_train(meta, train, clips, test)
        folds |= dict.fromkeys(test, fold)
    tables.refuse(meta, ~clips.isin(folds), "is a test clip of no fold: fetch the lists of folds again", clips)
    return clips.map(folds).astype("Int64")


def _check_train(meta: Path, source: Path, clips: pd.Series, test: pd.Series) -> None:
    """Refuse a fold whose train and test clips overlap, or are not all of the development set's."""
    train = _stem(_read_list(source)[0])
    tables.refuse(source, ~train.isin(clips), f"is no clip of {meta}: fetch the lists again", train)
    tables.refuse(source, train.isin(test), "is a test clip of this fold as well: fetch the lists again", train)
    left = ~clips.isin(train) & ~clips.isin(test)
    tables.refuse(meta, left, f"is neither a test clip of the fold nor in {source}: fetch the lists again", clips)


def _has_folds(development: Path) -> bool:
    return any((development / "evaluation_setup").glob("fold[1-4]_*.txt"))


def _read_list(source: Path) -> pd.DataFrame:
    """Fields of a list without header, columns from 0; quote characters are text."""
    fields = tables.read_csv(source, sep="\t", header=None, quoting=csv.QUOTE_NONE)
    return fields.apply(lambda column: column.str.strip())


def _stem(files: pd.Series) -> pd.Series:
    return files.str.rsplit("/", n=1).str[-1].str.removesuffix(".wav")


DATA_SET = DataSet(
    title="DCASE2016 scenes",
    read=read,
    targets=("scene",),
    protocols=("official", "dev_cv4"),
    folds={"dev_cv4": FOLDS},
    group="recording",
    classes=dict.fromkeys(SCENES, 78 + 26),
    parts={"official": {"train": 1170, "test": 390}},
    remarks=remarks,
)
