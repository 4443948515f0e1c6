import numpy as np
import pytest
import torch

from hearlog.mel.spectrogram import LogMelSpectrogram, compute_mel


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


@pytest.mark.parametrize("frame", [0, 7, 319])
def test_a_frame_equals_its_definition(frame):
    samples = np.random.default_rng(0).normal(0, 0.1, 120000).astype(np.float32)
    mel = LogMelSpectrogram()(torch.from_numpy(samples))[:, frame].numpy()
    assert np.abs(mel - reference_log_mel(samples, frame)).max() < 1e-2


@pytest.mark.parametrize(("seconds", "frames"), [(30, 1280), (7.5, 320), (15, 640)])
def test_frames_are_exactly_samples_by_hop(seconds, frames):
    assert LogMelSpectrogram()(torch.zeros(round(seconds * 16000))).shape == (96, frames)


def test_silence_is_at_the_floor_of_minus_100_db():
    assert torch.all(LogMelSpectrogram()(torch.zeros(120000)) == -100)


def test_the_array_holds_each_crop_in_its_row(tmp_path):
    crops = np.random.default_rng(0).integers(-9000, 9000, (3, 120000)).astype(np.int16)
    transform = LogMelSpectrogram()
    assert compute_mel(crops, transform, tmp_path / "mel.npy") == (3, 96, 320)
    mels = np.load(tmp_path / "mel.npy", mmap_mode="r")
    expected = transform(torch.from_numpy(crops / 32768).float()).numpy()
    assert mels.dtype == np.float16 and np.abs(mels - expected).max() < 0.06
