"""Losses on embeddings (paper, sections 3.1.2 and 3.2.2)."""

from __future__ import annotations

import torch
from torch.nn import functional


def squared_error(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared error over clips and dimensions of ``(clips, factors)`` tensors."""
    return functional.mse_loss(predicted.float(), target)


def cosine_proximity(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """One minus the cosine between each predicted and true vector, mean over clips; between 0 and 2."""
    return 1 - functional.cosine_similarity(predicted.float(), target, dim=1).mean()
