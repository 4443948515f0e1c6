"""Users' own labelled clips: a table of them, ``items.csv`` (UTF-8) or ``items.parquet``, in the folder of the audio.

Layout under the root: the table, and the audio wherever the table says. Its columns:

- ``item_id``: text, unique.
- ``path``: the audio file, relative to the folder of the table, ``/`` between folders.
- ``split``, optional: train, valid or test (protocol ``official``), or empty.
- ``group``, optional: what must not stand on both sides of a split, such as the artist, album or recording
  (``grouped_cv``; validation parts keep groups whole under every protocol).
- ``artist`` and ``title``, optional.
- Any number of columns of targets. Text is a class, so is a boolean; numbers, some of them with a decimal point (in
  Parquet: of a floating type), are amounts, to be regressed. Whole numbers may be either and are refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hearlog.corpora import tables
from hearlog.corpora.corpus import PARTS
from hearlog.corpora.readers.dataset import DataSet
from hearlog.util.errors import InputError

NAMES = ("items.csv", "items.parquet")
REQUIRED = ["item_id", "path"]
DESCRIBING = [*REQUIRED, "artist", "title", "group", "split"]


def read(root: Path, target: str) -> pd.DataFrame:
    """Items of a user's table.

    Parameters
    ----------
    root
        The folder that holds the table.
    target
        The column to be learned.

    Returns
    -------
    The columns of `hearlog.corpora.corpus.ITEM_COLUMNS`, in the order of the table, without spaces around a value. The
    target is text or float64, as the module says.

    Raises
    ------
    InputError
        For a missing table or column, an empty or repeated id, a path that leads out of the folder, another word for
        a part, and a target that is empty, or neither clearly a class nor clearly an amount.
    """
    source = _find(root)
    read_table = _read_csv if source.suffix == ".csv" else _read_parquet
    table, floating = read_table(source, target)
    table = table.apply(lambda column: column.str.strip())
    rows = table.reindex(columns=DESCRIBING, fill_value="")
    tables.refuse(source, rows["path"] == "", "this row has no path: complete or remove it")
    other = ~rows["split"].isin([*PARTS, ""])
    tables.refuse(source, other, f"is no split: write {', '.join(PARTS)} or nothing", rows["split"])
    return tables.items(source, rows.assign(target=_targets(source, table[target], floating)))


def _find(root: Path) -> Path:
    present = [root / name for name in NAMES if (root / name).is_file()]
    if len(present) != 1:
        found = "both: remove the one that is out of date" if present else "neither: put the table of the clips there"
        raise InputError(f"{root}: expected {' or '.join(NAMES)}, found {found}")
    return present[0]


def _read_csv(source: Path, target: str) -> tuple[pd.DataFrame, bool]:
    table = tables.read_csv(source, REQUIRED, skipinitialspace=True)
    _check_target(source, target, list(map(str, table)))
    return table, False


def _read_parquet(source: Path, target: str) -> tuple[pd.DataFrame, bool]:
    """Read the table as text, and whether the target is of a floating type."""
    table = tables.read_parquet(source, REQUIRED, [*DESCRIBING, target])
    schema = pq.read_schema(source)
    _check_target(source, target, schema.names)
    return table, pa.types.is_floating(schema.field(target).type)


def _check_target(source: Path, target: str, columns: list[str]) -> None:
    targets = [column for column in columns if column not in DESCRIBING]
    if target not in targets:
        raise InputError(
            f"{source}: no column of targets {target!r}; there are: {', '.join(targets) or 'none'}. "
            "Name one of them as the task's target in the params, or add it to the table"
        )


def _targets(source: Path, values: pd.Series, floating: bool) -> pd.Series:
    """Classes as they are, amounts as float64; decided by the values' looks, but for numbers of a floating type."""
    tables.refuse(source, values == "", f"this row has no {values.name}: complete or remove it")
    # A decimal comma is refused below: taken for a word, every rating would be a class of its own.
    numbers = pd.to_numeric(values.str.replace(",", "."), errors="coerce")
    if not floating and not numbers.notna().mean() > 0.5:
        return values
    amounts = pd.to_numeric(values, errors="coerce").astype("float64")
    tables.refuse(
        source,
        ~amounts.between(-np.inf, np.inf, inclusive="neither"),
        f"is no number such as 4.5, and most of column {values.name} are numbers: mend or remove the row; "
        "if they are classes, write all of them as words (`class 1`)",
        values,
    )
    if not floating and values.str.fullmatch(r"[+-]?\d+").all():
        raise InputError(
            f"{source}: column {values.name} holds whole numbers alone, which may be classes or amounts. Write classes "
            "as words (`class 1`), amounts with a decimal point (4.0; in Parquet as a floating type)"
        )
    return amounts


DATA_SET = DataSet(
    title="own table",
    read=read,
    targets=(),
    protocols=("official", "stratified_cv", "grouped_cv"),
    group="group",
)
