"""From a piece's factors to a score: which notes sound when."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hearlog.demo.rhythms import DRUMS, RHYTHMS, Rhythm
from hearlog.demo.styles import Piece

MAJOR = np.array([0, 2, 4, 5, 7, 9, 11])
MINOR = np.array([0, 2, 3, 5, 7, 8, 10])
PROGRESSIONS = {
    True: ((0, 3, 4, 0), (0, 4, 5, 3), (0, 5, 3, 4), (0, 0, 3, 4), (1, 4, 0, 0)),
    False: ((0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 6), (0, 0, 3, 4), (0, 0, 5, 4)),
}


class Note(NamedTuple):
    """A note or chord: onset and length in seconds, velocity, and pitches as MIDI numbers."""

    onset: float
    length: float
    velocity: float
    pitches: tuple[float, ...]


class Score(NamedTuple):
    """Onsets and velocities of each drum line, and the notes of the three pitched parts."""

    drums: dict[str, np.ndarray]
    bass: list[Note]
    chords: list[Note]
    melody: list[Note]


def compose(piece: Piece, seconds: float, rng: np.random.Generator) -> Score:
    """Write a score that covers ``seconds``, from a random place in a bar on.

    Parameters
    ----------
    piece
        What is played.
    seconds
        Length of the recording.
    rng
        Source of randomness.
    """
    rhythm = RHYTHMS[piece.rhythm]
    bar = rhythm.beats * 60 / piece.bpm
    bars = int(np.ceil(seconds / bar)) + 1
    grid = _grid(rhythm, piece, bars) - rng.uniform(0, bar)
    major = bool(rng.random() < 1 / (1 + np.exp(-2.5 * piece.major)))
    scale = piece.key + (MAJOR if major else MINOR)
    options = PROGRESSIONS[major]
    # Half of the pieces change chords every second bar.
    every = int(rng.integers(1, 3))
    progression = options[rng.integers(len(options))]
    chords = [_chord(scale, progression[b // every % 4], piece, rng) for b in range(bars)]
    return Score(
        {line: _strokes(rhythm.lines[line], grid, piece, rng) for line in DRUMS},
        _part(rhythm.lines["bass"], grid, [(_fold(c[0], 30),) for c in chords], piece, rng),
        _part(rhythm.lines["comp"], grid, chords, piece, rng),
        _melody(grid, scale, chords, piece, rng),
    )


def _grid(rhythm: Rhythm, piece: Piece, bars: int) -> np.ndarray:
    """Onset of each step in seconds, (bars, steps); swing delays the second half of each beat."""
    steps = np.arange(4 * rhythm.beats)
    delay = np.array([0.0, 0.5, 1.0, 0.5])[steps % 4] * rhythm.swing / 6
    beats = steps / 4 + delay + rhythm.beats * np.arange(bars)[:, None]
    return beats * 60 / piece.bpm


def _chord(scale: np.ndarray, degree: int, piece: Piece, rng: np.random.Generator) -> tuple[float, ...]:
    """Stack thirds on a degree: a triad, and sevenths, ninths and altered notes as tension grows."""
    size = 3 + int(rng.random() < 0.35 + 0.4 * piece.tension) + int(rng.random() < 0.4 * piece.tension - 0.1)
    notes = [float(scale[(degree + 2 * k) % 7] + 12 * ((degree + 2 * k) // 7)) for k in range(size)]
    if rng.random() < 0.25 * piece.tension - 0.1:
        notes[int(rng.integers(1, size))] += rng.choice([-1.0, 1.0])
    return tuple(_fold(note, 52 + int(3 * piece.brightness)) for note in notes)


def _fold(pitch: float, lowest: int) -> float:
    """Move a pitch by octaves into the one above ``lowest``."""
    return lowest + (pitch - lowest) % 12


def _thin(line: np.ndarray, bars: int, piece: Piece, rng: np.random.Generator) -> np.ndarray:
    """Play a line for some bars, (bars, steps): quiet notes are left out where the piece is sparse."""
    kept = 1 / (1 + np.exp(-(2 * piece.density + 9 * (line - 0.45))))
    return np.where(rng.random((bars, len(line))) < kept, line, 0.0) * rng.uniform(0.8, 1.0, (bars, len(line)))


def _strokes(line: np.ndarray, grid: np.ndarray, piece: Piece, rng: np.random.Generator) -> np.ndarray:
    """Onsets in seconds and velocities, (strokes, 2)."""
    velocity = _thin(line, len(grid), piece, rng)
    played = velocity > 0
    return np.column_stack([_humanise(grid[played], piece, rng), velocity[played]])


def _humanise(onsets: np.ndarray, piece: Piece, rng: np.random.Generator) -> np.ndarray:
    """Machines keep time; players are a few milliseconds off."""
    return onsets + rng.normal(0, 0.004 * np.exp(-0.7 * piece.electronic), onsets.shape)


def _gaps(onsets: np.ndarray, piece: Piece) -> np.ndarray:
    """Seconds from each onset to the next; the last note lasts a beat."""
    return np.diff(onsets, append=onsets[-1:] + 60 / piece.bpm)


def _part(
    line: np.ndarray,
    grid: np.ndarray,
    pitches: list[tuple[float, ...]],
    piece: Piece,
    rng: np.random.Generator,
) -> list[Note]:
    velocity = _thin(line, len(grid), piece, rng)
    bar, step = np.nonzero(velocity)
    onsets = _humanise(grid[bar, step], piece, rng)
    gaps = _gaps(grid[bar, step], piece)
    lengths = np.clip(gaps * (0.75 + 0.35 * np.tanh(piece.sustain)), 0.06, 3.0)
    arpeggio = piece.rhythm == "arpeggio" and len(pitches[0]) > 1
    return [
        Note(onset, length, velocity[b, s], pitches[b] if not arpeggio else (pitches[b][i % len(pitches[b])],))
        for i, (onset, length, b, s) in enumerate(zip(onsets, lengths, bar, step, strict=True))
    ]


def _melody(
    grid: np.ndarray, scale: np.ndarray, chords: list[tuple[float, ...]], piece: Piece, rng: np.random.Generator
) -> list[Note]:
    """Walk over the scale in quavers, back to a chord note on the beat."""
    chance = np.where(np.arange(grid.shape[1]) % 4 == 0, 0.6, 0.3) * np.exp(0.35 * piece.density)
    chance[1::2] *= 0.25
    bar, step = np.nonzero(rng.random(grid.shape) < chance)
    onsets = _humanise(grid[bar, step], piece, rng)
    gaps = _gaps(grid[bar, step], piece)
    lowest = 57 + int(4 * piece.brightness)
    place = int(rng.integers(7))
    notes = []
    for onset, gap, b, s in zip(onsets, gaps, bar, step, strict=True):
        place = (place + int(rng.integers(-2, 3))) % 12
        pitch = scale[place % 7] % 12 + lowest + 12 * (place // 7)
        if s % 4 == 0:
            pitch = _fold(chords[b][int(rng.integers(len(chords[b])))], lowest + 5)
        length = min(gap * (0.8 + 0.2 * np.tanh(piece.sustain)), 1.2)
        notes.append(Note(onset, length, rng.uniform(0.7, 1.0), (float(pitch),)))
    return notes
