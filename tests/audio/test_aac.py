import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from hearlog.audio.aac import NEEDED
from hearlog.audio.crop import UnusableAudioError
from hearlog.audio.decode import read_crop, read_info, read_sound

CROP = {"sample_rate": 16000, "seconds": 1.0, "min_seconds": 0.5}


class Decoder:
    """torchcodec's AudioDecoder for a wav file, whatever its name; the header announces 10 ms less than there is."""

    def __init__(self, path):
        if path.read_bytes()[:4] != b"RIFF":
            raise RuntimeError("SingleStreamDecoder, /src/SingleStreamDecoder.cpp:41, Could not open input file: a.m4a")
        self.samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        frames, channels = self.samples.shape
        about = {"sample_rate": rate, "num_channels": channels}
        self.metadata = SimpleNamespace(**about, duration_seconds_from_header=frames / rate - 0.01)

    def get_all_samples(self):
        if not self.samples.any():
            raise RuntimeError("decode_av_frame, /src/SingleStreamDecoder.cpp:1493, Could not push packet to decoder")
        return SimpleNamespace(data=torch.from_numpy(self.samples.T.copy()))


@pytest.fixture
def torchcodec(monkeypatch):
    decoders = ModuleType("torchcodec.decoders")
    decoders.AudioDecoder = Decoder
    monkeypatch.setitem(sys.modules, "torchcodec", ModuleType("torchcodec"))
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", decoders)


def write(path, samples):
    with path.open("wb") as file:
        soundfile.write(file, samples, 44100, format="WAV")
    return path


@pytest.mark.parametrize("suffix", ["m4a", "M4A", "mp4", "aac"])
def test_what_a_decoder_of_aac_gives_is_cropped_as_other_files_are(tmp_path, torchcodec, suffix):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (3 * 44100 + 7, 2))
    wav, other = write(tmp_path / "a.wav", sound), write(tmp_path / f"b.{suffix}", sound)
    (expected, info), (crop, found) = read_crop(wav, **CROP), read_crop(other, **CROP)
    np.testing.assert_array_equal(crop, expected)
    assert found == info
    np.testing.assert_array_equal(read_sound(other, 16000, 0.5)[0], read_sound(wav, 16000, 0.5)[0])
    assert read_info(other, 16000, 0.5).seconds == pytest.approx(info.seconds - 0.01, abs=1e-4)


@pytest.mark.parametrize(
    ("content", "detail"), [(b"noise", "Could not open input file"), (np.zeros((44100, 2)), "Could not push packet")]
)
def test_files_that_cannot_be_decoded_are_unreadable_in_the_decoders_words(tmp_path, torchcodec, content, detail):
    path = tmp_path / "a.m4a"
    path.write_bytes(content) if isinstance(content, bytes) else write(path, content)
    with pytest.raises(UnusableAudioError, match=f"^unreadable: FFmpeg cannot read it: {detail}"):
        read_crop(path, **CROP)


def test_without_torchcodec_it_is_said_what_m4a_needs(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", None)
    for read in (read_info, read_sound):
        with pytest.raises(UnusableAudioError) as unusable:
            read(write(tmp_path / "a.m4a", np.ones((44100, 2))), 16000, 0.5)
        assert (unusable.value.reason, unusable.value.detail) == ("unreadable", NEEDED)
