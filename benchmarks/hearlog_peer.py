"""hearlog's ingestion of logs, in a process of its own; run by `benchmarks.peer`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.peer import serve
from hearlog.logs.ingest import ingest as ingest_logs
from hearlog.params.log_blocks import Logs

DEMO = yaml.safe_load((Path(__file__).parents[1] / "presets/demo.yaml").read_text(encoding="utf-8"))


def ingest(path: str, out: str, memory_limit: str, threads: int = 0) -> dict[str, Any]:
    """Write the matrix of the logs in a folder; return seconds and counts."""
    columns = {"user": "user_id", "song": "song_id", "plays": None, "time": None}
    limits = {"min_song_plays": 1, "min_song_users": 1, "min_user_songs": 1, "max_rejected": 0.0}
    settings = Logs.model_validate(DEMO["logs"] | limits | {"path": path, "columns": columns})
    begin = time.perf_counter()
    counts = ingest_logs(settings, memory_limit, threads, Path(out))
    return {"seconds": time.perf_counter() - begin} | counts


if __name__ == "__main__":
    serve({"ingest": ingest}, ["duckdb"])
