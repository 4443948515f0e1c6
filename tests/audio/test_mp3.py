import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from sound_files import make_sound

from hearlog.audio.decode import quiet_decoders
from hearlog.audio.mp3 import count_samples, has_count

RATES = [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]  # MPEG 2.5, 2 and 1
TAG = b"ID3\x03\0\0" + bytes([0, 0, 2, 0]) + bytes(2 << 7)
OLD_TAG = b"TAG" + bytes(125)


def encode(path: Path, rate: int, channels: int, mode: str) -> bytes:
    """Encode a sound; return the file without its first frame, which counts the others."""
    sound = np.tile(make_sound(3.3, rate)[:, None], channels)
    with soundfile.SoundFile(path, "w", rate, channels, format="MP3", bitrate_mode=mode, compression_level=0.5) as file:
        file.write(sound)
    assert has_count(path)
    content = path.read_bytes()
    return content[content.index(content[:2], 4) :]


def decode(path: Path) -> tuple[int, int]:
    """Frames that libsndfile guesses, beyond which it does not read, and those it gives."""
    with quiet_decoders(), soundfile.SoundFile(os.fsencode(path)) as file:
        return file.frames, len(file.read(dtype="float32"))


@pytest.fixture(scope="module")
def bodies(tmp_path_factory) -> list[bytes]:
    path = tmp_path_factory.mktemp("mp3") / "a.mp3"
    return [encode(path, rate, 1 + number % 2, "CONSTANT") for number, rate in enumerate(RATES)]


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE", "AVERAGE"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_frames_are_counted_as_a_decoder_does(tmp_path, rate, channels, mode):
    body = encode(tmp_path / "a.mp3", rate, channels, mode)
    path = tmp_path / "b.mp3"
    for content in (body, TAG + body, body + OLD_TAG):
        path.write_bytes(content)
        guessed, decoded = decode(path)
        assert not has_count(path)
        assert min(count_samples(path), guessed) == decoded


@given(st.data())
def test_damaged_and_cut_files_are_counted_as_a_decoder_does_or_not_at_all(bodies, tmp_path_factory, data):
    body = bytearray(data.draw(st.sampled_from(bodies)))
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=20)):
        body[place] = data.draw(st.integers(0, 255))
    kept = slice(data.draw(st.sampled_from([0, 1000])), len(body) - data.draw(st.integers(0, 2000)))
    path = tmp_path_factory.getbasetemp() / "damaged.mp3"
    path.write_bytes(body[kept])
    counted = count_samples(path)
    if counted is not None:
        guessed, decoded = decode(path)
        assert min(counted, guessed) == decoded


def test_what_only_a_decoder_can_tell_is_not_counted(bodies, tmp_path):
    path = tmp_path / "a.mp3"
    first, second = bodies[0], bodies[-1]
    middle = second.index(second[:2], len(second) // 2)
    others = [
        first + second,
        second[:middle] + bytes(100) + second[middle:],
        second[:-1],
        second + bytes(128),
        second[:36] + b"VBRI" + second[40:],
        TAG,
        b"",
    ]
    for content in others:
        path.write_bytes(content)
        assert count_samples(path) is None
