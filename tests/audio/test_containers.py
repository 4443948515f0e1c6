import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from sound_files import RATE, make_sound

from hearlog.audio.crop import UnusableAudioError
from hearlog.audio.decode import read_crop

FORMATS = {"a.wav": "WAV", "a.rf64": "RF64", "a.w64": "W64", "a.aiff": "AIFF", "a.au": "AU", "a.ogg": "OGG"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("containers")
    for name, kind in FORMATS.items():
        soundfile.write(folder / name, make_sound(4), RATE, format=kind)
    soundfile.write(folder / "a.opus", make_sound(4), RATE, format="OGG", subtype="OPUS")
    return folder


def crop(path, content):
    path.write_bytes(content)
    return read_crop(path, RATE, 1.0, 0.5)[0]


@given(st.sampled_from([*FORMATS, "a.opus"]), st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_gives_no_crop(folder, name, share):
    content = (folder / name).read_bytes()
    with pytest.raises(UnusableAudioError, match=r"truncated|unreadable|short"):
        crop(folder / f"cut-{name}", content[: int(share * (len(content) - 10))])


@given(st.sampled_from(["a.ogg", "a.opus"]), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_a_flipped_bit_in_a_page_is_seen(folder, name, share, bit):
    content = bytearray((folder / name).read_bytes())
    content[int(share * len(content))] ^= 1 << bit
    with pytest.raises(UnusableAudioError, match=r"unreadable|truncated"):
        crop(folder / f"flipped-{name}", content)


@pytest.mark.parametrize("name", ["a.ogg", "a.opus", "a.aiff", "a.rf64"])
def test_what_follows_a_whole_file_is_left_alone(folder, name):
    content = (folder / name).read_bytes()
    expected = crop(folder / f"whole-{name}", content)
    for tail in (b"TAG" + bytes(125), b"\0"):
        np.testing.assert_array_equal(crop(folder / f"longer-{name}", content + tail), expected)


def test_bytes_between_pages_are_seen(folder):
    content = (folder / "a.ogg").read_bytes()
    last = content.rindex(b"OggS")
    with pytest.raises(UnusableAudioError, match=f"unreadable: there is no page at byte {last}, but one after it"):
        crop(folder / "gap.ogg", content[:last] + bytes(100) + content[last:])
