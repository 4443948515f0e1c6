"""A trained network as ONNX or OpenVINO, from the spectrogram on, with every layer as an output."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import torch

from hearlog.features.engines import OF, TorchEngine, load_model, open_engine
from hearlog.features.formats import EXPORTED
from hearlog.model import folder as model_folder
from hearlog.model.architecture import LAYERS
from hearlog.model.network import EmbeddingNetwork
from hearlog.util.errors import InputError
from hearlog.util.files import sha256, whole

OPSET = 18
TOLERANCE = 1e-4  # of the largest element of a layer
PACKAGES = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("onnx", "onnxscript", "openvino")}


class AllLayers(torch.nn.Module):
    """A network whose output is a tuple of `hearlog.model.architecture.LAYERS`."""

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, mel: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Map mel spectrograms, ``(clips, bands, frames)``."""
        layers = self.network.layers(mel)
        return tuple(layers[name] for name in LAYERS)


def export(folder: Path, form: str) -> tuple[Path, float]:
    """Write the network of a model folder in another format, and compare the two.

    The input is ``mel``, float32, clips x mel bands x frames, in dB; the outputs are `LAYERS`, float32.

    Parameters
    ----------
    folder
        Of the model; the file is written beside its weights: ``model.onnx``, or ``model.xml`` and ``model.bin``.
    form
        ``onnx`` or ``openvino``.

    Returns
    -------
    Path of the file, and the largest difference from torch over all layers, as a share of the layer's largest element.

    Raises
    ------
    InputError
        If the folder holds no model, or a package is missing.
    RuntimeError
        If the two differ by more than `TOLERANCE`.
    """
    _refuse_missing(form)
    network, config = load_model(folder)
    frames = config.samples // config.mel.hop_length
    mel = torch.from_numpy(np.random.default_rng(0).uniform(-80, 20, (2, config.mel.n_mels, frames)).astype(np.float32))
    path = folder / EXPORTED[form]
    module = AllLayers(network).eval()
    weights = sha256(folder / model_folder.WEIGHTS)
    numbers = whole(path.with_suffix(".bin")) if form == "openvino" else nullcontext()  # which stand beside model.xml
    with whole(path) as partial, numbers:
        (_write_onnx if form == "onnx" else _write_openvino)(module, mel, partial, weights)
    difference = _difference(network, folder, form, mel.numpy())
    if not difference <= TOLERANCE:
        raise RuntimeError(f"{path}: differs from torch by {difference:.2g} of the largest element")
    return path, difference


def _write_onnx(module: AllLayers, mel: torch.Tensor, path: Path, weights: str) -> None:
    with _quiet_exporter():
        program = torch.onnx.export(
            module,
            (mel,),
            input_names=["mel"],
            output_names=list(LAYERS),
            dynamic_shapes={"mel": {0: torch.export.Dim("clips", min=1)}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props[OF] = weights
    program.save(path)


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep the exporter from warning that torchvision, of which a network has nothing, is not installed."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _write_openvino(module: AllLayers, mel: torch.Tensor, path: Path, weights: str) -> None:
    openvino = importlib.import_module("openvino")
    with tempfile.TemporaryDirectory() as folder:  # by ONNX: openvino's own converter of torch reports its use
        _write_onnx(module, mel, Path(folder, "model.onnx"), weights)
        model = openvino.Core().read_model(Path(folder, "model.onnx"))
        model.set_rt_info(weights, OF)
        openvino.save_model(model, path, compress_to_fp16=False)


def _difference(network: EmbeddingNetwork, folder: Path, form: str, mels: np.ndarray) -> float:
    ours, theirs = TorchEngine(network, "cpu", "float32"), open_engine(form, folder, "cpu", "float32")
    shares = []
    for layer in LAYERS:
        truth = ours.run(mels, layer)
        shares.append(np.abs(theirs.run(mels, layer) - truth).max() / np.abs(truth).max())
    return float(max(shares))


def _refuse_missing(form: str) -> None:
    if form not in PACKAGES:
        raise InputError(f"format {form!r}: unknown; there are {', '.join(PACKAGES)}")
    missing = [name for name in PACKAGES[form] if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"format {form} needs packages: pip install {' '.join(missing)}")
