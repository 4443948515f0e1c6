"""Changes of code that change no result: stages that are accepted as they are, instead of running again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from hearlog.pipeline import recorded
from hearlog.pipeline.code import Code, differences
from hearlog.pipeline.program import Program, imported_files
from hearlog.pipeline.recorded import Stage
from hearlog.pipeline.sources import Files, Repository, is_code, md5, working_tree
from hearlog.util.errors import InputError

MOST_COMMITS = 500  # that are searched for the code of a result
MOST_LINES = 12  # of reasons that are printed for a kind of stage
SAME = "computes the same"


class Verdict(NamedTuple):
    """Whether a stage's results are accepted, and why; several lines of reasons if its code differs."""

    stage: Stage
    is_accepted: bool
    reasons: tuple[str, ...]


class History:
    """Code of the pipeline, now and at earlier commits.

    Parameters
    ----------
    since
        Name of the revision whose code made all results; None to look for the code of each.
    """

    def __init__(self, since: str | None) -> None:
        self.repository = Repository(Path())
        self.present = working_tree(Path())
        self.since = self.repository.commit(since) if since else None
        self._commits = [] if since else list(self.repository.commits(MOST_COMMITS))
        self._program = lru_cache(maxsize=None)(self._read)
        self.code = lru_cache(maxsize=None)(self._code)

    def versions(self) -> Iterator[str]:
        """Name the versions of the code, the newest first: the present one, ``""``, and commits."""
        yield from [self.since] if self.since else ["", *self._commits]

    def maker(self, stage: Stage) -> str | None:
        """Find the newest version whose files are those that DVC has recorded for a stage; None if there is none."""
        return next((each for each in self.versions() if self.since or self._has(each, stage)), None)

    def _has(self, version: str, stage: Stage) -> bool:
        files = self.files(version)
        return bool(stage.code) and all(md5(files, path) == value for path, value in stage.code.items())

    def files(self, version: str) -> Files:
        """Source files of a version."""
        return self.repository.files(version) if version else self.present

    def _read(self, version: str) -> Program:
        return Program(self.files(version))

    def _code(self, version: str, module: str) -> Code:
        return Code(self._program(version), module)

    def unlisted(self, version: str, module: str, listed: Sequence[str]) -> list[str]:
        """Files that a stage imports, and that its dependencies do not contain."""
        program = self._program(version)
        imported = imported_files(program, program.stage(module))
        folders = tuple(f"{each}/" for each in listed)
        return sorted(path for path in imported if path not in listed and not path.startswith(folders))


def accept(names: Sequence[str] = (), dry_run: bool = False, since: str | None = None) -> str:
    """Accept the results of stages of which nothing but the text of their code has changed.

    Parameters
    ----------
    names
        Stages, by address or kind; all of ``dvc.lock`` by default.
    dry_run
        Whether to say only what would be accepted.
    since
        Revision whose code made the results. By default it is looked for, one for each stage.

    Returns
    -------
    What is accepted and what runs again, in print.

    Raises
    ------
    InputError
        If there is no git repository, no ``dvc.lock``, or no stage or revision of a name.
    """
    stages = recorded.chosen(recorded.read_stages(), names)
    history = History(since)
    changed = recorded.status()
    verdicts = [judge(history, stage, changed[address]) for address, stage in stages.items() if address in changed]
    accepted = [verdict.stage.address for verdict in verdicts if verdict.is_accepted]
    if accepted and not dry_run:
        recorded.commit(accepted)
    never = [] if names else [address for address in changed if address not in stages]
    return describe(verdicts, never, len(stages) + len(never), dry_run)


def judge(history: History, stage: Stage, changes: Sequence[Any]) -> Verdict:
    """Decide about one stage.

    Parameters
    ----------
    history
        The code.
    stage
        As it was recorded.
    changes
        What DVC finds changed of it.
    """
    reasons = other_changes(changes) or _changes_of_code(history, stage)
    return Verdict(stage, not reasons, tuple(reasons))


def _changes_of_code(history: History, stage: Stage) -> list[str]:
    """Say why the code may compute something else; nothing where it does not."""
    if not stage.module:
        return ["its command runs no module, so its code is not known"]
    if unlisted := history.unlisted("", stage.module, stage.listed):
        return [f"dvc.yaml does not list {', '.join(unlisted)}. Run: make deps"]
    version = history.maker(stage)
    if version is None:
        return ["no commit has the code that made its results. If you know one: hearlog accept --since REV"]
    try:
        old = history.code(version, stage.module)
        unrecorded = [] if history.since else history.unlisted(version, stage.module, list(stage.code))
    except InputError as error:
        return [f"the code of its results cannot be read: {error}"]
    if unrecorded:
        return [f"dvc.lock does not record {', '.join(unrecorded)}"]
    return differences(old, history.code("", stage.module))


def other_changes(changes: Sequence[Any]) -> list[str]:
    """Say what has changed of a stage besides its code: command, params, data and outputs.

    Parameters
    ----------
    changes
        As ``dvc status --json`` lists them.
    """
    reasons = [str(change) for change in changes if not isinstance(change, dict)]
    for change in (change for change in changes if isinstance(change, dict)):
        reasons += _of_dependencies(change.get("changed deps", {}))
        outputs: Mapping[str, str] = change.get("changed outs", {})
        reasons += [f"{path}: output {_state(state)}" for path, state in outputs.items()]
    return reasons


def _of_dependencies(changes: Mapping[str, Any]) -> list[str]:
    params = {file: keys for file, keys in changes.items() if isinstance(keys, dict)}
    data = {path: state for path, state in changes.items() if path not in params and not is_code(path)}
    reasons = [f"{file}: {', '.join(keys)} changed" for file, keys in params.items()]
    return reasons + [f"{path}: data {_state(state)}" for path, state in data.items()]


def _state(state: str) -> str:
    return {"deleted": "missing. Try: dvc checkout", "modified": "changed", "new": "not recorded"}.get(state, state)


def describe(verdicts: Sequence[Verdict], never: Sequence[str], total: int, dry_run: bool) -> str:
    """Write the verdicts as a table, one row for the stages of a kind with the same reasons.

    Parameters
    ----------
    verdicts
        Of the stages that have changed.
    never
        Stages that have never run.
    total
        Number of stages, unchanged ones included.
    dry_run
        Whether nothing has been accepted yet.
    """
    accepts = "would accept" if dry_run else "accepted"
    rows = Counter((each.is_accepted, each.stage.kind, each.reasons or (SAME,)) for each in verdicts)
    rows += Counter((False, address.rpartition(":")[2].split("@")[0], ("has never run",)) for address in never)
    if not rows:
        return f"All {total} stages are up to date: there is nothing to accept"
    ordered = sorted(rows.items(), key=lambda row: not row[0][0])
    table = [(accepts if yes else "runs again", _counted(kind, count), why) for (yes, kind, why), count in ordered]
    width = max(len(stages) for _, stages, _ in table)
    lines = [line for verdict, stages, why in table for line in _row(f"{verdict:12}  {stages:{width}}", why)]
    accepted = sum(each.is_accepted for each in verdicts)
    again = len(verdicts) + len(never) - accepted
    lines.append(f"{accepted} of {total} stages {'would be ' * dry_run}accepted, {again} run again")
    return "\n".join(lines)


def _counted(kind: str, count: int) -> str:
    return f"{kind} ({count})" if count > 1 else kind


def _row(head: str, reasons: Sequence[str]) -> Iterator[str]:
    shown = list(reasons[:MOST_LINES])
    if len(reasons) > MOST_LINES:
        shown.append(f"and {len(reasons) - MOST_LINES} more")
    for index, reason in enumerate(shown):
        yield f"{head if index == 0 else ' ' * len(head)}  {reason}"
