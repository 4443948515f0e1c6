"""CF embeddings: alternating least squares for implicit feedback.

Y. Hu, Y. Koren, C. Volinsky: "Collaborative filtering for implicit feedback datasets", ICDM 2008. A user's
preference for a song is 1 where there is a play and 0 elsewhere, held with the confidence of
`hearlog.als.confidence` and with 1. The matrix and its transpose are read from disk, a block of rows at a time.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from implicit.cpu import _als
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from hearlog.als import conjugate, exact
from hearlog.als.confidence import confidences
from hearlog.als.loss import loss, refuse_diverged
from hearlog.als.memory import refuse_too_large
from hearlog.logs.interactions import Interactions
from hearlog.params.log_blocks import Als
from hearlog.runtime.backend import choose_device, count_threads


@dataclass(frozen=True)
class Factors:
    """A fitted model: a user's score of a song is the dot product of their factors.

    ``songs`` and ``users`` are float32, (songs, factors) and (users, factors); ``losses`` has one number an
    iteration: Hu et al.'s equation 3 divided by the sum of all confidences.
    """

    songs: np.ndarray
    users: np.ndarray
    losses: list[float]


def factorize(
    matrix: Interactions, settings: Als, seed: int, threads: int, scratch: Path, device: str = "cpu"
) -> Factors:
    """Fit song and user factors; the same bits for any number of threads.

    Parameters
    ----------
    matrix
        Users x songs.
    settings
        Engine (``implicit`` or ``torch``), dimensions, alpha, regularisation and iterations.
    seed
        Of the initial factors.
    threads
        0 for all cores.
    scratch
        Existing folder for the transposed matrix, which is as large as the matrix and is removed at the end.
    device
        Of engine ``torch``: ``runtime.device``. In place of MPS it takes the CPU, and says so.

    Raises
    ------
    InputError
        If the memory that is free does not suffice, or the factors diverge.
    """
    losses = []
    for fitted in iterate(matrix, settings, seed, threads, scratch, device):
        losses += fitted.losses
    return Factors(fitted.songs, fitted.users, losses)


def iterate(
    matrix: Interactions, settings: Als, seed: int, threads: int, scratch: Path, device: str = "cpu"
) -> Iterator[Factors]:
    """Fit as `factorize` does, and give factors and loss of each iteration; the next one changes them in place."""
    refuse_too_large(matrix, settings)
    torch.set_num_threads(count_threads(threads))
    most, solve = _half_step(settings, threads, device)
    users, songs = draw(matrix.shape, settings.factors, seed)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        transposed = matrix.transpose(Path(folder))
        total = 2 * matrix.entries * settings.iterations
        with tqdm(total=total, desc="ALS", unit="entry", unit_scale=True, disable=None) as bar:
            for _ in range(settings.iterations):
                for rows, solved, fixed in ((matrix, users, songs), (transposed, songs, users)):
                    for block in rows.blocks(most):
                        part = rows.block(block)
                        solve(part, solved[block], fixed)
                        bar.update(part.entries)
                now = loss(matrix, users, songs, settings)
                refuse_diverged(now)
                bar.set_postfix(loss=now, refresh=False)
                yield Factors(songs, users, [now])


def _half_step(
    settings: Als, threads: int, device: str
) -> tuple[int, Callable[[Interactions, np.ndarray, np.ndarray], None]]:
    """Entries that the engine solves at once, and how."""
    workers = count_threads(threads)
    if settings.engine == "torch":
        chosen = choose_device(device)
        if chosen.type == "mps":
            print("ALS: on the CPU: torch solves systems of equations on MPS one after another", file=sys.stderr)
            chosen = torch.device("cpu")
        return exact.BLOCK, lambda rows, solved, fixed: exact.solve(rows, solved, fixed, settings, chosen, workers)
    return conjugate.BLOCK, lambda rows, solved, fixed: conjugate.solve(rows, solved, fixed, settings, workers)


def draw(shape: tuple[int, int], factors: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the users' and the songs' initial factors, uniform in [0, 0.01) as implicit draws them."""
    generator = np.random.default_rng(seed)
    users, songs = (generator.random((rows, factors), dtype=np.float32) for rows in shape)
    users *= np.float32(0.01)
    songs *= np.float32(0.01)
    return users, songs


def fold_in(
    user_songs: csr_matrix, song_factors: np.ndarray, alpha: float, regularization: np.ndarray | float, threads: int = 0
) -> np.ndarray:
    """Solve users' factors from given song factors (Hu et al., equation 4), exactly, by Cholesky decomposition.

    Parameters
    ----------
    user_songs
        Users x songs, the columns being the rows of ``song_factors``; bool, or plays.
    song_factors
        (songs, factors); no other song is known to the users.
    alpha
        That of the fit that gave the song factors.
    regularization
        Of each user, (users,), as of `hearlog.als.regularization`, or one for all.
    threads
        0 for all cores.

    Returns
    -------
    float32, (users, factors); zeros for a user without songs.
    """
    fixed = np.require(song_factors, np.float32, ["C", "W"])
    users = np.zeros((user_songs.shape[0], fixed.shape[1]), dtype=np.float32)
    plays = None if user_songs.dtype == bool else user_songs.data
    rows = Interactions(user_songs.indptr, user_songs.indices, plays, user_songs.shape[1])
    ridges = np.broadcast_to(regularization, len(users))
    with threadpool_limits(1, "blas"):
        gram = fixed.T @ fixed
        for ridge in np.unique(ridges):  # the solver takes one number for all its rows
            chosen = ridges == ridge
            part, solved = rows.select(chosen), users[chosen]
            weights = confidences(part, alpha)
            indptr = part.indptr.astype(np.int32)
            _als._least_squares(gram, indptr, part.indices, weights, solved, fixed, float(ridge), threads)
            users[chosen] = solved
    return users
