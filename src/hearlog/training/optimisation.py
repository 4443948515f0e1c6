"""The optimiser: Adam as in the paper (section 3.1.3), and what may be added to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Optimisation:
    """Adam, until the validation loss stops falling.

    Attributes
    ----------
    batch_size
        Clips a step.
    epochs, patience
        Most epochs, and how many without a better one end the training.
    learning_rate
        At the start.
    schedule
        ``constant``, or ``cosine``: down to zero over all epochs (Loshchilov and Hutter 2017, without restarts).
    weight_decay
        Decoupled (Loshchilov and Hutter 2019), of convolutions and linear layers; not of biases and normalisation.
    accumulate
        Parts in which a batch is computed, one after another. Gradients are those of the whole batch, but batch
        normalisation and mixup see the parts.
    """

    batch_size: int
    epochs: int
    patience: int
    learning_rate: float
    schedule: str = "constant"
    weight_decay: float = 0.0
    accumulate: int = 1


def adam(network: torch.nn.Module, optimisation: Optimisation) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay, which is Adam where there is none."""
    matrices = [weight for weight in network.parameters() if weight.ndim > 1]
    vectors = [weight for weight in network.parameters() if weight.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": optimisation.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=optimisation.learning_rate, fused=True)


def set_learning_rate(optimiser: torch.optim.Optimizer, optimisation: Optimisation, epoch: int) -> None:
    """Set the rate of the epoch after the first ``epoch``."""
    share = 1.0
    if optimisation.schedule == "cosine":
        share = (1 + math.cos(math.pi * epoch / optimisation.epochs)) / 2
    for group in optimiser.param_groups:
        group["lr"] = optimisation.learning_rate * share
