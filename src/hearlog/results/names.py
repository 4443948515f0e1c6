"""Names of tasks in print, and their order."""

from __future__ import annotations

from hearlog.corpora.readers.registry import READERS

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


def title(task: str) -> str:
    """Name a task for tables and figures: by its data set, or by its own name where it is none of the presets'."""
    return _TITLES.get(task, task)


def task_order(task: str) -> int:
    """Return the place of a task among the panels of the paper's Figure 4, to sort by; other tasks come last."""
    return [*_PANELS, task].index(task)
