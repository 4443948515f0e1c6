"""A labelled task: whether its clips can be used and divided, and what their split is worth."""

from __future__ import annotations

import pandas as pd

from hearlog.check.audio import pairs, repeated, report_files, report_share, usable
from hearlog.check.findings import Section
from hearlog.check.leakage import check_leakage
from hearlog.corpora import splits
from hearlog.corpora.corpus import ITEM_COLUMNS, PARTS
from hearlog.corpora.protocols import protocol_label
from hearlog.corpora.readers.registry import READERS
from hearlog.params import Params, Task
from hearlog.util.plain_text import counted, some


def check_clips(section: Section, items: pd.DataFrame, task: Task, params: Params) -> pd.DataFrame:
    """Report the audio of a task, the split of the clips that can be used, and what its parts share.

    Parameters
    ----------
    section
        Gets the figures and findings.
    items
        As of `hearlog.check.inspection.inspect`.
    task, params
        Its settings; those of the crop, and the seed.

    Returns
    -------
    The clips that will be test in some fold; all that can be used where no split can be made.
    """
    data_set = READERS[task.reader]
    report_share(section, items, params.audio.max_rejected)
    report_files(section, items, data_set.damaged)
    _report_copies(section, items, task.target)
    clips = usable(items)
    if len(clips) and (clips["target"] == clips["target"].iloc[0]).all():
        section.problem(f"every clip that can be used has the same {task.target}: there is nothing to learn")
    elif len(clips):
        with section.errors_are("problem"):
            parts = splits.split(clips[ITEM_COLUMNS], task.protocol, task.folds, task.valid, params.seed)
            _report_split(section, clips, parts, task.protocol)
            check_leakage(section, clips, parts, data_set, task.protocol)
            return clips[clips["item_id"].isin(parts.loc[parts["part"] == "test", "item_id"])]
    return clips


def _report_copies(section: Section, items: pd.DataFrame, target: str) -> None:
    """Report files of the same bytes; if the target of the two differs, one of them is wrong."""
    copies = repeated(items, items["content"])
    contrary = copies["target"] != copies["target_first"]
    if contrary.any():
        section.warning(
            f"{counted(int(contrary.sum()), 'file')} with the same bytes as another of a different {target}: "
            f"{pairs(copies[contrary])}. Remove the wrong ones"
        )
    if not contrary.all():
        section.note(
            f"{counted(int((~contrary).sum()), 'file')} with the same bytes as another: {pairs(copies[~contrary])}"
        )


def _report_split(section: Section, clips: pd.DataFrame, parts: pd.DataFrame, protocol: str) -> None:
    """Report the sizes of the parts, in the first fold, and classes without a clip in one."""
    folds = parts["fold"].nunique()
    sizes = parts.loc[parts["fold"] == 0, "part"].value_counts()
    section.facts["protocol"] = protocol_label(protocol, folds)
    section.facts["split"] = {"folds": folds, **{part: int(sizes[part]) for part in PARTS}}
    if pd.api.types.is_numeric_dtype(clips["target"]):
        return
    rows = parts.assign(target=parts["item_id"].map(clips.set_index("item_id")["target"]))
    tested = rows.loc[rows["part"] == "test", "target"].value_counts()
    section.facts["fewest tested"] = {str(tested.idxmin()): int(tested.min())}
    for part, say, effect in (
        ("train", section.warning, "a class cannot be learned there"),
        ("test", section.note, "a class is not tested there"),
    ):
        present = rows[rows["part"] == part].groupby("target")["fold"].nunique()
        absent = folds - present.reindex(sorted(rows["target"].unique()), fill_value=0)
        absent = absent[absent > 0]
        classes = [f"{name} in {counted(times, 'fold')}" if folds > 1 else str(name) for name, times in absent.items()]
        if classes:
            say(f"no {part} clip of {some(classes)}: {effect}")
