"""Play a score: notes and drum strokes become a mid and a side signal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hearlog.demo.composition import Note, compose
from hearlog.demo.instruments import Instrument, drum, tone
from hearlog.demo.rhythms import RHYTHMS
from hearlog.demo.styles import Piece

Player = Callable[[Note], np.ndarray]


def play(piece: Piece, seconds: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Compose and play a piece.

    Parameters
    ----------
    piece
        What is played.
    seconds
        Length of the recording.
    sample_rate
        In Hz.
    rng
        Source of randomness.

    Returns
    -------
    float32 (2, samples): mid (left + right) and side (left - right), not normalised.
    """
    samples = int(seconds * sample_rate)
    score = compose(piece, seconds, rng)
    drums = _play_drums(piece, score.drums, samples, sample_rate, rng)
    bass_player = _player(_bass(piece, rng), sample_rate)
    chord_player = _player(_chordal(piece, rng), sample_rate)
    bass = _play_notes(score.bass, bass_player, samples, sample_rate)
    chords = _drive(_play_notes(score.chords, chord_player, samples, sample_rate), piece.drive)
    lead = _play_lead(piece, score.melody, samples, sample_rate, rng)
    width = rng.uniform(-0.4, 0.4, 2).astype(np.float32)
    mid = drums + 0.3 * np.exp(0.45 * piece.bass) * bass + 0.22 * chords + lead
    return np.stack([mid, width[0] * 0.22 * chords + width[1] * lead]).astype(np.float32)


def _logistic(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


def _add(track: np.ndarray, wave: np.ndarray, onset: float, velocity: float, sample_rate: int) -> None:
    """Mix a waveform into a track; what lies outside the recording is cut off."""
    start = round(onset * sample_rate)
    first, last = max(0, -start), min(len(wave), len(track) - start)
    if first < last:
        track[start + first : start + last] += np.float32(velocity) * wave[first:last]


def _play_drums(
    piece: Piece, lines: dict[str, np.ndarray], samples: int, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    rhythm = RHYTHMS[piece.rhythm]
    level = 0.8 * _logistic(2 * (piece.percussion + 0.9))
    sounds = {"kick": ("kick", 1.0), "snare": ("snare", 0.6)}
    sounds |= {"cymbal": (rhythm.cymbal, 0.25), "extra": (rhythm.extra, 0.4)}
    track = np.zeros(samples, np.float32)
    for line, (sound, weight) in sounds.items():
        wave = drum(sound, piece.brightness, piece.electronic, sample_rate, rng)
        for onset, velocity in lines[line]:
            _add(track, wave, onset, level * weight * velocity, sample_rate)
    return track


def _player(instrument: Instrument, sample_rate: int) -> Player:
    """Render notes with one instrument, each chord and length once."""
    rendered: dict[tuple, np.ndarray] = {}

    def sound(note: Note) -> np.ndarray:
        length = round(note.length, 2)
        if (note.pitches, length) not in rendered:
            frequencies = [440 * 2 ** ((pitch - 69) / 12) for pitch in note.pitches]
            waves = [tone(instrument, frequency, length, sample_rate) for frequency in frequencies]
            rendered[note.pitches, length] = np.sum(waves, axis=0) / np.float32(len(waves) ** 0.5)
        return rendered[note.pitches, length]

    return sound


def _play_notes(notes: list[Note], player: Player, samples: int, sample_rate: int) -> np.ndarray:
    track = np.zeros(samples, np.float32)
    for note in notes:
        if note.onset + note.length > 0 and note.onset * sample_rate < samples:
            _add(track, player(note), note.onset, note.velocity, sample_rate)
    return track


def _chordal(piece: Piece, rng: np.random.Generator) -> Instrument:
    """Plucked, struck, bowed or electronic, as the factors say."""
    sustain = _logistic(2.5 * (piece.sustain - 0.2))
    return Instrument(
        rolloff=1.7 - 0.35 * piece.brightness - 0.25 * piece.electronic + rng.normal(0, 0.15),
        odd=rng.uniform(0.15, 1.0),
        attack=0.004 + 0.12 * sustain**2,
        decay=0.3 * np.exp(0.5 * piece.sustain),
        hold=0.9 * sustain,
        bite=0.5 * (1 - sustain),
        vibrato=0.004 * sustain * (piece.electronic < 0),
        detune=0.006 * _logistic(3 * piece.electronic - 1.5),
    )


def _bass(piece: Piece, rng: np.random.Generator) -> Instrument:
    return Instrument(
        rolloff=2.0 - 0.2 * piece.brightness - 0.3 * piece.electronic + rng.normal(0, 0.15),
        decay=0.5 * np.exp(0.3 * piece.sustain),
        hold=0.5 * _logistic(2 * piece.electronic),
        bite=0.2 * _logistic(piece.brightness),
    )


def _drive(track: np.ndarray, drive: float) -> np.ndarray:
    """Overdrive: a soft clipper whose input rises with the factor, at equal output power."""
    if drive < 0:
        return track
    power = np.sqrt(np.mean(track**2)) + 1e-9
    driven = np.tanh(track * np.float32(0.6 * np.exp(1.1 * drive) / power))
    return driven * (power / (np.sqrt(np.mean(driven**2)) + 1e-9))


def _play_lead(piece: Piece, notes: list[Note], samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Sing, speak or play the melody; how much it is sung grows with the factor."""
    voice = _logistic(2 * piece.voice)
    if piece.rhythm == "speech" or (piece.rhythm == "boombap" and piece.voice > 0.5):
        return np.float32(0.55 * voice) * _speak(samples, sample_rate, rng)
    played = _chordal(piece, rng)._replace(vibrato=0.003, hold=0.5, decay=0.6)
    lead = 0.3 * (1 - voice) * _play_notes(notes, _player(played, sample_rate), samples, sample_rate)
    lead = _drive(lead, piece.drive - 0.5)
    vowels = [Instrument(1.0, attack=0.04, hold=1.0, bite=0.0, vibrato=0.012, vowel=v) for v in range(5)]
    singers = [_player(vowel, sample_rate) for vowel in vowels]
    syllables = rng.integers(5, size=len(notes))
    for vowel, singer in enumerate(singers):
        sung = [note for note, syllable in zip(notes, syllables, strict=True) if syllable == vowel]
        lead += np.float32(0.4 * voice) * _play_notes(sung, singer, samples, sample_rate)
    return lead


def _speak(samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Utter about four syllables a second, between pauses, with consonants of noise."""
    track = np.zeros(samples, np.float32)
    pitch = rng.uniform(95, 210)
    hiss = drum("shaker", 0.0, 0.0, sample_rate, rng)
    onset = 0.0
    while onset < samples / sample_rate:
        vowel = Instrument(0.9, attack=0.03, hold=0.8, bite=0.0, vowel=int(rng.integers(5)))
        length = rng.uniform(0.1, 0.28)
        frequency = pitch * 2 ** rng.normal(0, 0.12)
        _add(track, tone(vowel, frequency, length, sample_rate), onset, rng.uniform(0.6, 1.0), sample_rate)
        if rng.random() < 0.5:
            _add(track, hiss, onset - 0.05, rng.uniform(0.1, 0.35), sample_rate)
        onset += length + (rng.uniform(0.2, 0.7) if rng.random() < 0.15 else rng.uniform(0, 0.06))
    return track
