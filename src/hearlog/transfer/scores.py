"""Scores of predictions on test clips, in NumPy and pandas: every cell would wait a second for scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd


def is_classification(predictions: pd.DataFrame) -> bool:
    """Tell labels from numbers by the type of the column ``truth``."""
    return not pd.api.types.is_numeric_dtype(predictions["truth"])


def score(predictions: pd.DataFrame) -> dict[str, float]:
    """Score one set of test predictions.

    Parameters
    ----------
    predictions
        Columns ``truth`` and ``prediction``, both labels or both numbers.

    Returns
    -------
    ``accuracy`` and ``macro_f1`` of labels; ``r2`` (coefficient of determination) and ``squared_correlation``
    (Pearson's, 0 for constant predictions) of numbers.
    """
    truth, prediction = predictions["truth"], predictions["prediction"]
    if is_classification(predictions):
        return {
            "accuracy": float((truth == prediction).mean()),
            "macro_f1": float(per_class(predictions)["f1"].mean()),
        }
    constant = prediction.nunique() < 2 or truth.nunique() < 2
    correlation = 0.0 if constant else float(np.corrcoef(truth, prediction)[0, 1])
    return {"r2": r_squared(truth.to_numpy(), prediction.to_numpy()), "squared_correlation": correlation**2}


def r_squared(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Return the coefficient of determination; 1 or 0 where the truth is constant, as in scikit-learn."""
    error = float(np.square(truth - prediction).sum())
    spread = float(np.square(truth - truth.mean()).sum())
    return 1 - error / spread if spread else float(not error)


def mean_score(predictions: pd.DataFrame) -> dict[str, float]:
    """Mean over seeds of the score on each seed's predictions, folds pooled."""
    scores = [score(of_seed) for _, of_seed in predictions.groupby("seed")]
    return {name: float(np.mean([s[name] for s in scores])) for name in scores[0]}


def scores_by_fold(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a seed and fold: ``seed``, ``fold``, ``clips`` and the scores."""
    rows = [
        {"seed": seed, "fold": fold, "clips": len(part), **score(part)}
        for (seed, fold), part in predictions.groupby(["seed", "fold"])
    ]
    return pd.DataFrame(rows)


def per_class(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row per true class: ``class``, ``clips``, ``precision``, ``recall``, ``f1``, over all seeds and folds.

    The precision of a class that is never predicted is 0.
    """
    counts = confusion(predictions)
    clips, predicted = counts.sum(axis=1), counts.sum(axis=0)
    classes = clips.index[clips > 0]
    right = pd.Series(np.diag(counts), counts.index)[classes]
    clips, predicted = clips[classes], predicted[classes]
    scores = {
        "precision": right / predicted.clip(lower=1),
        "recall": right / clips,
        "f1": 2 * right / (clips + predicted),
    }
    return pd.DataFrame({"class": classes, "clips": clips} | scores).reset_index(drop=True)


def label(table: pd.DataFrame, protocol: Mapping[str, str | int]) -> pd.DataFrame:
    """Name the protocol in every row: tables of two protocols stay told apart when they are joined.

    Parameters
    ----------
    table
        Of any columns.
    protocol
        ``protocol`` (its name in the params) and ``folds``, which become the first columns.
    """
    return pd.concat([pd.DataFrame(dict(protocol), index=table.index), table], axis="columns")


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count test clips, one row per true class and one column per predicted class."""
    classes = pd.Index(sorted(set(predictions["truth"]) | set(predictions["prediction"])), name="truth")
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (classes.get_indexer(predictions["truth"]), classes.get_indexer(predictions["prediction"])), 1)
    return pd.DataFrame(counts, index=classes, columns=classes.rename(None))


def write_tables(folder: Path, predictions: pd.DataFrame, protocol: Mapping[str, str | int]) -> None:
    """Write a cell's predictions, its scores by fold and, for classes, its scores by class and its confusions."""
    folder.mkdir(parents=True, exist_ok=True)
    label(predictions, protocol).to_parquet(folder / "predictions.parquet", index=False)
    tables = {"scores": scores_by_fold(predictions)}
    if is_classification(predictions):
        tables["per_class"] = per_class(predictions)
        tables["confusion"] = confusion(predictions).reset_index()
    for name, table in tables.items():
        label(table, protocol).to_csv(folder / f"{name}.tsv", sep="\t", index=False)


def reference_lines(truth: pd.Series, folds: list[dict[str, np.ndarray]]) -> dict[str, float]:
    """Accuracy of two guesses that hear nothing.

    Parameters
    ----------
    truth
        Labels of all clips.
    folds
        Rows of the parts, as of `hearlog.corpora.corpus.Corpus.read_splits`.

    Returns
    -------
    ``chance``: every class alike; ``majority``: always the commonest class of the training part.
    """
    hits = [truth.iloc[f["test"]] == truth.iloc[f["train"]].value_counts().sort_index().idxmax() for f in folds]
    return {"chance": 1 / truth.nunique(), "majority": float(np.concatenate(hits).mean())}
