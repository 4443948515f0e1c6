"""How much work a run is: clips, log rows and stages, and the time they take."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from hearlog.corpora import catalogue
from hearlog.corpora.readers.registry import READERS
from hearlog.estimator.train import embedding_objective
from hearlog.logs.files import PACKED, are_parquet, find_files, open_unpacked
from hearlog.model.network import EmbeddingNetwork
from hearlog.params import Params, Task, synthetic
from hearlog.params.log_blocks import Logs
from hearlog.params.synthetic import is_generated, is_synthetic
from hearlog.probing.representations import SONGS
from hearlog.results.probes import REPRESENTATIONS
from hearlog.runtime.backend import Backend
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation
from hearlog.transfer.methods import METHODS, TRAINED
from hearlog.util.errors import InputError

# Measured on 2 cores with AVX-512; seconds. Training, the largest part, is measured anew on each machine.
STAGE = 3.5  # a stage's process: imports, hashes, dvc.lock
GENERATE = 0.1  # to write one file of the embedded data set, one core
READ_ROW = 1.5e-6  # a row of text logs, one core; Parquet takes half of it
SOLVE = 4e-7  # a non-zero in an iteration of ALS, one core
DECODE = 0.045  # for the middle 30 s of a file, one core
MEL = 0.002  # for 30 s
GROWTH = 1.6  # of a clip's time with the channels: 79.9, 30.7, 10.6, 2.6 clips/s are trained on with 16, 32, 64, 128
EVALUATE = 1 / 3  # of the time to train on a clip
FIT = 9.4e-6  # to fit one linear probe, per training clip and channel, one core
TRAIN = 0.75  # share of the items in the official train part of the user's own data set: a guess
# Before logs are read nobody knows how many users and songs they have. Those of the Taste Profile of the Million Song
# Dataset (48,373,586 rows) have 47 rows a user and 126 a song; the paper's 198 and 396.
ROWS_A_USER, ROWS_A_SONG = 47, 126
LOG_SAMPLE = 2**20  # bytes


class LogSize(NamedTuple):
    """How much is in listening logs: rows, users, and songs that were played."""

    rows: int
    users: int
    songs: int

    @property
    def most_non_zeros(self) -> int:
        """Upper bound of the matrix' non-zeros: a user who plays a song again adds none."""
        return min(self.rows, self.users * self.songs)


def count_clips(params: Params, known: Mapping[str, int] | None) -> dict[str, int]:
    """Count the items of each corpus: those ``known``, those that hearlog will generate, and, for None, all others."""
    clips = {}
    for name in ("songs", *params.tasks):
        if known is not None and name in known:
            clips[name] = known[name]
        elif is_generated(params.songs.catalog if name == "songs" else params.tasks[name].path):
            clips[name] = _generated_clips(params, name)
        elif known is None:
            clips[name] = _songs(params) if name == "songs" else _items(params.tasks[name])
    return clips


def _generated_clips(params: Params, name: str) -> int:
    """Count the clips of a corpus of the embedded data set; half of its FMA tracks are those of FMA small."""
    kind = "songs" if name == "songs" else params.tasks[name].reader
    count = int(getattr(params.demo, kind.removesuffix("_small").removesuffix("_medium")))
    return count // 2 if kind == "fma_small" else count


def _songs(params: Params) -> int:
    songs, sample = len(catalogue.read(params.songs.catalog)), params.songs.sample
    if sample and sample > songs:
        raise InputError(f"songs.sample asks for {sample} songs, {params.songs.catalog} has {songs}: lower it, or null")
    return sample or songs


def _items(task: Task) -> int:
    return len(READERS[task.reader].read(Path(task.path), task.target))


def log_size(params: Params) -> LogSize:
    """Estimate how much is in the logs, from the size of their files and how they begin.

    Rows of Parquet files are counted. Users and songs are as many as so many rows have elsewhere.

    Raises
    ------
    InputError
        If there are no logs, or they cannot be read.
    """
    if is_generated(params.logs.path):
        return LogSize(params.demo.plays, params.demo.listeners, params.demo.songs)
    files = find_files(params.logs)
    try:
        if are_parquet(files, params.logs):
            rows = sum(pq.read_metadata(file).num_rows for file in files)
        else:
            rows = round(sum(file.stat().st_size for file in files) / _row_bytes(files[0], params.logs))
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{params.logs.path}: not readable: {error}") from None
    return LogSize(rows, rows // ROWS_A_USER, rows // ROWS_A_SONG)


def _row_bytes(file: Path, settings: Logs) -> float:
    """Bytes that a row takes in the file, packed as it may be: its beginning is packed anew to see how well."""
    with open_unpacked(file) as stream:
        sample = stream.read(LOG_SAMPLE)
    packed = zlib.compress(sample) if file.suffix.lower() in PACKED else sample
    return max(len(packed), 1) / max(_count_rows(sample, settings), 1)


def _count_rows(sample: bytes, settings: Logs) -> int:
    """Count the rows in the beginning of a log file that is text."""
    if settings.format == "rows":
        return sample.count(b"\n")
    if settings.format == "song_lists":
        separated = sample.split() if settings.delimiter == " " else sample.split(settings.delimiter.encode())
        return len(separated) - (sample.count(b"\n") if settings.delimiter == " " else 1)
    songs, _, song = str(settings.columns.song).partition(".")
    if song:
        return len(re.findall(rb'"%b"\s*:' % re.escape(song.encode()), sample))
    lists = re.findall(rb'"%b"\s*:\s*\[([^\]]*)' % re.escape(songs.encode()), sample)
    return sum(1 + songs.count(b",") for songs in lists)


def generated_files(params: Params) -> int:
    """Audio files of the embedded data set; none where no part of it is used."""
    sizes = params.demo
    files = sizes.songs + sizes.gtzan + sizes.extended_ballroom + sizes.emomusic + sizes.fma + sizes.dcase2016
    return files if is_synthetic(params) else 0


def to_generate(params: Params) -> int:
    """Audio files of the embedded data set that are not there: all or none, as one stage writes them."""
    written = synthetic.FOLDER / "catalog/songs.csv"
    there = written.is_file() and len(catalogue.read(written)) == params.demo.songs
    return 0 if there else generated_files(params)


def count_stages(params: Params) -> int:
    """Count the stages of dvc.yaml, each cell of a matrix for one, and the stage that generates data."""
    divisors, probes = len(params.sweep.divisors), len(params.probe.divisors)
    of_task = 4 + (1 + len(METHODS)) * divisors + probes
    return 11 + 3 * divisors + len(params.tasks) * of_task + 3 * len(params.pilot.divisors)


def count_trained(params: Params, clips: Mapping[str, int]) -> int:
    """Clips that pass through training at one capacity, if no training stops early; those that validate count less."""
    work = _trained_songs(params, clips) * params.estimator.training.epochs
    for name, task in params.tasks.items():
        runs = len(TRAINED) * len(params.transfer.seeds) * params.transfer.training.epochs
        work += _trained(task, clips.get(name, 0)) * runs
    return round(work)


def count_pilot(params: Params, clips: Mapping[str, int]) -> int:
    """Count as `count_trained` for the network trained on genre tags, at one capacity of the pilot experiment.

    Every song counts as if the catalogue knew its genre.
    """
    runs = len(params.transfer.seeds) * params.transfer.training.epochs
    return round(_trained_songs(params, clips) * runs)


def count_probed(params: Params, clips: Mapping[str, int]) -> tuple[int, float]:
    """Count the work of the probes of one capacity.

    Returns
    -------
    Clips that pass through a network without training: those of every task, through the estimator and a random one,
    and the songs by which the latter is normalised; and training clips of all linear models.
    """
    passed = sum(2 * clips.get(name, 0) + min(SONGS, clips.get("songs", 0)) for name in params.tasks)
    fitted = sum(_trained(task, clips.get(name, 0)) for name, task in params.tasks.items())
    return passed, fitted * len(REPRESENTATIONS) * len(params.probe.strengths)


def _trained_songs(params: Params, clips: Mapping[str, int]) -> float:
    split = params.songs.split
    return clips.get("songs", 0) * (split.train + split.valid * EVALUATE)


def _trained(task: Task, clips: int) -> float:
    """Clips that all folds of a task train on, of so many; those that validate count less."""
    data_set = READERS[task.reader]
    parts, published = data_set.parts.get(task.protocol, {}), sum(data_set.classes.values())
    if "valid" in parts:
        return clips * (parts["train"] + EVALUATE * parts["valid"]) / published
    if task.folds is not None:
        train = clips * (task.folds - 1.0)  # k folds train on (k - 1) / k of the items each
    elif folds := data_set.folds.get(task.protocol):  # the evaluation set may be there, and is not used
        train = min(clips, data_set.parts["official"]["train"]) * (folds - 1.0)
    else:
        train = clips * (parts["train"] / published if parts else TRAIN)
    return train * (1 - task.valid + EVALUATE * task.valid)


def training_speed(params: Params, backend: Backend) -> float:
    """Measure how many clips per second are trained on at the smallest capacity, in three short epochs."""
    settings = params.estimator.training
    mels = np.zeros((settings.batch_size, params.mel.n_mels, params.frames(params.audio.seconds)), np.float16)
    rows = np.arange(len(mels))
    network = EmbeddingNetwork(smallest_capacity(params), params.als.factors, params.model.se_ratio)
    objective = embedding_objective(torch.ones(len(mels), params.als.factors, device=backend.device))

    def train(epochs: int) -> None:
        optimisation = replace(Optimisation(**settings.model_dump()), epochs=epochs, patience=epochs)
        Trainer(optimisation, backend).fit(network, objective, mels, rows, rows[:2], 0, "measuring")

    train(1)
    begin = time.perf_counter()
    train(3)
    return 3 * len(mels) / (time.perf_counter() - begin)


def time_needed(
    params: Params, clips: Mapping[str, int], logs: LogSize, threads: int, speed: float
) -> dict[str, float]:
    """Estimate seconds by kind of work.

    Parameters
    ----------
    params
        The settings.
    clips
        Items of each corpus.
    logs
        Size of the logs.
    threads
        CPU threads.
    speed
        As of `training_speed`.

    Returns
    -------
    Only what occurs; ``training`` is its upper limit, with no training that stops early.
    """
    passed, fitted = count_probed(params, clips)
    kinds = {
        "starting processes": STAGE * count_stages(params),
        "generating data": GENERATE * to_generate(params) / threads,
        "logs": READ_ROW * logs.rows / threads,
        "ALS": SOLVE * logs.most_non_zeros * params.als.iterations * (2 if params.als.held_out else 1) / threads,
        "audio": sum(clips.values()) * params.audio.seconds / 30 * (DECODE / threads + MEL),
        "training": (
            count_trained(params, clips) * _capacity(params, params.sweep.divisors)
            + count_pilot(params, clips) * _capacity(params, params.pilot.divisors)
        )
        / speed,
        "probing": passed * EVALUATE * _capacity(params, params.probe.divisors) / speed
        + FIT * fitted * sum(params.model.channels / divisor for divisor in params.probe.divisors),
    }
    return {kind: seconds for kind, seconds in kinds.items() if seconds}


def smallest_capacity(params: Params) -> int:
    """Channels of the smallest network."""
    return params.model.channels // max(params.sweep.divisors)


def _capacity(params: Params, divisors: Sequence[int]) -> float:
    """Time that a clip takes at all these capacities, relative to the smallest of the sweep."""
    return float(sum((max(params.sweep.divisors) / divisor) ** GROWTH for divisor in divisors))
