"""Training and inference by hearlog and by plain torch on one device, in turn, with the peak of its memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks import plain_network
from benchmarks.networks import FACTORS, precision
from benchmarks.steps import Row
from hearlog.estimator.train import embedding_objective
from hearlog.model.network import EmbeddingNetwork
from hearlog.plan import footprint
from hearlog.runtime.backend import Backend, start_backend
from hearlog.training.inference import predict
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation
from hearlog.util.errors import InputError

REPEATS, MOST_STEPS = 3, 200  # of a measurement
EMBEDDED = 64  # clips at once, as hearlog's `predict` takes them on a GPU

Run = Callable[[int], object]  # some steps, which end by reading a result from the device


def measure_training(device: str, channels: int, mels: Path, batch: int, seconds: float) -> list[Row]:
    """Train by hearlog and by plain torch, in turn, and compare the memory with what `hearlog plan` expects."""
    clips, targets = np.load(mels, mmap_mode="r"), draw_targets(mels)
    in_memory, rows = torch.from_numpy(clips.astype(np.float32)), np.arange(len(clips))

    def hearlog(backend: Backend) -> Run:
        network, objective = EmbeddingNetwork(channels, FACTORS), embedding_objective(backend.place(targets))
        fit = partial(Trainer(Optimisation(batch, 1, 1, 0.001), backend).fit, network, objective, clips)
        return lambda steps: fit(np.resize(rows, batch * steps), rows[:1], 0, "training")

    def plain(backend: Backend) -> Run:
        network = plain_network.PlainNetwork(channels, FACTORS).to(backend.device)
        return lambda steps: plain_network.train(network, in_memory, targets, batch, steps, backend.dtype)

    values = channels * int(np.prod(clips.shape[1:]))
    planned = {
        f"hearlog {precision(backend)}": footprint.training_bytes(values, batch, backend.dtype, device) / 1e9
        for backend in backends(device)
    }
    found = in_turn(make_candidates(device, hearlog, plain), device, batch, seconds)
    return [{**row, "channels": channels, "plan_gb": planned.get(row["candidate"])} for row in found]


def measure_inference(device: str, channels: int, mels: Path, seconds: float) -> list[Row]:
    """Embed clips by hearlog and by plain torch, in turn; a step is `EMBEDDED` clips."""
    clips = np.load(mels, mmap_mode="r")[:EMBEDDED]
    in_memory, rows = torch.from_numpy(clips.astype(np.float32)), np.arange(len(clips))

    def hearlog(backend: Backend) -> Run:
        network = EmbeddingNetwork(channels, FACTORS)
        return lambda steps: predict(network, clips, np.tile(rows, steps), backend, "inference")

    def plain(backend: Backend) -> Run:
        network = plain_network.PlainNetwork(channels, FACTORS).to(backend.device)
        return lambda steps: [plain_network.predict(network, in_memory, len(rows), backend.dtype) for _ in range(steps)]

    found = in_turn(make_candidates(device, hearlog, plain), device, len(rows), seconds)
    return [{**row, "channels": channels} for row in found]


def draw_targets(mels: Path) -> torch.Tensor:
    """Draw an embedding for every clip."""
    clips = len(np.load(mels, mmap_mode="r"))
    return torch.from_numpy(np.random.default_rng(0).normal(size=(clips, FACTORS)).astype(np.float32))


def backends(device: str) -> list[Backend]:
    """Start the precision that ``auto`` takes, and float32."""
    chosen, exact = start_backend(device), start_backend(device, "float32")
    return [exact] if chosen.dtype == exact.dtype else [chosen, exact]


def make_candidates(device: str, hearlog: Callable[[Backend], Run], plain: Callable[[Backend], Run]) -> dict[str, Run]:
    """Make hearlog's and the plain candidate in each precision."""
    makers = {"hearlog": hearlog, "plain": plain}
    return {
        f"{name} {precision(backend)}": make(backend) for name, make in makers.items() for backend in backends(device)
    }


def in_turn(candidates: Mapping[str, Run], device: str, clips: int, seconds: float) -> list[Row]:
    """Run candidates in turn, each as many steps of ``clips`` as fit in so many seconds; return a row for each.

    One that does not fit into memory has neither speed nor peak.
    """
    peaks = {name: find_peak(device, run) for name, run in candidates.items()}
    fitting = {name: run for name, run in candidates.items() if peaks[name] is not None}
    steps = {name: steps_in(seconds, elapsed(run, 1)) for name, run in fitting.items()}
    taken: dict[str, list[float]] = {name: [] for name in fitting}
    for _ in range(REPEATS):
        for name, run in fitting.items():
            taken[name].append(elapsed(run, steps[name]) / steps[name])
    return [
        {
            "candidate": name,
            "repeats": REPEATS,
            "clips_per_s": clips / statistics.median(taken[name]) if name in taken else None,
            "peak_gb": peaks[name],
        }
        for name in candidates
    ]


def find_peak(device: str, run: Run) -> float | None:
    """Run one step, in which libraries load and kernels are chosen; return the peak of tensors on a GPU, in GB.

    It is 0 on the CPU, and None where memory does not suffice.
    """
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        run(1)
    except (InputError, torch.OutOfMemoryError) as error:
        if "out of memory" not in str(error):
            raise
        return None
    return torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else 0.0


def elapsed(run: Run, steps: int) -> float:
    """Seconds of some steps."""
    begin = time.perf_counter()
    run(steps)
    return time.perf_counter() - begin


def steps_in(seconds: float, of_one: float) -> int:
    """Count the steps that fit in so many seconds."""
    return int(min(max(seconds / of_one, 1), MOST_STEPS))
