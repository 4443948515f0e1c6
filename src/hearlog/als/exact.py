"""The half-step of engine ``torch``: exact solutions by Cholesky decomposition, in batches, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch

from hearlog.als.confidence import confidences
from hearlog.als.loss import gram
from hearlog.logs.interactions import Interactions
from hearlog.params.log_blocks import Als
from hearlog.util.errors import InputError

# Entries whose columns are copied to the device at once.
BLOCK = 2**24

# Rows of factors gathered at once, so that they stay in a CPU's cache; a GPU needs more at a time to be busy.
GATHERED = {"cpu": 2**13, "cuda": 2**21}


@contextmanager
def _enough_memory() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"ALS: the GPU's memory does not suffice: lower als.factors, or set runtime.device: cpu ({error})"
        ) from None


@_enough_memory()
def solve(
    rows: Interactions, solved: np.ndarray, fixed: np.ndarray, settings: Als, device: torch.device, threads: int
) -> None:
    """Solve the factors of rows in place (Hu et al. 2008, equations 4 and 5).

    Rows are taken in order of their number of entries, so that those of a batch have about as many, and are padded
    with entries of no weight. On a CPU each thread solves batches of its own: divided among threads, the small
    products of one batch would mostly wait for each other, and would round by the number of threads.

    Parameters
    ----------
    rows
        Entries and columns.
    solved
        float32, (rows, factors); what it holds does not matter. Zeros for a row without entries.
    fixed
        float32, (columns, factors).
    settings
        alpha and regularisation.
    device
        Holds ``fixed``, the entries, and for each thread a batch of gathered factors and of systems.
    threads
        Of a CPU.

    Raises
    ------
    InputError
        If a system is singular in float32, or a GPU's memory does not suffice.
    """
    factors = torch.from_numpy(fixed).to(device)
    columns = torch.from_numpy(rows.indices).to(device)
    confidence = torch.from_numpy(confidences(rows, settings.alpha)).to(device)
    ridge = gram(fixed) + settings.regularization * np.eye(fixed.shape[1])
    common = torch.from_numpy(ridge.astype(np.float32)).to(device)

    def solve_batch(batch: np.ndarray, positions: Iterator[np.ndarray]) -> None:
        matrices, sides = common.repeat(len(batch), 1, 1), factors.new_zeros(len(batch), fixed.shape[1])
        for part in positions:
            places = torch.from_numpy(part).to(device)
            absent, places = places < 0, places.clamp(min=0)
            gathered = factors.index_select(0, columns[places].flatten()).unflatten(0, places.shape)
            weights = confidence[places].masked_fill(absent, 1) - 1
            matrices.baddbmm_((gathered * weights[..., None]).mT, gathered)
            sides += (gathered.mT @ (weights + ~absent)[..., None])[..., 0]
        lower, failed = torch.linalg.cholesky_ex(matrices)
        if failed.any():
            raise InputError(
                "ALS: a system of equations is singular in float32: lower als.alpha, or raise als.regularization"
            )
        solved[batch] = torch.cholesky_solve(sides[..., None], lower)[..., 0].cpu().numpy()

    batches = _batches(rows, fixed.shape[1], GATHERED[device.type])
    with _one_thread_each(), ThreadPoolExecutor(threads if device.type == "cpu" else 1) as pool:
        for _ in pool.map(lambda batch: solve_batch(*batch), batches):
            pass


def _batches(rows: Interactions, factors: int, gathered: int) -> Iterator[tuple[np.ndarray, Iterator[np.ndarray]]]:
    """Give the numbers of the rows of a batch, and parts of their positions among the entries, (rows, at most ...).

    Positions are padded with -1. A batch is one long row or as many shorter ones as ``gathered`` allows.
    """
    filled = np.diff(rows.indptr)
    order = np.argsort(-filled, kind="stable")
    start = 0
    while start < len(order):
        longest = int(filled[order[start]])
        batch = order[start : start + max(gathered // max(longest, factors), 1)]
        start += len(batch)
        yield batch, _positions(rows.indptr[batch], filled[batch], gathered)


def _positions(first: np.ndarray, filled: np.ndarray, width: int) -> Iterator[np.ndarray]:
    for start in range(0, int(filled[0]), width):
        steps = np.arange(start, min(start + width, filled[0]))
        yield np.where(steps < filled[:, None], first[:, None] + steps, -1)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Compute an operation on one thread, and in float32: TensorFloat-32 has 10 bits, and Gram matrices need more."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
