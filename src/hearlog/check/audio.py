"""Audio files that are missing or cannot be used, by reason."""

from __future__ import annotations

import os
from collections.abc import Collection

import pandas as pd

from hearlog.check.findings import Section
from hearlog.util.plain_text import counted, some

# What is said of files of a reason, and what to do about them.
REASONS = {
    "missing": ("not there", "Fetch them, or mend their paths"),
    "unreadable": ("not readable", "Fetch them again, or where permission is denied allow reading them (chmod)"),
    "truncated": ("truncated", "Fetch them again"),
    "short": ("too short", "Lower audio.min_seconds, or go without them"),
    "sample rate": ("at an odd sample rate", "Resample them"),
    "not finite": ("not finite", "Write them again: they hold NaN or infinite samples"),
    "silent": ("silent", "Fetch them again, or go without them"),
}


def usable(items: pd.DataFrame) -> pd.DataFrame:
    """Keep the items whose file can be used."""
    return items[items["reason"].isna()]


def report_files(section: Section, items: pd.DataFrame, damaged: Collection[str] = ()) -> None:
    """Report lengths, and the files that cannot be used.

    Parameters
    ----------
    section
        Gets the figures and findings.
    items
        As of `hearlog.check.inspection.inspect`.
    damaged
        Ids of items whose published files are known not to be usable.
    """
    good, bad = usable(items), items[items["reason"].notna()]
    reasons = bad["reason"].value_counts().sort_index()
    section.facts["audio"] = {"usable": len(good), **{str(reason): int(rows) for reason, rows in reasons.items()}}
    if len(seconds := good["seconds"].dropna()):
        length = {"shortest": seconds.min(), "median": seconds.median(), "longest": seconds.max()}
        section.facts["length"] = {name: round(float(value), 2) for name, value in length.items()}
    known = bad["item_id"].isin(damaged) & _folder_is_there(items)[bad.index]
    if known.any():
        section.note(f"left out by the crop, as their published files are damaged: {some(bad.loc[known, 'item_id'])}")
    for reason, files in bad[~known].groupby("reason"):
        said, fix = REASONS[str(reason)]
        verb = "is" if len(files) == 1 else "are"
        first = "" if reason == "missing" else f" (the first: {files['detail'].iloc[0]})"
        section.warning(f"{counted(len(files), 'file')} {verb} {said}: {some(files['path'])}{first}. {fix}")


def _folder_is_there(items: pd.DataFrame) -> pd.Series:
    """Whether any file of an item's folder is there: in a folder yet to be fetched a damaged file is but missing."""
    folders = items["path"].fillna("").map(os.path.dirname)
    return items["reason"].ne("missing").groupby(folders).transform("any")


def report_share(section: Section, items: pd.DataFrame, limit: float) -> None:
    """Report more unusable files than ``audio.max_rejected`` allows, which stops the crop."""
    rejected = int(items["reason"].notna().sum())
    if rejected > limit * len(items) or rejected == len(items):
        section.problem(
            f"{rejected:,} of {counted(len(items), 'file')} cannot be used ({rejected / len(items):.1%}), more than "
            f"audio.max_rejected {limit:g} allows. Mend or remove them, or raise the limit"
        )


def repeated(items: pd.DataFrame, keys: pd.Series) -> pd.DataFrame:
    """Pair every item that repeats the key of an earlier one with it, whose columns end in ``_first``.

    Items without a key, and those whose file cannot be used, are left aside.
    """
    there = items.assign(key=keys)[items["reason"].isna() & keys.notna()]
    return there[there["key"].duplicated()].merge(there.drop_duplicates("key"), on="key", suffixes=("", "_first"))


def pairs(repeats: pd.DataFrame) -> str:
    """List the first of the pairs that `repeated` found."""
    return some(f"{first} and {item}" for first, item in zip(repeats["item_id_first"], repeats["item_id"], strict=True))
