"""Where the stages write: the paths of dvc.yaml, in one place."""

import json
from pathlib import Path
from typing import Any

LOGS = Path("data/logs")
EMBEDDINGS = Path("data/embeddings")
CORPORA = Path("data/corpora")
CELLS = Path("data/transfer")
PILOT = Path("data/pilot")
EVALUATION = Path("data/evaluation")
METRICS = Path("metrics")
PLOTS = Path("plots")


def estimator(divisor: int) -> Path:
    """Model folder of one capacity."""
    return Path(f"models/estimator-div{divisor}")


def write_metrics(name: str, metrics: dict[str, Any]) -> None:
    """Write ``metrics/<name>.json``; nested dicts of numbers, which is what ``dvc metrics diff`` compares."""
    path = METRICS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")


def plot_path(name: str) -> Path:
    """Return ``plots/<name>``, with its folder made."""
    path = PLOTS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
