"""A fingerprint of the front end: the spectrogram of a known sound."""

from __future__ import annotations

import numpy as np
import torch
from scipy.signal import chirp

from hearlog.audio.crop import find_part
from hearlog.mel.spectrogram import LogMelSpectrogram
from hearlog.util.arrays import FULL_SCALE

CHIRP_RATE = 44_100  # Hz


def fingerprint(sample_rate: int, n_fft: int, hop_length: int, n_mels: int) -> list[float]:
    """Transform one second of a rising tone at 44,100 Hz; return the mean power of each mel band in dB.

    A mean of dB would weigh moments at which a band holds no more than rounding: one sample of the crop that is
    rounded the other way, as another processor does to some, would change it by 0.03 dB, and this by 0.0001.

    Parameters
    ----------
    sample_rate
        Sample rate of the crops in Hz.
    n_fft, hop_length, n_mels
        As in `hearlog.mel.spectrogram.LogMelSpectrogram`.
    """
    seconds = np.arange(CHIRP_RATE) / CHIRP_RATE
    tone = (0.5 * chirp(seconds, 20, 1, 20_000, "logarithmic")).astype(np.float32)
    crop = find_part(CHIRP_RATE, CHIRP_RATE, sample_rate, 1.0).crop(tone)
    transform = LogMelSpectrogram(sample_rate, n_fft, hop_length, n_mels)
    with torch.inference_mode():
        spectrogram = transform(torch.from_numpy(crop.astype(np.float32) / FULL_SCALE))
    power = torch.pow(10, spectrogram.double() / 10).mean(dim=1)
    return [round(level, 4) for level in (10 * torch.log10(power)).tolist()]
