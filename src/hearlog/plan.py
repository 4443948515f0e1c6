"""What a run will need: time and disk, said before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hearlog import catalogue, runtime
from hearlog.corpora import READERS
from hearlog.errors import InputError
from hearlog.estimator import embedding_objective
from hearlog.network import EmbeddingNetwork
from hearlog.params import Params, Task, Training
from hearlog.synthetic import is_generated, is_synthetic
from hearlog.training import Optimisation, fit

# Measured on 2 cores with AVX-512; seconds. Training, the largest part, is measured anew on each machine.
CELL = 3.5  # a stage's process: imports, hashes, dvc.lock
GENERATE = 0.1  # to write one file of the embedded data set, one core
GENERATED_BYTES = 55_000  # for a second of its audio, mean over the formats
DECODE = 0.045  # for the middle 30 s of a file, one core
MEL = 0.002  # for 30 s
TRAINED_METHODS = 3  # base, init, kd
TYPICAL_EPOCHS = 0.8  # share of the epochs that early stopping leaves


@dataclass(frozen=True)
class Plan:
    """What a run will need; ``seconds`` by kind of work, ``bytes`` by what is kept."""

    clips: dict[str, int]
    seconds: dict[str, float]
    bytes: dict[str, int]
    clips_per_second: float

    def describe(self) -> str:
        """Return a few lines of text."""
        clips = ", ".join(f"{name} {count:,}" for name, count in self.clips.items())
        fixed = sum(seconds for kind, seconds in self.seconds.items() if kind != "training")
        likely, most = fixed + TYPICAL_EPOCHS * self.seconds["training"], fixed + self.seconds["training"]
        times = ", ".join(f"{kind} {_minutes(seconds)}" for kind, seconds in self.seconds.items())
        disk = ", ".join(f"{kind} {size / 1e9:.2f} GB" for kind, size in self.bytes.items())
        return (
            f"clips   {clips}\n"
            f"time    about {_minutes(likely)}, at most {_minutes(most)} if no training stops early ({times};\n"
            f"        this machine trains {self.clips_per_second:.0f} clips/s at the smallest capacity)\n"
            f"disk    {sum(self.bytes.values()) / 1e9:.2f} GB ({disk}), twice that where the file system cannot link\n"
            "Stages whose results are up to date are skipped. Reading logs and ALS come on top:\n"
            "half a minute for 100 million rows, and 0.2 s an iteration for a million non-zeros."
        )


def make_plan(params: Params) -> Plan:
    """Count clips, cells and epochs, measure the speed of training for a few seconds, and add up.

    Raises
    ------
    InputError
        If the catalogue or a data set cannot be read.
    """
    clips = {"songs": _songs(params)} | {name: _clips(task, params) for name, task in params.tasks.items()}
    total, threads, length = sum(clips.values()), runtime.threads(params.runtime.threads), params.audio.seconds / 30
    speed = _training_speed(params)
    work = sum(width**2 for width in params.sweep.widths) * _training_clips(params, clips)
    frames = params.audio.samples // params.mel.hop_length
    per_clip = 2 * params.audio.samples + 2 * params.mel.n_mels * frames
    generated = _generated_files(params)
    return Plan(
        clips,
        {
            "starting processes": CELL * _cells(params),
            "generating data": GENERATE * generated / threads,
            "audio": total * length * (DECODE / threads + MEL),
            "training": work / speed,
        },
        {
            "crops and spectrograms": total * per_clip,
            "generated audio": round(generated * params.demo.seconds * GENERATED_BYTES),
        },
        speed,
    )


def _songs(params: Params) -> int:
    if is_generated(params.songs.catalog):
        return params.demo.songs
    songs, sample = len(catalogue.read(Path(params.songs.catalog))), params.songs.sample
    if sample and sample > songs:
        raise InputError(f"songs.sample asks for {sample} songs, {params.songs.catalog} has {songs}: lower it, or null")
    return sample or songs


def _clips(task: Task, params: Params) -> int:
    if not is_generated(task.path):
        return len(READERS[task.reader].read(Path(task.path), task.target))
    if task.reader == "fma_small":
        return params.demo.fma // 2
    return int(getattr(params.demo, task.reader.removesuffix("_medium")))


def _generated_files(params: Params) -> int:
    if not is_synthetic(params):
        return 0
    sizes = params.demo
    return sizes.songs + sizes.gtzan + sizes.extended_ballroom + sizes.emomusic + sizes.fma + sizes.dcase2016


def _cells(params: Params) -> int:
    return 8 + 2 * len(params.sweep.widths) + len(params.tasks) * (4 + 5 * len(params.sweep.widths))


def _training_clips(params: Params, clips: dict[str, int]) -> float:
    """Clips that pass through training at one capacity, if no training stops early."""
    work = clips["songs"] * params.songs.split.train * params.estimator.training.epochs
    for name, task in params.tasks.items():
        folds = (task.folds - 1) if task.folds else 0.7  # k folds train on (k - 1) / k of the clips each
        runs = TRAINED_METHODS * len(params.transfer.seeds) * params.transfer.training.epochs
        work += clips[name] * folds * (1 - task.valid) * runs
    return work


def _training_speed(params: Params) -> float:
    """Measure clips/s of training at ``model.channels``, in three short epochs."""
    backend = runtime.start(params.runtime.device, params.runtime.precision, params.runtime.threads)
    settings: Training = params.estimator.training
    frames = params.audio.samples // params.mel.hop_length
    mels = np.zeros((settings.batch_size, params.mel.n_mels, frames), np.float16)
    rows = np.arange(len(mels))
    network = EmbeddingNetwork(params.model.channels, params.als.factors, params.model.se_ratio)
    objective = embedding_objective(torch.ones(len(mels), params.als.factors, device=backend.device))
    one = Optimisation(settings.batch_size, 1, 1, settings.learning_rate)
    fit(network, objective, mels, rows, rows[:2], one, backend, 0, "measuring")
    begin = time.perf_counter()
    three = Optimisation(settings.batch_size, 3, 3, settings.learning_rate)
    fit(network, objective, mels, rows, rows[:2], three, backend, 0, "measuring")
    return 3 * len(mels) / (time.perf_counter() - begin)


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
