"""What every task is and how it is tested, from its settings, its items and the split that was made."""

from __future__ import annotations

from typing import Any

import pandas as pd

from hearlog.corpora.protocols import LABELS, protocol_label
from hearlog.page.tables import Column, Table, number, numeric, text, textual
from hearlog.results.names import title
from hearlog.util.plain_text import counted

IN_WORDS = {
    "stratified_cv": "drawn folds, every class spread over all of them; groups are not looked at",
    "grouped_cv": "drawn folds of whole groups, classes spread as evenly as these allow",
    "artist_cv": "drawn folds of whole artists, classes spread as evenly as these allow",
    "official": "the data set's own parts",
    "fault_filtered": "the published parts without faulty clips",
    "dev_cv4": "the published folds of the development set",
}
assert IN_WORDS.keys() == LABELS.keys()


def protocol_table(tasks: dict[str, dict[str, Any]]) -> Table:
    """Tabulate the tasks: data set, target, protocol, sizes, groups, and what is known to be doubtful.

    Parameters
    ----------
    tasks
        For each task ``data_set`` (its name in print), ``target``, ``path``, ``group`` (what a group is), ``split``
        (the metrics of its split), and ``groups`` (as returned by `shared_groups`).
    """
    rows = []
    for name, task in tasks.items():
        split = task["split"]
        protocol = f"{protocol_label(split['protocol'], split['folds'])}: {IN_WORDS[split['protocol']]}"
        sizes = [number(split[part]) for part in ("train", "valid", "test")]
        classes = number(split.get("classes", float("nan")))
        facts = [text(title(name), f"{task['target']} of {task['data_set']}"), text(protocol)]
        rows.append([*facts, classes, number(split["folds"]), *sizes, text(_shared(task["group"], task["groups"]))])
    columns = [
        *textual("Task", "Protocol"),
        *numeric("Classes", "Folds", "Train", "Valid", "Test"),
    ]
    columns.append(Column("On both sides"))
    notes = [
        "Train, valid and test are clips of the first fold. A task without classes is a regression.",
        "On both sides: of the artists, versions or recordings that are tested, those that are trained or validated on "
        "in the same fold. Where there are any, scores may be flattered: a network can know them by other marks.",
    ]
    if {"fma_small", "fma_medium"} <= tasks.keys():
        notes.append("FMA small is part of FMA medium, so these two are not independent of each other.")
    return Table("protocols", "Tasks and their protocols", columns, rows, notes)


def shared_groups(items: pd.DataFrame, splits: pd.DataFrame) -> dict[str, int]:
    """Count the groups (artists, recordings, versions) that stand on both sides of a split.

    Parameters
    ----------
    items
        With ``item_id`` and ``group``.
    splits
        One row per fold and clip: ``fold``, ``item_id``, ``part`` (null for a clip that is left out).

    Returns
    -------
    ``groups`` known among the tested clips, and how many of them are ``shared`` with training or validation clips
    of the same fold; counted over all folds, each group once.
    """
    parts = splits.merge(items[["item_id", "group"]], on="item_id").dropna(subset=["group", "part"])
    tested = parts["part"] == "test"
    test, known = parts.loc[tested, ["fold", "group"]], parts.loc[~tested, ["fold", "group"]].drop_duplicates()
    return {"groups": test["group"].nunique(), "shared": test.merge(known)["group"].nunique()}


def _shared(group: str, found: dict[str, int]) -> str:
    if not found["groups"]:
        return f"no {group} is named"
    return f"{found['shared']:,} of {counted(found['groups'], group)}"
