"""The blocks `logs` and `als` of the params, with the settings that a test is about."""

from pathlib import Path
from typing import Any

import yaml

from hearlog.params.log_blocks import Als, Logs

DEMO = yaml.safe_load((Path(__file__).parents[1] / "presets/demo.yaml").read_text())


def logs(path: Path | str, **changes: Any) -> Logs:
    """Settings that keep every song and reject no row; of ``columns`` what is not named is not there."""
    defaults = DEMO["logs"] | {"min_song_plays": 1, "max_rejected": 0.0}
    columns = {"plays": None, "time": None} | changes.pop("columns", {"user": "user_id", "song": "song_id"})
    return Logs.model_validate(defaults | {"path": str(path), "columns": columns} | changes)


def als(**changes: Any) -> Als:
    """Settings of a small fit, without a held-out one."""
    defaults = DEMO["als"] | {"factors": 3, "regularization": 0.1, "iterations": 10, "held_out": None}
    return Als.model_validate(defaults | changes)
