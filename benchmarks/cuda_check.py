"""One look at a GPU, in six minutes: python -m benchmarks.cuda_check (make cuda-check).

It runs the tests that are marked for devices. It trains the CF estimator at F = 32 to 256 on batches of 16 clips of
30 s, by hearlog's own loop and by plain eager torch (`benchmarks.plain_network`), in turn, with the peak of memory, and
runs both over clips. It fits ALS by engine `torch` on the GPU and on the CPU; and where there are two GPUs it trains on
one and on both. Each step has its time: it does not start if less of the six minutes is left, and is cut off after it;
the last line names what was left out. Without CUDA there is nothing to do.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import coo_matrix

from benchmarks import measure
from benchmarks.als import shape_of
from benchmarks.als_peer import DEMO
from benchmarks.gpu_speed import draw_targets, elapsed, measure_inference, measure_training, steps_in
from benchmarks.networks import BATCH, FACTORS, SHAPE, write_mels
from benchmarks.steps import Row, Step, run_module, run_steps
from hearlog.als.factorize import iterate
from hearlog.estimator.train import embedding_objective
from hearlog.logs.interactions import Interactions
from hearlog.model.network import EmbeddingNetwork
from hearlog.params.log_blocks import Als
from hearlog.runtime.backend import start_backend
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation

SECONDS = 360.0
ITERATIONS = 4  # of ALS; the first is not counted
CLOSE = 1e-3  # factors, relative to the largest: a GPU adds up in another order
ALIKE = 0.02  # losses of one process and of two, relative
UNITS = {"clips_per_s": "clips/s", "peak_gb": "GB", "ns_per_nnz_iteration": "ns/non-zero", "passed": "passed"}


@dataclass(frozen=True)
class Sizes:
    """How much is measured: ``seconds`` are those of one measurement, ``tests`` are further words for pytest."""

    channels: Sequence[int] = (32, 64, 128, 256)
    shape: tuple[int, int] = SHAPE
    clips: int = 256
    batch: int = BATCH
    entries: int = 5_000_000
    seconds: float = 0.8
    tests: Sequence[str] = ("-n", "4")


def main() -> None:
    """Check the GPU; write ``results/cuda.json``; exit with 1 where something failed."""
    if not torch.cuda.is_available():
        sys.exit("cuda-check needs a CUDA device, and torch finds none here.")
    with tempfile.TemporaryDirectory() as temporary:
        outcome = run_steps(list_steps("cuda", Sizes(), Path(temporary)), SECONDS, describe)
    measure.finish("cuda", outcome.rows, summarise(outcome.rows), ["torch", "numpy"], facts())
    print(f"failed: {', '.join(outcome.failed) or 'nothing'}")
    print(f"left out, for lack of time: {', '.join(outcome.left_out) or 'nothing'}")
    sys.exit(bool(outcome.failed))


def list_steps(device: str, sizes: Sizes, folder: Path) -> Iterator[Step]:
    """List what is done on a kind of device, what matters most first."""
    mels = write_mels(folder, sizes.clips, sizes.shape)
    yield Step("tests", 150, partial(run_tests, device, sizes.tests))
    for channels in sizes.channels:
        yield Step(
            f"training F={channels}", 45, partial(measure_training, device, channels, mels, sizes.batch, sizes.seconds)
        )
    yield Step("ALS", 30, partial(measure_als, device, sizes.entries, folder))
    for channels in sizes.channels:
        yield Step(f"inference F={channels}", 30, partial(measure_inference, device, channels, mels, sizes.seconds))
    if device != "cuda" or torch.cuda.device_count() > 1:
        arguments = (device, sizes.channels[0], mels, sizes.batch, sizes.seconds)
        yield Step("two processes", 60, partial(measure_processes, *arguments))


def describe(rows: Sequence[Row]) -> str:
    """Say the results of a step in a line."""
    said = []
    for row in rows:
        values = [
            f"{measure.significant(row[key]):g} {unit}" for key, unit in UNITS.items() if row.get(key) is not None
        ]
        failed = [f"{row['failed']} failed"] if row.get("failed") else []
        said.append(f"{row['candidate']} {', '.join([*values, *failed]) or 'out of memory'}")
    return "; ".join(said)


def run_tests(device: str, words: Sequence[str]) -> list[Row]:
    """Run the tests that are marked for devices on one kind of them; print what pytest says where one fails."""
    status, said = run_module("pytest", "-m", "devices", "-k", device, *words)
    if status:
        print(said)
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|errors?)\b", said)}
    passed = counts.pop("passed", 0)
    failed = sum(counts.values()) or int(status != 0)  # it may have ended before it counted
    return [{"candidate": "pytest", "repeats": 1, "passed": passed, "failed": failed}]


def measure_als(device: str, entries: int, scratch: Path) -> list[Row]:
    """Fit factors exactly on the device and on the CPU, which must agree, and by engine ``implicit``."""
    matrix = draw_matrix(entries)
    engines = {"torch here": ("torch", device), "torch on the CPU": ("torch", "cpu"), "implicit": ("implicit", "cpu")}
    fits = {name: fit_als(matrix, *of, scratch) for name, of in engines.items()}
    here, on_cpu = (fits[name][0] for name in list(engines)[:2])
    difference = np.abs(here - on_cpu).max() / np.abs(on_cpu).max()
    assert difference < CLOSE, f"factors differ from those of the CPU by {difference:.2g} of the largest"
    common = {"nnz": matrix.entries, "factors": DEMO["factors"], "repeats": ITERATIONS - 1}
    return [
        {"candidate": name, **common, "ns_per_nnz_iteration": taken / matrix.entries * 1e9}
        for name, (_, taken) in fits.items()
    ]


def draw_matrix(entries: int) -> Interactions:
    """Draw a matrix of at most so many plays in the proportions of the paper's; few songs have most of them."""
    shape, random = shape_of(entries), np.random.default_rng(0)
    songs = (shape.songs * random.random(entries) ** 3).astype(np.int32)
    users = random.integers(0, shape.users, entries)
    matrix = coo_matrix((np.ones(entries, np.int8), (users, songs)), shape=(shape.users, shape.songs)).tocsr()
    return Interactions(matrix.indptr.astype(np.int64), matrix.indices, None, shape.songs)


def fit_als(matrix: Interactions, engine: str, device: str, scratch: Path) -> tuple[np.ndarray, float]:
    """Fit by an engine; return the songs' factors, and the median seconds of an iteration after the first."""
    settings = Als.model_validate(DEMO | {"engine": engine, "iterations": ITERATIONS, "held_out": None})
    seconds, begin = [], time.perf_counter()
    for fitted in iterate(matrix, settings, 0, 0, scratch, device):
        seconds.append(time.perf_counter() - begin)
        songs, begin = fitted.songs, time.perf_counter()
    return songs, statistics.median(seconds[1:])


def measure_processes(device: str, channels: int, mels: Path, batch: int, seconds: float) -> list[Row]:
    """Train in one process and in two, whose losses are alike: GPUs normalise the batch as a whole, CPUs do not."""
    rows: list[Row] = []
    for count in (1, 2):
        words = map(str, (count, device, channels, mels, batch, seconds))
        status, said = run_module("benchmarks.cuda_check", "--train", *words)
        if status:
            raise RuntimeError(said)
        (result,) = re.findall(r"^\{.*\}$", said, re.MULTILINE)
        rows.append({"candidate": f"{count} processes", "channels": channels, "repeats": 1, **json.loads(result)})
    one, two = (row["loss"] for row in rows)
    assert device == "cpu" or abs(one - two) < ALIKE * one, f"losses of one process and of two: {one}, {two}"
    return rows


def train_in_processes(count: int, device: str, channels: int, mels: Path, batch: int, seconds: float) -> None:
    """Train in so many processes, each of which runs this; the first prints the speed, and the loss of four steps."""
    backend = start_backend(device, devices=count)
    clips, targets = np.load(mels, mmap_mode="r"), draw_targets(mels)
    torch.manual_seed(0)
    network, rows = EmbeddingNetwork(channels, FACTORS), np.arange(len(clips))
    objective = embedding_objective(backend.place(targets))
    fit = partial(Trainer(Optimisation(batch, 1, 1, 0.001), backend).fit, network, objective, clips)

    def train(steps: int) -> float:
        history = fit(np.resize(rows, batch * steps), rows[:count], 0, "training")
        return float(history.filter(like="train").sum(axis=1).iloc[0])

    loss, once = train(4), elapsed(train, 4) / 4
    steps = backend.processes.from_first(lambda: steps_in(seconds, once))
    speed = batch * steps / elapsed(train, steps)
    backend.processes.leave_to_first()
    print(json.dumps({"clips_per_s": speed, "loss": loss}))


def summarise(rows: Sequence[Row]) -> dict[str, float]:
    """Ratios of hearlog's faster precision to that of plain torch, and of ALS on the CPU to ALS on the GPU."""
    speeds: dict[str, dict[str, float]] = {}
    for row in rows:
        if "peak_gb" in row:
            of_step = speeds.setdefault(row["step"].replace(" F=", "_ratio_to_plain_f"), {})
            who = row["candidate"].split()[0]
            of_step[who] = max(of_step.get(who, 0), row["clips_per_s"] or 0)
    summary = {key: of_step["hearlog"] / of_step["plain"] for key, of_step in speeds.items() if all(of_step.values())}
    als = {row["candidate"]: row["ns_per_nnz_iteration"] for row in rows if row["step"] == "ALS"}
    return summary | ({"als_ratio_to_cpu": als["torch on the CPU"] / als["torch here"]} if als else {})


def facts() -> dict[str, str]:
    """Name the GPUs, their compute capability, and CUDA's version."""
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    capability = ".".join(map(str, torch.cuda.get_device_capability()))
    return {"gpus": ", ".join(names), "capability": capability, "cuda": str(torch.version.cuda)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs=6, help=argparse.SUPPRESS)
    if words := parser.parse_args().train:
        count, device, channels, mels, batch, seconds = words
        train_in_processes(int(count), device, int(channels), Path(mels), int(batch), float(seconds))
    else:
        main()
