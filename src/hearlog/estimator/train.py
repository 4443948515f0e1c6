"""The CF estimator: predicts a song's CF embedding from its audio (paper, section 3.1)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from hearlog.model.folder import Network
from hearlog.model.losses import cosine_proximity, squared_error
from hearlog.model.network import EmbeddingNetwork
from hearlog.runtime.checkpoint import Checkpoint
from hearlog.training.loop import Objective, Trainer
from hearlog.util import seeds
from hearlog.util.errors import InputError


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
    network: Network,
    trainer: Trainer,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> tuple[EmbeddingNetwork, float, pd.DataFrame]:
    """Train the estimator on songs.

    Parameters
    ----------
    mels
        float16 mel spectrograms, songs x bands x frames.
    embeddings
        float32 CF embeddings of the same songs, songs x factors.
    parts
        Rows of the ``train`` and ``valid`` songs.
    network
        Size of the network to build.
    trainer
        How it is trained.
    seed
        Weights and order derive from it.
    checkpoint
        As in `hearlog.training.loop.Trainer.fit`.

    Returns
    -------
    The network with its best weights; the scale of its targets, see `hearlog.model.folder.Targets`; and the history of
    its training.
    """
    scale = float(np.sqrt(np.mean(np.square(embeddings[parts["train"]], dtype=np.float64))))
    if not scale > 0:
        raise InputError("the CF embeddings of the training songs are all zero: check data/embeddings and the logs")
    torch.manual_seed(seeds.derive(seed, "weights"))
    estimator = network.build()
    targets = trainer.backend.place(torch.from_numpy(embeddings / np.float32(scale)))
    order = seeds.derive(seed, "order")
    objective = embedding_objective(targets)
    history = trainer.fit(estimator, objective, mels, parts["train"], parts["valid"], order, "estimator", checkpoint)
    return estimator, scale, history
