"""How much work a run is: clips, log rows, and passes through networks."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from hearlog.corpora import catalogue
from hearlog.corpora.readers.registry import READERS
from hearlog.logs.files import are_parquet, find_files
from hearlog.logs.formats import FORMATS
from hearlog.logs.unpacked import DAMAGE, open_unpacked, packing
from hearlog.params import Params, Task, synthetic
from hearlog.params.log_blocks import Logs
from hearlog.params.synthetic import is_generated, is_synthetic
from hearlog.probing.representations import SONGS
from hearlog.results.probes import REPRESENTATIONS
from hearlog.transfer.methods import TRAINED
from hearlog.util.errors import InputError

EVALUATE = 1 / 3  # of the time to train on a clip
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
    except (*DAMAGE, pa.ArrowException) as error:
        raise InputError(f"{params.logs.path}: not readable: {error}") from None
    return LogSize(rows, rows // ROWS_A_USER, rows // ROWS_A_SONG)


def _row_bytes(file: Path, settings: Logs) -> float:
    """Bytes that a row takes in the file, packed as it may be: its beginning is packed anew to see how well."""
    with open_unpacked(file) as stream:
        sample = stream.read(LOG_SAMPLE)
    if packed_by := packing(file):
        packed = bz2.compress(sample) if packed_by == "bz2" else zlib.compress(sample)
    else:
        packed = sample
    return max(len(packed), 1) / max(FORMATS[settings.format].count_rows(sample, settings), 1)


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


def count_trained(params: Params, clips: Mapping[str, int]) -> int:
    """Clips that pass through training at one capacity, if no training stops early; those that validate count less."""
    work = trained_songs(params, clips) * params.estimator.training.epochs
    for name, task in params.tasks.items():
        runs = len(TRAINED) * len(params.transfer.seeds) * params.transfer.training.epochs
        work += trained(task, clips.get(name, 0)) * runs
    return round(work)


def passed_by_probes(params: Params, task: str, clips: Mapping[str, int]) -> int:
    """Count the clips that pass through a network without training for the probes of a task at one capacity.

    They pass through the estimator and a random network, which songs normalise.
    """
    return 2 * clips.get(task, 0) + min(SONGS, clips.get("songs", 0))


def fitted_by_probes(params: Params, task: str, clips: Mapping[str, int]) -> float:
    """Count the training clips of all linear models of a task at one capacity."""
    models = len(REPRESENTATIONS) * len(params.probe.strengths)
    return trained(params.tasks[task], clips.get(task, 0)) * models


def trained_songs(params: Params, clips: Mapping[str, int]) -> float:
    """Count the songs that an epoch trains on; those that validate count less."""
    split = params.songs.split
    return clips.get("songs", 0) * (split.train + split.valid * EVALUATE)


def trained(task: Task, clips: int) -> float:
    """Count the clips that an epoch of all folds of a task trains on, of so many; those that validate count less."""
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
