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
from hearlog.results.folds import by_seed, read_folds, read_predictions
from hearlog.statistics.paired_clips import ClipTest, compare_errors, compare_right
from hearlog.statistics.paired_tests import adjust, corrected_t_test, differences
from hearlog.transfer.methods import COMPARISONS, METHODS

COLUMNS = ["comparison", "kind", "task", "title", "protocol", "channels", "test", "n", "unit"]
COLUMNS += ["covers", "wins", "ties", "losses", "difference", "ci_low", "ci_high", "p", ADJUSTED, "note"]
# What the interval and p of a row include: the choice of test clips, and what another training would change.
CLIPS, CLIPS_AND_TRAINING = "clips", "clips and training"


def compare_within(cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Compare the methods within every task and capacity.

    A task with folds is tested over them by `hearlog.statistics.paired_tests.corrected_t_test`, each fold the mean of
    its seeds; validation clips count as training ones. The difference is then the mean of the folds', not quite that of
    the pooled scores where folds differ in size. Each fold has networks and seeds of its own, so the test covers what
    another training would change.

    A task with one test part is tested over its clips by `hearlog.statistics.paired_clips.compare_right`, numbers by
    ``compare_errors`` there. That covers what another training would change only with several seeds.

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
    clips), ``covers`` (`CLIPS` or `CLIPS_AND_TRAINING`), ``wins``, ``ties``, ``losses`` (of these), ``difference``,
    ``ci_low``, ``ci_high`` (points of accuracy, or r2), ``p``, the p adjusted for the rows of one comparison and kind
    (`hearlog.results.comparisons.ADJUSTED`) and ``note``. Where no test is
    possible, ``note`` gives the reason, and interval and p are nan.
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
    facts = {"unit": "folds", "covers": CLIPS_AND_TRAINING}
    for method, against in COMPARISONS:
        a, b = scores[method], scores[against]
        test = corrected_t_test(a, b, tested.mean(), tested.sum() - tested.mean())
        named = ClipTest("Nadeau-Bengio", test.ci_low, test.ci_high, test.p, test.note)
        yield facts | _row(a, b, named)


def _over_clips(cells: pd.DataFrame, folder: Path) -> Iterator[dict[str, Any]]:
    answers = read_predictions(cells, folder)
    facts = {"unit": "clips", "covers": CLIPS if cells["seeds"].iloc[0] == 1 else CLIPS_AND_TRAINING}
    compare = _compare_numbers if cells["kind"].iloc[0] == "regression" else _compare_labels
    yield from (facts | row for row in compare(answers))


def _compare_labels(answers: pd.DataFrame) -> Iterator[dict[str, Any]]:
    right = {method: by_seed(answers[method] == answers["truth"]) for method in METHODS}
    for method, against in COMPARISONS:
        a, b = right[method], right[against]
        yield _row(a.mean(axis="columns"), b.mean(axis="columns"), compare_right(a, b))


def _compare_numbers(answers: pd.DataFrame) -> Iterator[dict[str, Any]]:
    truth = answers["truth"].groupby("item_id").first()
    errors = {method: by_seed((answers[method] - answers["truth"]) ** 2) for method in METHODS}
    # Of each clip in r2, which is their mean.
    shares = {method: 1 - of_method.mean(axis="columns") / truth.var(ddof=0) for method, of_method in errors.items()}
    for method, against in COMPARISONS:
        test = compare_errors(truth, errors[method], errors[against])
        yield _row(shares[method], shares[against], test)


def _row(a: pd.Series, b: pd.Series, test: ClipTest) -> dict[str, Any]:
    d = differences(a, b)
    counts = {"n": len(d), "wins": np.sum(d > 0), "ties": np.sum(d == 0), "losses": np.sum(d < 0)}
    found = {"difference": (a - b).mean(), "ci_low": test.low, "ci_high": test.high, "p": test.p, "note": test.note}
    return {"test": test.name} | counts | found
