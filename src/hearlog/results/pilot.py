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
from hearlog.results.folds import TESTED, join_answers
from hearlog.statistics.intervals import wilson_interval
from hearlog.statistics.paired_clips import accuracy_interval, choose_test, share_right
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
    songs, genres, channels
        Numbers of test songs, of genres, and of the networks' channels.
    accuracy
        Per cent, by model.
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
    accuracy: dict[str, float] = field(default_factory=dict)
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
    The comparison; its test is chosen by `hearlog.statistics.paired_clips.choose_test`.
    """
    if answers.empty:
        return Pilot(note=NO_GENRES if divisors else SWITCHED_OFF)
    right = share_right(answers, MODELS)
    base, fix = right["base"], right["fix"]
    name, test = choose_test(right, answers)
    significance, interval = test(fix, base), accuracy_interval(fix, base)
    note = significance.note or interval.note
    low, high, p = (np.nan,) * 3 if note else (100 * interval.low, 100 * interval.high, significance.p)
    return Pilot(
        songs=len(right),
        genres=answers["truth"].nunique(),
        channels=channels // min(divisors),
        accuracy={method: 100 * float(right[method].mean()) for method in MODELS},
        right=_count_right(answers, seeds=len(answers) / len(right)),
        points=100 * float((fix - base).mean()),
        test=name,
        ci_low=low,
        ci_high=high,
        p=p,
        note=note,
    )


def _count_right(answers: pd.DataFrame, seeds: float) -> dict[str, float]:
    counts = answers[[*MODELS]].eq(answers["truth"], axis="index").value_counts()
    outcomes = {"both": (True, True), "base_alone": (True, False), "fix_alone": (False, True), "none": (False, False)}
    return {name: float(counts.get(outcome, 0) / seeds) for name, outcome in outcomes.items()}


def as_metrics(pilot: Pilot) -> dict[str, Any]:
    """Write a comparison as nested dicts without lists, which ``dvc metrics diff`` drops, and without nan."""
    if not pilot.songs:
        return {"songs": 0, "note": pilot.note}
    found = {"note": pilot.note} if pilot.note else {name: getattr(pilot, name) for name in _TESTED}
    facts = {name: getattr(pilot, name) for name in _FACTS}
    return facts | {_DIFFERENCE: {"points": pilot.points, "test": pilot.test} | found}


_FACTS = ("channels", "songs", "genres", "accuracy", "right")
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
    of the genre, a fraction (``base``), with the 95 % interval of Wilson (1927; ``base_low``, ``base_high``). With
    several seeds, recall is the mean over them, and the interval that of as many songs, rounded.
    """
    truth = answers["truth"].groupby("item_id").first()
    rows = []
    for genre, right in share_right(answers, MODELS).groupby(truth):
        row = {"genre": genre, "songs": len(right)}
        for method in MODELS:
            share = right[method].mean()
            low, high = wilson_interval(share, len(right))
            row |= {method: share, f"{method}_low": low, f"{method}_high": high}
        rows.append(row)
    columns = ["genre", "songs", *(f"{method}{end}" for method in MODELS for end in ("", "_low", "_high"))]
    return pd.DataFrame(rows, columns=columns)
