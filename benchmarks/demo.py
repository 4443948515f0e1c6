"""The demo in a fresh clone, as `make demo` runs it: python -m benchmarks.demo [--jobs 2] [--keep FOLDER].

The last commit is cloned and its whole pipeline run on the embedded, synthetic data set; installation is left out.
CPU seconds are those of the run and of all that it started. What no stage took is DVC's and `hearlog jobs`' own.

A machine with AVX-512 shows what one without takes, of the same speed otherwise, with these variables set:
ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks import measure
from hearlog.runtime.backend import start_backend

ROOT = Path(__file__).parents[1]
LOCKS = ("dvc.lock", "data/demo/dvc.lock")
TRAINING = ("train_estimator", "transfer", "pilot")


def main(jobs: int, keep: Path | None) -> None:
    """Run the demo, print the table and write ``results/demo-<instructions>.json``."""
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary, "demo")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        shutil.copyfile(clone / "presets/demo.yaml", clone / "params.yaml")
        for lock in LOCKS:  # on the machine that wrote them, stages that only score would find themselves up to date
            (clone / lock).unlink()
        begin = time.perf_counter()
        run(clone, jobs)
        wall = time.perf_counter() - begin
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        stages = read_records(clone)
        if keep:
            shutil.move(clone, keep)
    rows = summarise(stages, used.ru_utime + used.ru_stime)
    print(pd.DataFrame(rows).to_string(index=False))
    of = {row["part"]: row["cpu_seconds"] for row in rows}
    summary = {"minutes": wall / 60, "cpu_minutes": sum(of.values()) / 60, "cpu_minutes_training": of["training"] / 60}
    measure.finish(f"demo-{measure.instructions(start_backend())}", rows, summary, ["torch", "dvc"])


def run(clone: Path, jobs: int) -> None:
    """Run the pipeline with the code of the clone."""
    environment = os.environ | {"PYTHONPATH": str(clone / "src")}
    command = [sys.executable, "-m", "hearlog.cli", "jobs", str(jobs)]
    subprocess.run(command, cwd=clone, env=environment, check=True)


def read_records(clone: Path) -> pd.DataFrame:
    """Read what each stage has written of its times: ``kind``, ``cpu_seconds``, ``start_up_cpu_seconds``."""
    files = sorted((clone / "data/times").glob("*/*.json"))
    return pd.DataFrame([{"kind": file.parent.name} | json.loads(file.read_text(encoding="utf-8")) for file in files])


def summarise(stages: pd.DataFrame, total: float) -> list[dict[str, object]]:
    """Divide the CPU seconds of a run: start of processes, training, other stages, and the rest."""
    work = stages["cpu_seconds"] - stages["start_up_cpu_seconds"]
    trains = stages["kind"].isin(TRAINING)
    others = work[~trains].groupby(stages["kind"]).sum()
    parts = {
        "start of the stages' processes": (len(stages), stages["start_up_cpu_seconds"].sum()),
        "training": (int(trains.sum()), work[trains].sum()),
        **{kind: (int((stages["kind"] == kind).sum()), seconds) for kind, seconds in others.items()},
        "DVC and hearlog jobs": (len(stages), total - stages["cpu_seconds"].sum()),
    }
    return [
        {"part": part, "stages": count, "cpu_seconds": float(seconds), "repeats": 1}
        for part, (count, seconds) in parts.items()
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="stages at once")
    parser.add_argument("--keep", type=Path, help="where the clone goes with its outputs; it is deleted otherwise")
    arguments = parser.parse_args()
    main(arguments.jobs, arguments.keep)
