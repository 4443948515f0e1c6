"""Users' own labelled data, as a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hearlog.corpora.dataset import DataSet


def read(root: Path, target: str) -> pd.DataFrame:
    """Items of a table."""
    raise NotImplementedError


DATA_SET = DataSet(
    title="own table",
    read=read,
    targets=(),
    protocols=("official", "stratified_cv", "grouped_cv"),
    group="group",
)
