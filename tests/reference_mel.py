"""The log-mel spectrogram, written out from the definitions."""

import numpy as np


def slaney_mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """Slaney's Auditory Toolbox: linear to 1 kHz (15 mel), then logarithmic, 27 mel to a factor of 6.4."""
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))


def reference_log_mel(samples: np.ndarray, frame: int, n_mels: int = 96) -> np.ndarray:
    """One frame of the log-mel spectrogram, written out from the definitions."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    padded = np.concatenate([np.zeros(68), samples, np.zeros(69)])
    power = np.abs(np.fft.rfft(padded[frame * 375 : frame * 375 + 512] * window)) ** 2
    top = 15 + 27 * np.log(8) / np.log(6.4)
    edges = slaney_mel_to_hz(np.linspace(0, top, n_mels + 2))
    bins = np.arange(257) * 16000 / 512
    bands = []
    for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
        triangle = np.clip(np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)), 0, None)
        bands.append(power @ triangle * 2 / (high - low))
    return 10 * np.log10(np.maximum(bands, 1e-10))
