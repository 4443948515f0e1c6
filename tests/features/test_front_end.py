"""The front end: what it makes of a known sound, of windows, and of what is no sound."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from model_world import AUDIO, MEL
from reference_mel import reference_log_mel
from scipy.special import i0
from sound_files import RATE, make_sound

from hearlog.audio.crop import UnusableAudioError
from hearlog.audio.resample import KAISER_BETA, KERNEL_WIDTH, ROLLOFF
from hearlog.features.front_end import TOLERANCE, FrontEnd
from hearlog.mel.fingerprint import CHIRP_RATE, fingerprint
from hearlog.util.errors import InputError


@pytest.fixture(scope="module")
def front_end() -> FrontEnd:
    return FrontEnd(AUDIO, MEL)


@pytest.fixture(scope="module")
def song(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sounds") / "song.flac"
    soundfile.write(path, make_sound(10, 44100), 44100)
    return path


def reference_resample(samples: np.ndarray, source_rate: int, rate: int) -> np.ndarray:
    """Every output sample as the sum over the input that windowed-sinc interpolation is defined by."""
    cutoff = ROLLOFF * min(source_rate, rate)
    centres = np.arange(len(samples) * rate // source_rate) / rate
    reach = int(KERNEL_WIDTH / cutoff * source_rate) + 1
    taps = np.rint(centres * source_rate).astype(int)[:, None] + np.arange(-reach, reach + 1)
    time = (taps / source_rate - centres[:, None]) * cutoff
    window = i0(KAISER_BETA * np.sqrt(np.clip(1 - (time / KERNEL_WIDTH) ** 2, 0, None))) / i0(KAISER_BETA)
    heard = np.where((taps >= 0) & (taps < len(samples)), samples[np.clip(taps, 0, len(samples) - 1)], 0)
    return (heard * np.sinc(time) * window * (np.abs(time) < KERNEL_WIDTH)).sum(axis=1) * cutoff / source_rate


def test_the_fingerprint_is_what_the_definitions_give():
    time = np.arange(CHIRP_RATE) / CHIRP_RATE
    tone = 0.5 * np.cos(2 * np.pi * 20 / np.log(1000) * (1000**time - 1))  # 20 Hz to 20 kHz, by a factor each moment
    crop = np.rint(reference_resample(tone, CHIRP_RATE, RATE) * 32768) / 32768
    frames = np.array([reference_log_mel(crop, frame) for frame in range(len(crop) // MEL.hop_length)])
    expected = 10 * np.log10(np.mean(10 ** (frames / 10), axis=0))
    assert np.abs(expected - fingerprint(AUDIO.sample_rate, **MEL.model_dump())).max() < 2e-3


@pytest.mark.parametrize("change", [{"n_fft": 511}, {"hop_length": 374}])
def test_the_fingerprint_tells_settings_apart(change):
    other = fingerprint(AUDIO.sample_rate, **MEL.model_copy(update=change).model_dump())
    assert np.abs(np.subtract(fingerprint(AUDIO.sample_rate, **MEL.model_dump()), other)).max() > 10 * TOLERANCE


@pytest.mark.filterwarnings("ignore:TF32 acceleration")
def test_the_fingerprint_is_that_of_kernels_which_round_otherwise():
    with torch.backends.mkldnn.flags(enabled=False):
        other = fingerprint(AUDIO.sample_rate, **MEL.model_dump())
    assert np.abs(np.subtract(fingerprint(AUDIO.sample_rate, **MEL.model_dump()), other)).max() < TOLERANCE / 10


def test_windows_begin_a_hop_apart_and_end_within_the_sound(front_end, song):
    starts, mels = front_end.read_windows(song, 0.7)  # 2.5 s more than a window
    assert np.allclose(starts, [0, 0.7, 1.4, 2.1])
    assert mels.shape == (4, 96, 320) and mels.dtype == np.float16


def test_a_window_is_the_crop_of_that_part(front_end):
    sound = make_sound(10)
    starts, mels = front_end.take_windows(sound, RATE, 1.25)
    assert starts.tolist() == [0, 1.25, 2.5]
    for start, mel in zip(starts, mels, strict=True):
        begin = round(start * RATE)
        assert np.array_equal(mel, front_end.take(sound[begin : begin + round(AUDIO.seconds * RATE)], RATE))


def test_the_window_in_the_middle_is_the_crop_at_other_rates_too(front_end, song):
    _, mels = front_end.read_windows(song, 1.25)
    assert np.array_equal(mels[1], front_end.read(song))


def test_a_sound_shorter_than_a_window_is_one_padded_as_a_crop_is(front_end):
    sound = make_sound(3)
    starts, mels = front_end.take_windows(sound, RATE, 0.5)
    assert starts.tolist() == [0]
    assert np.array_equal(mels[0], front_end.take(sound, RATE))
    padded = np.pad(sound, round((AUDIO.seconds - 3) / 2 * RATE))
    assert np.array_equal(mels[0], front_end.take(padded, RATE))


def test_a_sound_as_long_as_a_window_has_one(front_end):
    sound = make_sound(AUDIO.seconds)
    starts, mels = front_end.take_windows(sound, RATE, 0.5)
    assert starts.tolist() == [0] and np.array_equal(mels[0], front_end.take(sound, RATE))


def test_a_file_is_heard_as_the_array_of_its_samples(front_end, song):
    samples, rate = soundfile.read(song, dtype="float32")
    assert np.array_equal(front_end.read(song), front_end.take(samples, rate))
    assert np.array_equal(front_end.read_windows(song, 1)[1], front_end.take_windows(samples, rate, 1)[1])


def test_arrays_of_int16_and_of_floats_of_any_width_are_heard_alike(front_end):
    coarse = np.rint(make_sound() * 32768).astype(np.int16)
    heard = front_end.take(coarse, RATE)
    assert np.array_equal(heard, front_end.take(coarse / np.float32(32768), RATE))
    assert np.array_equal(heard, front_end.take(coarse / np.float64(32768), RATE))


def test_stereo_is_heard_as_the_mean_of_its_channels(front_end):
    stereo = np.stack([make_sound(), make_sound(seed=1)], axis=1)
    assert np.array_equal(front_end.take(stereo, RATE), front_end.take(stereo @ np.float32([0.5, 0.5]), RATE))
    assert not np.array_equal(front_end.take(stereo, RATE), front_end.take(stereo[:, 0], RATE))


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(9 * RATE, np.float32), "silent"),
        (np.full(9 * RATE, 1e-6, np.float32), "silent"),  # less than half a step of 16 bits
        (np.full(9 * RATE, np.nan, np.float32), "not finite"),
        (np.full(9 * RATE, np.inf, np.float32), "not finite"),
        (make_sound(0.4), "short"),
    ],
)
def test_arrays_that_give_no_crop_are_refused_with_the_reason(front_end, samples, reason):
    with pytest.raises(UnusableAudioError, match=f"^{reason}"):
        front_end.take(samples, RATE)


def test_silence_but_for_a_moment_outside_of_the_crop_gives_windows_and_no_crop(front_end):
    samples = np.zeros(10 * RATE, np.float32)
    samples[:100] = 0.5
    with pytest.raises(UnusableAudioError, match="silent"):
        front_end.take(samples, RATE)
    assert len(front_end.take_windows(samples, RATE, 1)[0]) == 3
    with pytest.raises(UnusableAudioError, match="silent"):
        front_end.take_windows(np.zeros_like(samples), RATE, 1)


def test_a_sample_rate_without_a_simple_ratio_is_refused(front_end):
    with pytest.raises(UnusableAudioError, match="44099 Hz has no simple ratio to 16000 Hz"):
        front_end.take(make_sound(), 44099)


@pytest.mark.parametrize("samples", [np.zeros((2, 3, 4)), np.zeros(9, np.int32), np.array(["a"]), np.empty(0)])
def test_arrays_that_are_no_samples_are_refused_with_their_shape_and_type(front_end, samples):
    with pytest.raises(InputError, match="frames, channels") as refusal:
        front_end.take(samples, RATE)
    assert str(samples.shape) in str(refusal.value) and str(samples.dtype) in str(refusal.value)
