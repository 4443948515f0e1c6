"""The pilot experiment (paper, Figure 1): what genre tags and what listening logs tell of a song's genre.

The tag-trained model is method ``base``, a network trained on the genres from scratch; the log-trained one is method
``fix``, a linear classifier on the frozen CF estimator, which has never been shown a genre.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hearlog.results.cells import TESTED, join_answers
from hearlog.results.files import read_json
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
        Multipliers of ``model.channels``.
    folder
        Holds ``<method>-div<divisor>/predictions.parquet``.

    Returns
    -------
    As of `hearlog.results.cells.join_answers`, with genres as ``truth``, ``base`` and ``fix``. No rows without
    divisors, or where the catalogue has no genres that can be learned.

    Raises
    ------
    InputError
        When a file is missing or cannot be read, or the models were tested on different songs.
    """
    if not divisors:
        return pd.DataFrame(columns=[*TESTED, "truth", *MODELS]).set_index(TESTED)
    return join_answers({method: folder / f"{method}-div{min(divisors)}/predictions.parquet" for method in MODELS})


def summarise(answers: pd.DataFrame, divisors: Sequence[int], channels: int) -> dict[str, Any]:
    """Compare both models over all test songs, as nested dicts without lists (``dvc metrics diff`` drops lists).

    The test is that of `hearlog.statistics.paired_clips.choose_test`.

    Parameters
    ----------
    answers
        As of `read_answers`.
    divisors
        Multipliers of ``channels``.
    channels
        ``model.channels``: those of the network of divisor 1.

    Returns
    -------
    ``channels``, ``songs``, ``genres``; ``accuracy`` of each model, per cent; ``right``: how many songs both models,
    one alone and none had right; ``fix-base``: ``points``, ``test``, ``ci_low``, ``ci_high`` and ``p``, or a ``note``.
    Without answers: ``songs``, which is 0, and a ``note``.
    """
    if answers.empty:
        return {"songs": 0, "note": NO_GENRES if divisors else SWITCHED_OFF}
    right = share_right(answers, MODELS)
    base, fix = right["base"], right["fix"]
    name, test = choose_test(right, answers)
    significance, interval = test(fix, base), accuracy_interval(fix, base)
    difference: dict[str, Any] = {"points": 100 * float((fix - base).mean()), "test": name}
    if note := significance.note or interval.note:
        difference["note"] = note
    else:
        difference |= {"ci_low": 100 * interval.low, "ci_high": 100 * interval.high, "p": significance.p}
    counts = answers[[*MODELS]].eq(answers["truth"], axis="index").value_counts()
    outcomes = {"both": (True, True), "base_alone": (True, False), "fix_alone": (False, True), "none": (False, False)}
    repeats = len(answers) / len(right)
    return {
        "channels": channels // min(divisors),
        "songs": len(right),
        "genres": answers["truth"].nunique(),
        "accuracy": {method: 100 * float(right[method].mean()) for method in MODELS},
        "right": {name: float(counts.get(outcome, 0) / repeats) for name, outcome in outcomes.items()},
        "fix-base": difference,
    }


def read_summary(path: Path) -> dict[str, Any]:
    """Read what `summarise` found, from the file that the report stage has written.

    Raises
    ------
    InputError
        When there is none, it is not JSON, or lacks a field.
    """
    summary = read_json(path)
    if not isinstance(summary, dict):
        raise InputError(f"{path}: holds no summary of the pilot experiment. Run: dvc repro")
    compared = ["channels", "genres", "accuracy", "right", "fix-base"]
    fields = ["songs", *(compared if summary.get("songs") else ["note"])]
    if missing := [field for field in fields if field not in summary]:
        raise InputError(f"{path}: has no {', '.join(missing)}. Run: dvc repro")
    return summary


def score_genres(answers: pd.DataFrame) -> pd.DataFrame:
    """Score both models genre by genre.

    Parameters
    ----------
    answers
        As of `read_answers`.

    Returns
    -------
    One row a genre: ``genre``, ``songs`` (tested), and for each model its recall, which is the accuracy on the songs of
    the genre, a fraction (``base``), with the 95 % interval of Wilson (1927; ``base_low``, ``base_high``). With
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
