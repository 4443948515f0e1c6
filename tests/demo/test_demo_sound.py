"""The synthesiser: what a factor says is what is heard."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import stft

from hearlog.demo import composition, instruments, listening, performance, planning, production, recording, scenes
from hearlog.demo.rhythms import RHYTHMS
from hearlog.demo.styles import FACTORS, STYLES, Piece, draw

RATE = 22050


def piece(rhythm: str = "four_floor", **factors: float) -> Piece:
    return Piece(rhythm, 0, np.array([factors.get(name, 0.0) for name in FACTORS]))


def power(sound: np.ndarray, low: float, high: float) -> float:
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / RATE)
    return float(spectrum[(frequency >= low) & (frequency < high)].sum() / spectrum.sum())


def heard_tempo(sound: np.ndarray) -> float:
    """Strongest period of the onset envelope between 85 and 170 beats a minute."""
    hop = 128
    level = np.log(np.abs(stft(sound, RATE, nperseg=512, noverlap=512 - hop)[2]) + 1e-3)
    onsets = np.maximum(np.diff(level, axis=1), 0).sum(axis=0)
    onsets -= onsets.mean()
    correlation = np.correlate(onsets, onsets, "full")[len(onsets) - 1 :]
    periods = np.arange(len(correlation)) * hop / RATE
    within = (periods >= 60 / 170) & (periods <= 60 / 85)
    return float(60 / periods[within][np.argmax(correlation[within])])


@pytest.mark.parametrize("bpm", [96, 120, 150])
def test_tempo_of_a_steady_piece_is_heard(bpm: int) -> None:
    steady = piece(tempo=np.log2(bpm / 110) / 0.4, percussion=2.0, electronic=2.0)
    assert steady.bpm == pytest.approx(bpm)
    sound = performance.play(steady, 9.0, RATE, np.random.default_rng(0))[0]
    assert heard_tempo(sound) == pytest.approx(bpm, rel=0.04)


def test_a_tone_has_its_pitch_and_power_falls_with_the_partials() -> None:
    sound = instruments.tone(instruments.Instrument(2.0, hold=1.0, bite=0.0), 440.0, 1.0, RATE)
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.argmax(spectrum) * RATE / len(sound) == pytest.approx(440, abs=1.5)
    assert power(sound, 430, 450) > 0.9


@pytest.mark.parametrize("frequency", [55.0, 2000.0, 9000.0])
def test_no_partial_lies_above_half_the_sample_rate(frequency: float) -> None:
    partials = len(instruments.spectrum(instruments.Instrument(1.0), frequency, RATE))
    assert partials >= 1
    assert partials * frequency < RATE / 2


def test_bright_pieces_have_more_power_in_the_treble() -> None:
    dull, bright = (
        performance.play(piece("backbeat", brightness=value), 5.0, RATE, np.random.default_rng(1))[0]
        for value in (-2.0, 2.0)
    )
    assert power(bright, 2000, 11000) > 1.5 * power(dull, 2000, 11000)


def test_metre_and_density_shape_the_score() -> None:
    rng = np.random.default_rng(2)
    sparse, dense = (composition.compose(piece("samba", density=value), 9.0, rng) for value in (-2.0, 2.0))
    assert sum(len(line) for line in dense.drums.values()) > 1.5 * sum(len(line) for line in sparse.drums.values())
    assert RHYTHMS["waltz"].beats == 3


@pytest.mark.parametrize("major", [True, False])
def test_mode_decides_the_third_of_the_scale(major: bool) -> None:
    quiet = {"tension": -5.0, "major": 9.0 if major else -9.0}
    notes = composition.compose(piece("backbeat", **quiet), 20.0, np.random.default_rng(3)).chords
    pitches = {int(pitch) % 12 for note in notes for pitch in note.pitches}
    assert pitches <= set((composition.MAJOR if major else composition.MINOR).tolist())


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_finite_audible_and_within_full_scale(style: str) -> None:
    rng = np.random.default_rng(4)
    drawn = draw(style, rng)
    sound = production.master(
        performance.play(drawn, 2.0, RATE, rng), production.draw("songs", drawn.age, rng), 2, RATE, rng
    )
    assert sound.shape == (2 * RATE, 2)
    assert sound.dtype == np.float32
    assert np.abs(sound).max() <= 0.93
    assert sound.std() > 0.01


def test_old_recordings_lose_their_treble() -> None:
    rng = np.random.default_rng(5)
    signal = rng.standard_normal((2, RATE), dtype=np.float32)
    young, old = (
        production.master(signal, production.draw("songs", age, np.random.default_rng(6)), 1, RATE, rng)[:, 0]
        for age in (0.0, 3.0)
    )
    assert power(old, 7000, 11000) < 0.7 * power(young, 7000, 11000)


def test_a_comb_repeats_an_impulse() -> None:
    impulse = np.eye(1, 1000, dtype=np.float32)
    wet = production.reverberate(impulse, 1.0, 1.0, 1000)[0]
    delays = [int(d * 1000) for d in (0.0297, 0.0411)]
    assert wet[0] == 1
    assert wet[delays] == pytest.approx([0.3, 0.3])
    assert wet[2 * delays[0]] == pytest.approx(0.3 * 0.72)


@pytest.mark.parametrize("label", scenes.SCENES)
def test_every_scene_is_finite_and_in_stereo(label: str) -> None:
    rng = np.random.default_rng(7)
    sound = scenes.render(scenes.draw(label, rng), 1.5, RATE, rng)
    assert sound.shape == (int(1.5 * RATE), 2)
    assert np.isfinite(sound).all()
    assert sound.std() > 0.003
    assert not np.allclose(sound[:, 0], sound[:, 1])


def test_an_ogg_stream_has_the_same_bytes_each_time_and_decodes(tmp_path: Path) -> None:
    sound = 0.1 * np.random.default_rng(8).standard_normal((RATE, 1)).astype(np.float32)
    for name in ("a.ogg", "b.ogg"):
        recording.encode(tmp_path / name, sound, RATE)
    assert (tmp_path / "a.ogg").read_bytes() == (tmp_path / "b.ogg").read_bytes()
    assert len(soundfile.read(tmp_path / "a.ogg")[0]) == RATE


def test_the_serial_number_is_all_that_is_changed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.ogg", np.zeros(5000), RATE)
    written = (tmp_path / "x.ogg").read_bytes()
    serial = int.from_bytes(written[14:18], "little")
    assert recording.with_serial_number(recording.with_serial_number(written, 5), serial) == written


@given(
    st.integers(0, 500),
    st.dictionaries(st.text("abcdefgh", min_size=1), st.floats(0.01, 1e4), min_size=1),
    st.integers(0, 20),
)
def test_allocation_sums_to_the_total_and_keeps_the_minimum(total: int, weights: dict[str, float], least: int) -> None:
    counts = planning.allocate(total, weights, least)
    assert sum(counts.values()) == total
    assert min(counts.values()) >= min(least, total // len(weights))


@given(st.integers(0, 500), st.integers(1, 5), st.integers(0, 2**32))
def test_groups_have_from_one_to_the_largest_size_and_sum_to_the_total(total: int, largest: int, seed: int) -> None:
    sizes = planning.cut(total, largest, np.random.default_rng(seed))
    assert sum(sizes) == total
    assert all(1 <= size <= largest for size in sizes)


def test_every_key_has_a_stream_of_its_own_and_so_has_every_recording(tmp_path: Path) -> None:
    plan = planning.Plan("gtzan", tmp_path, 0, 1.0)
    keys = [(), (0,), (0, 0), (0, 1), (1,), (1, 0), (1, 1), (2, 0), (0, 0, 0), (1, 2, 3)]
    drawn = [plan.rng(*key).integers(2**62) for key in keys]
    for _ in range(3):
        plan.add_music("x.wav", piece(), RATE, 1)
    drawn += [np.random.default_rng(recording.seed).integers(2**62) for recording in plan.recordings[2:]]
    assert len(set(drawn)) == len(drawn)


def test_listeners_play_what_they_like() -> None:
    rng = np.random.default_rng(9)
    features = listening.describe([draw(style, rng) for style in list(STYLES) * 8])
    liking = listening.draw_tastes(features, 100, rng)
    user, song = listening.draw_plays(np.zeros(len(features)), liking, 5000, rng)
    assert liking[user, song].mean() > liking.mean() + 2


def test_a_song_without_odds_is_never_played() -> None:
    popularity = np.array([0.0, -np.inf, 0.0, 0.0])
    _, song = listening.draw_plays(popularity, np.zeros((5, 4)), 500, np.random.default_rng(10))
    assert set(song) == {0, 2, 3}
