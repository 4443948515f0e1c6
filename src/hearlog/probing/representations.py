"""Frozen features that a linear probe reads: the layers of the estimator, and what they are compared with.

A random network keeps its weights, but not the statistics that batch normalisation starts from (mean 0, variance 1):
spectrograms are far below 0 dB, so that its first ReLU would let nothing pass. It takes those of songs that the
estimator was trained on, as the estimator has.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torchaudio.functional import compute_deltas, create_dct

from hearlog.model.architecture import LAYERS
from hearlog.model.folder import Network
from hearlog.model.network import EmbeddingNetwork
from hearlog.runtime.backend import Backend
from hearlog.training.inference import clip_cells, evaluation_batch, predict
from hearlog.training.loader import batches, stream
from hearlog.util import seeds

COEFFICIENTS = 20  # of MFCC
SONGS = 256  # by which a random network is normalised


class AllLayers(torch.nn.Module):
    """A network of which every layer is seen."""

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Map ``(clips, bands, frames)`` in dB to the layers of `LAYERS` side by side, ``(clips, dimensions)``."""
        return torch.cat(list(self.network.layers(mel).values()), dim=1)


class MelStatistics(torch.nn.Module):
    """Means and standard deviations over time of spectrograms, without anything learned.

    Parameters
    ----------
    bands
        Of the spectrograms.
    """

    dct: torch.Tensor

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.register_buffer("dct", create_dct(COEFFICIENTS, bands, norm="ortho"))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Map ``(clips, bands, frames)`` in dB to those of bands, of MFCC, and of their deltas over 5 frames."""
        coefficients = self.dct.T @ mel
        series = (mel, coefficients, compute_deltas(coefficients))
        return torch.cat([part for x in series for part in (x.mean(dim=2), x.std(dim=2, correction=0))], dim=1)


def draw_network(size: Network, songs: np.ndarray, rows: np.ndarray, seed: int, backend: Backend) -> EmbeddingNetwork:
    """Draw the network that `hearlog.estimator.train.train` starts from, and normalise it by songs.

    Parameters
    ----------
    size
        Of the network.
    songs
        float16 mel spectrograms, songs x bands x frames; may be memory-mapped.
    rows
        Of the songs that the estimator was trained on, of which at most `SONGS` are drawn.
    seed
        Of the estimator.
    backend
        Device.
    """
    torch.manual_seed(seeds.derive(seed, "weights"))
    network = size.build()
    backend.place_network(network).train()
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = None  # plain averages over batches
    drawn = np.random.default_rng(seeds.derive(seed, "normalisation")).permutation(rows)[:SONGS]
    parts = batches(drawn, evaluation_batch(clip_cells(network, songs), backend.device.type))
    with torch.no_grad():
        for mel in stream(songs, parts, backend):
            network(mel)
    return network.eval()


def represent(
    mels: np.ndarray, estimator: EmbeddingNetwork, untrained: EmbeddingNetwork, backend: Backend
) -> dict[str, np.ndarray]:
    """Compute all representations of clips, in float32 whatever the backend's precision.

    Parameters
    ----------
    mels
        float16 mel spectrograms, clips x bands x frames; may be memory-mapped.
    estimator, untrained
        The trained network, and one of `draw_network`.
    backend
        Device.

    Returns
    -------
    By the names of `hearlog.results.probes.REPRESENTATIONS`: float32, clips x dimensions.
    """
    here = replace(backend, dtype=torch.float32)
    rows, bands = np.arange(len(mels)), mels.shape[1]
    statistics = predict(MelStatistics(bands), mels, rows, here, "mel statistics")
    trained, drawn = (
        _layers(predict(AllLayers(network), mels, rows, here, label), network)
        for network, label in ((estimator, "estimator"), (untrained, "random network"))
    )
    return {
        "log_mel": statistics[:, : 2 * bands],
        "mfcc": statistics[:, 2 * bands :],
        "random_blocks": drawn["blocks"],
        "random_embedding": drawn["embedding"],
        **trained,
    }


def _layers(outputs: np.ndarray, network: EmbeddingNetwork) -> dict[str, np.ndarray]:
    """Part what `AllLayers` gives; ``blocks`` are all but the embedding, which is a linear map of the fifth."""
    channels = network.embedding.in_features
    blocks, ends = outputs[:, : -network.embedding.out_features], np.arange(1, len(LAYERS)) * channels
    parts = dict(zip(LAYERS, np.split(outputs, ends, axis=1), strict=True))
    return {name: parts[name] for name in LAYERS[:-1]} | {"blocks": blocks, "embedding": parts["embedding"]}
