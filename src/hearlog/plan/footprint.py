"""What the stages take of memory and disk, by formulas whose constants were measured."""

from __future__ import annotations

import configparser
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from hearlog.als.memory import reckon
from hearlog.corpora.corpus import Corpus
from hearlog.params import Params
from hearlog.plan.workload import LogSize, generated_files, to_generate
from hearlog.training.inference import evaluation_batch

UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}  # as DuckDB reads them

# Bytes of resident memory of a process that has only imported what it needs.
PROCESS, TORCH_PROCESS = 200_000_000, 600_000_000
# Ingestion of 100 million rows under a limit of 1 GB: 1.35 GB in memory, of which 0.5 GB are mapped files (python -m
# benchmarks.logs). Rows of text are staged as they are: 34 bytes each with ids of 8 and 18.
ROW, STAGED_ROW = 150, 40
# Cropping 30 s at 44,100 Hz, stereo: 35 MB a thread (96,000 Hz: 90 MB), from 1 to 8 threads.
CROP_SECOND = 1_300_000
# Training in a process of its own, by values of the first block's maps (clips x channels x bands x frames), measured
# with 16 clips of 30 s: bfloat16 1.6, 2.5, 4.2, 7.6 GB with 32, 64, 128, 256 channels, float32 2.5, 4.1, 7.5 GB up to
# 128 (python -m benchmarks.memory). In small parts validation sets the peak: 4.2 GB with 128 channels in float32.
# All of this on a CPU; GPUs were not measured.
TRAINING_PROCESS = 900_000_000
TRAINED_VALUE = {torch.bfloat16: 13, torch.float32: 26}
EVALUATED_VALUE = {torch.bfloat16: 12, torch.float32: 26}
ID = 20  # bytes of a user's or song's name and counts in Parquet
GENERATED_SECOND = 55_000  # bytes of a second of the embedded data set's audio, mean over the formats


def memory(params: Params, logs: LogSize, threads: int, dtype: torch.dtype, device: str = "cpu") -> dict[str, int]:
    """Estimate the bytes that stages take at their peak.

    Parameters
    ----------
    params
        The settings; training is that of the largest capacity.
    logs
        Their size.
    threads
        Files cropped at once.
    dtype
        Type in which the network multiplies: float32 or bfloat16.
    device
        Kind of the device that networks are trained on.

    Returns
    -------
    Bytes of ``log ingestion``, ``ALS``, ``cropping`` and ``training``; the last three without what the operating system
    keeps of files, which it gives up when asked.
    """
    trained = max(-(-run.batch_size // run.accumulate) for run in (params.estimator.training, params.transfer.training))
    values = largest_capacity(params) * params.mel.n_mels * params.frames(params.audio.seconds)
    counts = params.logs.values == "counts"
    als = reckon(
        logs.users, logs.songs, logs.most_non_zeros, params.als.factors, counts, params.als.held_out is not None
    ).own
    return {
        "log ingestion": PROCESS + min(_memory_limit(params), ROW * logs.rows),
        "ALS": TORCH_PROCESS + als,
        "cropping": TORCH_PROCESS + round(threads * CROP_SECOND * params.audio.seconds),
        "training": training_bytes(values, trained, dtype, device),
    }


def training_bytes(values: int, clips: int, dtype: torch.dtype, device: str = "cpu") -> int:
    """Estimate the bytes that training takes at its peak.

    Parameters
    ----------
    values
        In the largest maps of a clip, channels x bands x frames.
    clips
        Of a batch, or of a part of it where gradients are accumulated.
    dtype
        Type in which the network multiplies.
    device
        Kind of the device: on a GPU more clips are evaluated at once.
    """
    largest = max(clips * TRAINED_VALUE[dtype], evaluation_batch(values, device) * EVALUATED_VALUE[dtype])
    return TRAINING_PROCESS + values * largest


def disk(params: Params, clips: Mapping[str, int], logs: LogSize) -> dict[str, int]:
    """Estimate the bytes that a run keeps, each once: tasks of one data set have the same crops, which DVC links.

    Parameters
    ----------
    params
        The settings.
    clips
        Items of each corpus.
    logs
        Their size.

    Returns
    -------
    Bytes by kind; models, predictions and scores are small beside them.
    """
    matrix = _matrix_bytes(params, logs)
    kinds = {
        "crops and spectrograms": sum(_data_sets(params, clips).values()) * clip_bytes(params),
        "matrix and embeddings": matrix + (logs.users + logs.songs) * (4 * params.als.factors + 2 * ID),
        "temporary files of the logs": max(_ingestion_bytes(params, logs), _factorisation_bytes(params, logs)),
        "generated audio": _generated_bytes(params, generated_files(params)),
    }
    return {kind: size for kind, size in kinds.items() if size}


def _matrix_bytes(params: Params, logs: LogSize) -> int:
    return (8 if params.logs.values == "counts" else 4) * logs.most_non_zeros


def _ingestion_bytes(params: Params, logs: LogSize) -> int:
    """Temporary files while logs are read: rows as text and as numbers, and sums of plays."""
    return ((12 if params.logs.columns.plays else 8) + STAGED_ROW) * logs.rows + 8 * logs.most_non_zeros


def _factorisation_bytes(params: Params, logs: LogSize) -> int:
    """Temporary files of the fit, and of the one before it: the part that is not held out, and their transposes."""
    matrix = _matrix_bytes(params, logs)
    transposed = 8 * logs.most_non_zeros if params.als.engine == "spark" else matrix  # Spark reads triplets instead
    if not params.als.held_out:
        return transposed
    return max(transposed, round((1 - params.als.held_out) * (matrix + transposed)))


def _generated_bytes(params: Params, files: int) -> int:
    return round(files * params.demo.seconds * GENERATED_SECOND)


def clip_bytes(params: Params) -> int:
    """Bytes of a crop (int16) and its spectrogram (float16)."""
    return 2 * params.audio.samples + 2 * params.mel.n_mels * params.frames(params.audio.seconds)


def kept(params: Params, clips: Mapping[str, int], corpora: Path) -> int:
    """Bytes of generated audio, and of an earlier run's crops and spectrograms of the shape of the present settings."""
    shapes = ((params.audio.samples,), (params.mel.n_mels, params.frames(params.audio.seconds)))
    total = _generated_bytes(params, generated_files(params) - to_generate(params))
    for name in _data_sets(params, clips):
        corpus = Corpus(corpora / name)
        for path, shape in zip((corpus.crops / "crops.npy", corpus.mel), shapes, strict=True):
            total += _kept_array(path, shape)
    return total


def _kept_array(path: Path, row_shape: tuple[int, ...]) -> int:
    """Bytes of an array with rows of a shape; 0 where it is not there, of other rows, or torn."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception:  # NumPy raises one of many where the header is damaged
        return 0
    return array.nbytes if array.shape[1:] == row_shape else 0


def _data_sets(params: Params, clips: Mapping[str, int]) -> dict[str, int]:
    """Clips of the songs and of each data set, under the name of the first task that uses it."""
    first = {(task.reader, task.path): name for name, task in reversed(params.tasks.items())}
    return {name: clips[name] for name in ("songs", *first.values()) if name in clips}


def free_disk() -> int:
    """Bytes that are free where DVC keeps its cache; another place for it is read from the repository's config."""
    config = configparser.ConfigParser()
    config.read([".dvc/config", ".dvc/config.local"], encoding="utf-8")
    folder = Path(".dvc", config.get("cache", "dir", fallback="cache")).resolve()
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def _memory_limit(params: Params) -> int:
    number, unit = params.runtime.memory_limit[:-2], params.runtime.memory_limit[-2:]
    return round(float(number) * UNITS[unit])


def largest_capacity(params: Params) -> int:
    """Channels of the largest network."""
    return params.model.channels // min(params.sweep.divisors)
