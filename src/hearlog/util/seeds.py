"""Random seeds derived from one, so that weights, order and folds never share a stream."""

from __future__ import annotations

import zlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """Derive an independent 63-bit seed from ``seed`` and the names of what it is for."""
    words = [zlib.crc32(str(name).encode()) for name in names]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1, np.uint64)[0] >> 1)
