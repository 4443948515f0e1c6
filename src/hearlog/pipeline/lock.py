"""What ``dvc.lock`` says of the last run: the settings, code and data that its results are of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from hearlog.params.bounded_yaml import FASTEST, BoundedLoader
from hearlog.transfer.methods import METHODS
from hearlog.util.errors import InputError

Stages = Mapping[str, Mapping[str, Any]]  # of dvc.lock, by name


class _File(BaseModel):
    path: str
    md5: str | None = None


class _Stage(BaseModel):
    cmd: str = ""
    deps: list[_File] = []
    params: dict[str, dict[str, Any]] = {}
    outs: list[_File] = []


class _Lock(BaseModel):
    """What is read here of the form of ``dvc.lock``."""

    stages: dict[str, _Stage] = {}


class _Loader(BoundedLoader, FASTEST):
    """Takes 1e-05, as DVC writes it, for the number it is to DVC, and not for text as YAML 1.1 does."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), "-+0123456789")


def parse_yaml(text: str) -> Any:
    """Read a YAML text as DVC does, of ``dvc.lock`` or of ``params.yaml``.

    Raises
    ------
    yaml.YAMLError
        When it is not YAML.
    """
    return _Loader(text).get_single_data()


def read_stages(path: Path) -> Stages:
    """Read the stages of ``dvc.lock``; none where there is no such file, or none has run.

    Raises
    ------
    InputError
        When it is not YAML, or a merge has left both versions in it.
    """
    if not path.is_file():
        return {}
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as YAML ({' '.join(str(error).split())}). Run: dvc repro") from None
    try:
        return stages_of(content)
    except ValueError as error:
        raise InputError(f"{path}: {error}. Take it from git (git checkout {path}). Run: dvc repro") from None


def stages_of(content: Any) -> Stages:
    """Take the stages from what a ``dvc.lock`` holds; there may be none.

    Raises
    ------
    ValueError
        Naming the place, when it has another form than DVC gives it.
    """
    try:
        _Lock.model_validate(content or {})
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "the file"
        raise ValueError(f"{place} is not as DVC writes it") from None
    stages: Stages = (content or {}).get("stages", {})
    return stages


def is_recorded(stage: Mapping[str, Any], path: str, text: str) -> bool:
    """Whether a text file is the output that a stage wrote, and not edited since or of another run.

    Parameters
    ----------
    stage
        Of ``dvc.lock``; where it has no hash of the file, as DVC records it, anything is.
    path, text
        Of the file, its lines ended as on Linux.
    """
    hashes = {out["path"]: out.get("md5") for out in stage.get("outs", [])}
    return hashes.get(path) in (None, hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


def cell_stage(task: str, method: str, divisor: int) -> str:
    """Name the stage of ``dvc.yaml`` that trains and tests a cell."""
    return f"{METHODS[method].stage}@{task}-{method}-{divisor}"


def outdated(stages: Stages, stage: str, params: Mapping[str, Any]) -> str:
    """Say why the results of a stage are not of these settings; nothing when they are.

    They are not when the stage has not run, or a setting of it, or of a stage whose outputs it used, has changed.

    Parameters
    ----------
    stages
        Of ``dvc.lock``.
    stage
        Its name, such as ``transfer@gtzan-kd-1``.
    params
        Of ``params.yaml``, which may have been edited since.
    """
    if stage not in stages:
        return f"stage {stage} has not run with these settings"
    for name in _history(stages, [stage]):
        for key, value in stages[name].get("params", {}).get("params.yaml", {}).items():
            if _setting(params, key) != value:
                return f"{key} in params.yaml has changed since the last run"
    return ""


def inputs(stages: Stages, names: Iterable[str]) -> dict[str, set[str | None]]:
    """List the code and data, written by no stage, that stages and those before them read.

    Parameters
    ----------
    stages
        Of ``dvc.lock``.
    names
        Of stages; those that have not run are left out.

    Returns
    -------
    Their hashes by path: one each, unless some stages ran before a change and others after it.
    """
    writers, found = _writers(stages), dict[str, set[str | None]]()
    for name in _history(stages, names):
        for dependency in stages[name].get("deps", []):
            if _writer(writers, dependency["path"]) is None:
                found.setdefault(dependency["path"], set()).add(dependency.get("md5"))
    return found


def _history(stages: Stages, names: Iterable[str]) -> list[str]:
    """Names of stages, and of all whose outputs they used, directly or not."""
    writers, seen, waiting = _writers(stages), list[str](), [name for name in names if name in stages]
    while waiting:
        name = waiting.pop(0)
        if name not in seen:
            seen.append(name)
            paths = [dependency["path"] for dependency in stages[name].get("deps", [])]
            waiting += filter(None, (_writer(writers, path) for path in paths))
    return seen


def _writers(stages: Stages) -> dict[str, str]:
    return {out["path"]: name for name, entry in stages.items() for out in entry.get("outs", [])}


def _writer(writers: Mapping[str, str], path: str) -> str | None:
    """Name the stage that wrote a path, or the folder it lies in."""
    above = [path, *map(str, PurePosixPath(path).parents)]
    return next((writers[folder] for folder in above if folder in writers), None)


def _setting(params: Any, key: str) -> Any:
    for part in key.split("."):
        params = params.get(part) if isinstance(params, Mapping) else None
    return params
