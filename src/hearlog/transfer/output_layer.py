"""Linear models on frozen features: the output layer of method ``fix``, and probes."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hearlog.transfer.targets import ClassTarget, Target
from hearlog.util.errors import InputError


def fit_output_layer(
    target: Target,
    embeddings: np.ndarray,
    encoded: np.ndarray,
    iterations: int,
    strength: float | None = None,
    setting: str = "transfer.fix.max_iterations",
) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """Fit an output layer on frozen embeddings to convergence: logistic or linear regression.

    Embeddings are standardised: at their raw scale a few hundred steps of Adam leave the layer untrained.

    Parameters
    ----------
    target
        What the layer is asked for.
    embeddings
        Of the training clips, clips x factors.
    encoded
        Their targets, as ``target.encode`` gives them.
    iterations
        Most that the logistic regression may take.
    strength
        Of the L2 penalty, as of `hearlog.probing.fit.probe`; None is that of ``fix``: 1 for classes, no penalty for
        numbers.
    setting
        What allows more iterations.

    Returns
    -------
    A function from embeddings to outputs as a network gives them, float32 clips x outputs, and the iterations taken.

    Raises
    ------
    InputError
        If the logistic regression does not converge.
    """
    if not isinstance(target, ClassTarget):
        model = LinearRegression() if strength is None else Ridge(strength)
        linear = make_pipeline(StandardScaler(), model).fit(embeddings, encoded)
        return lambda embeddings: linear.predict(embeddings).reshape(len(embeddings), -1), 1
    logistic = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (strength or 1), max_iter=iterations))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            logistic.fit(embeddings, encoded)
        except ConvergenceWarning:
            message = f"the output layer did not converge in {iterations} iterations: raise {setting}"
            raise InputError(message) from None

    def logits(embeddings: np.ndarray) -> np.ndarray:
        # A class without training clips keeps the least float: it is never chosen, and its loss stays finite.
        outputs = np.full((len(embeddings), target.outputs), np.log(np.finfo(np.float32).tiny), np.float32)
        outputs[:, logistic.classes_] = logistic.predict_log_proba(embeddings)
        return outputs

    return logits, int(logistic[-1].n_iter_.max())
