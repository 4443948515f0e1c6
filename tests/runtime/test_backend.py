import os

import pytest
import torch

from hearlog.runtime.backend import Backend, choose_device, count_threads, out_of_memory, start_backend
from hearlog.util.errors import InputError
from hearlog.util.seeds import derive


def test_cpu_and_float32_are_had_for_the_asking():
    backend = start_backend("cpu", "float32", 1)
    assert (backend.device.type, backend.dtype, torch.get_num_threads()) == ("cpu", torch.float32, 1)


def test_zero_threads_are_all_that_the_process_may_use():
    assert count_threads(0) == len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert count_threads(3) == 3


def test_where_processes_cannot_be_bound_to_cores_a_variable_says_how_many_threads_are_theirs(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert count_threads(0) == 3


def test_autocast_multiplies_in_the_precision_asked_for(device):
    ones = torch.ones(2, 2, device=device)
    for precision, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        with start_backend(device, precision, 1).autocast():
            assert (ones @ ones).dtype == dtype


def test_what_is_placed_arrives_whole_though_its_source_is_gone(backend):
    placed = [backend.place(backend.pin(torch.full((1000,), float(number)))) for number in range(100)]
    assert torch.equal(torch.stack(placed).cpu()[:, -1], torch.arange(100.0))


@pytest.fixture
def present(monkeypatch):
    """Set which GPUs torch finds."""

    def set_present(*kinds):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in kinds)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in kinds)

    return set_present


def test_auto_takes_a_gpu_where_there_is_one(present):
    for kinds, chosen in ((("cuda", "mps"), "cuda"), (("mps",), "mps"), ((), "cpu")):
        present(*kinds)
        assert choose_device("auto").type == chosen
        assert choose_device("cpu").type == "cpu"


@pytest.mark.parametrize("absent", ["cuda", "cuda:1", "mps"])
def test_an_absent_device_is_named(present, absent):
    present()
    with pytest.raises(InputError, match=rf"runtime\.device is {absent}, .* no (CUDA|MPS) device here: set it to auto"):
        start_backend(absent)


def test_an_apple_gpu_multiplies_in_bfloat16_only_where_that_is_asked_for(present):
    present("mps")
    dtypes = {precision: start_backend("auto", precision, 1).dtype for precision in ("auto", "bfloat16")}
    assert dtypes == {"auto": torch.float32, "bfloat16": torch.bfloat16}


def test_the_random_state_of_a_device_is_kept_with_the_cpus(monkeypatch):
    state = torch.tensor([1, 2], dtype=torch.uint8)
    kept = {"mps": state}
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda device: kept[device.type])
    monkeypatch.setattr(torch.mps, "set_rng_state", lambda new, device: kept.update({device.type: new}))
    backend = Backend(torch.device("mps"), torch.float32)
    saved, drawn = backend.random_states(), torch.rand(1)
    kept.clear()
    backend.set_random_states(saved)
    assert kept == {"mps": state} and torch.equal(torch.rand(1), drawn)


def test_derived_seeds_differ_by_name_and_stay():
    seeds = {derive(0, "weights"), derive(0, "order"), derive(1, "weights"), derive(0, "weights", 1)}
    assert len(seeds) == 4
    assert derive(0, "weights") == derive(0, "weights") < 2**63


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 18.50 GiB, max allowed: 18.72 GiB)"),
        RuntimeError("Invalid buffer size: 19.45 GiB"),
        MemoryError(),
    ],
)
def test_out_of_memory_names_what_to_change(error):
    with (
        pytest.raises(InputError, match=r"estimator: out of memory\. Raise accumulate"),
        out_of_memory("estimator"),
    ):
        raise error


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="shapes"), out_of_memory("estimator"):
        raise RuntimeError("shapes differ")


@pytest.mark.parametrize("asked", [True, False])
def test_a_network_is_compiled_where_that_is_asked_for(monkeypatch, asked):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network: compiled.append(network))
    network = torch.nn.Linear(2, 2)
    assert start_backend("cpu", "float32", 1, compiled=asked).prepare(network) is network
    assert compiled == [network] * asked
