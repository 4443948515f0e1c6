"""How much the factors of each row are regularised: engine ``spark`` weighs by the row's entries, the others do not."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from hearlog.logs.interactions import Interactions
from hearlog.params.log_blocks import Als


def weighted_regularization(users: int, songs: int, entries: int, regularization: float) -> float:
    """Return the ``regParam`` with which ALS-WR regularises about as much as one number for all users and songs.

    Only the product of both sides' regularisation shows in the scores, as users' factors may be any number of times
    larger where the songs' are smaller: so it is divided by the geometric mean of the means of songs a user and users
    a song.
    """
    return regularization * sqrt(users * songs) / max(entries, 1)


def regularization_of(filled: np.ndarray, matrix: Interactions, settings: Als) -> np.ndarray:
    """Return what the engine of the settings, fitted on a matrix, regularises a row with so many entries with.

    Parameters
    ----------
    filled
        Numbers of entries, (rows,).
    matrix
        Users x songs.
    settings
        Engine and regularisation.

    Returns
    -------
    float64, (rows,).
    """
    if settings.engine == "spark":
        return weighted_regularization(*matrix.shape, matrix.entries, settings.regularization) * filled
    return np.full(len(filled), settings.regularization)


def describe_fold_in(matrix: Interactions, settings: Als) -> dict[str, Any]:
    """Return what a user's factors are solved with after the fit: the content of ``data/embeddings/fold_in.json``.

    Parameters
    ----------
    matrix
        Users x songs, as fitted.
    settings
        Settings of the fit.

    Returns
    -------
    ``alpha``, ``regularization``, ``weighted`` and ``counts``: see `hearlog.model.folder.Targets`.
    """
    weighted = settings.engine == "spark"
    regularization = settings.regularization
    if weighted:
        regularization = weighted_regularization(*matrix.shape, matrix.entries, regularization)
    counts = matrix.plays is not None
    return {"alpha": settings.alpha, "regularization": regularization, "weighted": weighted, "counts": counts}
