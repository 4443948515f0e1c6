"""A model folder with fresh weights, for tests that need one but not what it has learned."""

from pathlib import Path

import torch

from hearlog import front_end, model_folder
from hearlog.blocks import Mel
from hearlog.model_folder import Crop, ModelConfig, Network, Targets

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
        front_end=front_end.fingerprint(AUDIO, MEL),
        versions=model_folder.versions(),
        data={"items.parquet": "0" * 64},
    )
    torch.manual_seed(seed)
    model_folder.save(network.build(), config, folder)
    return config
