"""Times of stages as `hearlog plan` estimated them last, from which `hearlog jobs` tells how much is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hearlog.util.files import whole

FILE = Path(".dvc/tmp/estimates.json")


def write(seconds: Mapping[str, float]) -> None:
    """Keep the seconds of each stage, by its address."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with whole(FILE) as partial:
        partial.write_text(json.dumps(seconds), encoding="utf-8")


def read() -> dict[str, float]:
    """Read what was kept; nothing where there is none, or another program has damaged it."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        content = json.loads(FILE.read_text(encoding="utf-8"))
        return {str(stage): float(seconds) for stage, seconds in content.items()}
    return {}
