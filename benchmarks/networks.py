"""hearlog's network and its twin in Keras, for the benchmarks of both, and spectrograms for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.peer import Ask
from hearlog.model.network import EmbeddingNetwork
from hearlog.runtime.backend import Backend
from hearlog.training.inference import predict

BATCH, FACTORS, SHAPE = 16, 40, (96, 1280)  # the paper's; mel bands x frames of 30 s
PRECISIONS = ("float32", "mixed_bfloat16")  # of Keras
CLOSE = 1e-3  # largest difference of outputs, which are near 1, with the same weights in float32


def precisions(backend: Backend) -> tuple[str, ...]:
    """Precisions of Keras to compare with: bfloat16 only where the processor multiplies in it."""
    return PRECISIONS if backend.dtype == torch.bfloat16 else PRECISIONS[:1]


def make_pair(width: int, mels: Path, keras: Ask, backend: Backend, names: Sequence[str]) -> EmbeddingNetwork:
    """Build hearlog's network, and Keras' in the precisions ``names`` with the same weights, and show that they agree.

    Raises
    ------
    AssertionError
        If they differ in parameters or outputs.
    """
    torch.manual_seed(0)
    network = EmbeddingNetwork(width, FACTORS)
    spread_statistics(network)
    backend.place_network(network)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    weights = mels.with_name("weights.npz")
    np.savez(weights, **in_order_of_layers(network))
    for precision in names:
        options = {"channels": width, "factors": FACTORS, "shape": SHAPE, "precision": precision, "jit": False}
        theirs = keras("build", name=precision, **options)
        assert theirs == parameters, f"{theirs} parameters in Keras, {parameters} in hearlog"
        keras("copy_weights", name=precision, path=str(weights))
    outputs = mels.with_name("outputs.npy")
    keras("predict", name="float32", mels=str(mels), batch=2, clips=2, out=str(outputs))
    exact = Backend(backend.device, torch.float32)
    ours = predict(network, np.load(mels, mmap_mode="r"), np.arange(2), exact, "outputs")
    difference = np.abs(ours - np.load(outputs)).max()
    assert difference < CLOSE, f"outputs of Keras and hearlog differ by {difference}"
    assert np.abs(ours).mean() > 10 * CLOSE, "outputs this small would agree whatever the networks do"
    return network


def spread_statistics(network: EmbeddingNetwork) -> None:
    """Give every batch normalisation statistics and weights of its own, so that none can be mistaken for another."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                torch.nn.init.normal_(tensor, std=0.2)
            for tensor in (module.running_var, module.weight.data):
                torch.nn.init.uniform_(tensor, 0.5, 1.5)
    first = network.blocks[0].norm1
    first.running_mean.fill_(-40)  # of spectrograms, in dB
    first.running_var.fill_(400)


def in_order_of_layers(network: EmbeddingNetwork) -> dict[str, np.ndarray]:
    """Weights without the counters of batches, under keys whose order is that of the layers."""
    state = {name: tensor for name, tensor in network.state_dict().items() if tensor.ndim}
    return {f"{number:04d}": tensor.cpu().numpy() for number, tensor in enumerate(state.values())}


def write_mels(folder: Path, clips: int, shape: tuple[int, int] = SHAPE) -> Path:
    """Write noise at the level of spectrograms in dB, float16, clips x mel bands x frames."""
    random = np.random.default_rng(0)
    mels = np.lib.format.open_memmap(folder / "mels.npy", "w+", np.float16, (clips, *shape))
    for row in range(clips):
        mels[row] = random.normal(-40, 20, shape).astype(np.float32)
    mels.flush()
    return folder / "mels.npy"


def keras_ratio(rows: pd.DataFrame) -> pd.Series:
    """Clips per second of hearlog over those of the faster Keras, by channels; printed as well."""
    own = rows["candidate"].str.startswith("hearlog")
    theirs = rows[~own].groupby("channels")["clips_per_s"].max()
    ratio = rows[own].set_index("channels")["clips_per_s"] / theirs
    print("ratio to the faster Keras: " + ", ".join(f"{value:.2f} at F = {width}" for width, value in ratio.items()))
    return ratio


def precision(backend: Backend) -> str:
    """Name of the type that convolutions multiply in, as ``bfloat16``."""
    return str(backend.dtype).removeprefix("torch.")
