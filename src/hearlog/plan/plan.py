"""What a run will need: time, memory and disk, said before it starts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil
import torch

from hearlog.params import Params
from hearlog.plan import footprint, workload
from hearlog.plan.measure import Speeds, measure_speeds
from hearlog.plan.stages import StageTime, stage_times
from hearlog.plan.workload import LogSize
from hearlog.util.plain_text import data_size

STARTING = "starting processes"
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

    ``clip_seconds`` and ``clip_bytes`` are those of a crop, and of it with its spectrogram; ``trained_clips`` pass
    through training at one capacity if no training stops early, and ``trained_per_second`` are trained on by a job at
    the smallest capacity on this machine; ``channels`` and ``batch_size`` are the largest, ``dtype`` is what they are
    multiplied in.
    """

    clip_seconds: float
    clip_bytes: int
    log_rows: int
    users: int
    songs_played: int
    threads: int
    trained_clips: int
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
    stages
        Time of every stage, by the address that DVC gives it.
    speeds
        Speeds of this machine, of which the times follow.
    memory
        Bytes at the peak, by stage; those of ``training`` are the GPU's where there is one with memory of its own.
    bytes
        Disk by what is kept.
    available, total
        Bytes of memory that are free, and that there are.
    free
        Bytes of disk that are free where DVC keeps its cache.
    kept
        Bytes of disk that an earlier run has taken for the same.
    figures
        What all this is computed from.
    """

    clips: dict[str, int]
    stages: dict[str, StageTime]
    speeds: Speeds
    memory: dict[str, int]
    bytes: dict[str, int]
    available: int
    total: int
    free: int
    kept: int
    figures: Figures

    def seconds(self, names: Iterable[str]) -> dict[str, float]:
        """Add up the likely times of some stages, by kind of work."""
        kinds = {STARTING: 0.0}
        for time in (self.stages[name] for name in names if name in self.stages):
            kinds[STARTING] += time.start
            if time.likely:
                kinds[time.kind] = kinds.get(time.kind, 0.0) + time.likely
        return kinds

    def shortages(self) -> list[Shortage]:
        """List what this machine has too little of."""
        found = []
        for stage, size in self.memory.items():
            what, free, total = "memory", self.available, self.total
            if stage == "training" and self.speeds.gpu is not None:
                what, free, total = "the GPU's memory", self.speeds.gpu, size
            if size > free:
                text = f"{stage} takes about {data_size(size)} of {what}, {data_size(free)} are free: {ADVICE[stage]}"
                found.append(Shortage(text, certain=size > total and stage not in BOUNDED))
        missing = sum(self.bytes.values()) - self.kept - self.free
        if missing > 0:
            bounded = sum(size for kind, size in self.bytes.items() if kind in BOUNDED)
            text = f"{data_size(missing)} of disk are missing: free them, or move DVC's cache (dvc cache dir)"
            found.append(Shortage(text, certain=missing > bounded))
        return found


def make_plan(
    params: Params,
    clips: Mapping[str, int] | None = None,
    logs: LogSize | None = None,
    jobs: int = 1,
    gpus: Sequence[str] = (),
) -> Plan:
    """Count clips, cells and epochs, measure the speed of this machine for a few seconds, and add up.

    Parameters
    ----------
    params
        Settings of the run.
    clips
        Items of each corpus, where they are known; without those of a corpus it is left out, unless hearlog will
        generate it. None reads the catalogue and every data set.
    logs
        How much is in the logs; None estimates it from their size.
    jobs, gpus
        As in `hearlog.pipeline.jobs.run`.

    Raises
    ------
    InputError
        If the catalogue, a data set or the logs cannot be read, or the device is not there.
    """
    clips = workload.count_clips(params, clips)
    logs = logs or workload.log_size(params)
    speeds = measure_speeds(params, jobs, gpus)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    main = psutil.virtual_memory()
    return Plan(
        clips=clips,
        stages=stage_times(params, clips, logs, speeds, cores),
        speeds=speeds,
        memory=footprint.memory(params, logs, speeds.threads, getattr(torch, speeds.dtype), speeds.device),
        bytes=footprint.disk(params, clips, logs),
        available=main.available,
        total=main.total,
        free=footprint.free_disk(),
        kept=footprint.kept(params, clips, Path("data/corpora")),
        figures=Figures(
            clip_seconds=params.audio.seconds,
            clip_bytes=footprint.clip_bytes(params),
            log_rows=logs.rows,
            users=logs.users,
            songs_played=logs.songs,
            threads=speeds.threads,
            trained_clips=workload.count_trained(params, clips),
            trained_per_second=1 / speeds.train[max(params.sweep.divisors)],
            channels=footprint.largest_capacity(params),
            batch_size=max(params.estimator.training.batch_size, params.transfer.training.batch_size),
            dtype=speeds.dtype,
        ),
    )
