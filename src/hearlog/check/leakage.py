"""Clips that are tested on although something of them was trained on: a file, an artist, a recording, a song."""

from __future__ import annotations

import re
import unicodedata

import pandas as pd

from hearlog.check.findings import Section
from hearlog.corpora.readers.dataset import DataSet
from hearlog.util.plain_text import some

BETWEEN_WORDS = re.compile(r"[\W_]+")
KEEP_GROUPS = ("artist_cv", "grouped_cv")


def normalise(names: pd.Series) -> pd.Series:
    """Fold case, and take punctuation and spaces for one space; null where nothing is left."""
    return names.map(_words, na_action="ignore").astype("str")


def _words(name: str) -> str | None:
    return BETWEEN_WORDS.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip() or None


def songs(items: pd.DataFrame) -> pd.Series:
    """Artist and title of each item, to compare; null where one of them is not known."""
    return normalise(items["artist"]) + "\n" + normalise(items["title"])


def shared(keys: pd.Series, parts: pd.DataFrame) -> pd.DataFrame:
    """Find test clips whose key stands in train or valid of the same fold as well.

    Parameters
    ----------
    keys
        What must not be shared, by item id; null where it is not known.
    parts
        ``fold``, ``item_id`` and ``part``, as of `hearlog.corpora.splits.split`.

    Returns
    -------
    One row a fold and such clip: ``fold``, ``item_id`` and ``other``, a clip of train or valid with the same key.
    """
    rows = parts.assign(key=parts["item_id"].map(keys)).dropna(subset="key")
    test = rows["part"] == "test"
    others = rows[~test].drop_duplicates(["fold", "key"]).rename(columns={"item_id": "other"})
    return rows[test].merge(others[["fold", "key", "other"]], on=["fold", "key"])[["fold", "item_id", "other"]]


def find_shared(section: Section, keys: dict[str, pd.Series], parts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Look for what test items share with items trained on, kind by kind; the numbers become a fact.

    Returns
    -------
    As of `shared`, for each kind of key that is known of some item.
    """
    found = {kind: shared(key, parts) for kind, key in keys.items() if key.notna().any()}
    section.facts["leakage"] = {
        "tested": int((parts["part"] == "test").sum()),
        **{kind: len(found[kind]) if kind in found else "not known" for kind in keys},
    }
    return found


def check_leakage(section: Section, clips: pd.DataFrame, parts: pd.DataFrame, data_set: DataSet, protocol: str) -> None:
    """Report what test clips of a task share with clips trained on.

    Parameters
    ----------
    section
        Gets the figures and findings.
    clips
        Accepted clips, as of `hearlog.check.inspection.inspect`.
    parts
        Their split by ``protocol``.
    data_set
        Names the groups, and the protocols there are.
    protocol
        Of the task.
    """
    clips = clips.set_index("item_id")
    keys = {"file": clips["content"], data_set.group: clips["group"], "artist": normalise(clips["artist"])}
    if data_set.group == "artist":
        keys["artist"] = normalise(clips["group"])
    keys["artist and title"] = songs(clips)
    for kind, pairs in find_shared(section, keys, parts).items():
        if len(pairs):
            tested = section.facts["leakage"]["tested"]
            share = "shares" if len(pairs) == 1 else "share"
            examples = some(f"{one} and {other}" for one, other in zip(pairs["item_id"], pairs["other"], strict=True))
            section.warning(
                f"{len(pairs):,} of {tested:,} test clips ({len(pairs) / tested:.1%}) {share} the {kind} with a clip "
                f"of train or valid: {examples}. {_advice(kind, data_set, protocol)}"
            )


def _advice(kind: str, data_set: DataSet, protocol: str) -> str:
    if kind == "file":
        return "Keep one file of each"
    of_the_paper = data_set.targets and protocol == data_set.protocols[0]  # a user's own data are in no paper
    allows = f"The paper's protocol, {protocol}," if of_the_paper else f"Protocol {protocol}"
    advice = f"{allows} allows it, and it flatters the scores: say so beside them"
    keeping = [name for name in data_set.protocols if name in KEEP_GROUPS and name != protocol]
    if keeping and (kind == data_set.group or data_set.group == "artist"):
        advice += f", or take {keeping[0]}, which keeps each {data_set.group} on one side"
    return advice
