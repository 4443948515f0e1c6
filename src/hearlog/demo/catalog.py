"""The service's catalogue: songs, their artists and their audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from hearlog.demo.planning import README, Plan, draw_heard
from hearlog.demo.recording import Recording
from hearlog.demo.styles import MUSIC, Piece

SONGS_PER_ARTIST = 4
MISSING_AUDIO = 0.01
SUFFIXES = (".mp3", ".ogg", ".flac", ".wav")
GENRES = {style: style.capitalize() for style in MUSIC if style != "spoken"}
GENRES |= {"hiphop": "Hip-Hop", "oldtime": "Old-Time", "easy": "Easy Listening", "soul": "Soul-RnB"}


def plan(count: int, root: Path, seed: int, seconds: float) -> tuple[list[Recording], list[str], list[Piece]]:
    """Plan the audio of ``count`` songs and write ``catalog/songs.csv``.

    One song in a hundred is in the catalogue, and its audio is not on disk.

    Parameters
    ----------
    count
        Songs in all.
    root
        Folder of the world.
    seed
        Of the world.
    seconds
        Length of the shortest song.

    Returns
    -------
    The recordings, and the id and piece of each song.
    """
    result = Plan("songs", root / "songs", seed, seconds)
    ids = draw_ids(count, result.rng())
    styles = {genre: style for style, genre in GENRES.items()}
    rows, pieces = [], []
    for k, song_id in enumerate(ids):
        artist = k // SONGS_PER_ARTIST
        genre = result.rng(artist, 2).choice(list(styles))
        rng = result.rng(k)
        pieces.append(draw_heard(genre, styles, rng))
        path = f"synthetic-artist-{artist:04d}/{song_id}{SUFFIXES[k % 4]}"
        rows.append((song_id, path, f"Synthetic Song {k:04d}", f"Synthetic Artist {artist:04d}", genre))
        result.add_music(path, pieces[-1], *_form(SUFFIXES[k % 4], rng))
    catalog = root / "catalog"
    catalog.mkdir(parents=True, exist_ok=True)
    (catalog / "README.txt").write_text(README, encoding="utf-8")
    columns = ["song_id", "path", "title", "artist", "genre"]
    pd.DataFrame(rows, columns=columns).to_csv(catalog / "songs.csv", index=False, lineterminator="\n")
    missing = result.rng(1, 2, 3).choice(count, max(1, round(MISSING_AUDIO * count)), replace=False)
    return [r for k, r in enumerate(result.recordings) if k not in missing], ids, pieces


def draw_ids(count: int, rng: np.random.Generator) -> list[str]:
    """Draw six-digit ids, some with leading zeros; the first two differ in nothing but these."""
    numbers = rng.choice(np.arange(10_000, 300_000), count, replace=False)
    ids = [f"{number:06d}" for number in numbers]
    return [f"{numbers[0] % 10_000:06d}", f"{numbers[0] % 10_000:05d}", *ids[2:]]


def _form(suffix: str, rng: np.random.Generator) -> tuple[int, int]:
    """Sample rate and channels: mostly 44.1 kHz stereo; mp3, slow to encode, is mostly mono."""
    sample_rate = int(rng.choice([44100, 48000, 22050], p=[0.8, 0.1, 0.1]))
    return sample_rate, 1 if rng.random() < (0.75 if suffix == ".mp3" else 0.15) else 2
