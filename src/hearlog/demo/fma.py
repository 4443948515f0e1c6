"""Synthetic FMA: ``fma_metadata/tracks.csv``, ``fma_small/NNN/NNNNNN.mp3`` and ``fma_medium/NNN/NNNNNN.mp3``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from hearlog.demo.planning import Plan, allocate, draw_heard
from hearlog.demo.recording import Recording, encode

# Genre: style, tracks of it in the official medium subset.
GENRES = {
    "Rock": ("rock", 7103), "Electronic": ("electronic", 6314), "Experimental": ("experimental", 2251),
    "Hip-Hop": ("hiphop", 2201), "Folk": ("folk", 1519), "Instrumental": ("instrumental", 1350),
    "Pop": ("pop", 1186), "International": ("international", 1018), "Classical": ("classical", 619),
    "Old-Time / Historic": ("oldtime", 510), "Jazz": ("jazz", 384), "Country": ("country", 178),
    "Soul-RnB": ("soul", 154), "Spoken": ("spoken", 118), "Blues": ("blues", 74), "Easy Listening": ("easy", 21),
}  # fmt: skip
STYLES = {genre: style for genre, (style, _) in GENRES.items()}
SMALL_GENRES = list(GENRES)[:8]
# So that each subset of the demo has more than 100 test tracks.
TEST_SHARE = {"small": 0.44, "medium": 0.3}
VALIDATION_SHARE = 0.12
SMALLEST_CLASS = 8
# Official ids whose audio is too short, empty or missing.
SHORT, EMPTY, MISSING = 98565, 133297, 99134
# Sample rate and channels in turn; few are stereo, which takes thrice the time to encode.
FORMS = ((44100, 1), (22050, 1), (44100, 1), (48000, 1), (44100, 1), (44100, 2), (22050, 1), (44100, 1))


class Track(NamedTuple):
    """One row of ``tracks.csv``."""

    track_id: int
    subset: str
    split: str
    genre: str | None
    artist: int


def plan(count: int, root: Path, seed: int, seconds: float) -> list[Recording]:
    """Plan ``count`` tracks, write ``tracks.csv`` and the three damaged tracks that come on top.

    Parameters
    ----------
    count
        Tracks of the medium subset, half of which are small as well.
    root
        Folder of the data set.
    seed
        Of the world.
    seconds
        Length of the shortest track.
    """
    result = Plan("fma", root, seed, seconds)
    rng = result.rng()
    tracks = _draw_tracks(count, rng)
    for k, track in enumerate(tracks):
        if track.genre:
            piece = draw_heard(track.genre, STYLES, result.rng(len(result.recordings)))
            result.add_music(_audio(track), piece, *FORMS[k % len(FORMS)])
    damaged = [Track(n, "small", "training", SMALL_GENRES[n % 8], 90000 + n % 97) for n in (SHORT, EMPTY, MISSING)]
    _write_damaged(root, damaged, rng)
    _write_tracks(root, sorted([*tracks, *damaged]), rng)
    return result.recordings


def complete(root: Path) -> None:
    """Copy the small tracks, once they are written, to the medium subset, which holds them as well."""
    for source in sorted((root / "fma_small").rglob("*.mp3")):
        target = root / "fma_medium" / source.relative_to(root / "fma_small")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _audio(track: Track) -> str:
    return f"fma_{track.subset}/{track.track_id // 1000:03d}/{track.track_id:06d}.mp3"


def _draw_tracks(count: int, rng: np.random.Generator) -> list[Track]:
    """Draw balanced small tracks, unbalanced further ones of medium, and large ones without genre or audio."""
    small = allocate(count // 2, dict.fromkeys(SMALL_GENRES, 1), 1)
    rest = {genre: max(tracks - 1000 * (genre in SMALL_GENRES), 1) for genre, (_, tracks) in GENRES.items()}
    medium = allocate(count - count // 2, rest, SMALLEST_CLASS)
    large = count // 10
    free = np.setdiff1d(np.arange(2, 155000), [SHORT, EMPTY, MISSING])
    ids = iter(rng.choice(free, count + large, replace=False).tolist())
    tracks = []
    for subset, counts in (("small", small), ("medium", medium)):
        for genre, number in counts.items():
            splits = _splits(number, TEST_SHARE[subset])
            base = 1000 * (1 + list(GENRES).index(genre)) + 500 * (subset == "medium")
            for split, members in splits.items():
                tracks += [
                    Track(next(ids), subset, split, genre, base + 100 * list(splits).index(split) + member // 2)
                    for member in range(members)
                ]
    tracks += [Track(track_id, "large", "training", None, 80000 + track_id) for track_id in ids]
    return sorted(tracks)


def _splits(tracks: int, test_share: float) -> dict[str, int]:
    test = min(tracks, max(1, round(tracks * test_share)))
    validation = max(int(tracks > 2), round(tracks * VALIDATION_SHARE))
    return {"training": tracks - test - validation, "validation": validation, "test": test}


def _write_damaged(root: Path, damaged: list[Track], rng: np.random.Generator) -> None:
    short, empty, _ = (root / _audio(track) for track in damaged)
    encode(short, 0.1 * rng.standard_normal((int(1.6 * 44100), 1), dtype=np.float32), 44100)
    empty.parent.mkdir(parents=True, exist_ok=True)
    empty.write_bytes(b"")


def _write_tracks(root: Path, tracks: list[Track], rng: np.random.Generator) -> None:
    """Write some of the official file's 52 columns, under two header rows and with its line for the index."""
    table = pd.DataFrame(
        {
            ("album", "id"): [track.artist // 2 for track in tracks],
            ("album", "title"): [f"Synthetic Album {track.artist // 2}" for track in tracks],
            ("artist", "id"): [track.artist for track in tracks],
            ("artist", "name"): [f"Synthetic Artist {track.artist}" for track in tracks],
            ("set", "split"): [track.split for track in tracks],
            ("set", "subset"): [track.subset for track in tracks],
            ("track", "genre_top"): [track.genre for track in tracks],
            ("track", "listens"): rng.geometric(0.001, len(tracks)),
            ("track", "title"): [f"Synthetic Track {track.track_id}" for track in tracks],
        },
        index=pd.Index([track.track_id for track in tracks], name="track_id"),
    )
    metadata = root / "fma_metadata"
    metadata.mkdir(exist_ok=True)
    table.to_csv(metadata / "tracks.csv", lineterminator="\n")
