"""What a studio, a medium and the years do to a recording."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.signal import butter, sosfilt

from hearlog.demo import difficulty


class Studio(NamedTuple):
    """Production of one recording.

    Gains of the low and high shelf in dB, corners of the band in Hz, level of reverberation (0 to 1) and its
    delay scale, noise in dB below full scale, drive of the compressor, and peak after mastering.
    """

    low_gain: float
    high_gain: float
    low_cut: float
    high_cut: float
    reverb: float
    room: float
    noise: float
    compression: float
    peak: float


# The mean of each data set: the label on the shelf says where its recordings come from.
_NEUTRAL = Studio(0.0, 0.0, 30.0, 18000.0, 0.2, 1.0, -75.0, 1.2, 0.8)
STUDIOS = {
    "songs": _NEUTRAL,
    "gtzan": _NEUTRAL._replace(low_gain=-3.0, high_gain=-2.0, high_cut=9000.0, noise=-52.0, peak=0.6),
    "extended_ballroom": _NEUTRAL._replace(high_gain=-3.0, high_cut=10000.0, reverb=0.35, noise=-65.0),
    "emomusic": _NEUTRAL._replace(low_gain=1.0, reverb=0.3, compression=1.6),
    "fma": _NEUTRAL._replace(high_gain=1.5, reverb=0.4, room=1.4, noise=-58.0, compression=2.0),
}
_SPREADS = Studio(3.0, 3.0, 0.4, 0.15, 0.12, 0.25, 7.0, 0.5, 0.1)


def draw(studio: str, age: float, rng: np.random.Generator) -> Studio:
    """Draw the production of a recording.

    Parameters
    ----------
    studio
        A key of `STUDIOS`.
    age
        The factor: old recordings have a narrow band and more noise.
    rng
        Source of randomness.
    """
    mean = STUDIOS[studio]
    offset = Studio(*(difficulty.PRODUCTION_SPREAD * rng.normal(0, _SPREADS)))
    old = max(age, 0.0)
    return Studio(
        low_gain=mean.low_gain + offset.low_gain,
        high_gain=mean.high_gain + offset.high_gain,
        low_cut=mean.low_cut * 2 ** (0.9 * old + offset.low_cut),
        high_cut=mean.high_cut * 2 ** (-0.65 * old + offset.high_cut),
        reverb=float(np.clip(mean.reverb + offset.reverb, 0.02, 0.7)),
        room=mean.room * 2**offset.room,
        noise=min(mean.noise + 9 * old + offset.noise, -28.0),
        compression=mean.compression * 2**offset.compression,
        peak=float(np.clip(mean.peak + offset.peak, 0.3, 0.92)),
    )


def master(signal: np.ndarray, studio: Studio, channels: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Turn mid and side into a finished recording.

    Parameters
    ----------
    signal
        float32 (2, samples): mid and side.
    studio
        What to do to it.
    channels
        1 or 2.
    sample_rate
        In Hz.
    rng
        Source of randomness, for the noise.

    Returns
    -------
    float32 (samples, channels), within ``studio.peak``.
    """
    signal = reverberate(signal[:channels], studio.reverb, studio.room, sample_rate)
    if channels == 2:
        signal = np.stack([signal[0] + signal[1], signal[0] - signal[1]])
    signal = sosfilt(_equaliser(studio, sample_rate), signal, axis=1)
    signal /= 4 * np.sqrt(np.mean(signal**2)) + 1e-9
    signal = np.tanh(np.float32(studio.compression) * signal)
    signal += np.float32(10 ** (studio.noise / 20)) * rng.standard_normal(signal.shape, dtype=np.float32)
    return np.ascontiguousarray((signal * np.float32(studio.peak / np.abs(signal).max())).T)


def reverberate(signal: np.ndarray, level: float, room: float, sample_rate: int) -> np.ndarray:
    """Add reverberation: Schroeder's parallel combs (1962), others for each channel of (channels, samples)."""
    delays = np.array([[0.0297, 0.0411], [0.0371, 0.0437]])[: len(signal)]
    wet = [sum(_comb(signal[0], int(d * room * sample_rate), 0.72) for d in pair) for pair in delays]
    return signal + np.float32(0.3 * level) * np.stack(wet)


def _comb(signal: np.ndarray, delay: int, feedback: float) -> np.ndarray:
    """Sum of echoes: y[n] = x[n - delay] + feedback * y[n - delay], block by block."""
    blocks = np.pad(signal, (delay, -len(signal) % delay)).reshape(-1, delay)
    for previous, block in pairwise(blocks):
        block += np.float32(feedback) * previous
    return blocks.ravel()[: len(signal)]


def _equaliser(studio: Studio, sample_rate: int) -> np.ndarray:
    """Two shelves and the band, second-order sections in float32."""
    top = 0.45 * sample_rate
    sections = [
        _shelf(studio.low_gain, 250, sample_rate, high=False),
        _shelf(studio.high_gain, 3000, sample_rate, high=True),
        butter(2, [studio.low_cut, min(studio.high_cut, top)], "bandpass", fs=sample_rate, output="sos"),
    ]
    return np.vstack(sections).astype(np.float32)


def _shelf(gain: float, corner: float, sample_rate: int, high: bool) -> np.ndarray:
    """First-order shelf by the bilinear transform, as one second-order section."""
    k, g = np.tan(np.pi * corner / sample_rate), 10 ** (gain / 20)
    b0, b1 = (g + k, k - g) if high else (1 + g * k, g * k - 1)
    return np.array([[b0 / (1 + k), b1 / (1 + k), 0.0, 1.0, (k - 1) / (1 + k), 0.0]])
