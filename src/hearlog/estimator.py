"""The CF estimator: predicts a song's CF embedding from its audio (paper, section 3.1)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from hearlog import seeds
from hearlog.checkpoint import Checkpoint
from hearlog.errors import InputError
from hearlog.losses import cosine_proximity, squared_error
from hearlog.network import EmbeddingNetwork
from hearlog.training import Objective, Trainer


@dataclass(frozen=True)
class EstimatorConfig:
    """What one needs beside the weights to use the estimator.

    Attributes
    ----------
    channels, factors, se_ratio
        Of `hearlog.network.EmbeddingNetwork`.
    audio, mel
        Settings of the crops and spectrograms it was trained on.
    target_scale
        Predictions times this are in the units of the CF embeddings. It is the root mean square of the training
        songs' elements: unscaled, these are near 0.01, and the squared error would say nothing beside the cosine.
    """

    channels: int
    factors: int
    se_ratio: int
    audio: dict[str, Any]
    mel: dict[str, Any]
    target_scale: float = 1.0

    def build(self) -> EmbeddingNetwork:
        """Return the network with fresh weights."""
        return EmbeddingNetwork(self.channels, self.factors, self.se_ratio)


def embedding_objective(targets: torch.Tensor) -> Objective:
    """Mean squared error plus cosine proximity to ``targets``, clips x factors (section 3.1.2)."""

    def terms(predicted: torch.Tensor, rows: np.ndarray) -> dict[str, torch.Tensor]:
        target = targets[rows]
        return {"squared_error": squared_error(predicted, target), "cosine": cosine_proximity(predicted, target)}

    return Objective(terms, {"squared_error": 1.0, "cosine": 1.0}, ("squared_error", "cosine"))


def train(
    mels: np.ndarray,
    embeddings: np.ndarray,
    parts: dict[str, np.ndarray],
    config: EstimatorConfig,
    trainer: Trainer,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> tuple[EmbeddingNetwork, EstimatorConfig, pd.DataFrame]:
    """Train the estimator on songs.

    Parameters
    ----------
    mels
        float16 mel spectrograms, songs x bands x frames.
    embeddings
        float32 CF embeddings of the same songs, songs x factors.
    parts
        Rows of the ``train`` and ``valid`` songs.
    config
        The network to build; its target scale is found here.
    trainer
        How it is trained.
    seed
        Weights and order derive from it.
    checkpoint
        As in `hearlog.training.Trainer.fit`.

    Returns
    -------
    The network with its best weights, its config, and the history of its training.
    """
    scale = float(np.sqrt(np.mean(np.square(embeddings[parts["train"]], dtype=np.float64))))
    if not scale > 0:
        raise InputError("the CF embeddings of the training songs are all zero: check data/embeddings and the logs")
    config = replace(config, target_scale=scale)
    torch.manual_seed(seeds.derive(seed, "weights"))
    network = config.build()
    targets = trainer.backend.place(torch.from_numpy(embeddings / np.float32(scale)))
    order = seeds.derive(seed, "order")
    objective = embedding_objective(targets)
    history = trainer.fit(network, objective, mels, parts["train"], parts["valid"], order, "estimator", checkpoint)
    return network, config, history


def save(network: EmbeddingNetwork, config: EstimatorConfig, folder: Path) -> None:
    """Write ``model.safetensors`` and ``config.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> tuple[EmbeddingNetwork, EstimatorConfig]:
    """Read what `save` wrote.

    Raises
    ------
    InputError
        If the folder does not hold a model.
    """
    try:
        config = EstimatorConfig(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
        weights = load_file(folder / "model.safetensors")
    except (OSError, TypeError, json.JSONDecodeError) as error:
        raise InputError(f"{folder}: not a model folder (model.safetensors, config.json): {error}") from None
    network = config.build()
    network.load_state_dict(weights)
    return network, config
