"""Linear probes: what a linear model finds in frozen features (Alain and Bengio 2016).

Logistic regression for classes, ridge regression for numbers. In each fold features are standardised by its training
clips, one model a strength of the L2 penalty is fitted on these, the validation clips choose among them by the task's
loss, as they choose the epoch of a network, and the test clips are asked once. Validation clips are not fitted
afterwards: every method of this pipeline has learned from the same clips.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from hearlog.statistics.intervals import score_interval
from hearlog.transfer import scores
from hearlog.transfer.output_layer import fit_output_layer
from hearlog.transfer.targets import Target, target_of


def probe(
    features: np.ndarray,
    clips: pd.DataFrame,
    folds: list[dict[str, np.ndarray]],
    strengths: Sequence[float],
    iterations: int,
) -> tuple[pd.DataFrame, list[float]]:
    """Fit and test a linear model in every fold.

    Parameters
    ----------
    features
        float32, clips x dimensions.
    clips
        ``item_id`` and ``target`` of every clip.
    folds
        Rows of the parts train, valid and test, a dict a fold.
    strengths
        Of the penalty ``strength / 2 * |w|^2`` beside the sum over clips of cross-entropies, or of halved squared
        errors: scikit-learn's ``1 / C``, or ``alpha``. Of equal losses the strongest is chosen.
    iterations
        Most that a logistic regression may take.

    Returns
    -------
    Predictions, as of `hearlog.transfer.cell.Cell.run` (``seed`` is 0: nothing is drawn); and the strength chosen in
    each fold.

    Raises
    ------
    InputError
        If a logistic regression does not converge.
    """
    features = features.astype(np.float64)
    tables, chosen = [], []
    for fold, parts in enumerate(folds):
        target = target_of(clips["target"], parts["train"])
        encoded, tested = target.encode(clips["target"]), clips.iloc[parts["test"]]
        with threadpool_limits(1):  # such products are small: threads would wait for each other, and round otherwise
            outputs, strength = _fit(target, features, encoded, parts, strengths, iterations)
        answers = {"truth": tested["target"], "prediction": target.decode(outputs)}
        tables.append(pd.DataFrame({"seed": 0, "fold": fold, "item_id": tested["item_id"]} | answers))
        chosen.append(strength)
    return pd.concat(tables, ignore_index=True), chosen


def _fit(
    target: Target,
    features: np.ndarray,
    encoded: torch.Tensor,
    parts: dict[str, np.ndarray],
    strengths: Sequence[float],
    iterations: int,
) -> tuple[np.ndarray, float]:
    """Return outputs on the test clips, of the strength with the lowest loss on the validation clips, and that."""
    train, valid, test = (parts[part] for part in ("train", "valid", "test"))
    fits = {}
    for strength in sorted(strengths, reverse=True):
        fit, _ = fit_output_layer(
            target, features[train], encoded[train].numpy(), iterations, strength, "probe.max_iterations"
        )
        fits[strength] = float(target.loss(torch.from_numpy(fit(features[valid])), encoded[valid])), fit
    best = min(fits, key=lambda strength: fits[strength][0])
    return fits[best][1](features[test]), best


def summarise(predictions: pd.DataFrame) -> dict[str, float]:
    """Score predictions of all folds together.

    Returns
    -------
    ``score`` (accuracy as a fraction, or r2); ``ci_low`` and ``ci_high``, its 95 % interval over the test clips, each
    of which one fold tests, as of `hearlog.statistics.intervals.score_interval`; and ``spread``, the standard deviation
    over folds (nan for a single one).
    """
    name = "accuracy" if scores.is_classification(predictions) else "r2"
    score = scores.score(predictions)[name]
    low, high = score_interval(predictions["truth"], predictions[["prediction"]])
    spread = scores.scores_by_fold(predictions)[name].std(ddof=1)
    return {"score": score, "ci_low": low, "ci_high": high, "spread": float(spread)}
