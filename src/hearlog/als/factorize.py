"""CF embeddings: alternating least squares for implicit feedback.

Y. Hu, Y. Koren, C. Volinsky: "Collaborative filtering for implicit feedback datasets", ICDM 2008. A user's
preference for a song is 1 where there is a play and 0 elsewhere, held with confidence 1 + alpha and 1. The
half-steps run in implicit's compiled solver, called on plain arrays: ``AlternatingLeastSquares.fit`` copies the
matrix several times, and takes the matrix values for the confidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from implicit.cpu import _als
from numpy.lib.stride_tricks import as_strided
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from hearlog.params import Als

# implicit's default; few steps suffice from a warm start: G. Takács, I. Pilászy, D. Tikk: "Applications of the
# conjugate gradient method for implicit feedback collaborative filtering", RecSys 2011.
CG_STEPS = 3


@dataclass(frozen=True)
class Factors:
    """A fitted model: a user's score of a song is the dot product of their factors.

    ``songs`` and ``users`` are float32, (songs, factors) and (users, factors); ``losses`` has one number an
    iteration: Hu et al.'s equation 3 divided by the sum of all confidences.
    """

    songs: np.ndarray
    users: np.ndarray
    losses: list[float]


def factorize(user_songs: csr_matrix, settings: Als, seed: int, threads: int = 0) -> Factors:
    """Fit song and user factors by conjugate gradient; the same for any number of threads.

    Parameters
    ----------
    user_songs
        Users x songs; every stored entry is a play, whatever its value.
    settings
        Dimensions, alpha, regularisation and iterations.
    seed
        Of the initial factors, uniform in [0, 0.01) as implicit draws them.
    threads
        0 for all cores.
    """
    users, songs = user_songs.shape
    song_users = user_songs.T.tocsr()
    generator = np.random.default_rng(seed)
    user_factors = generator.random((users, settings.factors), dtype=np.float32) * np.float32(0.01)
    song_factors = generator.random((songs, settings.factors), dtype=np.float32) * np.float32(0.01)
    confidence = _confidence(user_songs, settings.alpha)
    regularization = settings.regularization
    losses = []
    # BLAS threads inside the solver's own slow it down tenfold, and let the number of threads show in the sums.
    with threadpool_limits(1, "blas"):
        for _ in tqdm(range(settings.iterations), desc="ALS", unit="iteration", disable=None):
            for rows, solved, fixed in (
                (user_songs, user_factors, song_factors),
                (song_users, song_factors, user_factors),
            ):
                _als._least_squares_cg(
                    rows.indptr, rows.indices, confidence, solved, fixed, regularization, threads, CG_STEPS
                )
            losses.append(
                _als._calculate_loss(
                    user_songs,
                    user_songs.indptr,
                    user_songs.indices,
                    confidence,
                    user_factors,
                    song_factors,
                    regularization,
                    threads,
                )
            )
    return Factors(song_factors, user_factors, losses)


def fold_in(user_songs: csr_matrix, song_factors: np.ndarray, settings: Als, threads: int = 0) -> np.ndarray:
    """Solve users' factors from given song factors (Hu et al., equation 4), exactly, by Cholesky decomposition.

    Parameters
    ----------
    user_songs
        Users x songs, the columns being the rows of ``song_factors``.
    song_factors
        (songs, factors); no other song is known to the users.
    settings
        alpha and regularisation; those of the fit that gave the song factors.

    Returns
    -------
    float32, (users, factors); zeros for a user without songs.
    """
    fixed = np.require(song_factors, np.float32, ["C", "W"])
    users = np.zeros((user_songs.shape[0], fixed.shape[1]), dtype=np.float32)
    with threadpool_limits(1, "blas"):
        _als._least_squares(
            fixed.T @ fixed,
            user_songs.indptr,
            user_songs.indices,
            _confidence(user_songs, settings.alpha),
            users,
            fixed,
            settings.regularization,
            threads,
        )
    return users


def _confidence(matrix: csr_matrix, alpha: float) -> np.ndarray:
    """Repeat one number for each stored entry, without memory: its stride is 0."""
    return as_strided(np.array([1 + alpha], dtype=np.float32), shape=(matrix.nnz,), strides=(0,))
