"""From a sound to the spectrogram that a network takes: the front end, which belongs to a model as its weights do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hearlog.audio.crop import check_sound, find_part, mix, refuse_silence
from hearlog.audio.decode import read_crop, read_sound
from hearlog.mel.fingerprint import fingerprint
from hearlog.mel.spectrogram import LogMelSpectrogram
from hearlog.model.folder import CONFIG, Crop, ModelConfig
from hearlog.params.blocks import Mel
from hearlog.util.arrays import FULL_SCALE
from hearlog.util.errors import InputError

TOLERANCE = 0.01  # dB


class FrontEnd:
    """Crops, resamples and transforms sounds as the pipeline does, its rounding to int16 and float16 included.

    Parameters
    ----------
    audio, mel
        Settings of the model.
    """

    def __init__(self, audio: Crop, mel: Mel) -> None:
        self.audio = audio
        self.transform = LogMelSpectrogram(audio.sample_rate, **mel.model_dump())

    def read(self, path: Path) -> np.ndarray:
        """Transform the middle of a file: float16, mel bands x frames, in dB.

        Raises
        ------
        UnusableAudioError
            As `hearlog.audio.decode.read_crop`.
        """
        crop, _ = read_crop(path, self.audio.sample_rate, self.audio.seconds, self.audio.min_seconds)
        return self.spectrogram(crop)

    def take(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """Transform the middle of an array as `read` does that of a file with these samples.

        Parameters
        ----------
        samples
            (frames,) or (frames, channels); float in [-1, 1], or int16.
        sample_rate
            Of the samples, in Hz.

        Raises
        ------
        UnusableAudioError
            As `read`.
        InputError
            For an array that holds no sound.
        """
        return self.spectrogram(refuse_silence(self._crop(self._mono(samples, sample_rate), sample_rate)))

    def read_windows(self, path: Path, hop: float) -> tuple[np.ndarray, np.ndarray]:
        """Transform a whole file, window by window.

        Parameters
        ----------
        path
            Of the file.
        hop
            Seconds from the beginning of a window to that of the next.

        Returns
        -------
        Seconds at which the windows begin, float64, and their spectrograms, float16, windows x mel bands x frames.
        Windows are as long as the model's crops, and end within the sound; a sound shorter than one is padded as a
        crop is.

        Raises
        ------
        UnusableAudioError
            As `read`; a part of the sound may be silent, but not all.
        """
        mono, info = read_sound(path, self.audio.sample_rate, self.audio.min_seconds)
        refuse_silence(mono)
        return self._windows(mono, info.sample_rate, hop)

    def take_windows(self, samples: np.ndarray, sample_rate: int, hop: float) -> tuple[np.ndarray, np.ndarray]:
        """Transform an array, window by window, as `read_windows` does a file."""
        mono = self._mono(samples, sample_rate)
        refuse_silence(mono)
        return self._windows(mono, sample_rate, hop)

    def spectrogram(self, crop: np.ndarray) -> np.ndarray:
        """Transform a crop, int16: float16, mel bands x frames, in dB."""
        with torch.inference_mode():
            mel = self.transform(torch.from_numpy(crop.astype(np.float32) / FULL_SCALE))
        return mel.numpy().astype(np.float16)

    def _mono(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        known = samples.dtype.kind == "f" or samples.dtype == np.int16
        if not known or samples.ndim not in (1, 2) or not samples.size:
            raise InputError(
                f"samples of shape {samples.shape} and type {samples.dtype}: give (frames,) or (frames, channels), "
                "float in [-1, 1] or int16"
            )
        scale = FULL_SCALE if samples.dtype == np.int16 else 1
        frames = (samples.astype(np.float32, copy=False) / np.float32(scale)).reshape(len(samples), -1)
        check_sound(len(frames) / sample_rate, sample_rate, self.audio.sample_rate, self.audio.min_seconds)
        return mix(frames)

    def _windows(self, mono: np.ndarray, sample_rate: int, hop: float) -> tuple[np.ndarray, np.ndarray]:
        rest = len(mono) / sample_rate - self.audio.seconds
        begins = [None] if rest < 0 else [round(i * hop * sample_rate) for i in range(int(rest / hop) + 1)]
        starts = np.array([(begin or 0) / sample_rate for begin in begins])
        return starts, np.stack([self.spectrogram(self._crop(mono, sample_rate, begin)) for begin in begins])

    def _crop(self, mono: np.ndarray, sample_rate: int, begin: int | None = None) -> np.ndarray:
        part = find_part(len(mono), sample_rate, self.audio.sample_rate, self.audio.seconds, begin)
        return part.crop(mono[part.begin : part.begin + part.frames])


def open_front_end(config: ModelConfig, folder: Path) -> FrontEnd:
    """Make the front end of the model in a folder.

    Raises
    ------
    InputError
        If this installation makes other spectrograms than the one that trained the model.
    """
    here = fingerprint(config.audio.sample_rate, **config.mel.model_dump())
    if len(here) != len(config.front_end):
        raise InputError(f"{folder / CONFIG}: front_end has {len(config.front_end)} numbers, mel.n_mels is {len(here)}")
    worst = float(np.abs(np.subtract(here, config.front_end)).max())
    if not worst <= TOLERANCE:
        trained = ", ".join(f"{name} {version}" for name, version in config.versions.items())
        raise InputError(
            f"{folder}: the spectrogram of a test sound differs by {worst:.3g} dB from that of the training "
            f"({trained}), so features would mean something else: the model's {CONFIG} was changed, "
            "or its versions are needed"
        )
    return FrontEnd(config.audio, config.mel)
