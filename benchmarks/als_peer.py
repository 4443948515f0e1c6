"""ALS by hearlog and by implicit itself, in a process of its own; run by `benchmarks.peer`."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from benchmarks.peer import serve
from hearlog.als.factorize import iterate
from hearlog.logs.interactions import read_interactions
from hearlog.params.log_blocks import Als

DEMO = yaml.safe_load((Path(__file__).parents[1] / "presets/demo.yaml").read_text(encoding="utf-8"))["als"]


def transpose(matrix: str, scratch: str) -> float:
    """Transpose a matrix into an existing folder; return the seconds."""
    begin = time.perf_counter()
    read_interactions(Path(matrix)).transpose(Path(scratch))
    return time.perf_counter() - begin


def factorize(
    matrix: str, scratch: str, engine: str, iterations: int, threads: int = 0, log: str | None = None
) -> dict[str, list[float]]:
    """Fit factors of the demo's settings; return seconds and losses of all iterations.

    The first one's seconds are with the transposition. To the file ``log`` a line is appended for each.
    """
    settings = Als.model_validate(DEMO | {"engine": engine, "iterations": iterations, "held_out": None})
    seconds, losses = [], []
    begin = time.perf_counter()
    for fitted in iterate(read_interactions(Path(matrix)), settings, 0, threads, Path(scratch)):
        seconds.append(time.perf_counter() - begin)
        losses.append(float(fitted.losses[-1]))
        if log:
            append(log, f"iteration {len(losses)}: {seconds[-1]:.1f} s, loss {losses[-1]:.6g}")
        begin = time.perf_counter()
    return {"seconds": seconds, "losses": losses}


def fit_implicit(matrix: str, iterations: int, conjugate_gradient: bool, threads: int = 0) -> list[float]:
    """Fit factors by implicit's own `fit`, without the loss; return the seconds of all iterations."""
    model = AlternatingLeastSquares(
        factors=DEMO["factors"],
        regularization=DEMO["regularization"],
        alpha=1 + DEMO["alpha"],
        use_cg=conjugate_gradient,
        iterations=iterations,
        num_threads=threads,
        random_state=0,
    )
    ratings = read_interactions(Path(matrix)).to_csr().astype("float32")
    seconds: list[float] = []
    with threadpool_limits(1, "blas"):
        model.fit(ratings, show_progress=False, callback=lambda _, taken, *__: seconds.append(taken))
    return seconds


def write_triples(matrix: str, out: str) -> None:
    """Write the entries of a matrix for Spark: whole numbers ``user`` and ``song``, and a ``rating`` of 1."""
    rows = read_interactions(Path(matrix))
    schema = pa.schema({"user": pa.int32(), "song": pa.int32(), "rating": pa.float32()})
    with pq.ParquetWriter(out, schema) as writer:
        for block in rows.blocks(2**22):
            part = rows.block(block)
            users = np.repeat(np.arange(block.start, block.stop, dtype=np.int32), np.diff(part.indptr))
            ones = np.ones(part.entries, dtype=np.float32)
            writer.write_table(pa.table([users, part.indices, ones], schema=schema))


def append(log: str | Path, line: str) -> None:
    """Append a line with the time to a log file."""
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now():%F %T}  {line}\n")


if __name__ == "__main__":
    serve({task.__name__: task for task in (transpose, factorize, fit_implicit, write_triples)}, ["implicit", "torch"])
