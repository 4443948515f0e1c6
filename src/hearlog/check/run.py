"""What a run will meet, found out before it starts: logs, songs, tasks, what they share, and what the run needs."""

from __future__ import annotations

from pathlib import Path

from hearlog.check.across import check_across
from hearlog.check.audio import usable
from hearlog.check.dependencies import check_dependencies
from hearlog.check.findings import Section
from hearlog.check.inspection import SONGS, Listed, inspect
from hearlog.check.logs import check_logs
from hearlog.check.needs import check_needs
from hearlog.check.published import check_published
from hearlog.check.songs import check_songs
from hearlog.check.tasks import check_clips
from hearlog.corpora import catalogue
from hearlog.corpora.readers.registry import READERS
from hearlog.params import Params
from hearlog.params.synthetic import is_generated
from hearlog.plan.workload import LogSize
from hearlog.util.plain_text import counted, some


def run_check(params: Params, full: bool) -> list[Section]:
    """Look at everything that params name.

    Parameters
    ----------
    params
        What a run would use.
    full
        Decode every file as the crop will, and read all rows of the logs; otherwise only headers, and the first rows.

    Returns
    -------
    Sections ``logs``, ``songs``, one a task, ``across`` and ``run``. What a user can mend is a finding, and hides
    nothing that can be found without it.
    """
    sections, clips, size = check_data(params, full)
    run = Section("run")
    check_needs(run, params, clips, size)
    return [*sections, run]


def check_data(params: Params, full: bool) -> tuple[list[Section], dict[str, int], LogSize | None]:
    """Look at all but what the run needs.

    Returns
    -------
    The sections; how many songs and clips of each task will be used, as far as they could be read; and how much is in
    the logs, zeros where they could not be read, None where not all was.
    """
    logs, songs, across = Section("logs"), Section(SONGS), Section("across")
    tasks = {name: Section(name) for name in params.tasks}
    plays, size = None, None
    check_dependencies(
        [
            (logs, params.logs.path),
            (songs, params.songs.catalog),
            (songs, params.songs.audio_root),
            *((tasks[name], task.path) for name, task in params.tasks.items()),
        ]
    )
    with logs.errors_are("problem"):
        if _is_written(logs, params.logs.path):
            plays = check_logs(logs, params, full)
            size = plays.size if plays else LogSize(0, 0, 0)
    corpora = inspect(_list_items(songs, tasks, params), params, full)
    clips, tested = {}, {}
    heard = None
    if SONGS in corpora:
        heard = check_songs(songs, corpora[SONGS], plays, params)
        clips[SONGS] = min(len(heard), params.songs.sample or len(heard))
    for name in [name for name in tasks if name in corpora]:
        clips[name] = len(usable(corpora[name]))
        tested[name] = check_clips(tasks[name], corpora[name], params.tasks[name], params)
    _say_once(tasks, params)
    if heard is not None:
        if plays is None or not plays.complete:
            across.note(
                "which songs the logs have is not fully known, so all songs of the catalogue with usable audio were "
                "compared"
            )
            heard = usable(corpora[SONGS])
        check_across(across, heard, tested)
    unknown = [name for name in (SONGS, *tasks) if name not in corpora]
    if unknown:
        across.note(f"not compared, as their items are not known: {some(unknown)}")
    return [logs, songs, *tasks.values(), across], clips, size


def _list_items(songs: Section, tasks: dict[str, Section], params: Params) -> dict[str, Listed]:
    """Read the catalogue and the annotations of the tasks, as far as they can be read."""
    listed = {}
    with songs.errors_are("problem"):
        if _is_written(songs, params.songs.catalog):
            items = catalogue.read(params.songs.catalog)
            root = params.songs.audio_root
            if not is_generated(root) and not Path(root).is_dir():
                songs.problem(f"{root}: no such folder. Put the songs' audio there, or mend songs.audio_root")
            listed[SONGS] = Listed(items.assign(item_id=items["song_id"]), Path(root))
    for name, task in params.tasks.items():
        with tasks[name].errors_are("problem"):
            if _is_written(tasks[name], task.path):
                items = READERS[task.reader].read(Path(task.path), task.target)
                listed[name] = Listed(items, Path(task.path))
                check_published(tasks[name], items, task)
    return listed


def _say_once(tasks: dict[str, Section], params: Params) -> None:
    """Leave out of a task what was found, word for word, of an earlier one with the same clips and split."""
    first: dict[tuple[str, str, str, int | None], Section] = {}
    for name, section in tasks.items():
        task = params.tasks[name]
        earlier = first.setdefault((task.reader, task.path, task.protocol, task.folds), section)
        if earlier is section:
            continue
        own = [finding for finding in section.findings if finding not in earlier.findings]
        if len(own) < len(section.findings):
            again = len(section.findings) - len(own)
            section.findings = own
            hold = "holds" if again == 1 else "hold"
            section.note(f"same clips as {earlier.name}, and {counted(again, 'finding')} of it {hold} here as well")


def _is_written(section: Section, path: str) -> bool:
    """Whether there is something to look at: the embedded data set may not have been generated yet."""
    section.facts["path"] = path
    if Path(path).exists() or not is_generated(path):
        return True
    section.note(
        "the embedded data set is not written yet: `dvc repro data/demo/dvc.yaml` writes it (2 minutes); the rest of "
        "this section was not looked at"
    )
    return False
