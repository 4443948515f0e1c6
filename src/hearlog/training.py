"""The one training loop, for the CF estimator and for every method on every task."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from hearlog.errors import InputError
from hearlog.runtime import Backend

EVALUATION_BATCH = 64  # clips; without gradients a larger batch fits and runs faster


@dataclass(frozen=True)
class Objective:
    """What is minimised, and what chooses the epoch whose weights are kept.

    Attributes
    ----------
    terms
        From the network's output and the rows of the batch's clips to named scalar losses.
    weights
        Weight of each term in the training loss.
    selection
        Terms whose sum on the validation part decides.
    """

    terms: Callable[[Any, np.ndarray], dict[str, torch.Tensor]]
    weights: dict[str, float]
    selection: tuple[str, ...]


@dataclass(frozen=True)
class Optimisation:
    """Adam with a constant learning rate, until the validation loss stops falling."""

    batch_size: int
    epochs: int
    patience: int
    learning_rate: float


def fit(
    network: torch.nn.Module,
    objective: Objective,
    mels: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    optimisation: Optimisation,
    backend: Backend,
    seed: int,
    label: str,
) -> pd.DataFrame:
    """Train a network and leave it with the weights of its best epoch.

    Parameters
    ----------
    network
        Maps mel spectrograms ``(clips, bands, frames)`` to what ``objective.terms`` takes.
    objective
        Losses.
    mels
        float16 mel spectrograms of all clips, clips x bands x frames; may be memory-mapped.
    train, valid
        Rows of ``mels``.
    optimisation
        Settings of the optimiser and of early stopping.
    backend
        Device and precision.
    seed
        Of the order of the clips.
    label
        Shown beside the progress bar.

    Returns
    -------
    One row an epoch: ``epoch`` (from 1) and each term's mean on both parts, ``train_<term>`` (of the weights as they
    were during the epoch) and ``valid_<term>``.

    Raises
    ------
    InputError
        If the loss is no longer finite.
    """
    backend.place_network(network)
    optimiser = torch.optim.Adam(network.parameters(), lr=optimisation.learning_rate, fused=True)
    order = np.random.default_rng(seed)
    best, best_epoch, best_weights, history = math.inf, 0, network.state_dict(), []
    bar = tqdm(range(1, optimisation.epochs + 1), label, unit="epoch", disable=None)
    for epoch in bar:
        trained = _train_epoch(network, objective, mels, order.permutation(train), optimisation, optimiser, backend)
        validated = evaluate(network, objective, mels, valid, backend)
        history.append({"epoch": epoch, **_prefix("train", trained), **_prefix("valid", validated)})
        loss = sum(validated[term] for term in objective.selection)
        if not math.isfinite(loss + sum(trained.values())):
            raise InputError(f"{label}: the loss is {loss} in epoch {epoch}: lower training.learning_rate")
        bar.set_postfix(loss=f"{loss:.4f}", best=f"{min(loss, best):.4f}")
        if loss < best:
            best, best_epoch, best_weights = loss, epoch, copy.deepcopy(network.state_dict())
        elif epoch - best_epoch >= optimisation.patience:
            break
    network.load_state_dict(best_weights)
    return pd.DataFrame(history)


def _train_epoch(
    network: torch.nn.Module,
    objective: Objective,
    mels: np.ndarray,
    rows: np.ndarray,
    optimisation: Optimisation,
    optimiser: torch.optim.Optimizer,
    backend: Backend,
) -> dict[str, float]:
    network.train()
    totals = _Means()
    for batch in batches(rows, optimisation.batch_size):
        with backend.autocast():
            output = network(load(mels, batch, backend))
        terms = objective.terms(output, batch)
        loss = torch.stack([objective.weights[name] * term for name, term in terms.items()]).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        totals.add(terms, len(batch))
    return totals.read()


@torch.inference_mode()
def evaluate(
    network: torch.nn.Module, objective: Objective, mels: np.ndarray, rows: np.ndarray, backend: Backend
) -> dict[str, float]:
    """Mean of each term over the clips in ``rows``, without training."""
    network.eval()
    totals = _Means()
    for batch in batches(rows, EVALUATION_BATCH):
        with backend.autocast():
            output = network(load(mels, batch, backend))
        totals.add(objective.terms(output, batch), len(batch))
    return totals.read()


@torch.inference_mode()
def predict(
    network: torch.nn.Module,
    mels: np.ndarray,
    rows: np.ndarray,
    backend: Backend,
    label: str,
    select: Callable[[Any], torch.Tensor] = lambda output: output,
) -> np.ndarray:
    """Run a network over clips.

    Parameters
    ----------
    network, mels, backend, label
        As in `fit`.
    rows
        Rows of ``mels``.
    select
        Takes one tensor from the network's output.

    Returns
    -------
    float32, ``len(rows)`` x the width of that tensor.
    """
    backend.place_network(network).eval()
    outputs = []
    for batch in tqdm(list(batches(rows, EVALUATION_BATCH)), label, unit="batch", disable=None, leave=False):
        with backend.autocast():
            outputs.append(select(network(load(mels, batch, backend))).float().cpu().numpy())
    return np.concatenate(outputs)


def batches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Cut rows into batches of at most ``size``, as equal as can be: batch statistics never rest on a lone clip."""
    yield from np.array_split(rows, math.ceil(len(rows) / size))


def load(mels: np.ndarray, rows: np.ndarray, backend: Backend) -> torch.Tensor:
    """Copy the spectrograms of a batch to the device, as float32."""
    return backend.place(torch.from_numpy(mels[rows])).float()


def _prefix(part: str, terms: dict[str, float]) -> dict[str, float]:
    return {f"{part}_{name}": value for name, value in terms.items()}


class _Means:
    """Running means of the terms, weighted by clips; read from the device once."""

    def __init__(self) -> None:
        self.sums: dict[str, torch.Tensor] = {}
        self.clips = 0

    def add(self, terms: dict[str, torch.Tensor], clips: int) -> None:
        for name, term in terms.items():
            self.sums[name] = self.sums.get(name, 0) + term.detach().double() * clips
        self.clips += clips

    def read(self) -> dict[str, float]:
        return {name: float(total) / self.clips for name, total in self.sums.items()}
