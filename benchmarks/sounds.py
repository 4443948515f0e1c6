"""Sounds for the benchmarks: computed, so that their true samples are known at every rate."""

from pathlib import Path

import numpy as np
import soundfile


def music_like(number: int, sample_rate: int, seconds: float, channels: int = 1) -> np.ndarray:
    """Make a sound: float32 in [-1, 1], samples x channels, the same for the same number at any sample rate.

    A chord and a sweep to 6 kHz, swelling slowly: below the band that resampling to 16 kHz may cut, so that the sound
    made at 16 kHz is the truth of every resampling.
    """
    random = np.random.default_rng(number)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    swell = 10 ** (random.uniform(-1, 0.05) + 0.5 * np.sin(2 * np.pi * random.uniform(0.05, 0.5) * time))
    signals = []
    for _ in range(channels):
        chord = sum(np.sin(2 * np.pi * pitch * time + random.uniform(0, 6)) for pitch in random.uniform(60, 5500, 6))
        sweep = np.sin(2 * np.pi * (100 + 5900 / 2 * time / seconds) * time)
        signals.append(0.04 * (chord + sweep) * swell)
    return np.stack(signals, axis=1).astype(np.float32)


def write_sound(path: Path, sound: np.ndarray, sample_rate: int) -> None:
    """Encode a sound, samples x channels, in the format of the file's name."""
    with soundfile.SoundFile(path, "w", sample_rate, channels=sound.shape[1]) as file:
        for block in np.array_split(sound, 60):  # libsndfile's ogg encoder crashes on a minute in one call
            file.write(block)
