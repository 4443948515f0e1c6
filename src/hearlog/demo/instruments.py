"""Tones from wavetables and drums from filtered noise, as float32 waveforms."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.signal import butter, sosfilt

TABLE = 2048
# Formants of five vowels in Hz, a male voice (Peterson and Barney 1952, table II).
VOWELS = np.array([[730, 1090, 2440], [530, 1840, 2480], [270, 2290, 3010], [570, 840, 2410], [300, 870, 2240]])


class Instrument(NamedTuple):
    """A tone colour.

    ``rolloff`` is the exponent by which partials fall, ``odd`` the level of the even partials, ``attack``,
    ``decay`` and ``hold`` shape the envelope (seconds, seconds, share that does not decay), ``bite`` is the
    level of the bright onset, ``vibrato`` and ``detune`` are relative deviations of frequency.
    """

    rolloff: float
    odd: float = 1.0
    attack: float = 0.005
    decay: float = 0.5
    hold: float = 0.0
    bite: float = 0.3
    vibrato: float = 0.0
    detune: float = 0.0
    vowel: int | None = None


def spectrum(instrument: Instrument, frequency: float, sample_rate: int) -> np.ndarray:
    """Amplitudes of the partials below 45 % of the sample rate (at most 40), float64."""
    partials = np.arange(1, max(1, min(40, int(0.45 * sample_rate / frequency))) + 1)
    amplitudes = partials**-instrument.rolloff * np.where(partials % 2 == 0, instrument.odd, 1.0)
    if instrument.vowel is not None:
        distance = (partials[:, None] * frequency - VOWELS[instrument.vowel]) / np.array([90, 130, 200])
        amplitudes = amplitudes**0.5 * (np.exp(-0.5 * distance**2) @ [1.0, 0.6, 0.35] + 0.03)
    return amplitudes


def wavetable(amplitudes: np.ndarray) -> np.ndarray:
    """One period of unit power, float32 (TABLE,), with phases that keep the crest low (Schroeder 1970)."""
    partials = np.arange(1, len(amplitudes) + 1)
    phases = -np.pi * partials * (partials - 1) / len(amplitudes)
    coefficients = np.zeros(TABLE // 2 + 1, np.complex128)
    coefficients[1 : len(amplitudes) + 1] = amplitudes * np.exp(1j * phases)
    wave = np.fft.irfft(coefficients)
    return (wave / (np.sqrt(np.mean(wave**2)) + 1e-12)).astype(np.float32)


def tone(instrument: Instrument, frequency: float, seconds: float, sample_rate: int) -> np.ndarray:
    """Render one note.

    Parameters
    ----------
    instrument
        Its tone colour.
    frequency
        Fundamental in Hz.
    seconds
        Length of the note.
    sample_rate
        In Hz.

    Returns
    -------
    float32 (samples,).
    """
    time = np.arange(max(64, int(seconds * sample_rate)), dtype=np.float32) / np.float32(sample_rate)
    table, bright = _tables(instrument, frequency, sample_rate)
    wave = _oscillate(table, frequency, instrument.vibrato, time)
    if instrument.detune:
        wave = 0.7 * (wave + _oscillate(table, frequency * (1 + instrument.detune), 0.0, time))
    wave *= instrument.hold + (1 - instrument.hold) * np.exp(time / np.float32(-instrument.decay))
    if instrument.bite:
        onset = slice(0, int(0.12 * sample_rate))
        wave[onset] += (
            instrument.bite * _oscillate(bright, frequency, 0.0, time[onset]) * np.exp(time[onset] / np.float32(-0.03))
        )
    return _fade(wave, instrument.attack, sample_rate)


def drum(name: str, brightness: float, electronic: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Render one stroke of a drum, float32 (samples,), with a peak near 1.

    ``brightness`` and ``electronic`` are factors of the piece; they move the pitch, length and noise.
    """
    pitch = 2 ** (0.25 * brightness + rng.normal(0, 0.08))
    length = 2 ** (rng.normal(0, 0.15) - 0.15 * electronic)
    if name == "kick":
        return _sweep(52 * pitch, 3.0 + electronic, 0.16 * length, sample_rate)
    if name in PITCHED:
        frequency, seconds = PITCHED[name]
        stroke = _sweep(frequency * pitch, 0.15, seconds * length, sample_rate)
        return stroke + 0.3 * _burst(2000, 6000, 0.01, len(stroke), sample_rate, rng)
    low, high, seconds = NOISES[name]
    samples = int(5 * seconds * length * sample_rate)
    stroke = _burst(low * pitch, high * pitch, seconds * length, samples, sample_rate, rng)
    if name == "snare":
        body = _sweep(185 * pitch, 0.4, 0.06 * length, sample_rate)[:samples]
        stroke[: len(body)] += (0.7 - 0.15 * electronic) * body
    if name == "cowbell":
        time = np.arange(samples) / sample_rate
        squares = np.sign(np.sin(2 * np.pi * 560 * pitch * time)) + np.sign(np.sin(2 * np.pi * 845 * pitch * time))
        stroke = (0.35 * squares * np.exp(-time / (seconds * length))).astype(np.float32)
    return stroke


# Frequency in Hz and decay in seconds.
PITCHED = {"conga": (230, 0.09), "tamborim": (700, 0.03), "castanet": (1500, 0.012)}
# Band in Hz and decay in seconds.
NOISES = {
    "snare": (900, 7000, 0.07),
    "clap": (900, 3500, 0.06),
    "hat": (6000, 12000, 0.022),
    "open": (5500, 12000, 0.09),
    "ride": (4500, 9500, 0.13),
    "shaker": (3500, 9000, 0.028),
    "cowbell": (500, 2500, 0.05),
}


@lru_cache(maxsize=256)
def _tables(instrument: Instrument, frequency: float, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Wavetables of a note's body and of its bright onset."""
    amplitudes = spectrum(instrument, frequency, sample_rate)
    return wavetable(amplitudes), wavetable(amplitudes * np.arange(1, len(amplitudes) + 1) ** 0.8)


def _oscillate(table: np.ndarray, frequency: float, vibrato: float, time: np.ndarray) -> np.ndarray:
    phase = time * np.float32(frequency * TABLE)
    if vibrato:
        phase += np.float32(frequency * TABLE * vibrato / (2 * np.pi * 5.5)) * np.sin(
            np.float32(2 * np.pi * 5.5) * time
        )
    return table[phase.astype(np.int32) & (TABLE - 1)]


def _fade(wave: np.ndarray, attack: float, sample_rate: int) -> np.ndarray:
    rise = min(len(wave) // 2, int(attack * sample_rate) + 1)
    fall = min(len(wave) // 3, int(0.03 * sample_rate))
    wave[:rise] *= _ramp(rise)
    wave[len(wave) - fall :] *= _ramp(fall)[::-1]
    return wave


@lru_cache(maxsize=64)
def _ramp(samples: int) -> np.ndarray:
    return np.linspace(0, 1, samples, dtype=np.float32)


def _sweep(frequency: float, depth: float, decay: float, sample_rate: int) -> np.ndarray:
    """Sine that falls from ``(1 + depth)`` times its frequency, as a struck skin does."""
    time = np.arange(int(4 * decay * sample_rate)) / sample_rate
    phase = 2 * np.pi * frequency * (time + depth * 0.03 * (1 - np.exp(-time / 0.03)))
    return (np.sin(phase) * np.exp(-time / decay)).astype(np.float32)


def _burst(
    low: float, high: float, decay: float, samples: int, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Band-limited noise that dies away."""
    top = 0.49 * sample_rate
    sos = butter(2, [min(low, 0.7 * top), min(high, top)], "bandpass", fs=sample_rate, output="sos")
    noise = sosfilt(sos.astype(np.float32), rng.standard_normal(samples, dtype=np.float32))
    noise *= np.exp(np.arange(samples, dtype=np.float32) / np.float32(-decay * sample_rate))
    return noise / (np.abs(noise).max() + 1e-9)
