import numpy as np
import pytest
import torch

from hearlog.model.network import EmbeddingNetwork
from hearlog.runtime.backend import Backend
from hearlog.runtime.layout import choose_layout
from hearlog.training.inference import predict

LAST, NCHW = torch.channels_last, torch.contiguous_format


@pytest.mark.parametrize(
    ("kind", "instructions", "dtype", "channels", "training", "layout"),
    [
        ("cpu", "AVX2", torch.float32, 64, True, NCHW),
        ("cpu", "AVX2", torch.float32, 32, True, NCHW),
        ("cpu", "AVX2", torch.float32, 16, True, LAST),
        ("cpu", "AVX2", torch.float32, 64, False, LAST),
        ("cpu", "AVX512", torch.float32, 64, True, LAST),
        ("cpu", "AVX512", torch.bfloat16, 64, True, LAST),
        ("cpu", "DEFAULT", torch.float32, 64, True, NCHW),
        ("mps", "DEFAULT", torch.float32, 64, True, NCHW),
        ("cuda", "AVX512", torch.bfloat16, 64, True, LAST),
    ],
)
def test_the_layout_is_the_one_that_was_measured_to_be_fast(
    monkeypatch, kind, instructions, dtype, channels, training, layout
):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: instructions)
    assert choose_layout(torch.device(kind), dtype, channels, training) == layout


def test_a_network_trained_in_nchw_predicts_in_channels_last(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    backend, network = Backend(torch.device("cpu"), torch.float32), EmbeddingNetwork(32)
    weight = network.blocks[0].conv2.weight
    backend.prepare(network)
    assert weight.is_contiguous()
    mels = np.random.default_rng(0).normal(-40, 20, (2, 96, 320)).astype(np.float16)
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(mels).float()).numpy()
    assert np.allclose(predict(network, mels, np.arange(2), backend, "test"), expected, rtol=1e-3, atol=1e-4)
    assert weight.is_contiguous(memory_format=LAST)
