"""A model folder for tests that need one but not what it has learned: fresh weights, and statistics of one batch."""

from pathlib import Path

import torch

from hearlog.mel.fingerprint import fingerprint
from hearlog.model import folder as model_folder
from hearlog.model.folder import Crop, ModelConfig, Network, Targets
from hearlog.model.network import EmbeddingNetwork
from hearlog.params.blocks import Mel

AUDIO = Crop(sample_rate=16000, seconds=7.5, min_seconds=0.5)
MEL = Mel(n_fft=512, hop_length=375, n_mels=96)


def write_model(folder: Path, seed: int = 0, **sizes: int) -> ModelConfig:
    """Write a model of 16 channels and 40 factors, or of other sizes."""
    network = Network(**{"channels": 16, "factors": 40, "se_ratio": 8} | sizes)
    targets = Targets(scale=0.1, alpha=40.0, regularization=10.0, weighted=False, counts=False, songs=100)
    config = ModelConfig(
        network=network,
        audio=AUDIO,
        mel=MEL,
        targets=targets,
        front_end=fingerprint(AUDIO.sample_rate, **MEL.model_dump()),
        versions=model_folder.versions(),
        data={"items.parquet": "0" * 64},
    )
    torch.manual_seed(seed)
    model_folder.save(normalised(network.build()), config, folder)
    return config


def normalised(network: EmbeddingNetwork) -> EmbeddingNetwork:
    """Give batch normalisation the statistics of noise: without, what is below 0 dB would be nothing to the network."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches, here one
    with torch.no_grad():
        network.train()(25 * torch.randn(2, 96, 320) - 40)
    return network
