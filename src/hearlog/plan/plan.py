"""What a run will need: time, memory and disk, said before it starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil
import torch

from hearlog.params import Params
from hearlog.plan import footprint, workload
from hearlog.plan.workload import LogSize
from hearlog.runtime.backend import count_threads, start_backend
from hearlog.util.plain_text import data_size, paragraph

TYPICAL_EPOCHS = 0.8  # share of the epochs that early stopping leaves
# What follows from the size of the logs is at most so much, and their size is often an estimate itself.
BOUNDED = {"log ingestion", "ALS", "matrix and embeddings", "temporary files of the logs"}
ADVICE = {
    "log ingestion": "lower runtime.memory_limit, and temporary files are written instead",
    "ALS": "take logs of a shorter time, or a larger machine",
    "cropping": "lower runtime.threads",
    "training": "lower model.channels, or take a larger machine",
}


@dataclass(frozen=True)
class Figures:
    """What a plan is computed from.

    ``clip_seconds`` and ``clip_bytes`` are those of a crop, and of it with its spectrogram; ``stages`` are processes;
    ``trained_clips`` pass through training at one capacity if no training stops early, ``pilot_clips`` besides at one
    of the pilot experiment, ``trained_per_second`` at the smallest capacity on this machine; ``channels`` and
    ``batch_size`` are the largest, ``dtype`` is what they are multiplied in.
    """

    clip_seconds: float
    clip_bytes: int
    log_rows: int
    users: int
    songs_played: int
    threads: int
    stages: int
    trained_clips: int
    pilot_clips: int
    trained_per_second: float
    channels: int
    batch_size: int
    dtype: str


class Shortage(NamedTuple):
    """What a machine has too little of, and what to do.

    ``certain`` unless other programs might give it back, or it follows from the size of the logs, which only bounds
    what they take.
    """

    text: str
    certain: bool


@dataclass(frozen=True)
class Plan:
    """What a run will need.

    Attributes
    ----------
    clips
        Items of each corpus.
    seconds
        Time by kind of work.
    memory
        Bytes at the peak, by stage; those of ``training`` are the GPU's where there is one with memory of its own.
    bytes
        Disk by what is kept.
    available, total
        Bytes of memory that are free, and that there are.
    gpu
        Bytes of the GPU's memory that are free; None without one, and on MPS, which shares the CPU's.
    free
        Bytes of disk that are free where DVC keeps its cache.
    kept
        Bytes of disk that an earlier run has taken for the same.
    figures
        What all this is computed from.
    """

    clips: dict[str, int]
    seconds: dict[str, float]
    memory: dict[str, int]
    bytes: dict[str, int]
    available: int
    total: int
    gpu: int | None
    free: int
    kept: int
    figures: Figures

    def describe(self) -> str:
        """Return a few lines of text."""
        figures, training = self.figures, self.seconds["training"]
        pilot = f", {figures.pilot_clips:,} at each of the pilot's" if figures.pilot_clips else ""
        rest = sum(self.seconds.values()) - training
        kept = f"{data_size(self.kept)} of it there already, " if self.kept else ""
        subjects = {
            "clips": f"{', '.join(f'{name} {count:,}' for name, count in self.clips.items())}; "
            f"{figures.clip_seconds:g} s and {data_size(figures.clip_bytes)} each",
            "logs": f"{figures.log_rows:,} rows, {figures.users:,} users, {figures.songs_played:,} songs",
            "time": f"about {_duration(rest + TYPICAL_EPOCHS * training)}, at most {_duration(rest + training)} if no "
            f"training stops early: {_list(self.seconds, _duration)} ({figures.stages} stages, {figures.threads} "
            f"threads, {figures.trained_clips:,} clips to train on at each capacity{pilot}, "
            f"{figures.trained_per_second:.0f} a second at the smallest on this machine)",
            "memory": f"{data_size(max(self.memory.values()))} at the peak, {data_size(self.available)} free: "
            f"{_list(self.memory, data_size)} ({figures.channels} channels, batches of {figures.batch_size}, "
            f"{figures.dtype})",
            "disk": f"{data_size(sum(self.bytes.values()))}, {kept}{data_size(self.free)} free: "
            f"{_list(self.bytes, data_size)}; twice that where the file system cannot link",
        }
        paragraphs = [paragraph(text, name, 8) for name, text in subjects.items()]
        short = [shortage.text for shortage in self.shortages()]
        return "\n".join([*paragraphs, *short, "Stages whose results are up to date are skipped."])

    def shortages(self) -> list[Shortage]:
        """List what this machine has too little of."""
        found = []
        for stage, size in self.memory.items():
            what, free, total = "memory", self.available, self.total
            if stage == "training" and self.gpu is not None:
                what, free, total = "the GPU's memory", self.gpu, size
            if size > free:
                text = f"{stage} takes about {data_size(size)} of {what}, {data_size(free)} are free: {ADVICE[stage]}"
                found.append(Shortage(text, certain=size > total and stage not in BOUNDED))
        missing = sum(self.bytes.values()) - self.kept - self.free
        if missing > 0:
            bounded = sum(size for kind, size in self.bytes.items() if kind in BOUNDED)
            text = f"{data_size(missing)} of disk are missing: free them, or move DVC's cache (dvc cache dir)"
            found.append(Shortage(text, certain=missing > bounded))
        return found


def make_plan(params: Params, clips: Mapping[str, int] | None = None, logs: LogSize | None = None) -> Plan:
    """Count clips, cells and epochs, measure the speed of training for a few seconds, and add up.

    Parameters
    ----------
    params
        Settings of the run.
    clips
        Items of each corpus, where they are known; without those of a corpus it is left out, unless hearlog will
        generate it. None reads the catalogue and every data set.
    logs
        How much is in the logs; None estimates it from their size.

    Raises
    ------
    InputError
        If the catalogue, a data set or the logs cannot be read.
    """
    clips = workload.count_clips(params, clips)
    logs = logs or workload.log_size(params)
    threads = count_threads(params.runtime.threads)
    backend = start_backend(params.runtime.device, params.runtime.precision, params.runtime.threads)
    speed = workload.training_speed(params, backend)
    main = psutil.virtual_memory()
    return Plan(
        clips=clips,
        seconds=workload.time_needed(params, clips, logs, threads, speed),
        memory=footprint.memory(params, logs, threads, backend.dtype, backend.device.type),
        bytes=footprint.disk(params, clips, logs),
        available=main.available,
        total=main.total,
        gpu=torch.cuda.mem_get_info(backend.device)[0] if backend.device.type == "cuda" else None,
        free=footprint.free_disk(),
        kept=footprint.kept(params, clips, Path("data/corpora")),
        figures=Figures(
            clip_seconds=params.audio.seconds,
            clip_bytes=footprint.clip_bytes(params),
            log_rows=logs.rows,
            users=logs.users,
            songs_played=logs.songs,
            threads=threads,
            stages=workload.count_stages(params),
            trained_clips=workload.count_trained(params, clips),
            pilot_clips=workload.count_pilot(params, clips) if params.pilot.divisors else 0,
            trained_per_second=speed,
            channels=footprint.largest_capacity(params),
            batch_size=max(params.estimator.training.batch_size, params.transfer.training.batch_size),
            dtype=str(backend.dtype).removeprefix("torch."),
        ),
    )


def describe_jobs(plan: Plan, jobs: int, gpus: int) -> str:
    """Say what ``jobs`` trainings at once take of memory, in a line, and warn where that is not free.

    Parameters
    ----------
    plan
        What one training takes.
    jobs
        Stages at once.
    gpus
        GPUs among which they are shared.
    """
    what, free, each = "memory", plan.available, jobs
    if plan.gpu is not None:
        what, free, each = "each GPU's memory", plan.gpu, math.ceil(jobs / gpus)
    size = each * plan.memory["training"]
    text = f"jobs    {jobs} at once: training takes up to {data_size(size)} of {what}, {data_size(free)} free"
    return text + (": lower the number of jobs (make jobs N=…)" if size > free else "")


def _list(parts: Mapping[str, float], write: Callable[[float], str]) -> str:
    return ", ".join(f"{name} {write(part)}" for name, part in parts.items())


def _duration(seconds: float) -> str:
    for unit, length in {"s": 1, "min": 60, "h": 3600}.items():
        if seconds < 90 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds / 86400:,.0f} days"
