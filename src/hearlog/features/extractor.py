"""Features of any sound: a trained model with its front end, from files or arrays to vectors."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hearlog.audio.crop import UnusableAudioError
from hearlog.features.engines import Engine, open_engine
from hearlog.features.formats import PRECISIONS
from hearlog.features.front_end import FrontEnd, open_front_end
from hearlog.model import folder as model_folder
from hearlog.model.architecture import LAYERS, SYNONYMS
from hearlog.model.folder import ModelConfig
from hearlog.params.blocks import DEVICE
from hearlog.runtime.backend import count_threads, devices_here
from hearlog.util.ahead import ahead
from hearlog.util.errors import InputError

Sound = str | os.PathLike[str] | np.ndarray  # a file, or its samples
LOUDEST = 256  # of float samples, whose full scale is 1; int16 taken for float is louder, but for near silence


@dataclass(frozen=True)
class Features:
    """Features of one sound.

    Attributes
    ----------
    starts
        Seconds at which its windows begin, float64, (windows,); without windows a single 0.
    vectors
        float32, windows x dimensions.
    """

    starts: np.ndarray
    vectors: np.ndarray


class FeatureExtractor:
    """Turns sounds into features of a trained model.

    Parameters
    ----------
    config
        Of the model.
    front_end
        Its own.
    engine
        What runs its network.
    """

    def __init__(self, config: ModelConfig, front_end: FrontEnd, engine: Engine) -> None:
        self.config, self.front_end, self.engine = config, front_end, engine

    def __repr__(self) -> str:
        """Say what the features are."""
        network, audio = self.config.network, self.config.audio
        return (
            f"FeatureExtractor({network.factors} dimensions of {audio.seconds:g} s at {audio.sample_rate} Hz, "
            f"{network.channels} channels, {type(self.engine).__name__})"
        )

    def embed(
        self,
        sounds: Sound | Iterable[Sound],
        *,
        sample_rate: int | None = None,
        layer: str = "embedding",
        batch_size: int = 16,
    ) -> np.ndarray:
        """Compute a vector of the middle of each sound.

        Parameters
        ----------
        sounds
            Paths of files, or arrays of samples, (frames,) or (frames, channels), float in [-1, 1] or int16; one, or
            several in a list.
        sample_rate
            Of arrays, in Hz.
        layer
            ``embedding`` (the predicted CF embedding), ``penultimate`` (the layer below, the same as ``block5``), or
            ``block1`` to ``block5``, averaged over bands and frames.
        batch_size
            Sounds that the network takes at once; it does not show in the result, but for rounding.

        Returns
        -------
        float32, sounds x dimensions: the model's factors for ``embedding``, its channels for the others.

        Raises
        ------
        InputError
            If a sound cannot be used, naming it.
        """
        found = [of_sound.vectors[0] for of_sound in self._all(sounds, sample_rate, layer, None, batch_size)]
        return np.stack(found) if found else np.empty((0, self.dimensions(layer)), np.float32)

    def embed_windows(
        self,
        sounds: Sound | Iterable[Sound],
        hop: float,
        *,
        sample_rate: int | None = None,
        layer: str = "embedding",
        batch_size: int = 16,
    ) -> list[Features]:
        """Compute a sequence of vectors over the whole of each sound, one every ``hop`` seconds; else as `embed`.

        Windows are as long as the crops that the model was trained on, and end within the sound.
        """
        return list(self._all(sounds, sample_rate, layer, hop, batch_size))

    def stream(
        self,
        sounds: Iterable[Sound],
        *,
        sample_rate: int | None = None,
        layer: str = "embedding",
        hop: float | None = None,
        batch_size: int = 16,
        threads: int = 0,
        group: int | None = None,
    ) -> Iterator[Features | UnusableAudioError]:
        """Compute features of one sound after the other, in their order, of each as soon as may be.

        Files are decoded ahead in ``threads`` threads (0: one a core). A sound that cannot be used gives the reason.
        Batches are made within groups of ``group`` sounds: features do not depend on those of other groups at all.
        """
        layer = self._layer(layer)
        if batch_size < 1:
            raise InputError(f"batch_size {batch_size}: give the number of sounds at once, 1 or more")
        frame = self.config.mel.hop_length / self.config.audio.sample_rate
        if hop is not None and not frame <= hop < math.inf:
            raise InputError(f"hop {hop:g}: give the seconds between windows, {frame:g} (a frame) or more")
        if sample_rate is not None and not (sample_rate > 0 and sample_rate == int(sample_rate)):
            raise InputError(f"sample_rate {sample_rate!r}: give samples a second, a whole number")

        def read(sound: Sound) -> tuple[np.ndarray, np.ndarray] | UnusableAudioError:
            try:
                return self._read(sound, sample_rate, hop)
            except UnusableAudioError as unusable:
                return unusable

        waiting: list[tuple[np.ndarray, np.ndarray] | UnusableAudioError] = []
        sounds = _several(sounds) if _is_one(sounds) else sounds
        for number, sound in enumerate(ahead(read, sounds, count_threads(threads), batch_size), start=1):
            waiting.append(sound)
            ready = sum(len(item[0]) for item in waiting if isinstance(item, tuple))
            if ready >= batch_size or (group and number % group == 0):
                yield from self._run(waiting, layer, batch_size)
                waiting = []
        yield from self._run(waiting, layer, batch_size)

    def dimensions(self, layer: str) -> int:
        """Length of a layer's vectors."""
        network = self.config.network
        return network.factors if self._layer(layer) == "embedding" else network.channels

    def _all(
        self, sounds: Sound | Iterable[Sound], sample_rate: int | None, layer: str, hop: float | None, batch_size: int
    ) -> Iterator[Features]:
        several = _several(sounds)
        found = self.stream(several, sample_rate=sample_rate, layer=layer, hop=hop, batch_size=batch_size)
        for i, (sound, features) in enumerate(zip(several, found, strict=True)):
            if isinstance(features, UnusableAudioError):
                name = os.fspath(sound) if isinstance(sound, str | os.PathLike) else f"sound {i}"
                raise InputError(f"{name}: {features}")
            yield features

    def _read(self, sound: Sound, sample_rate: int | None, hop: float | None) -> tuple[np.ndarray, np.ndarray]:
        """Seconds at which windows begin, and their spectrograms."""
        if isinstance(sound, np.ndarray):
            if sample_rate is None:
                raise InputError("sample_rate: missing; arrays do not tell theirs")
            _refuse_mistakes(sound)
            if hop is None:
                return np.zeros(1), self.front_end.take(sound, int(sample_rate))[None]
            return self.front_end.take_windows(sound, int(sample_rate), hop)
        if not isinstance(sound, str | os.PathLike):
            raise UnusableAudioError(
                "type", f"it is a {type(sound).__name__}: give a path, or samples as a NumPy array"
            )
        if hop is None:
            return np.zeros(1), self.front_end.read(Path(sound))[None]
        return self.front_end.read_windows(Path(sound), hop)

    def _run(
        self, waiting: list[tuple[np.ndarray, np.ndarray] | UnusableAudioError], layer: str, batch_size: int
    ) -> Iterator[Features | UnusableAudioError]:
        read = [item for item in waiting if isinstance(item, tuple)]
        if read:
            mels = np.concatenate([mels for _, mels in read])
            parts = [mels[start : start + batch_size] for start in range(0, len(mels), batch_size)]
            vectors = np.concatenate([self.engine.run(part, layer) for part in parts])
            ends = np.cumsum([len(starts) for starts, _ in read])
            of_sounds = iter(np.split(vectors, ends[:-1]))
        for item in waiting:
            yield Features(item[0], next(of_sounds)) if isinstance(item, tuple) else item

    def _layer(self, layer: str) -> str:
        layer = SYNONYMS.get(layer, layer)
        if layer not in LAYERS:
            raise InputError(f"layer {layer!r}: unknown; there are {', '.join([*LAYERS, *SYNONYMS])}")
        return layer


def _is_one(sounds: Sound | Iterable[Sound]) -> bool:
    """Whether this is a single sound, or what was meant as one."""
    samples = isinstance(sounds, np.ndarray) and sounds.dtype.kind in "fiu"
    return samples or isinstance(sounds, str | os.PathLike | bytes | torch.Tensor) or not hasattr(sounds, "__iter__")


def _several(sounds: Sound | Iterable[Sound]) -> list[Sound]:
    return [sounds] if _is_one(sounds) else list(sounds)  # type: ignore[list-item, arg-type]


def _refuse_mistakes(samples: np.ndarray) -> None:
    """Raise `UnusableAudioError` for samples that are turned round, or integers as floats: both would be heard."""
    if samples.ndim == 2 and len(samples) < samples.shape[1]:
        frames, channels = samples.shape
        raise UnusableAudioError(
            "shape", f"{frames} frames of {channels} channels: give (frames, channels), turn it round"
        )
    if samples.dtype.kind == "f" and samples.size and (peak := np.abs(samples).max()) > LOUDEST:
        raise UnusableAudioError("scale", f"samples reach {peak:g}: scale them to [-1, 1], or give int16")


def load(
    folder: str | os.PathLike[str], *, device: str = "auto", precision: str = "float32", engine: str = "torch"
) -> FeatureExtractor:
    """Open a model folder.

    Parameters
    ----------
    folder
        With ``model.safetensors`` and ``config.json``, as the stage train_estimator writes it to ``models/``.
    device
        ``auto`` (CUDA or MPS where it exists), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; of engine torch.
    precision
        ``float32``; or ``bfloat16``, or ``auto``, which takes that where the hardware has it; of engine torch.
    engine
        ``torch``; or ``onnx`` or ``openvino``, which run what `hearlog.features.export.export` wrote.

    Raises
    ------
    InputError
        If the folder holds no model, or this installation would make other spectrograms of sounds.
    """
    path = Path(folder)
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r}: unknown; there are {', '.join(PRECISIONS)}")
    if not re.fullmatch(DEVICE, device):
        raise InputError(f"device {device!r}: unknown; there are auto, cpu, cuda, cuda:N and mps")
    if engine == "torch" and device.partition(":")[0] not in ("auto", *devices_here()):
        raise InputError(f"device {device}: torch finds none here: take auto or cpu")
    config = model_folder.read_config(path)
    return FeatureExtractor(config, open_front_end(config, path), open_engine(engine, path, device, precision))
