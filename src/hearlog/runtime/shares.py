"""Equal shares of a machine's cores and GPUs, for processes that run at the same time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

BINDS = hasattr(os, "sched_setaffinity")  # whether processes can be bound to cores: Linux, not macOS


class Share(NamedTuple):
    """What one of several processes uses of the machine.

    ``cores`` is what it is to be bound to, where the operating system does that. ``environment`` has the variables that
    give it a GPU and, where processes are not bound, a number of threads.
    """

    cores: list[int]
    environment: dict[str, str]


def share_of(number: int, count: int, gpus: Sequence[str]) -> Share:
    """Return share number ``number`` (from 0) of ``count``.

    With more shares than cores, several have the same one. ``gpus`` are given in turn; none leaves all to every share.
    """
    cores = sorted(os.sched_getaffinity(0)) if BINDS else list(range(os.cpu_count() or 1))
    first, last = (each * len(cores) // count for each in (number, number + 1))
    own = cores[first:last] or [cores[first]]
    environment = {"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} if gpus else {}
    if not BINDS:
        environment["OMP_NUM_THREADS"] = str(len(own))
    return Share(own, environment)


def bind(share: Share) -> None:
    """Bind this process, and those that it starts from now on, to the cores of a share, and set its variables."""
    os.environ.update(share.environment)
    if BINDS:
        os.sched_setaffinity(0, share.cores)
