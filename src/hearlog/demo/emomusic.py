"""Synthetic EmoMusic: ``annotations/*.csv`` and ``clips_45sec/<id>.mp3``, 44.1 kHz mono."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from hearlog.demo import difficulty
from hearlog.demo.planning import Plan, allocate, draw_heard, shuffled_labels
from hearlog.demo.recording import Recording
from hearlog.demo.styles import Piece

# Clips of each genre in the official annotations.
OFFICIAL_COUNTS = {
    "Classical": 116, "Country": 105, "Jazz": 105, "Blues": 100, "Electronic": 92, "Pop": 78, "Rock": 77, "Folk": 71,
}  # fmt: skip
EVALUATION_SHARE = 0.42
ANNOTATORS = 10
SONGS_INFO_COLUMNS = [
    "song_id", "file_name", "Artist", "Song title", "start of the segment (min.sec)",
    "end of the segment (min.sec)", "Genre", "Mediaeval 2013 set",
]  # fmt: skip


def plan(count: int, root: Path, seed: int, seconds: float) -> list[Recording]:
    """Plan ``count`` clips and write both annotation files.

    Parameters
    ----------
    count
        Clips in all; 42 % are of the evaluation set.
    root
        Folder of the data set.
    seed
        Of the world.
    seconds
        Length of the shortest clip.
    """
    result = Plan("emomusic", root, seed, seconds)
    rng = result.rng()
    genres = shuffled_labels(allocate(count, OFFICIAL_COUNTS, 1), rng)
    # Ids run from 2 with gaps, as the official ones do.
    ids = np.sort(rng.choice(np.arange(2, max(1001, 2 * count)), count, replace=False))
    pieces: list[Piece] = []
    for song_id, genre in zip(ids, genres, strict=True):
        styles = {name: name.lower() for name in OFFICIAL_COUNTS}
        pieces.append(draw_heard(genre, styles, result.rng(len(pieces))))
        result.add_music(f"clips_45sec/{song_id}.mp3", pieces[-1], 44100, 1)
    annotations = root / "annotations"
    annotations.mkdir(exist_ok=True)
    songs = _songs_info(ids, genres, rng)
    songs.to_csv(annotations / "songs_info.csv", index=False, lineterminator="\n")
    ratings = _rate(ids, pieces, rng)
    ratings.to_csv(annotations / "static_annotations.csv", index=False, float_format="%.5g", lineterminator="\n")
    return result.recordings


def _songs_info(ids: np.ndarray, genres: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Describe the clips; text columns carry stray tabs, as in the official file."""
    parts = np.where(_spread(genres, EVALUATION_SHARE), "evaluation", "development")
    rows = [
        (
            song_id,
            f"{song_id}.mp3",
            _with_tab(f"Synthetic Singer {k // 2:04d}", rng),
            _with_tab(f"Synthetic Song {k:04d}", rng),
            "0.20",
            "1.05",
            _with_tab(genre, rng),
            part,
        )
        for k, (song_id, genre, part) in enumerate(zip(ids, genres, parts, strict=True))
    ]
    return pd.DataFrame(rows, columns=SONGS_INFO_COLUMNS)


def _spread(genres: list[str], share: float) -> np.ndarray:
    """Choose a share of each genre's clips, evenly over its list; bool (clips,)."""
    rank = pd.Series(genres).groupby(genres).cumcount().to_numpy()
    return np.floor((rank + 1) * share + 0.3) > np.floor(rank * share + 0.3)


def _with_tab(text: str, rng: np.random.Generator) -> str:
    return f"\t{text}" if rng.random() < 0.1 else f"{text}\t" if rng.random() < 0.1 else text


def valence(piece: Piece) -> float:
    """Pleasantness on the scale from 1 to 9: major, consonant, bright and lively pieces are pleasant."""
    harmony = 0.5 * piece.major - 0.3 * piece.tension
    liveliness = 0.3 * piece.tempo + 0.3 * piece.percussion - 0.6 * piece.sustain
    return float(np.clip(5 + harmony + 0.6 * piece.brightness + liveliness - 0.5 * max(piece.drive, 0.0), 1, 9))


def arousal(piece: Piece) -> float:
    """Activation on the scale from 1 to 9: fast, dense, loud and distorted pieces are activating."""
    pace = 0.35 * piece.tempo + 0.4 * piece.density + 0.4 * piece.percussion
    return float(np.clip(5 + pace + 0.35 * piece.drive - 0.25 * piece.sustain, 1, 9))


def _rate(ids: np.ndarray, pieces: list[Piece], rng: np.random.Generator) -> pd.DataFrame:
    """Mean and standard deviation over annotators, each of whom gives whole numbers from 1 to 9."""
    columns = {"song_id": ids}
    for name, judge in (("arousal", arousal), ("valence", valence)):
        heard = np.array([judge(piece) for piece in pieces])[:, None]
        noise = rng.normal(0, difficulty.RATING_SPREAD, (len(pieces), ANNOTATORS))
        ratings = np.clip(np.rint(heard + noise), 1, 9)
        columns |= {f"mean_{name}": ratings.mean(axis=1), f"std_{name}": ratings.std(axis=1, ddof=1)}
    return pd.DataFrame(columns)
