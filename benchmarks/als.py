"""ALS against Spark and implicit: python -m benchmarks.als [--quick].

Matrices of 1 M, 10 M and 50 M non-zeros with the paper's 198 songs a user and twice as many users as songs, by the
generator of `benchmarks.power_law`. hearlog's two engines and Spark's ALS fit 40
factors in turn, each in a new process. hearlog's seconds an iteration are the median over those after the first, with
the loss; Spark's the difference between fits of 1 and 4 iterations, after one that warms its JVM, without a loss.
implicit's own `fit`, by conjugate gradient and by Cholesky decomposition, is measured once at 10 M.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from benchmarks import measure
from benchmarks.als_peer import DEMO
from benchmarks.hearlog_peer import ingest
from benchmarks.peer import OWN, peer
from benchmarks.power_law import Shape, write_logs

MILLION = 1_000_000
SIZES = [MILLION, 10 * MILLION, 50 * MILLION]  # non-zeros
QUICK_SIZES = [MILLION, 2 * MILLION]
MIDDLE = 10 * MILLION  # implicit itself is measured here alone, and Spark once beyond
ITERATIONS = {"hearlog implicit": 6, "hearlog torch": 4}
SPARK_FITS = [1, 1, 4]  # iterations; the first fit is not counted
SPARK_MEMORY = "12g"


def main(sizes: list[int], repeats: int, scratch: Path | None) -> None:
    """Measure, print the table and write ``results/als.json``."""
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        sys.exit("Spark, the peer, needs Java 17: apt-get install openjdk-17-jre-headless")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=scratch) as temporary:
        for size in tqdm(sizes, "als", unit="matrix", disable=None):
            folder = Path(temporary) / str(size)
            rows += measure_matrix(folder, size, repeats)
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    with peer("benchmarks.spark_peer") as ask:
        versions = ask("versions")
    measure.finish("als", rows, summarise(table), ["implicit", "torch", "numpy"], versions)


def shape_of(entries: int) -> Shape:
    """Give a matrix the proportions of the paper's, which has 5 M users, 2.5 M songs and 991 M non-zeros."""
    return Shape(entries // 200, entries // 400, entries)


def measure_matrix(folder: Path, entries: int, repeats: int) -> list[dict[str, Any]]:
    """Write a matrix and fit it by all candidates in turn; return a row for each."""
    shape = shape_of(entries)
    (logs,) = write_logs(folder / "logs", shape)
    matrix, triples = folder / "matrix", folder / "triples.parquet"
    ingest(str(logs), str(matrix), "2GB")
    with peer("benchmarks.als_peer", OWN) as ask:
        ask("write_triples", matrix=str(matrix), out=str(triples))
    seconds: dict[str, list[float]] = {name: [] for name in [*ITERATIONS, "spark"]}
    for repeat in range(repeats):
        for name in ITERATIONS:
            seconds[name].append(fit_hearlog(name, matrix))
        if repeat == 0 or entries <= MIDDLE:
            seconds["spark"].append(fit_spark(triples))
    if entries == MIDDLE:
        for name, conjugate_gradient in {"implicit CG": True, "implicit Cholesky": False}.items():
            seconds[name] = [fit_implicit(matrix, conjugate_gradient)]
    common = {"users": shape.users, "songs": shape.songs, "nnz": entries, "factors": DEMO["factors"]}
    return [
        {
            "candidate": name,
            **common,
            "seconds_per_iteration": statistics.median(measured),
            "ns_per_nnz_iteration": statistics.median(measured) / entries * 1e9,
            "repeats": len(measured),
        }
        for name, measured in seconds.items()
    ]


def fit_hearlog(name: str, matrix: Path) -> float:
    """Fit by an engine of hearlog in a new process; return the seconds of an iteration."""
    with peer("benchmarks.als_peer", OWN) as ask, tempfile.TemporaryDirectory(dir=matrix.parent) as scratch:
        engine, iterations = name.split()[1], ITERATIONS[name]
        fitted = ask("factorize", matrix=str(matrix), scratch=scratch, engine=engine, iterations=iterations)
    return statistics.median(fitted["seconds"][1:])


def fit_spark(triples: Path) -> float:
    """Fit by Spark in a new process; return the seconds of an iteration."""
    settings = {key: DEMO[key] for key in ("factors", "alpha", "regularization")}
    cores = measure.machine([])["cores"]
    with peer("benchmarks.spark_peer") as ask:
        seconds = ask("fit", path=str(triples), cores=cores, memory=SPARK_MEMORY, iterations=SPARK_FITS, **settings)
    return (seconds[-1] - seconds[-2]) / (SPARK_FITS[-1] - SPARK_FITS[-2])


def fit_implicit(matrix: Path, conjugate_gradient: bool) -> float:
    """Fit by implicit itself in a new process; return the seconds of an iteration."""
    with peer("benchmarks.als_peer", OWN) as ask:
        seconds = ask("fit_implicit", matrix=str(matrix), iterations=4, conjugate_gradient=conjugate_gradient)
    return statistics.median(seconds[1:])


def summarise(rows: pd.DataFrame) -> dict[str, float]:
    """Speed on the largest matrix, the ratio to Spark on the one before it, and how the first grows between them."""
    table = rows.set_index(["nnz", "candidate"])["ns_per_nnz_iteration"]
    middle, largest = sorted(set(rows["nnz"]))[-2:]
    ours = table.xs("hearlog implicit", level="candidate")
    return {
        "ns_per_nnz_iteration": ours[largest],
        "ratio_to_spark": table[middle, "spark"] / ours[middle],
        "growth_10m_to_50m": ours[largest] / ours[middle],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where 3 GB fit; the system's temporary folder if not given")
    parser.add_argument("--quick", action="store_true", help="1 M and 2 M non-zeros, measured once")
    arguments = parser.parse_args()
    if arguments.quick:
        main(QUICK_SIZES, 1, arguments.folder)
    else:
        main(SIZES, 3, arguments.folder)
