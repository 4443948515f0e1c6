"""The pilot experiment (paper, Figure 1): what genre tags and what listening logs tell of a song's genre.

The tag-trained model is method ``base``, a network trained on the genres from scratch; the log-trained one is method
``fix``, a linear classifier on the frozen CF estimator, which has never been shown a genre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hearlog.results.files import read_json
from hearlog.results.folds import TESTED, by_seed, join_answers
from hearlog.statistics.intervals import wilson_interval
from hearlog.statistics.paired_clips import compare_right
from hearlog.util.errors import InputError

MODELS = ("base", "fix")
SWITCHED_OFF = "The pilot experiment was not run: pilot.divisors is empty."
NO_GENRES = "The pilot experiment found no genres in the catalogue that can be learned and tested."


def read_answers(divisors: Sequence[int], folder: Path) -> pd.DataFrame:
    """Read what both models answered on the test songs, at the largest capacity.

    Parameters
    ----------
    divisors
        Divisors of ``model.channels``.
    folder
        Folder of ``<method>-div<divisor>/predictions.parquet``.

    Returns
    -------
    Answers as returned by `hearlog.results.folds.join_answers`, with genres as ``truth``, ``base`` and ``fix``. No rows
    without divisors, or where the catalogue has no genres that can be learned.

    Raises
    ------
    InputError
        When a file is missing or cannot be read, or the models were tested on different songs.
    """
    if not divisors:
        return pd.DataFrame(columns=[*TESTED, "truth", *MODELS]).set_index(TESTED)
    return join_answers({method: folder / f"{method}-div{min(divisors)}/predictions.parquet" for method in MODELS})


@dataclass(frozen=True)
class Pilot:
    """Both models on all test songs of the pilot experiment.

    Parameters
    ----------
    songs, genres, channels, seeds
        Numbers of test songs, of genres, of the networks' channels, and of seeds (``transfer.seeds``).
    accuracy, accuracy_low, accuracy_high
        Accuracy and its 95 % interval, by `hearlog.statistics.intervals.wilson_interval`, per cent, by model.
    right
        How many songs ``both`` models, ``base_alone``, ``fix_alone`` and ``none`` had right; means over seeds.
    points
        Accuracy of fix minus that of base, in points.
    test
        Name of the paired test in print.
    ci_low, ci_high, p
        95 % interval of ``points`` and two-sided p; nan where there is a note.
    note
        Reason why there is no experiment (``songs`` is 0) or no test; empty otherwise.
    """

    songs: int = 0
    genres: int = 0
    channels: int = 0
    seeds: int = 0
    accuracy: dict[str, float] = field(default_factory=dict)
    accuracy_low: dict[str, float] = field(default_factory=dict)
    accuracy_high: dict[str, float] = field(default_factory=dict)
    right: dict[str, float] = field(default_factory=dict)
    points: float = np.nan
    test: str = ""
    ci_low: float = np.nan
    ci_high: float = np.nan
    p: float = np.nan
    note: str = ""


def summarise(answers: pd.DataFrame, divisors: Sequence[int], channels: int) -> Pilot:
    """Compare both models over all test songs.

    Parameters
    ----------
    answers
        Answers as returned by `read_answers`.
    divisors
        Divisors of ``channels``.
    channels
        Channels of the network of divisor 1, ``model.channels``.

    Returns
    -------
    The comparison, tested by `hearlog.statistics.paired_clips.compare_right`.
    """
    if answers.empty:
        return Pilot(note=NO_GENRES if divisors else SWITCHED_OFF)
    right = _right(answers)
    base, fix = right["base"], right["fix"]
    test = compare_right(fix, base)
    low, high, p = (np.nan,) * 3 if test.note else (100 * test.low, 100 * test.high, test.p)
    accuracy = {method: float(of_method.to_numpy().mean()) for method, of_method in right.items()}
    ends = {method: wilson_interval(of_method) for method, of_method in right.items()}
    return Pilot(
        songs=len(base),
        genres=answers["truth"].nunique(),
        channels=channels // min(divisors),
        seeds=len(base.columns),
        accuracy={method: 100 * share for method, share in accuracy.items()},
        accuracy_low={method: 100 * low for method, (low, _) in ends.items()},
        accuracy_high={method: 100 * high for method, (_, high) in ends.items()},
        right=_count_right(base, fix),
        points=100 * (accuracy["fix"] - accuracy["base"]),
        test=test.name,
        ci_low=low,
        ci_high=high,
        p=p,
        note=test.note,
    )


def _right(answers: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Say whether each model is right, bool, songs x seeds."""
    return {method: by_seed(answers[method] == answers["truth"]) for method in MODELS}


def _count_right(base: pd.DataFrame, fix: pd.DataFrame) -> dict[str, float]:
    outcomes = {"both": base & fix, "base_alone": base & ~fix, "fix_alone": fix & ~base, "none": ~base & ~fix}
    return {name: float(outcome.mean(axis="columns").sum()) for name, outcome in outcomes.items()}


def as_metrics(pilot: Pilot) -> dict[str, Any]:
    """Write a comparison as nested dicts without lists, which ``dvc metrics diff`` drops, and without nan."""
    if not pilot.songs:
        return {"songs": 0, "note": pilot.note}
    found = {"note": pilot.note} if pilot.note else {name: getattr(pilot, name) for name in _TESTED}
    facts = {name: getattr(pilot, name) for name in _FACTS}
    return facts | {_DIFFERENCE: {"points": pilot.points, "test": pilot.test} | found}


_FACTS = ("channels", "songs", "genres", "seeds", "accuracy", "accuracy_low", "accuracy_high", "right")
_DIFFERENCE, _TESTED = "fix-base", ("ci_low", "ci_high", "p")


def read_pilot(path: Path) -> Pilot:
    """Read a comparison from the metrics that `as_metrics` gave.

    Raises
    ------
    InputError
        When the file is missing, is not JSON, or lacks a field.
    """
    metrics = read_json(path)
    if not isinstance(metrics, dict):
        raise InputError(f"{path}: holds no summary of the pilot experiment. Run: dvc repro")
    fields = ["songs", *([*_FACTS, _DIFFERENCE] if metrics.get("songs") else ["note"])]
    if missing := [field for field in dict.fromkeys(fields) if field not in metrics]:
        raise InputError(f"{path}: has no {', '.join(missing)}. Run: dvc repro")
    difference = metrics.pop(_DIFFERENCE, {})
    try:
        return Pilot(**metrics, **difference)
    except TypeError as error:
        raise InputError(f"{path}: not a summary of the pilot experiment ({error}). Run: dvc repro") from None


def score_genres(answers: pd.DataFrame) -> pd.DataFrame:
    """Score both models genre by genre.

    Parameters
    ----------
    answers
        Answers as returned by `read_answers`.

    Returns
    -------
    One row per genre: ``genre``, ``songs`` (tested), and for each model its recall, which is the accuracy on the songs
    of the genre, a fraction (``base``), the mean over seeds, with the 95 % interval of
    `hearlog.statistics.intervals.wilson_interval` (``base_low``, ``base_high``).
    """
    truth = answers["truth"].groupby("item_id").first()
    right, rows = _right(answers), []
    for genre, songs in truth.groupby(truth):
        row = {"genre": genre, "songs": len(songs)}
        for method, of_method in right.items():
            of_genre = of_method.loc[songs.index]
            low, high = wilson_interval(of_genre)
            row |= {method: of_genre.to_numpy().mean(), f"{method}_low": low, f"{method}_high": high}
        rows.append(row)
    columns = ["genre", "songs", *(f"{method}{end}" for method in MODELS for end in ("", "_low", "_high"))]
    return pd.DataFrame(rows, columns=columns)
