"""What a task network is asked for: a class or a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn import functional


@dataclass(frozen=True)
class ClassTarget:
    """One of several classes, in alphabetical order; cross-entropy."""

    classes: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """Width of the output layer."""
        return len(self.classes)

    def encode(self, values: pd.Series) -> torch.Tensor:
        """Turn labels into int64 class indices."""
        return torch.from_numpy(pd.Index(self.classes).get_indexer(pd.Index(values)))

    def loss(self, outputs: torch.Tensor, encoded: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of logits ``(clips, classes)``."""
        return functional.cross_entropy(outputs.float(), encoded)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Turn logits ``(clips, classes)`` into the likeliest labels."""
        return np.array(self.classes, dtype=object)[outputs.argmax(axis=1)]


@dataclass(frozen=True)
class NumberTarget:
    """A number, standardised by mean and standard deviation of the training clips; squared error."""

    mean: float
    deviation: float
    outputs: int = 1

    def encode(self, values: pd.Series) -> torch.Tensor:
        """Turn numbers into standardised float32 ``(clips, 1)``."""
        standardised = (values.to_numpy(np.float64) - self.mean) / self.deviation
        return torch.from_numpy(standardised.astype(np.float32)[:, None])

    def loss(self, outputs: torch.Tensor, encoded: torch.Tensor) -> torch.Tensor:
        """Mean squared error, in squared standard deviations."""
        return functional.mse_loss(outputs.float(), encoded)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Turn standardised outputs ``(clips, 1)`` into numbers in the target's own units."""
        return outputs[:, 0].astype(np.float64) * self.deviation + self.mean


Target = ClassTarget | NumberTarget


def target_of(values: pd.Series, train: np.ndarray) -> Target:
    """Choose by the column's type: numbers are regressed, text is classified.

    Parameters
    ----------
    values
        Targets of all clips of a corpus.
    train
        Rows of the training clips.
    """
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.iloc[train]
        return NumberTarget(float(numbers.mean()), float(numbers.std(ddof=0)) or 1.0)
    return ClassTarget(tuple(sorted(values.unique())))
