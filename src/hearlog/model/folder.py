"""A trained estimator as a folder: ``model.safetensors``, ``config.json`` and ``README.md``, its model card.

``config.json`` holds all that its use needs beside the weights, the front end included: nobody has to repeat how the
network was trained. Nothing in a folder is executed, for there is no pickle, and every value is checked.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field, ValidationError, field_validator, model_validator
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from hearlog.model.architecture import POOLED_BANDS, POOLED_FRAMES, POOLS
from hearlog.model.network import EmbeddingNetwork, SeparableNetwork
from hearlog.params.blocks import Mel, NetworkSettings
from hearlog.params.validation import Block, Count, NonNegative, Positive, describe
from hearlog.util.errors import InputError

WEIGHTS, CONFIG = "model.safetensors", "config.json"
LARGEST_CROP = 2**26  # samples, or numbers of its spectrogram; the paper's has 2**19


class Network(NetworkSettings):
    """Arguments of `hearlog.model.network.EmbeddingNetwork`."""

    channels: Annotated[int, Field(ge=8, le=4096)]
    factors: Annotated[int, Field(ge=1, le=4096)]

    def build(self) -> EmbeddingNetwork:
        """Return the network with fresh weights."""
        return EmbeddingNetwork(**self.model_dump())

    def build_student(self, name: str) -> EmbeddingNetwork | SeparableNetwork:
        """Return one of `hearlog.model.architecture.STUDENTS` with fresh weights.

        It is the paper's network, or `hearlog.model.network.SeparableNetwork`, which has no gates.
        """
        return self.build() if name == "paper" else SeparableNetwork(self.channels, self.factors)


class Crop(Block):
    """What of a sound the network hears."""

    sample_rate: Annotated[int, Field(ge=1, le=384_000)]
    seconds: Annotated[Positive, Field(le=3600)]
    min_seconds: NonNegative


class Targets(Block):
    """The CF embeddings that the network predicts, and the fit of ALS they are from.

    Attributes
    ----------
    scale
        Predictions times this are in the units of the CF embeddings. It is the root mean square of the training
        songs' elements: unscaled, these are near 0.01, and the squared error would say nothing beside the cosine.
    alpha, regularization
        With which users are folded in; ``weighted`` regularisation is per song of a user (ALS-WR, engine ``spark``).
    counts
        Whether confidence grows with the logarithm of plays; else an entry of the matrix is 1.
    songs
        On which the network was trained.
    """

    scale: Positive
    alpha: NonNegative
    regularization: NonNegative
    weighted: bool
    counts: bool
    songs: Count


class ModelConfig(Block):
    """``config.json``.

    Attributes
    ----------
    network, audio, mel, targets
        See there.
    pools
        Max-pooling of the network, mel bands x frames, which its weights do not show.
    front_end
        What the front end makes of a known sound (`hearlog.mel.fingerprint.fingerprint`), in dB, one number a mel
        band.
    versions
        Of hearlog, torch and torchaudio, with which the model was trained.
    data
        SHA-256 of the files it was trained on.
    """

    format: Literal[1] = 1
    network: Network
    pools: list[list[int]] = Field(default_factory=lambda: [*map(list, POOLS)])
    audio: Crop
    mel: Mel
    targets: Targets
    front_end: list[float]
    versions: dict[str, str]
    data: dict[str, str]

    @field_validator("pools")
    @classmethod
    def _pools_are_those_of_this_version(cls, pools: list[list[int]]) -> list[list[int]]:
        if pools != [*map(list, POOLS)]:
            raise ValueError(f"trained with pools {pools}, and this hearlog pools {POOLS}: take the version it names")
        return pools

    @model_validator(mode="after")
    def _network_can_pool(self) -> ModelConfig:
        if self.mel.n_mels % POOLED_BANDS or self.samples < POOLED_FRAMES * self.mel.hop_length:
            raise ValueError(
                f"the network needs a multiple of {POOLED_BANDS} mel bands, and {POOLED_FRAMES} frames or more"
            )
        if self.network.channels // self.network.se_ratio < 1:
            raise ValueError("network.se_ratio leaves no hidden unit")
        return self

    @model_validator(mode="after")
    def _crop_fits_memory(self) -> ModelConfig:
        frames = self.samples // self.mel.hop_length
        if max(self.samples, frames * max(self.mel.n_fft, self.mel.n_mels)) > LARGEST_CROP:
            raise ValueError(f"audio and mel ask for crops of more than {LARGEST_CROP:,} numbers")
        return self

    @property
    def samples(self) -> int:
        """Length of a crop in samples."""
        return round(self.audio.seconds * self.audio.sample_rate)


def versions() -> dict[str, str]:
    """Versions of what made the spectrograms and trained the network."""
    return {name: version(name) for name in ("hearlog", "torch", "torchaudio")}


def save(network: EmbeddingNetwork, config: ModelConfig, folder: Path) -> None:
    """Write weights and config.

    Raises
    ------
    InputError
        If the weights cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}
    try:
        save_file(weights, folder / WEIGHTS)
    except SafetensorError as error:
        raise InputError(f"{folder / WEIGHTS}: {error}. Make room on its disk, or mend its permissions") from None
    (folder / CONFIG).write_text(json.dumps(config.model_dump(), indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> tuple[EmbeddingNetwork, ModelConfig]:
    """Read what `save` wrote.

    Raises
    ------
    InputError
        If the folder does not hold a model, or config and weights do not belong together.
    """
    config = read_config(folder)
    weights = load_weights(folder)
    try:
        with torch.device("meta"):  # the config may ask for more than memory holds
            config.network.build().load_state_dict(weights, assign=True)
        network = config.network.build()
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"{folder / WEIGHTS}: weights of another network than {CONFIG} says: {error}") from None
    return network, config


def load_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Read the weights alone of what `save` wrote.

    Raises
    ------
    InputError
        If they cannot be read, or are not finite.
    """
    path = folder / WEIGHTS
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not readable: {error}. {folder} needs {WEIGHTS} and {CONFIG}") from None
    if faulty := [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]:
        raise InputError(f"{path}: {faulty[0]} holds NaN or infinite weights: train the model again")
    return weights


def read_config(folder: Path) -> ModelConfig:
    """Read the config of a model folder.

    Raises
    ------
    InputError
        As `load`.
    """
    path = folder / CONFIG
    try:
        return ModelConfig.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{folder}: not a model folder ({WEIGHTS}, {CONFIG}): {error.strerror}") from None
    except ValidationError as error:
        faults = "\n".join(f"  {describe(fault, ModelConfig)}" for fault in error.errors())
        raise InputError(f"{path}: not a model's config:\n{faults}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from None
