"""What a run has left in git: the settings and scores of any branch, tag, commit or DVC experiment."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from hearlog.corpora.protocols import protocol_label
from hearlog.pipeline import lock
from hearlog.results.cells import fault, kind_and_score
from hearlog.transfer.methods import METHODS
from hearlog.util.errors import InputError

WORKSPACE = "workspace"  # as DVC calls the files as they lie there, committed or not
Cell = tuple[str, int, str]  # task, divisor of model.channels, method


@dataclass(frozen=True)
class Score:
    """The score of a cell: ``value`` is the accuracy in per cent, or r2.

    ``kind`` is classification or regression. ``protocol`` and ``measured`` say in print what the score is of, and
    ``clips`` is the hash of the clips' labels and their splits into train, validation and test.
    """

    value: float
    kind: str
    protocol: str
    measured: str
    clips: str
    seeds: int


@dataclass(frozen=True)
class Revision:
    """Settings and scores of one revision.

    ``commit`` is the hash, empty for the workspace. ``params`` are as the file holds them, as an older revision's need
    not be valid today. ``scores`` has the cells that these params name; ``left_out`` has those of them without a score
    of these settings, and says why. ``inputs`` has the code and data that the cells were made from, see
    `hearlog.pipeline.lock.inputs`.
    """

    name: str
    commit: str
    params: dict[str, Any]
    scores: dict[Cell, Score]
    left_out: dict[Cell, str]
    inputs: dict[str, set[str | None]]


def read_revision(name: str) -> Revision:
    """Read the cells that a revision's own params name, and those params.

    Parameters
    ----------
    name
        What git or DVC calls it, or ``workspace``.

    Raises
    ------
    InputError
        Naming the revision: it does not exist, its files cannot be read, or none of its scores is of its params.
    """
    read, commit = _open(name)
    fix = f"Run hearlog in the pipeline's folder, or name another revision than {name}"
    params = _mapping(read, name, "params.yaml", fix)
    try:
        tasks, divisors = list(params["tasks"]), sorted(params["sweep"]["divisors"], reverse=True)
    except (KeyError, TypeError):
        raise InputError(f"{name}: its params.yaml names no tasks and sweep.divisors. Name another revision") from None
    try:
        stages = lock.stages_of(_mapping(read, name, "dvc.lock", _mend(name)))
    except ValueError as error:
        raise InputError(f"{name}: dvc.lock: {error}. {_mend(name)}") from None
    scores, left_out, used = {}, {}, []
    for cell in [(task, divisor, method) for task in tasks for divisor in divisors for method in METHODS]:
        stage = _stage(cell)
        found = lock.outdated(stages, stage, params) or _read_score(read, name, cell, stages[stage])
        if isinstance(found, Score):
            scores[cell] = found
            used.append(stage)
        else:
            left_out[cell] = found
    if not scores:
        raise InputError(f"{name}: no cell has a score of its params.yaml: {_reasons(left_out)}. {_mend(name)}")
    return Revision(name, commit, params, scores, left_out, lock.inputs(stages, used))


def _stage(cell: Cell) -> str:
    task, divisor, method = cell
    return lock.cell_stage(task, method, divisor)


def _reasons(left_out: Mapping[Cell, str]) -> str:
    first, *more = dict.fromkeys(left_out.values())
    return f"{first}, and {len(more)} more reasons" if len(more) > 1 else "; ".join([first, *more])


def _open(name: str) -> tuple[Callable[[str], str], str]:
    """Give what reads a file of the pipeline's folder at a revision, and the revision's hash."""
    from dvc.fs import GitFileSystem
    from dvc.scm import SCM, RevError, SCMError

    if not name:
        raise InputError(f"a revision's name is empty. Name a branch, tag, commit, experiment or {WORKSPACE}")
    folder = pipeline_folder()
    if name == WORKSPACE:
        return lambda path: (folder / path).read_text(encoding="utf-8"), ""
    # Not `dvc.api`: that reads the pipeline of every revision first, a second for 130 stages against 0.03.
    try:
        scm = SCM(str(folder))
        files = GitFileSystem(scm=scm, rev=name)
        commit = files.rev
    except (AttributeError, ValueError):  # of pygit2, for what is no commit
        raise InputError(f"{name}: not a commit. Name a branch, tag, commit or experiment") from None
    except SCMError as error:
        if name == "HEAD" and isinstance(error, RevError):
            raise InputError("HEAD: no commit yet. Commit the run first, then compare") from None
        raise InputError(
            f"{name}: not found ({error}). `git branch --all`, `git tag` and `dvc exp list --all-commits` "
            f"list what can be named; {WORKSPACE} is the files as they are now"
        ) from None
    # Its paths start at the root of the repository, of which the pipeline may be a folder.
    top = PurePosixPath("/", folder.resolve().relative_to(Path(scm.root_dir).resolve()).as_posix())
    return lambda path: files.read_text(str(top / path), encoding="utf-8"), commit


def pipeline_folder() -> Path:
    """Look for params.yaml here and, as DVC's commands do, in the folders above, up to the repository's root."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise InputError("the current folder has been deleted. Change to the pipeline's folder") from None
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return folder
        if (folder / ".git").exists():
            break
    return here


def _mapping(read: Callable[[str], str], name: str, path: str, fix: str) -> dict[str, Any]:
    try:
        content = lock.parse_yaml(_text(read, name, path, fix))
    except FileNotFoundError:
        raise InputError(f"{name}: has no {path}. {fix}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{name}: {path} is not readable as YAML: {error}. {fix}") from None
    if not isinstance(content, dict):
        raise InputError(f"{name}: {path} holds no settings. {fix}")
    return content


def _text(read: Callable[[str], str], name: str, path: str, fix: str) -> str:
    try:
        text = read(path)
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: {path} is no text in UTF-8: {error}. {fix}") from None
    if text.startswith("<<<<<<<") or "\n<<<<<<<" in text:
        raise InputError(f"{name}: a merge has left both versions in {path}. Keep one of the two, then: dvc repro")
    return text


def _read_score(read: Callable[[str], str], name: str, cell: Cell, stage: Mapping[str, Any]) -> Score | str:
    task, divisor, method = cell
    path = f"metrics/transfer/{task}/{method}-div{divisor}.json"
    try:
        text = _text(read, name, path, _mend(name))
        metrics = json.loads(text)
    except FileNotFoundError:
        return "no file in metrics/transfer"
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: {path} is not readable as JSON ({error}). {_mend(name)}") from None
    if reason := fault(metrics):
        raise InputError(f"{name}: {path}: {reason}. {_mend(name)}")
    if not lock.is_recorded(stage, path, text):
        return "its file in metrics/transfer is not the one that dvc.lock records: edited, or of another run"
    kind, score = kind_and_score(metrics)
    if not math.isfinite(metrics[score]):
        return f"{score} is {metrics[score]}"
    protocol, folds = protocol_label(metrics["protocol"], metrics["folds"]), metrics["folds"]
    return Score(
        value=metrics[score] * (100 if kind == "classification" else 1),
        kind=kind,
        protocol=protocol,
        measured=f"{score}, {protocol}, {metrics['clips']} clips" + (f" in {folds} folds" if folds > 1 else ""),
        clips=_clips(stage),
        seeds=metrics["seeds"],
    )


def _clips(stage: Mapping[str, Any]) -> str:
    hashes = {PurePosixPath(dep["path"]).name: dep.get("md5") for dep in stage.get("deps", [])}
    return str(hashes.get("splits.parquet"))[:7]


def _mend(name: str) -> str:
    return "Run: dvc repro" if name == WORKSPACE else "Check it out, run dvc repro and commit, or name another revision"
