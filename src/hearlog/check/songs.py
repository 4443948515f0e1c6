"""The catalogue, its audio, and the split of the songs that have plays and audio."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from hearlog.audio.decode import SUFFIXES
from hearlog.check.audio import pairs, repeated, report_files, report_share, usable
from hearlog.check.dependencies import is_utf8
from hearlog.check.findings import Section
from hearlog.check.leakage import find_shared, songs
from hearlog.check.logs import Plays
from hearlog.check.overlap import report_overlap
from hearlog.corpora import catalogue, splits
from hearlog.corpora.corpus import PARTS
from hearlog.params import Params
from hearlog.util.plain_text import counted, some

ENDINGS = tuple(SUFFIXES)  # as `str.endswith` takes them


def check_songs(section: Section, items: pd.DataFrame, plays: Plays | None, params: Params) -> pd.DataFrame:
    """Report the catalogue's audio, its overlap with the logs, and the split of the songs.

    Parameters
    ----------
    section
        Gets the figures and findings.
    items
        The catalogue as of `hearlog.check.inspection.inspect`.
    plays
        As of `hearlog.check.logs.check_logs`; None where the logs are not known.
    params
        Settings of the songs and the crop, and the seed.

    Returns
    -------
    The songs that the estimator will be trained and tested on, as far as that is known: where the logs are not, all
    that can be used.
    """
    section.facts |= {"audio root": params.songs.audio_root, "catalogue": {"songs": len(items)}}
    if plays is None:
        section.note("the overlap with the logs was not looked at, as their songs are not known")
    else:
        with section.problems_are_warnings(plays.doubt):
            report_overlap(section, items, plays)
    report_files(section, items[items["path"].notna()])
    _report_paths(section, items, Path(params.songs.audio_root))
    _report_repeats(section, items)
    if plays is None:
        return usable(items)
    heard = items[items["item_id"].isin(plays.songs.index)]
    if len(heard):
        with section.problems_are_warnings(plays.doubt), section.errors_are("problem"):
            selected = _select(section, items, plays, params)
            report_share(section, selected, params.audio.max_rejected)
            _report_split(section, usable(selected), params)
            return usable(selected)
    return usable(heard)


def _report_paths(section: Section, items: pd.DataFrame, audio_root: Path) -> None:
    """Report songs without a path, and sound files that no song names, one of which a missing file may be."""
    without = items.loc[items["path"].isna(), "item_id"]
    if len(without):
        section.warning(f"{counted(len(without), 'song')} without a path: {some(without)}. Complete the catalogue")
    strays = sorted(file for file in _sound_files(audio_root) - set(items["file"]) if is_utf8(file))
    if not strays:
        return
    section.note(
        f"{counted(len(strays), 'sound file')} under {audio_root} that no song of the catalogue names: "
        f"{some(os.path.relpath(stray, audio_root) for stray in strays)}"
    )
    missing = items.loc[items["path"].notna() & (items["reason"] == "missing"), "path"]
    names = pd.Series(strays, [Path(stray).stem.casefold() for stray in strays])
    stems = missing.map(lambda path: Path(path).stem.casefold())
    found = stems.map(names[~names.index.duplicated()]).dropna()
    if len(found):
        places = zip(missing[found.index], found, strict=True)
        section.warning(
            f"{counted(len(found), 'song')} whose file is not there may have it in another place or format: "
            f"{some(f'{path} as {os.path.relpath(stray, audio_root)}' for path, stray in places)}. Mend the paths in "
            "the catalogue"
        )


def _sound_files(folder: Path) -> set[str]:
    """Absolute paths of all sound files under a folder."""
    return {
        os.path.join(place, name)  # noqa: PTH118  there may be millions
        for place, _, names in os.walk(os.path.abspath(folder))  # noqa: PTH100
        for name in names
        if name.lower().endswith(ENDINGS) and not name.startswith(".")
    }


def _report_repeats(section: Section, items: pd.DataFrame) -> None:
    """Report songs that stand in the catalogue under two ids: plays are divided between them."""
    copies = repeated(items, items["content"])
    if len(copies):
        section.warning(
            f"{counted(len(copies), 'song')} with a file of the same bytes as another: {pairs(copies)}. The split may "
            "train on one and test on the other: keep one id of each, in the logs as well"
        )
    repeats = repeated(items, songs(items))
    if len(repeats):
        section.note(f"{counted(len(repeats), 'song')} with artist and title of another: {pairs(repeats)}")


def _select(section: Section, items: pd.DataFrame, plays: Plays, params: Params) -> pd.DataFrame:
    """Choose the songs as the stage will; from the rows read, where not all were."""
    sample = params.songs.sample
    there = int((items["item_id"].isin(plays.songs.index) & items["reason"].ne("missing")).sum())
    if sample and sample > there and not plays.complete:
        section.note(
            f"songs.sample asks for {sample:,} songs; those read so far have {there:,} with audio. "
            "Whether there are enough, `hearlog check --full` will tell"
        )
        sample = None
    selected, _ = catalogue.select(
        items[catalogue.COLUMNS], plays.songs.index.to_series(), Path(params.songs.audio_root), sample, params.seed
    )
    return items[items["item_id"].isin(selected["item_id"])]


def _report_split(section: Section, clips: pd.DataFrame, params: Params) -> None:
    """Report the songs' random split, and songs of its test part that are in train or valid under another id."""
    parts = splits.random(clips, params.songs.split.model_dump(), params.seed)
    sizes = parts["part"].value_counts()
    section.facts["split"] = {part: int(sizes[part]) for part in PARTS}
    clips = clips.set_index("item_id")
    find_shared(section, {"file": clips["content"], "artist and title": songs(clips)}, parts)
