"""How well the CF estimator predicts embeddings (paper, section 3.1)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import r2_score

from hearlog.losses import cosine_proximity, squared_error


def embedding_scores(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Score predicted embeddings.

    Parameters
    ----------
    predicted, truth
        float32, songs x factors, in the estimator's scale.

    Returns
    -------
    ``squared_error`` (mean over songs and dimensions), ``cosine`` (mean over songs) and ``r2`` (mean over dimensions).
    """
    tensors = torch.from_numpy(predicted), torch.from_numpy(truth)
    return {
        "squared_error": squared_error(*tensors).item(),
        "cosine": 1 - cosine_proximity(*tensors).item(),
        "r2": float(r2_score(truth, predicted)),
    }


def mean_embedding(train: np.ndarray, songs: int) -> np.ndarray:
    """Return the baseline that hears nothing: the training songs' mean embedding, for every song.

    Its direction is that of popularity, which alone reaches a cosine well above 0.
    """
    return np.tile(train.mean(axis=0), (songs, 1)).astype(np.float32)


def scores_by_dimension(predicted: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    """One row a dimension of the embedding: ``dimension`` (from 1) and its ``r2``."""
    r2 = np.asarray(r2_score(truth, predicted, multioutput="raw_values"))
    return pd.DataFrame({"dimension": np.arange(1, len(r2) + 1), "r2": r2})
