"""The half-step of engine ``implicit``: conjugate gradient on processors, in implicit's compiled solver.

It is called on plain arrays, a block of rows at a time: ``AlternatingLeastSquares.fit`` copies the matrix several
times, and takes the matrix values for the confidence.
"""

from __future__ import annotations

import numpy as np
from implicit.cpu import _als
from threadpoolctl import threadpool_limits

from hearlog.als.confidence import confidences
from hearlog.blocks import Als
from hearlog.interactions import Interactions

# implicit's default; few steps suffice from a warm start: G. Takács, I. Pilászy, D. Tikk: "Applications of the
# conjugate gradient method for implicit feedback collaborative filtering", RecSys 2011.
STEPS = 3

# Entries solved at once. The solver computes the Gram matrix of the fixed factors anew each time, which takes 0.2 s
# for 5 million rows; 2**27 entries take 12 s.
BLOCK = 2**27


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
        0 for all cores.
    """
    confidence = confidences(rows, settings.alpha)
    indptr = rows.indptr.astype(np.int32)
    # BLAS threads inside the solver's own slow it down tenfold, and let the number of threads show in the sums.
    with threadpool_limits(1, "blas"):
        _als._least_squares_cg(indptr, rows.indices, confidence, solved, fixed, settings.regularization, threads, STEPS)
