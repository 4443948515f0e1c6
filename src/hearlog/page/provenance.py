"""What ran: commit, versions, settings, and the hashes of the data that went in."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from hearlog.page.tables import Column, Table, number, text, textual
from hearlog.params.validation import read_yaml
from hearlog.util.plain_text import counted, data_size, some

PACKAGES = (
    "torch",
    "torchaudio",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "implicit",
    "duckdb",
    "soundfile",
    "matplotlib",
    "dvc",
)
# What a run itself writes: changed files of these say nothing of the code.
WRITTEN = ("dvc.lock", "metrics/", "plots/", "data/demo/dvc.lock")
_SHOWN = 8


def describe(params: Path, presets: Path, runtime: dict[str, Any]) -> dict[str, str]:
    """Say what ran, when and where, in words.

    Parameters
    ----------
    params
        ``params.yaml`` in the root of the repository.
    presets
        Folder of preset files.
    runtime
        The settings of that block.
    """
    now = datetime.datetime.now(datetime.UTC)
    device, precision = runtime["device"], runtime["precision"]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "Page made": f"{now:%Y-%m-%d %H:%M} UTC",
        "Git": git_state(params.parent),
        "Settings": preset_of(params, presets),
        "Device": f"{device} (CUDA or MPS where there is one, else the processor)" if device == "auto" else device,
        "Precision": f"{precision} (bfloat16 where the hardware multiplies in it, else float32)"
        if precision == "auto"
        else precision,
        "Machine": f"{platform.system()} {platform.machine()}, {counted(cores or 1, 'core')}",
        "Versions": ", ".join([f"Python {platform.python_version()}", *map(_version, PACKAGES)]),
    }


def git_state(root: Path) -> str:
    """Name the commit, and the files that differ from it; those that a run writes are not counted."""
    commit = _git(root, "log", "-1", "--format=%H (%cs)")
    if commit is None:
        return "no commit: this folder is not under git, or nothing is committed yet"
    status = _git(root, "status", "--porcelain", "--untracked-files=no") or ""
    changed = [line[3:] for line in status.splitlines()]
    changed = [name for name in changed if not name.startswith(WRITTEN)]
    if not changed:
        return f"{commit.strip()}, no uncommitted changes to code or settings"
    return f"{commit.strip()} and uncommitted changes: {some(changed, _SHOWN)}"


def preset_of(params: Path, presets: Path) -> str:
    """Name the preset that the settings equal, if one."""
    settings = read_yaml(params)
    equal = [preset.name for preset in sorted(presets.glob("*.yaml")) if read_yaml(preset) == settings]
    return f"those of presets/{equal[0]}" if equal else "of this run's own; they equal no preset"


def input_table(inputs: dict[str, str], stages: dict[str, Any], generator: dict[str, Any]) -> Table:
    """Tabulate the hashes of the raw data, as DVC found them when the stages ran.

    Parameters
    ----------
    inputs
        For each use of data in words, its path.
    stages, generator
        As of `hearlog.page.files.read_stages`: of ``dvc.lock``, and of that of the embedded data set (none without it).
    """
    read = {dep["path"]: dep for stage in stages.values() for dep in stage.get("deps", [])}
    made = {out["path"]: out["md5"] for stage in generator.values() for out in stage["outs"]}
    rows = []
    for use, path in inputs.items():
        found = read.get(path, {})
        md5 = found.get("md5", "")
        generated = bool(md5) and _is_generated(path, md5, made)
        files = number(found.get("nfiles", 1) if found else float("nan"))
        size = found.get("size", float("nan"))
        printed = data_size(int(size)) if found else ""
        origin = text("generated" if generated else "")
        rows.append([text(use), text(path), text(md5), files, number(size, printed=printed), origin])
    columns = [*textual("Used as", "Path", "MD5"), Column("Files", True), Column("Size", True), Column("Origin")]
    return Table(
        "inputs", "Data that went in", columns, rows, ["MD5 as in dvc.lock: of a folder, that of its listing."]
    )


def _is_generated(path: str, md5: str, made: dict[str, str]) -> bool:
    """Whether data are an output of the generator as it left them, or a file of one."""
    return made[path] == md5 if path in made else any(Path(path).is_relative_to(output) for output in made)


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)  # noqa: S603, S607
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"{package} (not installed)"
