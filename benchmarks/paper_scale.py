"""The paper's matrix on this machine: python -m benchmarks.paper_scale --folder DIR [--scales 0.01 0.1 1] [--quick].

A log of 5 M users, 2.5 M songs and 991 M non-zeros by `benchmarks.power_law`, and smaller ones of the same proportions
to show the growth. Each is written to Parquet, ingested, transposed (measured alone, and part of the first iteration)
and factorised in 40 dimensions, by hearlog's own stages in a process each. Asserted: the shape, and that the loss
falls in every iteration. Memory is what the operating system saw: all resident pages, and those that are not pages of
mapped files, which it may drop. Takes an hour and 25 GB; what a broken run has finished is not done again, and
``DIR/paper_scale.log`` tells how far it is.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import measure
from benchmarks.als_peer import DEMO, append
from benchmarks.peer import OWN, peer
from benchmarks.power_law import Shape, write_logs

USERS, SONGS, ENTRIES = 5_000_000, 2_500_000, 991_000_000


def main(scales: list[float], iterations: int, memory_limit: str, folder: Path) -> None:
    """Measure, print the table and write ``results/paper_scale.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [measure_scale(scale, iterations, memory_limit, folder) for scale in scales]
    shown = ["scale", "nnz", "ingest_seconds", "seconds_per_iteration", "ns_per_nnz_iteration", "peak_rss_gb"]
    print(pd.DataFrame(rows)[shown].to_string(index=False))
    measure.finish("paper_scale", rows, summarise(rows), ["duckdb", "implicit", "numpy", "pyarrow"])


def shape_of(scale: float) -> Shape:
    """Give the shape of the paper's matrix, or a part of it."""
    return Shape(round(USERS * scale), round(SONGS * scale), round(ENTRIES * scale))


def measure_scale(scale: float, iterations: int, memory_limit: str, folder: Path) -> dict[str, Any]:
    """Write, ingest and factorise a matrix, as far as it was not done; return its row."""
    shape, log = shape_of(scale), folder / "paper_scale.log"
    here = folder / f"scale-{scale:g}"
    here.mkdir(exist_ok=True)
    append(log, f"scale {scale:g}: {shape}")
    generated = finished(here / "generate.json", log, lambda: generate(here / "logs", shape))
    ingested = finished(here / f"ingest-{memory_limit}.json", log, lambda: ingest(here, memory_limit))
    found = Shape(*(ingested[key] for key in ("users", "songs", "interactions")))
    assert found == shape, f"ingested {found} of {shape}"
    fitted = finished(here / f"als-{iterations}.json", log, lambda: factorize(here, iterations, log))
    losses = fitted["losses"]
    assert all(after < before for before, after in pairwise(losses)), f"loss grew: {losses}"
    median = statistics.median(fitted["seconds"][1:])
    return {
        "scale": scale,
        "users": shape.users,
        "songs": shape.songs,
        "nnz": shape.rows,
        "factors": DEMO["factors"],
        "repeats": 1,
        "log_gb": generated["bytes"] / 1e9,
        "ingest_commit": ingested["commit"],
        "als_commit": fitted["commit"],
        "ingest_memory_limit": memory_limit,
        "ingest_seconds": ingested["seconds"],
        "ingest_rows_per_s": shape.rows / ingested["seconds"],
        "ingest_peak_rss_gb": ingested["peak_rss"] / 1e9,
        "ingest_peak_anonymous_gb": ingested["peak_anonymous"] / 1e9,
        "transpose_seconds": fitted["transpose_seconds"],
        "iterations": iterations,
        "iteration_seconds": [measure.significant(seconds) for seconds in fitted["seconds"]],
        "seconds_per_iteration": median,
        "ns_per_nnz_iteration": median / shape.rows * 1e9,
        "losses": losses,
        "als_peak_rss_gb": fitted["peak_rss"] / 1e9,
        "als_peak_anonymous_gb": fitted["peak_anonymous"] / 1e9,
        "peak_rss_gb": max(ingested["peak_rss"], fitted["peak_rss"]) / 1e9,
    }


def finished(path: Path, log: Path, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Read what an earlier run has kept in a JSON file, or do the work and keep it there."""
    if not path.exists():
        append(log, f"{path.parent.name} {path.stem} begins")
        begin = time.perf_counter()
        result = work() | {"commit": commit()}
        append(log, f"{path.parent.name} {path.stem} ended after {time.perf_counter() - begin:.0f} s")
        path.write_text(json.dumps(result), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def commit() -> str:
    """Name the commit that is measured."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.check_output(command, cwd=Path(__file__).parent, text=True).strip()


def generate(folder: Path, shape: Shape) -> dict[str, Any]:
    """Write the log files; return their size in bytes."""
    (logs,) = write_logs(folder, shape)
    return {"bytes": sum(path.stat().st_size for path in logs.iterdir())}


def ingest(here: Path, memory_limit: str) -> dict[str, Any]:
    """Ingest the log in a new process; return seconds, counts and peaks of memory in bytes."""
    matrix = here / "matrix"
    shutil.rmtree(matrix, ignore_errors=True)
    with peer("benchmarks.hearlog_peer", OWN) as ask:
        counts = ask("ingest", path=str(here / "logs/parquet"), out=str(matrix), memory_limit=memory_limit)
        return counts | ask("peaks")


def factorize(here: Path, iterations: int, log: Path) -> dict[str, Any]:
    """Transpose, and then factorise, in new processes; return seconds, losses and peaks of memory in bytes."""
    matrix, scratch = here / "matrix", here / "scratch"

    def do(task: str, **arguments: Any) -> dict[str, Any]:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        with peer("benchmarks.als_peer", OWN) as ask:
            answer = {"result": ask(task, matrix=str(matrix), scratch=str(scratch), **arguments)} | ask("peaks")
        shutil.rmtree(scratch)
        return answer

    transposed = do("transpose")
    fitted = do("factorize", engine="implicit", iterations=iterations, log=str(log))
    return {"transpose_seconds": transposed["result"]} | fitted.pop("result") | fitted


def summarise(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Give the figures of the largest matrix."""
    return {key: max(rows, key=lambda row: row["nnz"])[key] for key in ("nnz", "seconds_per_iteration", "peak_rss_gb")}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where 25 GB fit; nothing in it is removed")
    parser.add_argument("--scales", type=float, nargs="+", default=[0.01, 0.1, 1.0], help="1: the paper's matrix")
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--memory-limit", default="2GB", help="of DuckDB in hearlog's ingestion")
    parser.add_argument("--quick", action="store_true", help="a 200th and a 100th of it, three iterations")
    arguments = parser.parse_args()
    scales, iterations = ([0.005, 0.01], 3) if arguments.quick else (arguments.scales, arguments.iterations)
    main(scales, iterations, arguments.memory_limit, arguments.folder)
