"""What every reader of annotations needs: find a file, read it as text, refuse its faults by file and row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hearlog.corpora.corpus import item_table
from hearlog.util.errors import InputError
from hearlog.util.files import refuse_lfs_pointer


def find(root: Path, *names: str) -> Path:
    """Path of the first of the files ``names`` that exists under ``root``."""
    for name in names:
        if (root / name).is_file():
            return root / name
    raise InputError(
        f"{root / names[0]}: no such file{''.join(f' (nor {name})' for name in names[1:])}. "
        "Unpack the data set's annotations there, or mend the path in the params"
    )


def read_csv(path: Path, columns: Iterable[str] = (), **options: Any) -> pd.DataFrame:
    """Read a table as text: an id keeps its leading zeros, and a genre ``None`` stays a word.

    Parameters
    ----------
    path
        The file, in UTF-8 and not packed; the byte order mark that spreadsheet programs begin it with is no part of
        the table.
    columns
        Names that must be present.
    **options
        For `pandas.read_csv`.

    Returns
    -------
    All columns as text, empty where the file has nothing. The index is named ``row`` and counts
    from 1, header lines excluded.

    Raises
    ------
    InputError
        If the file is not such a table, lacks a column or has two of one name, or is the pointer that Git LFS leaves
        in place of a file it has not fetched.
    """
    refuse_lfs_pointer(path)
    try:
        frame = _read_texts(path, **options)
    except ValueError as error:  # of pandas there are several kinds, and that of Unicode
        raise InputError(f"{path}: not readable as a UTF-8 table: {error}. Mend the file, or fetch it again") from None
    if not isinstance(frame.index, pd.RangeIndex) and "index_col" not in options:
        raise InputError(
            f"{path}: its rows have more fields than its header. Name the columns that it lacks, or remove the surplus "
            "fields: a delimiter at the end of a row makes one"
        )
    if options.get("header", "infer") is not None:
        _refuse_repeated(path, _read_texts(path, **options | {"header": None, "nrows": 1}).iloc[0])
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    missing = [column for column in columns if column not in frame]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; its header names {', '.join(map(str, frame))}")
    return frame


def read_parquet(path: Path, columns: Iterable[str], known: Iterable[str]) -> pd.DataFrame:
    """Read a Parquet table in the form of `read_csv`: integer ids become their digits, nulls empty text.

    Parameters
    ----------
    path
        The file.
    columns
        Names that must be present.
    known
        Names to read where they are present; other columns are left alone, whatever they hold.

    Raises
    ------
    InputError
        If the file is not such a table, lacks one of ``columns``, has two of one name, or is the pointer that Git LFS
        leaves in place of a file it has not fetched.
    """
    refuse_lfs_pointer(path)
    try:
        names = pq.read_schema(path).names
        known = set(known)
        _refuse_repeated(path, pd.Series([name for name in names if name in known], dtype=object))
        content = pq.read_table(path, columns=[name for name in names if name in known])
        texts = [column.cast(pa.string()).fill_null("") for column in content.columns]
    except pa.ArrowException as error:
        raise InputError(f"{path}: not readable as a Parquet table of texts: {error}. Write it again") from None
    missing = [name for name in columns if name not in names]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; it has {', '.join(names)}")
    rows = pd.RangeIndex(1, content.num_rows + 1, name="row")
    return pd.DataFrame(dict(zip(content.column_names, texts, strict=True)), index=rows)


def refuse(source: Path, wrong: pd.Series, problem: str, values: pd.Series | None = None) -> None:
    """Raise `InputError` for the first row where ``wrong`` holds, if there is one.

    Parameters
    ----------
    source
        The file to name.
    wrong
        Boolean, one a row; its index names the rows.
    problem
        What is wrong and how to mend it.
    values
        Of the same rows, to quote the one at fault.
    """
    if not wrong.any():
        return
    first = int(wrong.to_numpy().argmax())
    place = f"{wrong.index.name} {wrong.index[first]}"
    given = "" if values is None else f"{values.iloc[first]!r} "
    more = f" ({wrong.sum() - 1} more such rows)" if wrong.sum() > 1 else ""
    raise InputError(f"{source}, {place}: {given}{problem}{more}")


def refuse_outside(source: Path, paths: pd.Series, folder: Path | str) -> None:
    """Raise `InputError` for the first of ``paths`` that is absolute or leads out of ``folder``, which is named."""
    outside = paths.str.contains(r"^/|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)")
    refuse(source, outside, f"must be relative to {folder} and stay within it", paths)


def translate(source: Path, values: pd.Series, meanings: Mapping[str, str]) -> pd.Series:
    """Replace a data set's words by ours; a word without a meaning is refused."""
    refuse(source, ~values.isin(meanings), f"is none of {', '.join(meanings)}", values)
    return values.map(meanings)


def _read_texts(path: Path, **options: Any) -> pd.DataFrame:
    return pd.read_csv(
        path, dtype=str, keep_default_na=False, encoding="utf-8-sig", compression=None, **options
    ).fillna("")


def _refuse_repeated(path: Path, names: pd.Series) -> None:
    """Refuse two columns of one name; columns without a name may be many."""
    repeated = names[names.duplicated() & (names != "")].unique()
    if len(repeated):
        raise InputError(f"{path}: two columns are named {', '.join(repeated)}. Rename or remove one of them")


def items(source: Path, rows: pd.DataFrame, labels: Iterable[str] | None = None) -> pd.DataFrame:
    """Check the rows of a data set and give them the form of ``items.parquet``.

    Parameters
    ----------
    source
        The annotation file, or the folder, to name in an error.
    rows
        With ``item_id``, ``path``, ``target`` and what else of `hearlog.corpora.corpus.ITEM_COLUMNS` is known, empty or
        null where it is not; the index names the rows as in `refuse`.
    labels
        All classes of the data set; not given where the target is a number or the classes are not known beforehand.

    Returns
    -------
    The columns of `hearlog.corpora.corpus.ITEM_COLUMNS`, of the types that `hearlog.corpora.corpus.Corpus` names.

    Raises
    ------
    InputError
        For an item without id, an id that stands twice, a path that leads out of the folder, or a label that the data
        set does not have.
    """
    refuse(source, rows["item_id"] == "", "this row has no id: complete or remove it")
    refuse(source, rows["item_id"].duplicated(), "stands twice: remove one of its rows", rows["item_id"])
    refuse_outside(source, rows["path"], "the data set's folder")
    if labels is not None:
        unknown = ~rows["target"].isin(list(labels))
        refuse(source, unknown, f"is no label of this data set: {', '.join(labels)}", rows["target"])
    if rows.empty:
        raise InputError(f"{source}: holds no items. Fetch the data set again, or mend the path in the params")
    return item_table(rows)
