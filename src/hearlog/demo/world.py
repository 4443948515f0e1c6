"""The whole embedded data set: catalogue, audio, logs and six labelled data sets."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from hearlog.demo import catalog, dcase2016, emomusic, extended_ballroom, fma, gtzan, listening
from hearlog.demo.recording import Recording, write
from hearlog.params import Demo


def make(settings: Demo, seed: int, root: Path, workers: int | None = None) -> None:
    """Generate the world below a folder; the same seed gives the same bytes.

    Parameters
    ----------
    settings
        How much of each kind.
    seed
        Of all randomness.
    root
        Folder that gets ``logs``, ``catalog``, ``songs`` and a folder for each labelled data set.
    workers
        Processes; all cores by default.
    """
    seconds = settings.seconds
    recordings, song_ids, pieces = catalog.plan(settings.songs, root, seed, seconds)
    listening.write(settings.listeners, settings.plays, song_ids, pieces, root / "logs", seed)
    recordings += gtzan.plan(settings.gtzan, root / "gtzan", seed, seconds)
    recordings += extended_ballroom.plan(settings.extended_ballroom, root / "extended_ballroom", seed, seconds)
    recordings += emomusic.plan(settings.emomusic, root / "emomusic", seed, seconds)
    recordings += fma.plan(settings.fma, root / "fma", seed, seconds)
    recordings += dcase2016.plan(settings.dcase2016, root / "dcase2016", seed, seconds)
    _write_all(recordings, workers or os.cpu_count() or 1)
    fma.complete(root / "fma")


def _write_all(recordings: list[Recording], workers: int) -> None:
    if workers == 1:
        for recording in tqdm(recordings, desc="synthetic audio", unit="file", disable=None):
            write(recording)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_use_one_thread) as pool:
        written = pool.map(write, recordings, chunksize=8)
        for _ in tqdm(written, desc="synthetic audio", unit="file", total=len(recordings), disable=None):
            pass


def _use_one_thread() -> None:
    """Keep BLAS from starting a thread for each core in each process."""
    threadpool_limits(1)
