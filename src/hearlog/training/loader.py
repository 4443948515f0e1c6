"""Batches of spectrograms, read ahead of the training step that needs them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from hearlog.runtime.backend import Backend
from hearlog.util.errors import InputError

_WINDOW = 128  # clips that are read together, in the order of the file: disks read it faster than in random order


def batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut rows into batches of at most ``size``, as equal as can be: batch statistics never rest on a lone clip."""
    return np.array_split(rows, math.ceil(len(rows) / size)) if len(rows) else []


def cut(clips: int, parts: int, processes: int) -> list[np.ndarray]:
    """Cut a batch into ``parts`` that are computed one after another, fewer if a process had a lone clip in one.

    Parameters
    ----------
    clips
        Size of the batch.
    parts, processes
        Parts asked for, and processes among which each is shared.

    Returns
    -------
    Places in the batch, from 0, of each part.

    Raises
    ------
    InputError
        If there are fewer clips than processes.
    """
    if clips < processes:
        raise InputError(f"a batch of {clips} clips is too small for {processes} processes: lower runtime.devices")
    return np.array_split(np.arange(clips), min(parts, max(clips // (2 * processes), 1)))


def stream(mels: np.ndarray, parts: Sequence[np.ndarray], backend: Backend) -> Iterator[torch.Tensor]:
    """Read batches one after another, always a window ahead, in a thread of its own.

    Parameters
    ----------
    mels
        float16 mel spectrograms of all clips, clips x bands x frames; may be memory-mapped.
    parts
        Rows of each batch.
    backend
        Where they go.

    Yields
    ------
    float32 on the device, clips x bands x frames.
    """
    if not parts:
        return
    together = max(_WINDOW // len(parts[0]), 1)
    windows = [parts[start : start + together] for start in range(0, len(parts), together)]
    with ThreadPoolExecutor(1, "read") as reader:
        ahead = reader.submit(_read, mels, windows[0], backend)
        for following in [*windows[1:], None]:
            window = ahead.result()
            if following is not None:
                ahead = reader.submit(_read, mels, following, backend)
            for batch in window:
                yield backend.place(batch).float()


def _read(mels: np.ndarray, window: Sequence[np.ndarray], backend: Backend) -> tuple[torch.Tensor, ...]:
    rows = np.concatenate(window)
    order = np.argsort(rows)
    read = np.empty((len(rows), *mels.shape[1:]), mels.dtype)
    for place, row in zip(order.tolist(), rows[order].tolist(), strict=True):
        read[place] = mels[row]
    return backend.pin(torch.from_numpy(read)).split([len(part) for part in window])
