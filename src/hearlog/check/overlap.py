"""Songs of the logs against songs of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from hearlog.check.audio import usable
from hearlog.check.findings import Section
from hearlog.check.logs import Plays
from hearlog.util.plain_text import counted, some

# How the ids of logs and catalogue may differ for the same songs, and what makes them alike.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "leading zeros": lambda song: song.lstrip("0"),
    "file extensions": lambda song: re.sub(r"\.[A-Za-z]\w{1,4}$", "", song),
    "upper and lower case": str.casefold,
    "spaces": lambda song: song.replace(" ", ""),
}


def report_overlap(section: Section, items: pd.DataFrame, plays: Plays) -> None:
    """Report how many songs have plays, a row in the catalogue and a usable file, and ids that almost match.

    Parameters
    ----------
    section
        Gets the figures and findings.
    items
        The catalogue as of `hearlog.check.inspection.inspect`.
    plays
        As of `hearlog.check.logs.check_logs`.
    """
    listed = plays.songs[plays.songs.index.isin(items["item_id"])]
    covered = listed[listed.index.isin(usable(items)["item_id"])]
    section.facts["with plays"] = {
        "songs": len(plays.songs),
        "in catalogue": len(listed),
        "with usable audio": len(covered),
    }
    if len(plays.songs):
        section.facts["share of plays"] = round(float(covered.sum() / plays.songs.sum()), 4)
    respelled = _respelled(
        plays.songs.index.difference(listed.index), pd.Index(items["item_id"]).difference(listed.index)
    )
    if listed.empty and len(plays.songs):
        section.problem(f"no song of the logs is in the catalogue. {respelled or 'Both must use the same ids'}")
    elif respelled:
        section.warning(respelled)


def _respelled(played: pd.Index, catalogue: pd.Index) -> str:
    """Say which difference in spelling would explain the most ids that do not match; empty if none does."""
    best, said = 0, ""
    for name, respell in SPELLINGS.items():
        known = pd.Series(catalogue, catalogue.map(respell))
        known = known[~known.index.duplicated()]
        matches = played.to_series().map(lambda song, respell=respell: respell(song)).map(known).dropna()
        if len(matches) > best:
            best = len(matches)
            examples = some(f"{theirs!r} in the logs, {ours!r} in the catalogue" for theirs, ours in matches.items())
            said = (
                f"{counted(best, 'song')} of logs and catalogue would match but for {name}: {examples}. "
                "Write the ids of both alike"
            )
    return said
