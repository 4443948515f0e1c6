"""The one training loop, for the CF estimator and for every method on every task."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from hearlog.runtime.backend import Backend, out_of_memory
from hearlog.runtime.checkpoint import Checkpoint
from hearlog.runtime.processes import Processes
from hearlog.training.augmentation import Augmentation
from hearlog.training.inference import clip_cells, evaluation_batch
from hearlog.training.loader import batches, cut, stream
from hearlog.training.optimisation import Optimisation, adam, set_learning_rate
from hearlog.util.errors import InputError


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

    def __add__(self, other: Objective) -> Objective:
        """Minimise both, which name different terms."""
        return Objective(
            lambda output, rows: self.terms(output, rows) | other.terms(output, rows),
            self.weights | other.weights,
            self.selection + other.selection,
        )

    def __rmul__(self, factor: float) -> Objective:
        """Weight all terms in the training loss; the choice of the epoch stays as it is."""
        return replace(self, weights={name: factor * weight for name, weight in self.weights.items()})


@dataclass
class Progress:
    """How far a training run is.

    Attributes
    ----------
    epoch
        Epochs done.
    best, best_epoch, best_weights
        Least validation loss, its epoch, and the network's weights after it.
    history
        A row an epoch.
    """

    best_weights: dict[str, torch.Tensor]
    epoch: int = 0
    best: float = math.inf
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    def goes_on(self, optimisation: Optimisation) -> bool:
        """Tell whether another epoch is due."""
        return self.epoch < optimisation.epochs and self.epoch - self.best_epoch < optimisation.patience


@dataclass(frozen=True)
class Trainer:
    """How networks are trained here.

    Attributes
    ----------
    optimisation
        Settings of the optimiser and of early stopping.
    backend
        Device and precision.
    augmentation
        What is done to training clips.
    """

    optimisation: Optimisation
    backend: Backend
    augmentation: Augmentation = field(default_factory=Augmentation)

    def fit(
        self,
        network: torch.nn.Module,
        objective: Objective,
        mels: np.ndarray,
        train: np.ndarray,
        valid: np.ndarray,
        seed: int,
        label: str,
        checkpoint: Checkpoint | None = None,
    ) -> pd.DataFrame:
        """Train a network and leave it with the weights of its best epoch.

        A run that was killed goes on after the last epoch it finished, and ends as if it had never stopped.

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
        seed
            Of the order of the clips and of their augmentation.
        label
            Shown beside the progress bar.
        checkpoint
            Where the state after each epoch is kept; None keeps none.

        Returns
        -------
        One row an epoch: ``epoch`` (from 1) and each term's mean on both parts, ``train_<term>`` (of the weights as
        they were during the epoch) and ``valid_<term>``.

        Raises
        ------
        InputError
            If the loss is no longer finite, or memory runs out.
        """
        module = self.backend.prepare(network)
        optimiser = adam(network, self.optimisation)
        random = np.random.default_rng(seed)
        progress = self._resume(checkpoint, network, optimiser, random)
        bar = tqdm(
            total=self.optimisation.epochs, initial=progress.epoch, desc=label, unit="epoch", disable=self.backend.quiet
        )
        with bar, out_of_memory(label):
            while progress.goes_on(self.optimisation):
                set_learning_rate(optimiser, self.optimisation, progress.epoch)
                trained = self._train_epoch(module, objective, mels, random.permutation(train), optimiser, random)
                self.backend.processes.agree(network)
                validated = evaluate(network, objective, mels, valid, self.backend)
                _record(progress, network, objective, trained, validated, label)
                if checkpoint and self.backend.processes.first:
                    checkpoint.save(_state(network, optimiser, random, self.backend, progress))
                bar.update()
                bar.set_postfix(best=f"{progress.best:.4f}")
        network.load_state_dict(progress.best_weights)
        return pd.DataFrame(progress.history)

    def _train_epoch(
        self,
        module: torch.nn.Module,
        objective: Objective,
        mels: np.ndarray,
        rows: np.ndarray,
        optimiser: torch.optim.Optimizer,
        random: np.random.Generator,
    ) -> dict[str, float]:
        module.train()
        together, means = self.backend.processes, _Means(objective.weights)
        steps = batches(rows, self.optimisation.batch_size)
        # A micro-batch is what this process computes at once of a step, as places in the step.
        micro_batches = [
            [together.share(part) for part in cut(len(step), self.optimisation.accumulate, together.count)]
            for step in steps
        ]
        read = [step[places] for step, of_step in zip(steps, micro_batches, strict=True) for places in of_step]
        clips = stream(mels, read, self.backend)
        for step, of_step in zip(steps, micro_batches, strict=True):
            draws = self.augmentation.draw(random, len(step), *mels.shape[1:])
            optimiser.zero_grad(set_to_none=True)
            for number, places in enumerate(of_step, start=1):
                with together.accumulate(module, last=number == len(of_step)):
                    with self.backend.autocast():
                        output = module(draws.take(places).apply(next(clips)))
                    terms = mixed_terms(objective, output, step[places], draws.share)
                    loss = torch.stack([objective.weights[name] * term for name, term in terms.items()]).sum()
                    together.backward(loss * (len(places) / len(step)))
                means.add(terms, len(places))
            optimiser.step()
        return means.read(together)

    def _resume(
        self,
        checkpoint: Checkpoint | None,
        network: torch.nn.Module,
        optimiser: torch.optim.Optimizer,
        random: np.random.Generator,
    ) -> Progress:
        """Set all three as they were after the last epoch that was finished."""
        state = self.backend.processes.from_first(checkpoint.load) if checkpoint else None
        if state is None:
            return Progress(network.state_dict())
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        random.bit_generator.state = state["random"]
        self.backend.set_random_states(state["torch"])
        return Progress(**state["progress"])


def _state(
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    random: np.random.Generator,
    backend: Backend,
    progress: Progress,
) -> dict[str, Any]:
    return {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "random": random.bit_generator.state,
        "torch": backend.random_states(),  # of dropout, and of what else a network draws
        "progress": vars(progress),
    }


def mixed_terms(objective: Objective, output: Any, rows: np.ndarray, share: float) -> dict[str, torch.Tensor]:
    """Losses of a batch; of mixed clips, those to either clip's own target, by their shares."""
    terms = objective.terms(output, rows)
    if share == 1:
        return terms
    partners = objective.terms(output, np.roll(rows, 1))
    return {name: share * term + (1 - share) * partners[name] for name, term in terms.items()}


def _record(
    progress: Progress,
    network: torch.nn.Module,
    objective: Objective,
    trained: dict[str, float],
    validated: dict[str, float],
    label: str,
) -> None:
    progress.epoch += 1
    progress.history.append({"epoch": progress.epoch, **_prefix("train", trained), **_prefix("valid", validated)})
    loss = sum(validated[term] for term in objective.selection)
    if not math.isfinite(loss + sum(trained.values())):
        problem = f"{label}: the loss is {loss} in epoch {progress.epoch}"
        raise InputError(f"{problem}: lower learning_rate (in estimator.training or transfer.training)")
    if loss < progress.best:
        progress.best, progress.best_epoch = loss, progress.epoch
        progress.best_weights = copy.deepcopy(network.state_dict())


@torch.inference_mode()
def evaluate(
    network: torch.nn.Module, objective: Objective, mels: np.ndarray, rows: np.ndarray, backend: Backend
) -> dict[str, float]:
    """Mean of each term over the clips in ``rows``, without training."""
    network.eval()
    means = _Means(objective.weights)
    parts = batches(backend.processes.share(rows), evaluation_batch(clip_cells(network, mels), backend.device.type))
    for part, clips in zip(parts, stream(mels, parts, backend), strict=True):
        with backend.autocast():
            output = network(clips)
        means.add(objective.terms(output, part), len(part))
    return means.read(backend.processes)


def _prefix(part: str, terms: dict[str, float]) -> dict[str, float]:
    return {f"{part}_{name}": value for name, value in terms.items()}


class _Means:
    """Means of the terms, weighted by clips.

    They are read from the device once, and summed outside of it: MPS has no float64.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(names)
        self.terms: list[torch.Tensor] = []
        self.clips: list[int] = []

    def add(self, terms: dict[str, torch.Tensor], clips: int) -> None:
        self.terms.append(torch.stack([terms[name].detach() for name in self.names]))
        self.clips.append(clips)

    def read(self, together: Processes) -> dict[str, float]:
        """Divide the sums of all processes by their clips."""
        sums = [0.0] * len(self.names)
        values = torch.stack(self.terms).tolist() if self.terms else []  # a process may have no clips
        for of_batch, clips in zip(values, self.clips, strict=True):
            sums = [total + value * clips for total, value in zip(sums, of_batch, strict=True)]
        *sums, count = together.total([*sums, sum(self.clips)])
        return {name: total / count for name, total in zip(self.names, sums, strict=True)}
