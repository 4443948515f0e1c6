"""A data set's annotations against what was published of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from hearlog.check.findings import Section
from hearlog.corpora.corpus import PARTS
from hearlog.corpora.readers.dataset import DataSet
from hearlog.corpora.readers.registry import READERS
from hearlog.params import Task
from hearlog.params.synthetic import is_generated
from hearlog.util.plain_text import some

Counts = dict[str, dict[str, int]]


def check_published(section: Section, items: pd.DataFrame, task: Task) -> None:
    """Report items, classes and parts, and how they, and the annotation files, differ from those published.

    Parameters
    ----------
    section
        Gets the figures and findings.
    items
        As the task's reader returns them.
    task
        Its settings. The embedded data set differs by design, which a note says.
    """
    data_set, root = READERS[task.reader], Path(task.path)
    found, published = _found(items), _published(data_set, task.protocol)
    total = sum(data_set.classes.values())
    section.facts |= {"items": {"found": len(items)} | ({"published": total} if total else {}), **found}
    differences = [
        f"{key} {found[kind].get(key, 0):,} ({expected:,})"
        for kind, counts in published.items()
        for key, expected in counts.items()
        if kind in found and found[kind].get(key, 0) != expected
    ]
    if is_generated(task.path):
        if differences:
            section.note("the embedded data set is smaller than the published one by design")
        return
    if differences:
        absent = data_set.damaged - set(items["item_id"])
        _report_differences(section, differences, absent if len(items) + len(absent) == total else frozenset())
    # What follows reads files that no stage may need.
    with section.errors_are("warning"):
        for remark in data_set.remarks(root):
            section.note(remark)
    for name, checksum in data_set.checksums.items():
        with section.errors_are("warning"):
            _compare_checksum(section, root / name, checksum)


def _found(items: pd.DataFrame) -> Counts:
    """Items by class, where the target is one, and by published part, where there is one."""
    found = {}
    if not pd.api.types.is_numeric_dtype(items["target"]):
        classes = items["target"].value_counts().sort_index()
        found["classes"] = {str(name): int(rows) for name, rows in classes.items()}
    if items["split"].notna().any():
        found["parts"] = {part: rows for part in PARTS if (rows := int((items["split"] == part).sum()))}
    return found


def _published(data_set: DataSet, protocol: str) -> Counts:
    parts = dict(data_set.parts.get(protocol, {}))
    # The published folds divide a part of the data set, and the rest need not be there.
    return {"parts": parts} if protocol == "dev_cv4" else {"classes": dict(data_set.classes), "parts": parts}


def _report_differences(section: Section, differences: list[str], damaged: frozenset[str]) -> None:
    """Report counts that differ; ``damaged`` are the items that explain it, if they do."""
    counts = f"other counts than those published, which stand in brackets: {some(differences, 8)}"
    if damaged:
        section.note(f"{counts}. What is not there is known to be damaged: {some(sorted(damaged))}")
    else:
        section.warning(f"{counts}. Scores will not compare with published ones: complete the copy")


def _compare_checksum(section: Section, path: Path, checksum: str) -> None:
    if not path.is_file():
        return
    algorithm, expected = checksum.split(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != expected:
        section.note(
            f"{path} is not the published file: its {algorithm} is {found}, not {expected}. "
            "Unless you changed it on purpose, fetch it again"
        )
