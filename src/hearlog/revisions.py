"""What a run has left in git: the settings and scores of any branch, tag, commit or DVC experiment."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from hearlog.cells import LABELS, METHODS, TITLES, protocol_label
from hearlog.errors import InputError

if TYPE_CHECKING:
    from dvc.fs import FileSystem

WORKSPACE = "workspace"  # as DVC calls the files as they lie there, committed or not


@dataclass(frozen=True)
class Revision:
    """Settings and scores of one revision.

    ``commit`` is the hash, empty for the workspace. ``params`` are as the file holds them, as an older revision's need
    not be valid today. ``cells`` has one row a cell: ``task``, ``title``, ``width``, ``method``, ``kind``
    (classification or regression), ``protocol`` (in print), ``folds``, ``clips``, ``seeds`` and ``score`` (accuracy as
    a fraction, or r2).
    """

    name: str
    commit: str
    params: dict[str, Any]
    cells: pd.DataFrame


def read_revision(name: str) -> Revision:
    """Read the cells that a revision's own params name, and those params.

    Parameters
    ----------
    name
        What git or DVC calls it, or ``workspace``.

    Raises
    ------
    InputError
        Naming the revision: it does not exist, has no scores, or its scores are of other settings than its params.
    """
    files, commit = _files(name)
    params = _mapping(files, name, "params.yaml", "Run hearlog where params.yaml stands, or name another revision")
    try:
        tasks, widths = list(params["tasks"]), list(params["sweep"]["widths"])
    except (KeyError, TypeError):
        raise InputError(f"{name}: its params.yaml names no tasks and sweep.widths. Name another revision") from None
    _refuse_unrun_settings(files, name, params, {*METHODS, *tasks, *map(str, widths)})
    cells = [_read_cell(files, name, task, width, method) for task in tasks for width in widths for method in METHODS]
    found = [cell for cell in cells if cell is not None]
    if not found:
        raise InputError(
            f"{name}: none of the cells that its params.yaml names has a file in metrics/transfer. {_mend(name)}"
        )
    return Revision(name, commit, params, pd.DataFrame(found))


def changed_setting(stage: dict[str, Any], params: dict[str, Any]) -> str | None:
    """Name a key of params.yaml that has changed since a stage of ``dvc.lock`` ran; None when none has."""
    for key, value in stage.get("params", {}).get("params.yaml", {}).items():
        if functools.reduce(lambda block, part: block.get(part, {}), key.split("."), params) != value:
            return key
    return None


def _files(name: str) -> tuple[FileSystem, str]:
    from dvc.fs import GitFileSystem, LocalFileSystem
    from dvc.scm import SCM, SCMError

    if name == WORKSPACE:
        return LocalFileSystem(), ""
    # Not `dvc.api`: that reads the pipeline of every revision first, a second for 130 stages against 0.03.
    try:
        scm = SCM(".")
        files = GitFileSystem(scm=scm, rev=name)
        # Its paths start at the root of the repository, of which the pipeline may be a folder.
        files.chdir(f"/{Path.cwd().relative_to(Path(scm.root_dir).resolve()).as_posix()}")
        return files, files.rev
    except SCMError as error:
        raise InputError(
            f"{name}: not found ({error}). `git branch --all`, `git tag` and `dvc exp list --all-commits` "
            f"list what can be named; {WORKSPACE} is the files as they are now"
        ) from None


def _mapping(files: FileSystem, name: str, path: str, fix: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(files.read_text(path, encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{name}: has no {path}. {fix}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: {path} is not readable as YAML: {error}. {fix}") from None
    if not isinstance(content, dict):
        raise InputError(f"{name}: {path} holds no settings. {fix}")
    return content


def _refuse_unrun_settings(files: FileSystem, name: str, params: dict[str, Any], axes: set[str]) -> None:
    """Stop where params were edited, but not run: the scores would be shown under settings that are not theirs."""
    lock = _mapping(files, name, "dvc.lock", _mend(name))
    for stage, entry in lock.get("stages", {}).items():
        # Stages of tasks and widths that are no longer asked for stay in the file.
        of_present_cell = set(filter(None, stage.partition("@")[2].split("-"))) <= axes
        if of_present_cell and (key := changed_setting(entry, params)):
            raise InputError(f"{name}: {key} in its params.yaml has changed since stage {stage} ran. {_mend(name)}")


def _read_cell(files: FileSystem, name: str, task: str, width: int, method: str) -> dict[str, Any] | None:
    path = f"metrics/transfer/{task}/{method}-x{width}.json"
    try:
        scores = json.loads(files.read_text(path, encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(f"{name}: {path} is not readable as JSON ({error}). {_mend(name)}") from None
    kind, score = ("classification", "accuracy") if "accuracy" in scores else ("regression", "r2")
    fields = ["protocol", "folds", "clips", "seeds", score]
    if missing := [field for field in fields if field not in scores]:
        raise InputError(f"{name}: {path} has no {', '.join(missing)}: an older hearlog wrote it. {_mend(name)}")
    if scores["protocol"] not in LABELS:
        raise InputError(f"{name}: {path} names a protocol that is unknown here: {scores['protocol']}. {_mend(name)}")
    protocol = protocol_label(scores["protocol"], scores["folds"])
    folds = f" in {scores['folds']} folds" if scores["folds"] > 1 else ""
    return {
        "task": task,
        "title": TITLES.get(task, task),
        "width": width,
        "method": method,
        "kind": kind,
        "protocol": protocol,
        "seeds": scores["seeds"],
        "score": scores[score],
        "measured": f"{score}, {protocol}, {scores['clips']} clips{folds}",
    }


def _mend(name: str) -> str:
    return "Run: dvc repro" if name == WORKSPACE else "Check it out, run dvc repro and commit, or name another revision"
