"""DCASE2016 task 1 (TUT Acoustic Scenes 2016): 1170 + 390 clips of 30 s in 15 scenes, 24-bit stereo.

Layout under the root: ``TUT-acoustic-scenes-2016-development`` with ``meta.txt``
(``audio/a001_0_30.wav<TAB>label``, no header) and ``audio/``; ``TUT-acoustic-scenes-2016-evaluation`` with
``meta.txt`` or ``evaluation_setup/evaluate.txt`` of the same form, and ``audio/``. What stands before the
first ``_`` of a file's name is the recording it was cut from.

Citation: A. Mesaros, T. Heittola and T. Virtanen, "TUT database for acoustic scene classification and
sound event detection", European Signal Processing Conference, 2016.

Source: two records on Zenodo, development and evaluation; free for non-commercial use.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hearlog import tables
from hearlog.corpora.dataset import DataSet

SCENES = (
    "beach", "bus", "cafe/restaurant", "car", "city_center", "forest_path", "grocery_store", "home",
    "library", "metro_station", "office", "park", "residential_area", "train", "tram",
)  # fmt: skip
SPLITS = {"development": "train", "evaluation": "test"}
ANNOTATIONS = {"development": ("meta.txt",), "evaluation": ("meta.txt", "evaluation_setup/evaluate.txt")}


def read(root: Path, target: str) -> pd.DataFrame:
    """Items of both folders.

    Parameters
    ----------
    root
        The folder that holds the development and the evaluation folder.
    target
        ``"scene"``.

    Returns
    -------
    The columns of `hearlog.corpus.ITEM_COLUMNS`. An id is ``development/`` or ``evaluation/`` and the
    file's name without its extension; the group is the recording; the development set is train, the
    evaluation set test.
    """
    return pd.concat([_read_part(root, part) for part in SPLITS], ignore_index=True)


def _read_part(root: Path, part: str) -> pd.DataFrame:
    folder = f"TUT-acoustic-scenes-2016-{part}"
    source = tables.find(root / folder, *ANNOTATIONS[part])
    meta = tables.read_csv(source, sep="\t", header=None).apply(lambda column: column.str.strip())
    name = meta[0].str.rsplit("/", n=1).str[-1].str.removesuffix(".wav")
    rows = pd.DataFrame(
        {
            "item_id": f"{part}/" + name,
            "path": f"{folder}/" + meta[0],
            "group": name.str.split("_").str[0],
            "split": SPLITS[part],
            "target": meta.get(1, ""),
        }
    )
    return tables.items(source, rows, SCENES)


DATA_SET = DataSet(
    title="DCASE2016 scenes",
    read=read,
    targets=("scene",),
    protocols=("official", "dev_cv4"),
    group="recording",
    parts={"official": {"train": 1170, "test": 390}},
)
