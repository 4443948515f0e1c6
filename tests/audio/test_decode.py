import errno
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torchaudio.transforms import Resample

from hearlog.audio.crop import UnusableAudioError, find_part, mix
from hearlog.audio.decode import quiet_decoders, read_crop, read_info, read_sound
from hearlog.audio.resample import KAISER_BETA, KERNEL_WIDTH, ROLLOFF, resampler

RATE = 16000
CROP = {"sample_rate": RATE, "seconds": 1.0, "min_seconds": 0.5}


def chirp(seconds: float, rate: int) -> np.ndarray:
    """A tone that rises from 200 Hz by 300 Hz a second: every moment differs from every other."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (200 * time + 150 * time**2))).astype(np.float32)


def middle_of_chirp(seconds: float) -> np.ndarray:
    begin = round((seconds - CROP["seconds"]) / 2 * RATE)
    return chirp(seconds, RATE)[begin : begin + RATE]


def reason_for(path) -> str:
    with pytest.raises(UnusableAudioError) as unusable:
        read_crop(path, **CROP)
    return unusable.value.reason


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
@pytest.mark.parametrize("suffix", ["wav", "flac", "au"])
def test_crop_is_the_exact_middle_at_any_rate_in_lossless_formats(tmp_path, suffix, rate):
    soundfile.write(tmp_path / f"a.{suffix}", chirp(4, rate), rate, subtype="PCM_16")
    crop, info = read_crop(tmp_path / f"a.{suffix}", **CROP)
    assert crop.dtype == np.int16 and crop.shape == (RATE,)
    assert np.abs(crop / 32768 - middle_of_chirp(4)).max() < 5e-4
    assert (info.seconds, info.sample_rate, info.channels) == (4, rate, 1)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_crop_is_the_middle_in_ogg(tmp_path, subtype):
    soundfile.write(tmp_path / "a.ogg", chirp(4, 48000), 48000, subtype=subtype)
    crop, _ = read_crop(tmp_path / "a.ogg", **CROP)
    assert np.corrcoef(crop, middle_of_chirp(4))[0, 1] > 0.99


def announce_more(path, frames: int) -> None:
    """Let the last page of an ogg file count more frames than it holds."""
    content = bytearray(path.read_bytes())
    page = content.rindex(b"OggS")
    count = int.from_bytes(content[page + 6 : page + 14], "little") + frames
    content[page + 6 : page + 14] = count.to_bytes(8, "little")
    content[page + 22 : page + 26] = bytes(4)
    checksum = 0
    for byte in content[page:]:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum >> 31 else 0)) & 0xFFFFFFFF
    content[page + 22 : page + 26] = checksum.to_bytes(4, "little")
    path.write_bytes(content)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_may_hold_a_little_less_than_it_announces_but_not_much(tmp_path, subtype):
    path = tmp_path / "a.ogg"
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * 48000).astype(np.float32)
    soundfile.write(path, noise, 48000, subtype=subtype)
    announce_more(path, 6000)
    assert soundfile.info(path).frames == len(noise) + 6000
    sound, _ = read_sound(path, RATE, 0.5)
    assert len(noise) <= len(sound) < len(noise) + 1000, "what the last block holds beyond"
    crop, _ = read_crop(path, **CROP | {"seconds": 4.0})
    assert crop.any() and not crop[:4000].any() and not crop[-4000:].any()
    announce_more(path, 40000)
    with pytest.raises(UnusableAudioError, match="truncated"):
        read_sound(path, RATE, 0.5)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("suffix", ["flac", "mp3", "ogg", "opus"])
def test_seeking_to_any_place_gives_what_decoding_the_whole_file_gives(tmp_path, suffix, channels):
    random = np.random.default_rng(channels)
    path = tmp_path / f"a.{suffix}"
    opus = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
    for seconds in random.uniform(1, 9, 6):  # and so the middle is anywhere
        soundfile.write(path, random.normal(0, 0.1, (round(seconds * RATE), channels)), RATE, **opus)
        crop, _ = read_crop(path, **CROP)
        whole = mix(soundfile.read(path, dtype="float32", always_2d=True)[0])
        begin = (len(whole) - RATE) // 2
        # libmpg123 rounds otherwise from frame to frame: 6e-8, seen where a sample lies between two whole numbers.
        expected = np.rint(whole[begin : begin + RATE] * 32768)
        assert np.abs(crop - expected).max() <= (suffix == "mp3")
        assert np.mean(crop != expected) < 0.01


def test_16_bit_audio_at_the_target_rate_passes_unchanged(tmp_path):
    samples = np.random.default_rng(0).integers(-32768, 32768, 2 * RATE).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    assert np.array_equal(read_crop(tmp_path / "a.wav", **CROP)[0], samples[RATE // 2 : RATE // 2 + RATE])


def test_resampling_keeps_7_khz_and_removes_what_would_alias(tmp_path):
    time = np.arange(4 * 44100) / 44100
    tones = 0.4 * np.sin(2 * np.pi * 7000 * time) + 0.4 * np.sin(2 * np.pi * 9500 * time)
    soundfile.write(tmp_path / "a.wav", tones, 44100, subtype="FLOAT")
    crop, _ = read_crop(tmp_path / "a.wav", **CROP)
    level = 20 * np.log10(np.abs(np.fft.rfft(crop / 32768)) / (RATE / 2) + 1e-12)  # 1 Hz a bin
    assert abs(level[7000] - 20 * np.log10(0.4)) < 0.1
    assert level[6500] < -80, "9500 Hz would alias to 6500 Hz"


def test_stereo_is_the_mean_of_its_channels(tmp_path):
    left, right = chirp(2, RATE), np.full(2 * RATE, 0.25, np.float32)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE, subtype="PCM_24")
    crop, info = read_crop(tmp_path / "a.wav", **CROP)
    expected = ((left + right) / 2)[RATE // 2 : RATE // 2 + RATE]
    assert info.channels == 2 and np.abs(crop / 32768 - expected).max() < 2 / 32768


def test_a_sample_rate_without_a_simple_ratio_is_rejected_at_once(tmp_path):
    soundfile.write(tmp_path / "a.wav", chirp(2, 44099), 44099)
    assert reason_for(tmp_path / "a.wav") == "sample rate"


def test_a_short_clip_is_padded_equally_on_both_sides(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(12000, 0.5), RATE)
    crop, _ = read_crop(tmp_path / "a.wav", **CROP)
    assert not crop[:2000].any() and not crop[-2000:].any() and crop[2000:-2000].all()


def test_files_that_give_no_crop_say_why(tmp_path):
    soundfile.write(tmp_path / "short.wav", chirp(0.4, RATE), RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(2 * RATE), RATE)
    soundfile.write(tmp_path / "nan.wav", np.full(2 * RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    (tmp_path / "text.mp3").write_text("not audio at all " * 100)
    (tmp_path / "empty.wav").write_bytes(b"")
    assert reason_for(tmp_path / "short.wav") == "short"
    assert reason_for(tmp_path / "silent.wav") == "silent"
    assert reason_for(tmp_path / "nan.wav") == "not finite"
    assert reason_for(tmp_path / "text.mp3") in {"unreadable", "truncated", "short"}
    assert reason_for(tmp_path / "empty.wav") == "unreadable"
    assert reason_for(tmp_path / "absent.wav") == "missing"


@pytest.mark.parametrize("seconds", [2.0, 8.0])
def test_the_middle_of_an_mp3_whose_frames_lean_on_earlier_ones_is_exact(tmp_path, seconds):
    loudness = np.random.default_rng(0).uniform(0, 0.5, round(seconds * 44100 / 500) + 1).repeat(500)
    samples = np.random.default_rng(1).normal(0, 0.3, round(seconds * 44100)) * loudness[: round(seconds * 44100)]
    soundfile.write(tmp_path / "a.mp3", samples, 44100)
    whole, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32")
    part = find_part(len(whole), 44100, RATE, 1.0)
    expected = part.crop(whole[part.begin : part.begin + part.frames])
    with quiet_decoders():
        assert np.abs(read_crop(tmp_path / "a.mp3", **CROP)[0] - expected.astype(int)).max() <= 1
        assert np.array_equal(read_sound(tmp_path / "a.mp3", RATE, 0.5)[0], whole)


@pytest.mark.parametrize("suffix", ["wav", "au", "mp3"])
def test_a_truncated_file_is_never_cropped_off_centre(tmp_path, suffix):
    soundfile.write(tmp_path / f"whole.{suffix}", chirp(8, 44100), 44100)
    content = (tmp_path / f"whole.{suffix}").read_bytes()
    (tmp_path / f"cut.{suffix}").write_bytes(content[: len(content) // 4])
    assert reason_for(tmp_path / f"cut.{suffix}") in {"truncated", "unreadable"}


def test_an_mp3_that_is_corrupt_half_way_is_not_cropped(tmp_path):
    soundfile.write(tmp_path / "a.mp3", chirp(8, 44100), 44100)
    content = bytearray((tmp_path / "a.mp3").read_bytes())
    content[len(content) // 3 :] = bytes(len(content) - len(content) // 3)
    (tmp_path / "a.mp3").write_bytes(content)
    assert reason_for(tmp_path / "a.mp3") in {"truncated", "unreadable", "silent"}


def encode_without_frame_count(path, samples: np.ndarray, rate: int, picture: bool) -> None:
    """Write an mp3 file of constant bit rate without the frame that counts the others; a tag may stand before it."""
    with soundfile.SoundFile(path, "w", rate, 1, format="MP3", bitrate_mode="CONSTANT", compression_level=0.6) as file:
        file.write(samples)
    content = path.read_bytes()
    second_frame = content.index(content[:2], 4)
    assert b"Info" in content[:second_frame]
    tag = b"ID3\x03\0\0" + bytes([0, 2, 0, 0]) + bytes(2 << 14) if picture else b""
    path.write_bytes(tag + content[second_frame:])


@pytest.mark.parametrize("rate", [22050, 44100])
@pytest.mark.parametrize("picture", [False, True])
def test_an_intact_mp3_without_a_frame_count_is_cropped_exactly(tmp_path, rate, picture):
    samples = np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32)
    encode_without_frame_count(tmp_path / "a.mp3", samples, rate, picture)
    whole, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32")
    crop, info = read_crop(tmp_path / "a.mp3", rate, 1.0, 0.5)
    begin = (len(whole) - rate) // 2
    assert info.seconds == len(whole) / rate
    assert np.abs(crop - np.rint(whole[begin : begin + rate] * 32768)).max() <= 1


def test_the_header_tells_what_the_crop_would_without_decoding(tmp_path):
    for suffix in ("wav", "flac", "ogg", "mp3", "au"):
        soundfile.write(tmp_path / f"a.{suffix}", chirp(2, 22050), 22050)
        _, info = read_crop(tmp_path / f"a.{suffix}", **CROP)
        assert read_info(tmp_path / f"a.{suffix}", RATE, 0.5) == info


def without_length(path, samples: np.ndarray) -> None:
    """Write a FLAC file as an encoder does that writes into a pipe: 0 for the number of frames (36 bits)."""
    soundfile.write(path, samples, RATE)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seconds", [0.7, 1.0, 11.0])
def test_a_flac_file_without_its_length_is_cropped_as_one_with_it(tmp_path, seconds, channels):
    samples = np.random.default_rng(0).normal(0, 0.1, (round(seconds * RATE), channels))
    soundfile.write(tmp_path / "a.flac", samples, RATE)
    without_length(tmp_path / "b.flac", samples)
    for rate in (RATE, 22050):
        crop, info = read_crop(tmp_path / "a.flac", rate, 1.0, 0.5)
        streamed, streamed_info = read_crop(tmp_path / "b.flac", rate, 1.0, 0.5)
        assert streamed_info == info and np.array_equal(streamed, crop)


def test_the_header_of_a_flac_file_without_its_length_leaves_it_open(tmp_path):
    without_length(tmp_path / "a.flac", chirp(0.4, RATE))
    info = read_info(tmp_path / "a.flac", RATE, 0.5)
    assert np.isnan(info.seconds) and (info.sample_rate, info.channels) == (RATE, 1)
    assert reason_for(tmp_path / "a.flac") == "short"


def why_unreadable(path) -> str:
    with pytest.raises(UnusableAudioError) as unusable:
        read_crop(path, **CROP)
    assert unusable.value.reason == "unreadable"
    return unusable.value.detail


def test_what_stands_in_place_of_audio_is_named(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "page.mp3").write_text("<html>404 Not Found</html>")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n"
    (tmp_path / "pointer.mp3").write_text(pointer)
    assert why_unreadable(tmp_path / "empty.wav") == "empty file"
    assert why_unreadable(tmp_path / "page.mp3") == "Format not recognised."
    assert why_unreadable(tmp_path / "pointer.mp3") == "a Git LFS pointer, not the file: run `git lfs pull`"


@pytest.mark.parametrize("call", ["stat", "open"])
def test_a_file_or_folder_without_permission_is_unreadable(tmp_path, monkeypatch, call):
    """Simulated, as an administrator may read everything."""
    soundfile.write(tmp_path / "a.wav", chirp(2, RATE), RATE)

    def denied(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, call, denied)
    assert why_unreadable(tmp_path / "a.wav") == "permission denied"


def test_a_name_that_is_too_long_is_unreadable_and_one_that_is_no_name_missing(tmp_path):
    assert why_unreadable(tmp_path / ("a" * 300 + ".wav")) == "file name too long"
    assert reason_for(tmp_path / "a\0.wav") == "missing"


def test_a_name_that_is_not_utf_8_is_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", chirp(2, RATE), RATE)
    other = tmp_path / os.fsdecode(b"\xff.wav")
    (tmp_path / "a.wav").rename(other)
    assert read_crop(other, **CROP)[1].seconds == 2


@pytest.mark.parametrize("rate", [8000, 22050, 32000, 44100, 48000, 96000])
@pytest.mark.parametrize("length", [1, 161, 9999, 48000])
def test_resampling_in_blocks_is_that_of_torchaudio(rate, length):
    mono = torch.rand(length, generator=torch.Generator().manual_seed(0)) * 2 - 1
    ours, _, _ = resampler(rate, 16000)
    theirs = Resample(rate, 16000, "sinc_interp_kaiser", KERNEL_WIDTH, ROLLOFF, KAISER_BETA)
    assert ours(mono).shape == theirs(mono).shape
    assert torch.allclose(ours(mono), theirs(mono), atol=1e-6)
