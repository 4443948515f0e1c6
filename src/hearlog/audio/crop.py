"""A crop: a part of a sound as int16, mono, at one sample rate (paper, section 3.1.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from hearlog.audio.resample import MOST_PHASES, resampler
from hearlog.util.arrays import FULL_SCALE


class UnusableAudioError(Exception):
    """A sound that cannot give a crop: ``reason`` is one of few words, ``detail`` says what was seen."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Part:
    """Frames of a sound to take for a crop.

    Attributes
    ----------
    begin, frames
        Those to read, with what the resampler needs beyond both ends.
    skip
        Samples to leave out of what they become.
    source_rate, sample_rate
        Of the sound and of the crop, in Hz.
    length
        Of the crop, in samples.
    """

    begin: int
    frames: int
    skip: int
    source_rate: int
    sample_rate: int
    length: int

    def crop(self, mono: np.ndarray) -> np.ndarray:
        """Turn these frames, float32 in [-1, 1], into the crop: int16, zeros on both sides of what is too short."""
        resample = resampler(self.source_rate, self.sample_rate)[0]
        samples = resample(torch.from_numpy(mono)).numpy()[self.skip : self.skip + self.length]
        before = (self.length - len(samples)) // 2
        crop = np.zeros(self.length, np.int16)
        scaled = np.rint(samples * FULL_SCALE)
        np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1, out=crop[before : before + len(samples)], casting="unsafe")
        return crop


def find_part(frames: int, source_rate: int, sample_rate: int, seconds: float, begin: int | None = None) -> Part:
    """Say which frames a crop takes.

    Parameters
    ----------
    frames
        Of the whole sound.
    source_rate, sample_rate
        Of the sound and of the crop, in Hz.
    seconds
        Length of the crop.
    begin
        Frame with which the crop begins; without, it is the middle of the sound.
    """
    _, margin, skip = resampler(source_rate, sample_rate)
    wanted = min(math.ceil(seconds * source_rate), frames - (begin or 0))
    if begin is None:
        begin = (frames - wanted) // 2
    before, skip = (margin, skip) if begin >= margin else (0, 0)
    end = min(begin + wanted + margin, frames)
    return Part(begin - before, end - begin + before, skip, source_rate, sample_rate, round(seconds * sample_rate))


def check_sound(seconds: float, source_rate: int, sample_rate: int, min_seconds: float) -> None:
    """Raise `UnusableAudioError` for a sound that is too short, or whose rate cannot be resampled.

    Parameters
    ----------
    seconds
        Length of the sound; NaN where it is not known.
    source_rate, sample_rate
        Of the sound and of the crop, in Hz.
    min_seconds
        Shortest sound that is accepted.
    """
    if seconds < min_seconds:
        raise UnusableAudioError("short", f"{seconds:.2f} s, at least {min_seconds:g} s needed")
    if sample_rate // math.gcd(source_rate, sample_rate) > MOST_PHASES:
        raise UnusableAudioError(
            "sample rate", f"{source_rate} Hz has no simple ratio to {sample_rate} Hz: resample it"
        )


def mix(samples: np.ndarray) -> np.ndarray:
    """Mix channels down to one.

    Parameters
    ----------
    samples
        float32, frames x channels.

    Returns
    -------
    float32, (frames,).

    Raises
    ------
    UnusableAudioError
        For samples that are not finite.
    """
    mono: np.ndarray = sum(samples.T[1:], start=samples.T[0]) / np.float32(samples.shape[1])
    if not np.isfinite(mono).all():
        raise UnusableAudioError("not finite", "samples that are NaN or infinite")
    return mono


def refuse_silence(crop: np.ndarray) -> np.ndarray:
    """Return the crop, or raise `UnusableAudioError` if every sample is zero."""
    if not crop.any():
        raise UnusableAudioError("silent", "every sample of the crop, its middle, is zero")
    return crop
