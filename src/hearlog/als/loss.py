"""The loss that alternating least squares lowers, exactly, without a score for every user and song."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from hearlog.als.confidence import confidences
from hearlog.logs.interactions import Interactions
from hearlog.params.log_blocks import Als
from hearlog.util.errors import InputError

MOST = 100.0  # factors of zeros have a loss of 1 at most, and each half-step lowers it


def refuse_diverged(found: float) -> None:
    """Raise `InputError` for a loss that is no number, or far above that of factors of zeros."""
    if not found <= MOST:
        raise InputError(
            f"ALS: the loss is {found:g}, where factors of zeros have 1 at most: numbers of this size do not fit "
            "float32. Bring als.alpha and als.regularization nearer to the usual, such as 40 and 100"
        )


def loss(matrix: Interactions, users: np.ndarray, songs: np.ndarray, settings: Als) -> float:
    """Hu et al.'s equation 3 divided by the sum of all confidences; the same for any number of threads.

    The squares of all scores sum to the product of two Gram matrices, so only the scores of stored entries are
    computed.

    Parameters
    ----------
    matrix
        Users x songs.
    users, songs
        float32, (users, factors) and (songs, factors).
    settings
        alpha and regularisation.
    """
    gram_users, gram_songs = gram(users), gram(songs)
    errors, confidence = float((gram_users * gram_songs).sum()), float(matrix.shape[0]) * matrix.shape[1]
    for block in matrix.blocks():
        rows = matrix.block(block)
        scores, weights = stored_scores(rows, users[block], songs), confidences(rows, settings.alpha)
        squares = np.einsum("i,i", scores, scores, dtype=np.float64)
        if rows.plays is None:
            weight, count = float(1 + settings.alpha), rows.entries
            errors += weight * (count - 2 * scores.sum(dtype=np.float64) + squares) - squares
            confidence += (weight - 1) * count
        else:
            confidence += weights.sum(dtype=np.float64) - rows.entries
            errors += np.einsum("i,i,i", weights, 1 - scores, 1 - scores, dtype=np.float64) - squares
    norms = np.trace(gram_users) + np.trace(gram_songs)
    return float((errors + settings.regularization * norms) / confidence)


def stored_scores(rows: Interactions, users: np.ndarray, songs: np.ndarray) -> np.ndarray:
    """Return the dot products of the users' and songs' factors at the stored entries, float32, (entries,)."""
    indptr, indices = torch.from_numpy(rows.indptr.astype(np.int32)), torch.from_numpy(rows.indices)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        entries = torch.sparse_csr_tensor(
            indptr, indices, torch.zeros(rows.entries), size=rows.shape, check_invariants=False
        )
    return (
        torch.sparse.sampled_addmm(entries, torch.from_numpy(users), torch.from_numpy(songs).T, beta=0).values().numpy()
    )


def gram(factors: np.ndarray, rows: int = 2**16) -> np.ndarray:
    """Multiply factors with themselves, (factors, factors) in float64, without a copy of all in double precision."""
    with threadpool_limits(1, "blas"):
        return sum(
            (part.T @ part).astype(np.float64)
            for part in (factors[start : start + rows] for start in range(0, len(factors), rows))
        )
