"""Stages as ``dvc.yaml``, ``dvc.lock`` and ``dvc status`` describe them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hearlog.pipeline.dependencies import PIPELINES
from hearlog.pipeline.lock import parse_yaml
from hearlog.pipeline.sources import is_code
from hearlog.util.errors import InputError


@dataclass(frozen=True)
class Stage:
    """A stage that has run.

    ``address`` is what DVC calls it, such as ``transfer@gtzan-kd-1``, and ``kind`` the entry of ``dvc.yaml``. ``code``
    has the hashes of the code that made its results, by path; ``listed`` the code that ``dvc.yaml`` lists now.
    """

    address: str
    kind: str
    module: str
    code: Mapping[str, str]
    listed: tuple[str, ...]


def read_stages() -> dict[str, Stage]:
    """Read the stages of all pipeline files of this folder that have run, by address.

    Raises
    ------
    InputError
        If no stage has run, or a file is not as DVC writes it.
    """
    if not Path("dvc.lock").is_file():
        raise InputError("dvc.lock: not found, so no stage has run here. Run: dvc repro")
    found: dict[str, Stage] = {}
    for path in PIPELINES:
        lock = Path(path).with_suffix(".lock")
        if Path(path).is_file() and lock.is_file():
            prefix = "" if path == "dvc.yaml" else f"{path}:"
            listed = {name: _listed(entry) for name, entry in _entries(Path(path)).items()}
            for name, entry in _entries(lock).items():
                found[prefix + name] = _stage(prefix + name, entry, listed.get(name.split("@")[0], ()))
    return found


def _stage(address: str, entry: Mapping[str, Any], listed: tuple[str, ...]) -> Stage:
    try:
        code = {each["path"]: each["md5"] for each in entry.get("deps", []) if is_code(each["path"])}
        words = entry["cmd"].split()
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"dvc.lock: {address} is not as DVC writes it. Run: dvc repro --force {address}") from None
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    return Stage(address, address.rpartition(":")[2].split("@")[0], module, code, listed)


def _entries(path: Path) -> dict[str, Any]:
    try:
        stages = parse_yaml(path.read_text(encoding="utf-8"))["stages"]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        raise InputError(f"{path}: not as DVC writes it. Take it from git (git checkout {path})") from None
    if not isinstance(stages, dict):
        raise InputError(f"{path}: lists no stages. Take it from git (git checkout {path})")
    return stages


def _listed(entry: Any) -> tuple[str, ...]:
    entry = entry.get("do", entry) if isinstance(entry, dict) else {}
    return tuple(each for each in entry.get("deps", []) if isinstance(each, str) and is_code(each))


def chosen(stages: Mapping[str, Stage], names: Sequence[str]) -> dict[str, Stage]:
    """Select stages by address, kind or instance; all where no name is given.

    Raises
    ------
    InputError
        If there is no stage of a name.
    """
    by_name: dict[str, list[str]] = {}
    for address, stage in stages.items():
        for name in {address, stage.kind, address.rpartition(":")[2]}:
            by_name.setdefault(name, []).append(address)
    if unknown := [name for name in names if name not in by_name]:
        kinds = ", ".join(dict.fromkeys(stage.kind for stage in stages.values()))
        raise InputError(f"{', '.join(unknown)}: no stage that has run. Name some of: {kinds}")
    wanted = {address for name in names for address in by_name[name]}
    return {address: stage for address, stage in stages.items() if address in wanted or not names}


def status() -> dict[str, list[Any]]:
    """Ask DVC which stages have changed, by address, and what of them.

    Raises
    ------
    InputError
        If DVC cannot say.
    """
    answer: dict[str, list[Any]] = json.loads(_dvc("status", "--json"))
    return answer


def commit(addresses: Sequence[str]) -> None:
    """Record the present code of stages as that of their results."""
    _dvc("commit", "--force", *addresses)


def _dvc(*words: str) -> str:
    command = [sys.executable, "-m", "dvc", *words]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        message = (done.stderr.strip() or done.stdout.strip()).partition("\n")[0].rstrip(".")
        raise InputError(f"dvc {words[0]} failed: {message}. See: dvc {words[0]}")
    return done.stdout
