"""Names of tasks and protocols in print."""

from __future__ import annotations

from hearlog.corpora.readers import READERS

# The panels of the paper's Figure 4, in its order.
_PANELS = (
    *("emomusic_genre", "gtzan", "extended_ballroom", "fma_small"),
    *("fma_medium", "emomusic_valence", "emomusic_arousal", "dcase2016"),
)

# By the names that presets give the tasks of a data set: its reader's and, where there are several targets, the target.
_TITLES = {reader: data_set.title for reader, data_set in READERS.items() if len(data_set.targets) == 1} | {
    f"{reader}_{target}": f"{data_set.title} {target}"
    for reader, data_set in READERS.items()
    if len(data_set.targets) > 1
    for target in data_set.targets
}

# Of the protocols of `hearlog.corpora.splits.PROTOCOLS`.
LABELS = {
    "stratified_cv": "stratified {folds}-fold CV",
    "grouped_cv": "grouped {folds}-fold CV",
    "artist_cv": "artist-grouped {folds}-fold CV",
    "official": "official split",
    "fault_filtered": "fault-filtered split",
    "dev_cv4": "{folds} published folds",
}


def title(task: str) -> str:
    """Name a task for tables and figures: by its data set, or by its own name where it is none of the presets'."""
    return _TITLES.get(task, task)


def task_order(task: str) -> int:
    """Return the place of a task among the panels of the paper's Figure 4, to sort by; other tasks come last."""
    return [*_PANELS, task].index(task)


def protocol_label(protocol: str, folds: int) -> str:
    """Name a protocol and its folds for tables and figures.

    Scores of one data set under two protocols do not compare, so no score is printed without it.
    """
    return LABELS[protocol].format(folds=folds)
