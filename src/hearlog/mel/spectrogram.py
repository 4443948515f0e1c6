"""Mel spectrograms: the network's front end (paper, sections 3.1.2 and 3.1.3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torchaudio.transforms import MelSpectrogram
from tqdm import tqdm

from hearlog.util.arrays import FULL_SCALE, RowWriter

FLOOR = 1e-10


class LogMelSpectrogram(torch.nn.Module):
    """Power mel spectrogram in dB, with exactly ``samples / hop_length`` frames.

    Slaney's mel scale and area normalisation; ``10 * log10`` with a floor of 1e-10 (-100 dB). The signal is
    padded with zeros so that frame i is centred on hop i: 30 s at 16 kHz make 1280 frames, where a
    centred transform makes 1281 and an unpadded one 1279.

    Parameters
    ----------
    sample_rate
        In Hz.
    n_fft, hop_length
        In samples.
    n_mels
        Number of mel bands.
    """

    def __init__(self, sample_rate: int = 16000, n_fft: int = 512, hop_length: int = 375, n_mels: int = 96) -> None:
        super().__init__()
        self.padding = ((n_fft - hop_length) // 2, n_fft - hop_length - (n_fft - hop_length) // 2)
        self.mel = MelSpectrogram(
            sample_rate, n_fft, hop_length=hop_length, n_mels=n_mels, norm="slaney", mel_scale="slaney", center=False
        )

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Transform ``(..., samples)`` float32 in [-1, 1] to ``(..., n_mels, frames)`` in dB."""
        power = self.mel(torch.nn.functional.pad(samples, self.padding))
        return 10 * torch.log10(power.clamp(min=FLOOR))


@torch.inference_mode()
def compute_mel(crops: np.ndarray, transform: LogMelSpectrogram, out: Path) -> tuple[int, ...]:
    """Transform crops to mel spectrograms, one at a time, into one array on disk.

    Parameters
    ----------
    crops
        int16, clips x samples.
    transform
        The front end.
    out
        Path of the float16 array to write, clips x mel bands x frames, in dB.

    Returns
    -------
    Shape of the array.
    """
    shape = transform(torch.zeros(crops.shape[1])).shape
    with RowWriter(out, shape, np.float16) as mels:
        for crop in tqdm(crops, "mel", unit="clip", disable=None):
            mels.append(transform(torch.from_numpy(crop.astype(np.float32) / FULL_SCALE)).numpy())
    return len(crops), *shape
