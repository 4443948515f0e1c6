"""Scores of predictions on test clips."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support, r2_score


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
        macro_f1 = f1_score(truth, prediction, labels=sorted(truth.unique()), average="macro", zero_division=0)
        return {"accuracy": float(accuracy_score(truth, prediction)), "macro_f1": float(macro_f1)}
    constant = prediction.nunique() < 2 or truth.nunique() < 2
    correlation = 0.0 if constant else float(np.corrcoef(truth, prediction)[0, 1])
    return {"r2": float(r2_score(truth, prediction)), "squared_correlation": correlation**2}


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
    """One row a class: ``class``, ``clips``, ``precision``, ``recall``, ``f1``, over all seeds and folds."""
    classes = sorted(predictions["truth"].unique())
    precision, recall, f1, clips = precision_recall_fscore_support(
        predictions["truth"], predictions["prediction"], labels=classes, zero_division=0
    )
    return pd.DataFrame({"class": classes, "clips": clips, "precision": precision, "recall": recall, "f1": f1})


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
    """Count test clips, one row a true class and one column a predicted class."""
    classes = sorted(set(predictions["truth"]) | set(predictions["prediction"]))
    counts = confusion_matrix(predictions["truth"], predictions["prediction"], labels=classes)
    return pd.DataFrame(counts, index=pd.Index(classes, name="truth"), columns=classes)


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
        Rows of the parts, as of `hearlog.corpora.corpus.Corpus.read_parts`.

    Returns
    -------
    ``chance``: every class alike; ``majority``: always the commonest class of the training part.
    """
    hits = [truth.iloc[f["test"]] == truth.iloc[f["train"]].value_counts().sort_index().idxmax() for f in folds]
    return {"chance": 1 / truth.nunique(), "majority": float(np.concatenate(hits).mean())}
