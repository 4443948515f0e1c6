"""Two processes on the CPU, connected by gloo, train what one process trains."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hearlog.model.network import EmbeddingNetwork
from hearlog.runtime import processes
from hearlog.runtime.backend import start_backend
from hearlog.runtime.processes import Processes
from hearlog.util.errors import InputError

ROOT = Path(__file__).parents[2]
SLURM = {"SLURM_NTASKS": "1", "SLURM_JOB_NAME": "train"}  # a job of one task, which starts its own processes
START = """
import sys
import numpy as np
import torch
from hearlog.runtime.backend import start_backend
from hearlog.estimator.train import embedding_objective
from hearlog.training.inference import predict
from hearlog.model.network import EmbeddingNetwork
from hearlog.training.optimisation import Optimisation
from hearlog.training.loop import Trainer
from pathlib import Path

devices = int(sys.argv[1])
backend = start_backend("cpu", "float32", 4, devices=devices)
together = backend.processes
assert (together.count, torch.get_num_threads()) == (devices, 4 // devices)
random = np.random.default_rng(0)
mels = random.normal(size=(26, 96, 320)).astype(np.float16)
targets = torch.from_numpy(random.normal(size=(26, 4)).astype(np.float32))
torch.manual_seed(0)
network = EmbeddingNetwork(16, 4)
objective = embedding_objective(targets)
"""
GRADIENTS = """
rows = np.arange(13)
module = backend.prepare(network).eval()
for part, last in ((rows[:6], False), (rows[6:], True)):
    mine = together.share(part)
    with together.accumulate(module, last):
        terms = objective.terms(module(torch.from_numpy(mels[mine]).float()), mine)
        together.backward(sum(terms.values()) * len(mine) / len(rows))
if together.first:
    torch.save([p.grad for p in network.parameters()], "gradients.pt")
"""
TRAINING = """
rows = np.arange(26)
trainer = Trainer(Optimisation(8, 3, 3, 0.002, accumulate=2), backend)
history = trainer.fit(network, objective, mels, rows[:17], rows[17:], 0, "two")
outputs = predict(network, mels, rows[17:], backend, "two")
np.savez(f"rank{together.rank}.npz", history=history, outputs=outputs)
if together.first:
    with Path("writers.txt").open("a") as file:
        file.write(f"{together.rank}\\n")
"""


def run(folder, program, *arguments):
    (folder / "program.py").write_text(START + program)
    environment = os.environ | SLURM | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "program.py", *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_gradients_of_two_processes_are_those_of_one(tmp_path):
    gradients = []
    for devices in (1, 2):
        run(tmp_path, GRADIENTS, devices)
        gradients.append(torch.load(tmp_path / "gradients.pt", weights_only=True))
    for one, two in zip(*gradients, strict=True):
        assert (one - two).norm() <= 0.01 * one.norm()  # another number of threads alone makes 0.002 of one


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run(folder, TRAINING, 2)
    return folder


def test_two_processes_agree_on_losses_and_outputs_and_the_first_alone_writes(trained):
    ranks = [np.load(trained / f"rank{rank}.npz") for rank in range(2)]
    assert np.array_equal(ranks[0]["history"], ranks[1]["history"])
    assert np.array_equal(ranks[0]["outputs"], ranks[1]["outputs"])
    assert ranks[0]["outputs"].shape == (9, 4)
    assert np.isfinite(ranks[0]["history"]).all()
    assert (trained / "writers.txt").read_text() == "0\n"


def test_a_single_process_does_not_import_lightning():
    code = "import sys; from hearlog.runtime.backend import start_backend; start_backend('cpu'); "
    code += "print('lightning_fabric' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


class Cuda:
    """What `hearlog.runtime.processes` asks of Lightning Fabric, as if on two GPUs."""

    device = torch.device("cuda", 1)

    def setup_module(self, network, move_to_device):
        assert not move_to_device
        return network


def test_batch_statistics_are_those_of_all_gpus():
    network = EmbeddingNetwork(16, 4)
    names = list(network.state_dict())
    Processes(2, 1, 2, Cuda()).wrap(network)
    norms = [module for module in network.modules() if "BatchNorm" in type(module).__name__]
    assert len(norms) == 10
    assert all(isinstance(norm, torch.nn.SyncBatchNorm) for norm in norms)
    assert list(network.state_dict()) == names, "a model folder is the same whatever trained it"


def test_sums_over_processes_are_taken_on_their_devices(monkeypatch):
    class Meta(Cuda):
        device = torch.device("meta")  # a device that is not the CPU, and is here

    summed = []
    monkeypatch.setattr(processes.distributed, "all_reduce", summed.append)
    with pytest.raises(NotImplementedError, match="meta"):  # that device keeps no numbers
        Processes(2, 1, 2, Meta()).total([1.0, 2.0])
    assert [tensor.device.type for tensor in summed] == ["meta"]


@pytest.mark.parametrize(("devices", "launched"), [(2, "1"), (1, "2")])
def test_several_processes_on_an_apple_gpu_are_refused(monkeypatch, devices, launched):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("WORLD_SIZE", launched)
    with pytest.raises(InputError, match=r"2 processes .* MPS.* set runtime\.devices to 1 .* runtime\.device to cpu"):
        start_backend("auto", "float32", 1, devices=devices)
