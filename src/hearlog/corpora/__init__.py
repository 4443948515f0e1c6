"""Readers of labelled data sets, one module a data set.

A reader takes the folder of a data set and a target, and returns its items in the form of
``items.parquet``. It reads annotations alone: whether the audio is there and sound is found out, and
listed, when it is cropped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from hearlog.corpora import dcase2016, emomusic, extended_ballroom, fma, gtzan

READERS: dict[str, Callable[[Path, str], pd.DataFrame]] = {
    "dcase2016": dcase2016.read,
    "emomusic": emomusic.read,
    "extended_ballroom": extended_ballroom.read,
    "fma_medium": partial(fma.read, subset="medium"),
    "fma_small": partial(fma.read, subset="small"),
    "gtzan": gtzan.read,
}
