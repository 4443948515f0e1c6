import numpy as np
import pytest
import torch
from reference_mel import reference_log_mel

from hearlog.mel.spectrogram import LogMelSpectrogram, compute_mel


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
