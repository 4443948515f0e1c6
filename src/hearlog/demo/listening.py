"""Listening logs: who played which song when, as a service would write them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from hearlog.demo.planning import NAMES
from hearlog.demo.rhythms import RHYTHMS
from hearlog.demo.styles import Piece

# Share of songs nobody plays, of further songs that only the logs know, and of log rows that are broken.
UNPLAYED = 0.03
UNKNOWN = 0.03
BROKEN = 0.012
# Plays are 2.5 times the distinct songs: a listener comes back to some.
PLAYS_PER_SONG = 2.5
TASTE_CLUSTERS = 12
# Weight of taste beside popularity and chance in the choice of a song. With 12, held-out recall@20 of ALS is 2.4 to 4
# times that of popularity (the demo's 900 songs, six seeds, median 3.1); on the Million Song Dataset it is five times
# (0.211 and 0.043: H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, table 1).
TASTE = 12.0
POPULARITY_SPREAD = 1.0
MONTH_START, MONTH_SECONDS = np.datetime64("2018-05-01T00:00:00"), 31 * 86400
FILES = 4


def write(listeners: int, plays: int, song_ids: list[str], pieces: list[Piece], folder: Path, seed: int) -> None:
    """Draw plays and write them as gzipped CSV, a file a week, in order of time.

    Parameters
    ----------
    listeners
        Number of listeners.
    plays
        Number of rows, broken ones included.
    song_ids, pieces
        Id and hidden factors of each song of the catalogue.
    folder
        Where the files go.
    seed
        Of the world.
    """
    rng = np.random.default_rng((seed, NAMES.index("logs")))
    song_ids, features = _with_unknown_songs(song_ids, describe(pieces), rng)
    popularity = rng.normal(0, POPULARITY_SPREAD, len(song_ids))
    played = len(pieces) - max(1, round(UNPLAYED * len(pieces)))
    popularity[rng.permutation(len(pieces))[played:]] = -np.inf
    user, song = draw_plays(popularity, draw_tastes(features, listeners, rng), plays, rng)
    user_ids = np.array([f"{number:08d}" for number in rng.choice(10**7, listeners, replace=False)])
    time = MONTH_START + np.sort(rng.integers(0, MONTH_SECONDS, plays))
    order = rng.permutation(plays)
    rows = pd.DataFrame({"user_id": user_ids[user[order]], "song_id": np.array(song_ids)[song[order]]})
    rows["played_at"] = np.datetime_as_string(time)
    _write_files(_break(rows, rng), time, folder)


def describe(pieces: list[Piece]) -> np.ndarray:
    """Standardised features that taste goes by: the factors, the metre and the swing; float64 (songs, 14)."""
    rhythms = [RHYTHMS[piece.rhythm] for piece in pieces]
    features = np.column_stack(
        [
            np.array([piece.factors for piece in pieces]),
            [rhythm.beats == 3 for rhythm in rhythms],
            [rhythm.swing for rhythm in rhythms],
        ]
    )
    return (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)


def draw_tastes(features: np.ndarray, listeners: int, rng: np.random.Generator) -> np.ndarray:
    """Draw how much each listener likes each song.

    A listener has an ideal point near one of a few clusters' (two for every second listener) and cares
    more about some features than about others; liking falls with the squared distance.

    Parameters
    ----------
    features
        As of `describe`.
    listeners
        Their number.
    rng
        Source of randomness.

    Returns
    -------
    float64 (listeners, songs).
    """
    clusters = features[rng.choice(len(features), min(TASTE_CLUSTERS, len(features)), replace=False)]
    weights = rng.dirichlet(np.full(features.shape[1], 2.0), listeners)
    liking = np.full((listeners, len(features)), -np.inf)
    for attempt in range(2):
        ideal = clusters[rng.integers(len(clusters), size=listeners)]
        ideal = ideal + rng.normal(0, 0.5, (listeners, features.shape[1]))
        # sum_d w_d (f_d - i_d)^2, multiplied out so that no (listeners, songs, features) array is made
        distance = weights @ (features**2).T - 2 * (weights * ideal) @ features.T
        distance += (weights * ideal**2).sum(axis=1, keepdims=True)
        has = (np.arange(listeners) % 2 == 0) | (attempt == 0)
        liking = np.where(has[:, None], np.maximum(liking, -TASTE * distance / 2), liking)
    return liking


def draw_plays(
    popularity: np.ndarray, liking: np.ndarray, plays: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw plays from softmax(popularity + liking).

    Parameters
    ----------
    popularity
        Log odds of each song, float64 (songs,); minus infinity is never played.
    liking
        As of `draw_tastes`.
    plays
        Their number.
    rng
        Source of randomness.

    Returns
    -------
    User and song of each play, int64 (plays,) each.
    """
    listeners = len(liking)
    activity = rng.lognormal(0, 0.8, listeners)
    user = np.sort(rng.choice(listeners, plays, p=activity / activity.sum()))
    # The largest sums of log odds and Gumbel noise are a sample without replacement from the softmax.
    keys = popularity + liking + rng.gumbel(size=liking.shape)
    ranking = np.argsort(-keys, axis=1)
    audible = int(np.isfinite(popularity).sum())
    distinct = np.clip(np.ceil(np.bincount(user, minlength=listeners) / PLAYS_PER_SONG), 1, audible).astype(int)
    first = np.arange(plays) - np.searchsorted(user, user)
    # Every distinct song once, then repetitions that favour the songs found first.
    repeated = np.floor(distinct[user] * rng.beta(1.0, 1.6, plays)).astype(int)
    rank = np.where(first < distinct[user], first, repeated)
    return user, ranking[user, rank]


def _with_unknown_songs(
    song_ids: list[str], features: np.ndarray, rng: np.random.Generator
) -> tuple[list[str], np.ndarray]:
    """Add songs that were played and left the catalogue."""
    number = max(1, round(UNKNOWN * len(song_ids)))
    ids = [f"{900_000 + k:06d}" for k in range(number)]
    return song_ids + ids, np.vstack([features, features[rng.choice(len(features), number)]])


def _break(rows: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Join each row to a line; a few lose an id, or end too early."""
    lines = rows["user_id"] + "," + rows["song_id"] + "," + rows["played_at"]
    broken = rng.permutation(len(rows))[: round(BROKEN * len(rows))]
    faults = (
        "," + rows["song_id"] + "," + rows["played_at"],
        rows["user_id"] + ",," + rows["played_at"],
        rows["user_id"],
    )
    for kind, fault in enumerate(faults):
        lines.iloc[broken[kind::3]] = fault.iloc[broken[kind::3]]
    return lines


def _write_files(lines: pd.Series, time: np.ndarray, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    week = ((time - MONTH_START).astype(int) * FILES) // MONTH_SECONDS
    for number in range(FILES):
        content = "user_id,song_id,played_at\n" + "".join(f"{line}\n" for line in lines[week == number])
        start = MONTH_START + number * (MONTH_SECONDS // FILES)
        name = f"synthetic-listens-{str(start)[:10]}.csv.gz"
        # A fixed time in the header: the same rows are the same bytes.
        (folder / name).write_bytes(gzip.compress(content.encode(), 6, mtime=0))
