"""What runs a trained network from the spectrogram on: torch, or an exported network in ONNX Runtime or OpenVINO."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from hearlog.features.formats import ENGINES, EXPORTED
from hearlog.model import folder as model_folder
from hearlog.model.network import EmbeddingNetwork
from hearlog.runtime.backend import out_of_memory, start_backend
from hearlog.util.errors import InputError
from hearlog.util.files import refuse_lfs_pointer, sha256

OF = "hearlog_weights"  # key under which these hold the SHA-256 of the weights that they were made of


class Engine(Protocol):
    """Runs a network."""

    def run(self, mels: np.ndarray, layer: str) -> np.ndarray:
        """Map spectrograms, float16, clips x mel bands x frames, to one of `hearlog.model.architecture.LAYERS`.

        Returns
        -------
        float32, clips x channels, or clips x factors of the embedding.
        """
        ...


class TorchEngine:
    """The network itself.

    Parameters
    ----------
    network
        With trained weights.
    device, precision
        As of `hearlog.runtime.backend.start`.
    """

    def __init__(self, network: EmbeddingNetwork, device: str, precision: str) -> None:
        self.backend = start_backend(device, precision, torch.get_num_threads())
        self.network = network
        self.backend.place_network(network).eval()

    def run(self, mels: np.ndarray, layer: str) -> np.ndarray:
        """Map as `Engine.run`."""
        with torch.inference_mode(), self.backend.autocast(), out_of_memory("embed"):
            clips = self.backend.place(torch.from_numpy(mels)).float()
            found = self.network(clips) if layer == "embedding" else self.network.layers(clips)[layer]
            return found.float().cpu().numpy()


class OnnxEngine:
    """The network as `hearlog export --format onnx` writes it, in ONNX Runtime on the CPU.

    Parameters
    ----------
    path
        Of ``model.onnx``.
    """

    def __init__(self, path: Path) -> None:
        self.session = _imported("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])
        self.weights = self.session.get_modelmeta().custom_metadata_map.get(OF)

    def run(self, mels: np.ndarray, layer: str) -> np.ndarray:
        """Map as `Engine.run`."""
        found: np.ndarray = self.session.run([layer], {"mel": mels.astype(np.float32)})[0]
        return found


class OpenvinoEngine:
    """The network as `hearlog export --format openvino` writes it, in OpenVINO on the CPU, in float32.

    Parameters
    ----------
    path
        Of ``model.xml``, beside which stands ``model.bin``.
    """

    def __init__(self, path: Path) -> None:
        core = _imported("openvino").Core()
        model = core.read_model(path)
        self.weights = model.get_rt_info(OF).value if model.has_rt_info(OF) else None
        self.model = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(self, mels: np.ndarray, layer: str) -> np.ndarray:
        """Map as `Engine.run`."""
        return np.array(self.model({"mel": mels.astype(np.float32)})[layer])


def open_engine(name: str, folder: Path, device: str, precision: str) -> Engine:
    """Open one of `ENGINES` on a model folder.

    Parameters
    ----------
    name
        Of the engine.
    folder
        Of the model.
    device, precision
        As of `TorchEngine`; the others run on the CPU in float32.

    Raises
    ------
    InputError
        If the engine, or the file it runs, is not there, or the file was made of other weights than the folder holds.
    """
    if name == "torch":
        return TorchEngine(load_model(folder)[0], device, precision)
    if name not in EXPORTED:
        raise InputError(f"engine {name!r}: unknown; there are {', '.join(ENGINES)}")
    if device not in ("auto", "cpu") or precision not in ("auto", "float32"):
        raise InputError(f"engine {name} runs on the CPU in float32, not on {device} in {precision}: leave these out")
    path = folder / EXPORTED[name]
    if not path.is_file():
        raise InputError(f"{path}: no such file. Run: hearlog export {folder} --format {name}")
    try:
        engine = OnnxEngine(path) if name == "onnx" else OpenvinoEngine(path)
    except InputError:
        raise
    except Exception as error:  # what these libraries raise has no common class
        said = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: not readable: {said}. Run: hearlog export {folder} --format {name}") from None
    if engine.weights != sha256(folder / model_folder.WEIGHTS):
        raise InputError(f"{path}: of other weights than the model's. Run: hearlog export {folder} --format {name}")
    return engine


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(f"{module} is not installed: pip install {module}") from None


def load_model(folder: Path) -> tuple[EmbeddingNetwork, model_folder.ModelConfig]:
    """Read a model folder that may come from a Git repository.

    Raises
    ------
    InputError
        As `hearlog.model.folder.load`, and for weights that Git LFS has not fetched.
    """
    weights = folder / model_folder.WEIGHTS
    if weights.is_file():
        refuse_lfs_pointer(weights)
    return model_folder.load(folder)
