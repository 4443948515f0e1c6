"""Sounds for tests: no two moments are alike, nor two seeds."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
CROP = {"sample_rate": RATE, "seconds": 1.0, "min_seconds": 0.5}


def tone(seconds: float, rate: int = RATE) -> np.ndarray:
    """A sine, (frames,)."""
    return 0.5 * np.sin(np.arange(round(seconds * rate)) / 20)


def make_sound(seconds: float = 9.0, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """A rising tone and noise that comes and goes: float32, (frames,)."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * (random.uniform(100, 500) * time + 150 * time**2))
    noise = 0.05 * random.normal(size=len(time)) * np.sin(2 * np.pi * random.uniform(0.1, 0.4) * time) ** 2
    return (tone + noise).astype(np.float32)


def write_sounds(folder: Path, count: int, seconds: float = 9.0) -> list[Path]:
    """Write wav files of 16 bits, one of each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed:02}.wav" for seed in range(count)]
    for seed, path in enumerate(paths):
        soundfile.write(path, make_sound(seconds, seed=seed), RATE)
    return paths
