"""Whether a run uses the embedded, generated data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hearlog.params import Params


FOLDER = Path("data/demo")  # of the embedded data set


def is_generated(path: str) -> bool:
    """Whether a path of params.yaml lies in the embedded data set."""
    return Path(path).is_relative_to(FOLDER)


def is_synthetic(params: Params) -> bool:
    """Whether any logs, songs or task of a run are of the embedded data set."""
    paths = [params.logs.path, params.songs.catalog, params.songs.audio_root]
    return any(map(is_generated, paths + [task.path for task in params.tasks.values()]))
