"""Songs of the catalogue that are test clips of a task: the estimator would have heard what it is tested on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

import pandas as pd

from hearlog.check.findings import Section
from hearlog.check.leakage import songs
from hearlog.util.plain_text import counted, some

KEYS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "file": lambda items: items["content"],
    "artist and title": songs,
}


def check_across(section: Section, catalogue: pd.DataFrame, tested: Mapping[str, pd.DataFrame]) -> None:
    """Report test clips that the catalogue has as well: the same bytes, or the same artist and title.

    Parameters
    ----------
    section
        Gets the figures and findings.
    catalogue
        Songs that the estimator will hear, as of `hearlog.check.inspection.inspect`.
    tested
        By task, the clips that are test in some fold, likewise.
    """
    section.facts["compared"] = {"songs": len(catalogue), "test clips": sum(map(len, tested.values()))}
    section.facts["same"] = {}
    for kind, key in KEYS.items():
        ours = pd.DataFrame({"song": catalogue["item_id"], "key": key(catalogue)}).dropna().drop_duplicates("key")
        theirs = {task: pd.DataFrame({"clip": clips["item_id"], "key": key(clips)}) for task, clips in tested.items()}
        known = len(ours) and any(clips["key"].notna().any() for clips in theirs.values())
        found = {task: _in_both(ours, clips) for task, clips in theirs.items()}
        section.facts["same"][kind] = sum(map(len, found.values())) if known else "not known"
        # Tasks of one data set have the same clips, and one finding is enough.
        tasks = defaultdict(list)
        for task, pairs in found.items():
            if pairs:
                tasks[pairs].append(task)
        for pairs, names in tasks.items():
            section.warning(
                f"{counted(len(pairs), 'test clip')} of {', '.join(names)} with the {kind} of a song of the catalogue: "
                f"{some(f'{clip} is song {song}' for clip, song in pairs)}. The estimator would learn from what it is "
                "tested on: remove these songs from the catalogue"
            )


def _in_both(ours: pd.DataFrame, theirs: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """Pairs of a clip and a song with the same key, in the order of the clips."""
    return tuple(theirs.merge(ours, on="key")[["clip", "song"]].itertuples(index=False, name=None))
