"""The half-step of engine ``implicit``: conjugate gradient on processors, in implicit's compiled solver.

It is called on plain arrays, a block of rows at a time: ``AlternatingLeastSquares.fit`` copies the matrix several
times, and takes the matrix values for the confidence. Long rows are solved exactly instead: conjugate gradient goes
through their factors once more in each step, which a processor's cache does not hold.
"""

from __future__ import annotations

import numpy as np
import torch
from implicit.cpu import _als
from threadpoolctl import threadpool_limits

from hearlog.als import exact
from hearlog.als.confidence import confidences
from hearlog.als.memory import SOLVED
from hearlog.logs.interactions import Interactions
from hearlog.params.log_blocks import Als

# implicit's default; few steps suffice from a warm start: G. Takács, I. Pilászy, D. Tikk: "Applications of the
# conjugate gradient method for implicit feedback collaborative filtering", RecSys 2011.
STEPS = 3

# Entries solved at once. The solver computes the Gram matrix of the fixed factors anew each time, which takes 0.2 s
# for 5 million rows; so many entries take 12 s.
BLOCK = SOLVED

# Entries of a row, of 160 bytes each in 40 dimensions. Longer ones, popular songs, have most entries of a large matrix:
# at the paper's size an entry of theirs takes 160 ns exactly, 400 ns by conjugate gradient.
LONG = 2**12


def solve(rows: Interactions, solved: np.ndarray, fixed: np.ndarray, settings: Als, threads: int) -> None:
    """Improve the factors of rows in place; the same bits for any number of threads and any cut into blocks.

    Parameters
    ----------
    rows
        At most 2**31 - 1 entries.
    solved
        float32, (rows, factors): where the search starts and what it found. Zeros for a row without entries.
    fixed
        float32, (columns, factors).
    settings
        alpha and regularisation.
    threads
        At least 1.
    """
    long = np.diff(rows.indptr) > LONG
    if not long.any():
        _search(rows, solved, fixed, settings, threads)
        return
    _search(rows.keep(~long), solved, fixed, settings, threads)  # zeros for the long ones, and no copy of the factors
    exactly = solved[long]
    exact.solve(rows.select(long), exactly, fixed, settings, torch.device("cpu"), threads)
    solved[long] = exactly


def _search(rows: Interactions, solved: np.ndarray, fixed: np.ndarray, settings: Als, threads: int) -> None:
    confidence = confidences(rows, settings.alpha)
    indptr = rows.indptr.astype(np.int32)
    # BLAS threads inside the solver's own slow it down tenfold, and let the number of threads show in the sums.
    with threadpool_limits(1, "blas"):
        _als._least_squares_cg(indptr, rows.indices, confidence, solved, fixed, settings.regularization, threads, STEPS)
