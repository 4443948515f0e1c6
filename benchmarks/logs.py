"""Listening logs into a matrix: python -m benchmarks.logs [--rows 100000000] [--memory-limit 1GB] [--quick].

One log of 100 M listens of 1 M users and 500 k songs, with text ids, in 20 files of Parquet and the same rows in 20 of
CSV packed by gzip. hearlog's ingestion and Polars read it in turn, each in a new process. A log of a tenth of the
users, songs and rows is read by hearlog and pandas from Parquet, and by hearlog and Polars from CSV packed by bzip2.
All write the same files, byte for byte the same matrix. Seconds are without imports; memory is the peak that the
operating system saw, imports and pages of mapped files included.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from benchmarks import measure
from benchmarks.matrix_files import same_matrix
from benchmarks.peer import OWN, peer
from benchmarks.power_law import Shape, write_logs

PARQUET, GZIP, BZIP2 = "parquet", "csv.gz", "csv.bz2"


def main(rows: int, memory_limit: str, repeats: int, scratch: Path | None) -> None:
    """Measure, print the table and write ``results/logs.json``."""
    with tempfile.TemporaryDirectory(dir=scratch) as temporary:
        folder = Path(temporary)
        large, small = (shape_of(size) for size in (rows, rows // 10))
        write_logs(folder / "large", large, formats=[PARQUET, GZIP])
        write_logs(folder / "small", small, formats=[PARQUET, BZIP2])
        cases = [
            (folder / "large" / PARQUET, large, ["hearlog", "polars"]),
            (folder / "large" / GZIP, large, ["hearlog", "polars"]),
            (folder / "small" / PARQUET, small, ["hearlog", "pandas"]),
            (folder / "small" / BZIP2, small, ["hearlog", "polars"]),
        ]
        total = repeats * sum(len(candidates) for *_, candidates in cases)
        with tqdm(total=total, desc="logs", unit="run", disable=None) as bar:
            found = [row for case in cases for row in measure_log(*case, memory_limit, repeats, bar)]
    table = pd.DataFrame(found)
    print(table.to_string(index=False))
    measure.finish("logs", found, summarise(table), ["duckdb", "numpy", "pyarrow"], versions())


def shape_of(rows: int) -> Shape:
    """Give a log of one row a listen a hundred rows a user and two hundred a song, on average."""
    return Shape(rows // 100, rows // 200, rows, distinct=False)


def measure_log(
    path: Path, shape: Shape, candidates: list[str], memory_limit: str, repeats: int, bar: tqdm
) -> list[dict[str, Any]]:
    """Run the candidates in turn; assert that they write the same, and return a row for each.

    Raises
    ------
    AssertionError
        A candidate wrote another matrix than hearlog.
    """
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in candidates}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
            outs = {name: Path(temporary) / name for name in candidates}
            for name, out in outs.items():
                runs[name].append(ingest(name, path, out, memory_limit))
                bar.update()
            assert all(same_matrix(outs["hearlog"], out) for out in outs.values()), f"{path}: matrices differ"
    counts = runs["hearlog"][0]
    common = {
        "format": path.name,
        "rows": shape.rows,
        **{key: counts[key] for key in ("users", "songs", "interactions")},
    }
    rows = []
    for name, measured in runs.items():
        seconds = statistics.median(run["seconds"] for run in measured)
        peak = max(run["peak_rss"] for run in measured) / 1e9
        speed = {"seconds": seconds, "rows_per_s": shape.rows / seconds, "peak_rss_gb": peak, "repeats": repeats}
        rows.append({"candidate": name, **common, **speed})
    rows[0]["memory_limit"] = memory_limit
    return rows


def ingest(name: str, path: Path, out: Path, memory_limit: str) -> dict[str, Any]:
    """Run a candidate in a new process; return at least its seconds and its peak memory in bytes."""
    with peer(f"benchmarks.{name}_peer", OWN if name == "hearlog" else None) as ask:
        if name == "hearlog":
            answer = ask("ingest", path=str(path), out=str(out), memory_limit=memory_limit)
        else:
            answer = {"seconds": ask("ingest", path=str(path), out=str(out))}
        return answer | ask("peaks")


def versions() -> dict[str, str]:
    """Versions of the peers' packages."""
    found = {}
    for name in ("polars", "pandas"):
        with peer(f"benchmarks.{name}_peer") as ask:
            found |= ask("versions")
    return found


def summarise(rows: pd.DataFrame) -> dict[str, float]:
    """Speed and memory on the large Parquet log; for each log how fast hearlog is and what it takes of the memory."""
    table = rows.set_index(["rows", "format", "candidate"])
    large, small = table.loc[rows["rows"].max()], table.loc[rows["rows"].min()]
    logs = {
        "polars": (large.loc[PARQUET], "polars"),
        "pandas": (small.loc[PARQUET], "pandas"),
        "polars_gzip": (large.loc[GZIP], "polars"),
        "polars_bzip2": (small.loc[BZIP2], "polars"),
    }
    ratios = {
        f"ratio_to_{name}": log["seconds"][peer] / log["seconds"]["hearlog"] for name, (log, peer) in logs.items()
    }
    shares = {
        f"memory_to_{name}": log["peak_rss_gb"]["hearlog"] / log["peak_rss_gb"][peer]
        for name, (log, peer) in logs.items()
    }
    ours = large.loc[PARQUET, "hearlog"]
    return {"rows_per_s_parquet": ours["rows_per_s"], "peak_rss_gb": ours["peak_rss_gb"]} | ratios | shares


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--memory-limit", default="1GB", help="of DuckDB in hearlog's ingestion")
    parser.add_argument("--folder", type=Path, help="where 5 GB fit; the system's temporary folder if not given")
    parser.add_argument("--quick", action="store_true", help="2 M rows, measured once")
    arguments = parser.parse_args()
    rows, repeats = (2_000_000, 1) if arguments.quick else (arguments.rows, 3)
    main(rows, arguments.memory_limit, repeats, arguments.folder)
