import os

import pytest
import torch

from hearlog.runtime.backend import count_threads, out_of_memory, start_backend
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


def test_autocast_multiplies_in_the_precision_asked_for():
    for precision, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        with start_backend("cpu", precision, 1).autocast():
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_absent_cuda_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"runtime\.device is cuda"):
        start_backend("cuda")


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
