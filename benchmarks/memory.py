"""Memory of training with accumulated gradients: python -m benchmarks.memory [--channels 64 256] [--quick].

Each row is a process of its own that trains the CF estimator for a step on a batch of 16 clips of 30 s, computed in
1 to 8 parts, and validates on the same clips; its peak is what the operating system saw. Beside it stands what
`hearlog plan` expects.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from benchmarks import measure
from benchmarks.networks import BATCH, FACTORS, SHAPE, write_mels
from hearlog.estimator.train import embedding_objective
from hearlog.model.network import EmbeddingNetwork
from hearlog.plan import footprint
from hearlog.runtime.backend import start_backend
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation

PARTS = (1, 2, 4, 8)


def main(widths: list[int]) -> None:
    """Measure, print the table and write ``results/memory.json``."""
    cases = [(width, parts) for width in widths for parts in PARTS]
    with tempfile.TemporaryDirectory() as temporary:
        mels = write_mels(Path(temporary), BATCH)
        rows = [measure_in_process(mels, *case) for case in tqdm(cases, "memory", unit="run", disable=None)]
    print(pd.DataFrame(rows).to_string(index=False))
    least = min((row for row in rows if row["channels"] == max(widths)), key=lambda row: row["peak_rss_gb"])
    measure.finish("memory", rows, {f"peak_rss_gb_f{max(widths)}": least["peak_rss_gb"]}, ["torch"])


def measure_in_process(mels: Path, width: int, parts: int) -> dict[str, float]:
    """Train in a new process."""
    command = [sys.executable, "-m", "benchmarks.memory", "--one", str(mels), str(width), str(parts)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    peak, seconds = map(float, done.stdout.split())
    expected = footprint.training_bytes(width * int(np.prod(SHAPE)), BATCH // parts, start_backend().dtype)
    return {
        "channels": width,
        "batch": BATCH,
        "accumulate": parts,
        "repeats": 1,
        "peak_rss_gb": peak / 1e9,
        "plan_gb": expected / 1e9,
        "clips_per_s": BATCH / seconds,
    }


def train(mels: Path, width: int, parts: int) -> None:
    """Train for one step and print the peak in bytes and the seconds of step and validation."""
    backend = start_backend()
    network = EmbeddingNetwork(width, FACTORS)
    trainer = Trainer(Optimisation(BATCH, 1, 1, 0.001, accumulate=parts), backend)
    objective, rows = embedding_objective(torch.ones(BATCH, FACTORS)), np.arange(BATCH)
    begin = time.perf_counter()
    trainer.fit(network, objective, np.load(mels, mmap_mode="r"), rows, rows, 0, "memory")
    seconds = time.perf_counter() - begin
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024), seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, nargs="+", default=[32, 64, 256])
    parser.add_argument("--quick", action="store_true", help="F = 32 alone")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        path, *numbers = arguments.one
        train(Path(path), *map(int, numbers))
    else:
        main([32] if arguments.quick else arguments.channels)
