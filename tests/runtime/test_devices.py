"""What runs on a device is right there, and an Apple GPU, of which there is none here, would run all of it."""

import numpy as np
import pandas as pd
import pytest
import torch
from apple_gpu import AppleGpu
from model_world import normalised, write_model

from hearlog.features.extractor import load
from hearlog.model.architecture import LAYERS, STUDENTS
from hearlog.model.folder import Network
from hearlog.probing.representations import draw_network, represent
from hearlog.runtime.backend import start_backend
from hearlog.training.augmentation import Augmentation
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation
from hearlog.transfer.cell import Cell
from hearlog.transfer.fold import Settings, Task, Teacher

NETWORK = Network(channels=16, factors=4, se_ratio=8)
ROWS = np.arange(12)
FOLD = {"train": ROWS[:6], "valid": ROWS[6:9], "test": ROWS[9:]}
EVERYTHING = Augmentation(window=320, mel_mask=8, time_mask=40, mixup=0.3)
CLASSES = np.array(["a", "b", "c"])[ROWS % 3]


@pytest.fixture(scope="module")
def mels() -> np.ndarray:
    return np.random.default_rng(0).normal(-40, 20, (len(ROWS), 96, 330)).astype(np.float16)


@pytest.mark.parametrize("student", STUDENTS)
def test_outputs_and_gradients_on_a_device_are_those_in_double_precision(backend, mels, student):
    torch.manual_seed(0)
    network = NETWORK.build_student(student)
    clips = torch.from_numpy(mels[:4]).double()
    exact, found = NETWORK.build_student(student).double(), backend.prepare(network)
    exact.load_state_dict(network.state_dict())
    outputs = exact(clips), found(backend.place(clips.float()))
    for output in outputs:
        output.square().sum().backward()
    expected, close = (output.detach().cpu().double() for output in outputs)
    assert (close - expected).abs().max() < 1e-3 * expected.abs().max()
    gradients = [
        torch.cat([weight.grad.flatten().cpu().double() for weight in it.parameters()]) for it in (exact, found)
    ]
    assert (gradients[0] - gradients[1]).norm() < 1e-2 * gradients[0].norm()


def train(method: str, target: np.ndarray, student: str, mels: np.ndarray) -> None:
    """Run a method with all that may be changed about clips, and its test clips in windows."""
    task = Task(pd.DataFrame({"item_id": ROWS.astype(str), "target": target}), [FOLD], mels)
    teacher = Teacher(np.ones((len(ROWS), NETWORK.factors), np.float32), NETWORK.build().state_dict())
    optimisation = Optimisation(4, 2, 2, 0.01, "cosine", weight_decay=0.1, accumulate=2)
    trainer = Trainer(optimisation, start_backend("cpu", "float32", 1), EVERYTHING)
    own = {"weight": 1.0} if method == "kd" else {}
    Cell(method, task, teacher, Settings(NETWORK, student, test_windows=2), trainer, own).run([0])


@pytest.mark.parametrize(
    ("method", "target", "student"),
    [("kd", CLASSES, "paper"), ("kd", CLASSES, "separable"), ("init", ROWS.astype(float), "paper")],
)
def test_an_apple_gpu_could_train_every_network(mels, method, target, student):
    with AppleGpu() as gpu:
        train(method, target, student, mels)
    assert {
        "convolution_backward",
        "native_batch_norm_backward",
        "max_pool2d_with_indices",
        "_fused_adamw_",
    } <= gpu.seen


def test_an_apple_gpu_could_embed_sounds_in_every_layer(mels, tmp_path):
    write_model(tmp_path)
    engine = load(tmp_path, device="cpu").engine
    with AppleGpu() as gpu:
        for layer in LAYERS:
            engine.run(mels[:2, :, :320], layer)
    assert {"convolution", "max_pool2d_with_indices"} <= gpu.seen


def test_an_apple_gpu_could_represent_clips_for_probes(mels):
    backend = start_backend("cpu", "float32", 1)
    with AppleGpu() as gpu:
        untrained = draw_network(NETWORK, mels, ROWS, 0, backend)
        represent(mels, normalised(NETWORK.build()), untrained, backend)
    assert {"std.correction", "_native_batch_norm_legit"} <= gpu.seen


def test_what_an_apple_gpu_refuses_is_seen():
    ones = torch.ones(2, 2)
    with AppleGpu(), pytest.raises(AssertionError, match=r"float64, which MPS has not"):
        ones.double()
    with AppleGpu(), pytest.raises(AssertionError, match=r"linalg_eig.* has no kernel on MPS"):
        torch.linalg.eig(ones)
