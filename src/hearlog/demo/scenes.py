"""Acoustic scenes: layers of noise and events, no music."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import butter, sosfilt

from hearlog.demo import difficulty
from hearlog.demo.production import reverberate

# Scene: reverberation, pitch of engines in Hz, then the log level of each layer of `_LAYERS`; a dot: absent.
_SCENES = """
                  room pitch  hiss rumble wind waves babble steps clinks birds passby chime beeps keys rails
beach             0.0    60   -1.5   .    -0.5  0.5  -2.0    .     .    -1.0    .      .     .     .    .
bus               0.2    85   -1.5  0.5     .    .   -1.5    .   -2.5     .   -1.5   -1.5    .     .    .
cafe/restaurant   0.4    60   -1.5 -2.0     .    .    0.5  -2.0   0.0     .     .      .   -2.5    .    .
car               0.0   110   -1.0  0.7   -1.5   .   -2.5    .     .      .   -1.0     .     .     .    .
city_center       0.3    70   -1.2 -0.7   -2.0   .   -0.8  -0.5    .   -2.5    0.0     .     .     .    .
forest_path       0.0    60   -1.8   .    -0.5   .     .   -0.3    .     0.0    .      .     .     .    .
grocery_store     0.4   100   -0.7 -1.0     .    .   -0.7  -1.5  -1.5     .     .    -2.0   0.0    .    .
home              0.1    50   -1.2 -1.5     .    .   -1.8  -1.5  -0.8     .     .      .     .   -1.8   .
library           0.5    50   -0.5 -2.0     .    .   -2.2  -1.0    .      .     .      .     .   -1.2   .
metro_station     0.9    75   -1.0 -0.5     .    .   -0.7  -0.7    .      .   -0.5    0.0    .     .  -1.0
office            0.1   120   -0.5 -1.5     .    .   -1.8  -1.8    .      .     .      .   -2.5   0.0   .
park              0.0    60   -1.5 -2.0   -1.0   .   -1.3  -1.0    .    -0.2  -1.8     .     .     .    .
residential_area  0.1    65   -1.3 -1.5   -1.0   .   -2.0  -1.2    .    -0.8  -0.3     .     .     .    .
train             0.1    55   -0.8  0.3     .    .   -1.2    .   -2.5     .     .    -2.0    .     .   0.0
tram              0.2    95   -1.0  0.2     .    .   -1.0    .     .      .   -1.8   -1.2    .     .  -0.7
"""
_LOUDNESS = 0.05


class Scene(NamedTuple):
    """One recording place: reverberation, pitch of its engines in Hz, and the level of each layer."""

    room: float
    pitch: float
    levels: dict[str, float]


def _parse() -> dict[str, tuple[float, float, dict[str, float]]]:
    header, *rows = (line.split() for line in _SCENES.strip().splitlines())
    return {
        name: (
            float(room),
            float(pitch),
            {k: float(v) for k, v in zip(header[2:], levels, strict=True) if v != "."},
        )
        for name, room, pitch, *levels in rows
    }


SCENES = _parse()


def draw(label: str, rng: np.random.Generator) -> Scene:
    """Draw the place of one recording.

    Parameters
    ----------
    label
        A key of `SCENES`.
    rng
        Source of randomness.
    """
    room, pitch, levels = SCENES[label]
    spread = difficulty.SCENE_SPREAD
    drawn = {name: float(np.exp(level + rng.normal(0, spread))) for name, level in levels.items()}
    return Scene(max(0.0, room + rng.normal(0, 0.12)), pitch * 2 ** rng.normal(0, 0.3), drawn)


def render(scene: Scene, seconds: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Render a stereo segment of a recording.

    Parameters
    ----------
    scene
        The place.
    seconds
        Length of the segment.
    sample_rate
        In Hz.
    rng
        Source of randomness.

    Returns
    -------
    float32 (samples, 2).
    """
    samples = int(seconds * sample_rate)
    stereo = np.zeros((2, samples), np.float32)
    for name, level in scene.levels.items():
        pan = rng.uniform(0.2, 0.8)
        layer = _LAYERS[name](samples, sample_rate, scene.pitch, rng)
        stereo += np.float32(level) * np.array([[1 - pan], [pan]], np.float32) * layer
    stereo = reverberate(stereo, 2 * scene.room, 1.3, sample_rate)
    # Microphones are not levelled: loudness is a cue, and a weak one.
    gain = _LOUDNESS * 2 ** rng.normal(0, 0.5) / (np.sqrt(np.mean(stereo**2)) + 1e-9)
    return np.ascontiguousarray(np.tanh(np.float32(gain) * stereo).T)


def _band(low: float, high: float, samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit power in a band."""
    band = [low, min(high, 0.45 * sample_rate)]
    sos = butter(1, band, "bandpass", fs=sample_rate, output="sos").astype(np.float32)
    noise = sosfilt(sos, rng.standard_normal(samples, dtype=np.float32))
    return noise / (np.sqrt(np.mean(noise**2)) + 1e-9)


def _swell(rate: float, samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Random envelope between 0 and 1 that changes about ``rate`` times a second."""
    knots = rng.random(int(samples / sample_rate * rate) + 3)
    return np.interp(np.arange(samples) * (rate / sample_rate), np.arange(len(knots)), knots).astype(np.float32)


def _scatter(
    sound: np.ndarray, onsets: np.ndarray, samples: int, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Repeat an event at the onsets, in seconds, each with its own level."""
    track = np.zeros(samples + len(sound), np.float32)
    for start in (onsets * sample_rate).astype(int):
        if 0 <= start < samples:
            track[start : start + len(sound)] += np.float32(rng.uniform(0.4, 1.0)) * sound
    return track[:samples]


def _ring(partials: list[float], decay: float, sample_rate: int) -> np.ndarray:
    time = np.arange(int(5 * decay * sample_rate)) / sample_rate
    waves = np.sin(2 * np.pi * np.array(partials)[:, None] * time).sum(axis=0)
    return (3 * waves / len(partials) * np.exp(-time / decay)).astype(np.float32)


def _click(low: float, high: float, decay: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    samples = int(5 * decay * sample_rate)
    envelope = np.exp(np.arange(samples, dtype=np.float32) / np.float32(-decay * sample_rate))
    return 4 * _band(low, high, samples, sample_rate, rng) * envelope


def _random_onsets(rate: float, samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    seconds = samples / sample_rate
    return rng.uniform(0, seconds, rng.poisson(rate * seconds))


def _hiss(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    return _band(200, 7000, samples, sample_rate, rng)


def _rumble(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Engine or ventilation: low noise and a wavering hum."""
    wobble = np.cumsum(1 + 0.04 * (_swell(0.7, samples, sample_rate, rng) - 0.5)) * (2 * np.pi * pitch / sample_rate)
    hum = sum(np.sin(k * wobble).astype(np.float32) / k for k in (1, 2, 3, 5))
    return _band(30, 160, samples, sample_rate, rng) + 0.7 * hum


def _wind(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    return 1.6 * _band(40, 500, samples, sample_rate, rng) * _swell(0.8, samples, sample_rate, rng) ** 2


def _waves(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    phase = 2 * np.pi * (np.arange(samples) / sample_rate * rng.uniform(0.12, 0.3) + rng.random())
    breakers = (0.15 + np.sin(phase / 2) ** 6).astype(np.float32)
    return 1.5 * _band(120, 4000, samples, sample_rate, rng) * breakers


def _babble(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Several voices at once: noise in formants, each with syllables of its own."""
    formants = ((150, 300), (400, 800), (1000, 1800), (2200, 3000))
    voices = [
        _band(low, high, samples, sample_rate, rng) * _swell(rng.uniform(4, 7), samples, sample_rate, rng) ** 3
        for low, high in formants
    ]
    return np.sum([v * w for v, w in zip(voices, (1.0, 1.6, 0.9, 0.4), strict=True)], axis=0)


def _steps(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    pace = rng.uniform(0.48, 0.65)
    onsets = np.arange(rng.uniform(0, pace), samples / sample_rate, pace)
    sound = _click(100, rng.uniform(800, 3000), 0.03, sample_rate, rng)
    return _scatter(sound, onsets + rng.normal(0, 0.015, len(onsets)), samples, sample_rate, rng)


def _clinks(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    sound = _ring(list(rng.uniform(2500, 7500, 4)), 0.06, sample_rate)
    return _scatter(sound, _random_onsets(2.0, samples, sample_rate, rng), samples, sample_rate, rng)


def _birds(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Phrases of a few chirps, each a falling or rising whistle."""
    time = np.arange(int(0.09 * sample_rate)) / sample_rate
    low, slope = rng.uniform(2800, 4800), rng.uniform(-15000, 15000)
    chirp = np.sin(2 * np.pi * (low * time + slope / 2 * time**2)) * np.sin(np.pi * time / 0.09)
    phrases = _random_onsets(0.7, samples, sample_rate, rng)
    onsets = (phrases[:, None] + np.arange(5) * rng.uniform(0.11, 0.2)).ravel()
    return _scatter((2 * chirp).astype(np.float32), onsets, samples, sample_rate, rng)


def _passby(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Vehicles that come and go."""
    seconds = np.arange(samples, dtype=np.float32) / sample_rate
    envelope = np.full(samples, 0.05, np.float32)
    for moment in rng.uniform(0, seconds[-1], 1 + rng.poisson(1.0)):
        envelope += np.exp(-0.5 * ((seconds - moment) / rng.uniform(0.6, 1.4)) ** 2)
    return 1.5 * _band(60, 1200, samples, sample_rate, rng) * envelope


def _chime(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Three falling bells before an announcement."""
    onset, track = rng.uniform(0, 0.7 * samples / sample_rate), np.zeros(samples, np.float32)
    for k, frequency in enumerate((880.0, 698.5, 587.3)):
        sound = _ring([frequency, 2.01 * frequency], 0.35, sample_rate)
        track += _scatter(sound, np.array([onset + 0.4 * k]), samples, sample_rate, rng)
    return track


def _beeps(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(int(0.09 * sample_rate)) / sample_rate
    beep = 1.5 * np.sin(2 * np.pi * rng.uniform(900, 2200) * time).astype(np.float32)
    return _scatter(beep, _random_onsets(0.9, samples, sample_rate, rng), samples, sample_rate, rng)


def _keys(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    sound = _click(1500, 6000, 0.006, sample_rate, rng)
    return _scatter(sound, _random_onsets(5.0, samples, sample_rate, rng), samples, sample_rate, rng)


def _rails(samples: int, sample_rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Wheels over joints, in pairs."""
    joint = rng.uniform(0.7, 1.4)
    onsets = np.arange(rng.uniform(0, joint), samples / sample_rate, joint)
    pairs = np.concatenate([onsets, onsets + 0.14])
    return _scatter(_click(80, 900, 0.05, sample_rate, rng), pairs, samples, sample_rate, rng)


_LAYERS = {
    "hiss": _hiss,
    "rumble": _rumble,
    "wind": _wind,
    "waves": _waves,
    "babble": _babble,
    "steps": _steps,
    "clinks": _clinks,
    "birds": _birds,
    "passby": _passby,
    "chime": _chime,
    "beeps": _beeps,
    "keys": _keys,
    "rails": _rails,
}
