"""How well the CF estimator predicts embeddings (paper, section 3.1)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import r2_score
from torch.nn import functional

from hearlog.model.losses import cosine_proximity, squared_error


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


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine between the vectors of each row, float, rows x dimensions; 0 where one has no length."""
    return functional.cosine_similarity(torch.from_numpy(a), torch.from_numpy(b), dim=1).numpy()


def similar_songs(predicted: np.ndarray, truth: np.ndarray, songs: int = 300) -> pd.DataFrame:
    """Compare how alike songs are by their predicted embeddings with how alike they are by their own.

    Parameters
    ----------
    predicted, truth
        float32, songs x factors.
    songs
        Most that are compared, each with each; drawn at random, always the same.

    Returns
    -------
    One row a pair: ``first`` and ``second`` (rows of the embeddings) and the cosine between the two songs by both,
    ``predicted`` and ``true``.
    """
    drawn = np.sort(np.random.default_rng(0).permutation(len(truth))[:songs])
    first, second = (drawn[side] for side in np.triu_indices(len(drawn), k=1))
    similarities = {
        "predicted": cosines(predicted[first], predicted[second]),
        "true": cosines(truth[first], truth[second]),
    }
    return pd.DataFrame({"first": first, "second": second, **similarities})


def mean_embedding(train: np.ndarray, songs: int) -> np.ndarray:
    """Return the baseline that hears nothing: the training songs' mean embedding, for every song.

    Its direction is that of popularity, which alone reaches a cosine well above 0.
    """
    return np.tile(train.mean(axis=0), (songs, 1)).astype(np.float32)


def scores_by_dimension(predicted: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    """One row a dimension of the embedding: ``dimension`` (from 1) and its ``r2``."""
    r2 = np.asarray(r2_score(truth, predicted, multioutput="raw_values"))
    return pd.DataFrame({"dimension": np.arange(1, len(r2) + 1), "r2": r2})
