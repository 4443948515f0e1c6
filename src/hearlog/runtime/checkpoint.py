"""What a killed run goes on from: kept beside the outputs, never among them, and gone when they are written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hearlog.util.files import sha256

FOLDER = Path(".checkpoints")


@dataclass(frozen=True)
class Checkpoint:
    """One saved state.

    Attributes
    ----------
    path
        Its file.
    """

    path: Path

    def load(self) -> Any:
        """Return the state saved last, tensors on the CPU; None if there is none."""
        return torch.load(self.path, map_location="cpu", weights_only=True) if self.path.is_file() else None

    def save(self, state: Any) -> None:
        """Replace the state: tensors and plain values in dicts and lists.

        A kill or a power cut leaves the old or the new state, never a part of one.
        """
        try:
            self._write(state)
        except FileNotFoundError:  # another process ended the same run and forgot it meanwhile
            self._write(state)

    def _write(self, state: Any) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)


@dataclass(frozen=True)
class Run:
    """The saved states of one run, which may train several networks.

    Attributes
    ----------
    folder
        Of this run alone: its name holds the `fingerprint` of all that decides the result.
    """

    folder: Path

    def checkpoint(self, name: str) -> Checkpoint:
        """Name one of the run's states."""
        return Checkpoint(self.folder / f"{name}.pt")

    def clear(self) -> None:
        """Forget the run: its outputs are written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def open_run(name: str, settings: Mapping[str, Any], files: Iterable[Path]) -> Run:
    """Find the states of a run, which are only those that lead to the same result.

    Parameters
    ----------
    name
        Of the run, ``/`` between its parts; the beginning of the folder's name.
    settings
        What the run was asked for, JSON-able.
    files
        The data it reads; they are hashed whole.

    Returns
    -------
    States in `FOLDER`, of the repository and not of a temporary copy in which ``dvc exp run --temp`` works.
    """
    root = Path(os.environ.get("DVC_ROOT", "."))
    folder = root / FOLDER / f"{name.replace('/', '-')}-{fingerprint(settings, files)[:16]}"
    if folder.is_dir() and int(os.environ.get("LOCAL_RANK", 0)) == 0:
        print(f"{name}: goes on from what a killed run left in {folder}", file=sys.stderr)
    return Run(folder)


def fingerprint(settings: Mapping[str, Any], files: Iterable[Path]) -> str:
    """Hash settings, data, the hearlog modules that are loaded, and torch's version."""
    digest = hashlib.sha256(json.dumps([settings, torch.__version__], sort_keys=True).encode())
    for path in [*_code(), *files]:
        digest.update(bytes.fromhex(sha256(path)))
    return digest.hexdigest()


def _code() -> list[Path]:
    """List the modules of hearlog that this process runs, its stage among them."""
    loaded = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    ours = ("hearlog", "stages", "__main__")
    return [Path(file) for name, file in sorted(loaded.items()) if file and name.partition(".")[0] in ours]
