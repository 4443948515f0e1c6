"""Two methods within one task and capacity: over its folds, or over the clips of its one test part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hearlog.corpora.protocols import protocol_label
from hearlog.results.comparisons import ADJUSTED
from hearlog.results.files import read_table
from hearlog.results.folds import read_folds, read_predictions
from hearlog.statistics.paired_clips import Interval, accuracy_interval, choose_test, r2_interval, share_right
from hearlog.statistics.paired_tests import (
    PairedTest,
    Significance,
    adjust,
    corrected_t_test,
    differences,
    sign_flip_test,
)
from hearlog.transfer.methods import COMPARISONS, METHODS

COLUMNS = ["comparison", "kind", "task", "title", "protocol", "channels", "test", "n", "unit"]
COLUMNS += ["wins", "ties", "losses", "difference", "ci_low", "ci_high", "p", ADJUSTED, "note"]


def compare_within(cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Compare the methods within every task and capacity.

    A task with folds is tested over them by `hearlog.statistics.paired_tests.corrected_t_test`, each fold the mean of
    its seeds; validation clips count as training ones. The difference is then the mean of the folds', not quite that of
    the pooled scores where folds differ in size.

    A task with one test part is tested over its clips: by McNemar's test or, with several seeds, the sign-flip test
    (`hearlog.statistics.paired_clips.choose_test`), and a bootstrap for the interval. Numbers are tested by the
    sign-flip test of squared errors.

    Parameters
    ----------
    cells
        Scores as returned by `hearlog.results.cells.read_cells`.
    folder
        Folder of ``<task>/<method>-div<divisor>/`` with ``scores.tsv`` and ``predictions.parquet``.

    Returns
    -------
    One row per comparison, task and capacity, classification before regression: ``comparison`` (such as ``kd-base``),
    ``kind``, ``task``, ``title``, ``protocol`` (in print), ``channels``, ``test``, ``n``, ``unit`` of n (folds or
    clips), ``wins``, ``ties``, ``losses`` (of these), ``difference``, ``ci_low``, ``ci_high`` (points of accuracy, or
    r2), ``p``, the p adjusted for the rows of one comparison and kind (`hearlog.results.comparisons.ADJUSTED`) and
    ``note``. Where no test is possible, ``note`` gives the reason, and interval and p are nan.
    """
    rows = []
    for _, of_task in cells.groupby(["task", "divisor"], sort=False):
        cell = of_task.iloc[0]
        facts = {name: cell[name] for name in ("kind", "task", "title", "channels")}
        facts["protocol"] = protocol_label(cell["protocol"], cell["folds"])
        tests = _over_folds(of_task, folder) if cell["folds"] > 1 else _over_clips(of_task, folder)
        rows += [{"comparison": f"{a}-{b}", **facts, **test} for (a, b), test in zip(COMPARISONS, tests, strict=True)]
    table = pd.DataFrame(rows)
    numbers = ["difference", "ci_low", "ci_high"]
    table.loc[table["kind"] == "classification", numbers] *= 100
    table[ADJUSTED] = table.groupby(["comparison", "kind"])["p"].transform(adjust)
    return _in_order(table).sort_values(["comparison", "kind"], kind="stable", ignore_index=True)


def read_within(path: Path) -> pd.DataFrame:
    """Read the tests from the table that the report stage has written of them, as returned by `compare_within`.

    Raises
    ------
    InputError
        When the file is missing, broken or lacks a column.
    """
    table = read_table(path, COLUMNS)
    return _in_order(table.assign(note=table["note"].astype("str").fillna("")))


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    names = pd.Categorical(table["comparison"], [f"{a}-{b}" for a, b in COMPARISONS])
    return table.assign(comparison=names, note=table["note"].astype("str"))[COLUMNS]


def _over_folds(cells: pd.DataFrame, folder: Path) -> Iterator[dict[str, Any]]:
    folds = read_folds(cells, folder)
    scores = folds.pivot_table(index="fold", columns="method", values="score")
    tested = folds.groupby("fold")["clips"].first()
    for method, against in COMPARISONS:
        a, b = scores[method], scores[against]
        test = corrected_t_test(a, b, tested.mean(), tested.sum() - tested.mean())
        yield {"test": "Nadeau-Bengio", "unit": "folds", **_row(a, b, test, Interval(test.ci_low, test.ci_high))}


def _over_clips(cells: pd.DataFrame, folder: Path) -> Iterator[dict[str, Any]]:
    answers = read_predictions(cells, folder)
    if cells["kind"].iloc[0] == "regression":
        yield from _over_numbers(answers)
        return
    right = share_right(answers, [*METHODS])
    name, test = choose_test(right, answers)
    for method, against in COMPARISONS:
        a, b = right[method], right[against]
        yield {"test": name, "unit": "clips", **_row(a, b, test(a, b), accuracy_interval(a, b))}


def _over_numbers(answers: pd.DataFrame) -> Iterator[dict[str, Any]]:
    truth = answers["truth"].groupby("item_id").first()
    errors = answers[[*METHODS]].sub(answers["truth"], axis="index").pow(2).groupby("item_id").mean()
    shares = 1 - errors / truth.var(ddof=0)  # of each clip in r2, which is their mean
    for method, against in COMPARISONS:
        a, b = shares[method], shares[against]
        interval = r2_interval(truth, errors[method], errors[against])
        yield {"test": "sign-flip", "unit": "clips", **_row(a, b, sign_flip_test(a, b), interval)}


def _row(a: pd.Series, b: pd.Series, test: PairedTest | Significance, interval: Interval) -> dict[str, Any]:
    """Put together what a test and its interval say; if either says nothing, neither does."""
    d = differences(a, b)
    note = test.note or interval.note
    low, high, p = (np.nan, np.nan, np.nan) if note else (interval.low, interval.high, test.p)
    counts = {"n": len(d), "wins": np.sum(d > 0), "ties": np.sum(d == 0), "losses": np.sum(d < 0)}
    return {**counts, "difference": (a - b).mean(), "ci_low": low, "ci_high": high, "p": p, "note": note}
