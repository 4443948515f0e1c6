"""`make cuda-check` needs a GPU; here all of its parts run on the CPU, on little."""

import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_benchmarks import SUMMARY_KEYS

from benchmarks import cuda_check, gpu_speed
from benchmarks.networks import spread_statistics
from benchmarks.plain_network import PlainNetwork, predict, train
from benchmarks.steps import Step, run_module, run_steps
from hearlog.model.network import EmbeddingNetwork


@pytest.fixture(autouse=True)
def one_core(monkeypatch):
    """Leave the other cores to the other tests."""
    torch.set_num_threads(1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)


def test_every_step_of_the_check_runs_on_a_cpu(tmp_path, capsys):
    tests = ("-n", "0", "tests/als/test_als_torch.py::test_a_singular_system_names_the_regularization_and_no_engine")
    sizes = cuda_check.Sizes((16,), (48, 320), clips=4, batch=4, entries=20_000, seconds=0.01, tests=tests)
    steps = [replace(step, seconds=600) for step in cuda_check.list_steps("cpu", sizes, tmp_path)]  # of a busy machine
    outcome = run_steps(steps, 3600, cuda_check.describe)
    assert (outcome.failed, outcome.left_out) == ([], [])
    lines = capsys.readouterr().out.splitlines()
    names = ["tests", "training F=16", "ALS", "inference F=16", "two processes"]
    assert [line.partition(":")[0] for line in lines] == names == list(dict.fromkeys(r["step"] for r in outcome.rows))
    assert lines[0].startswith("tests: pytest 1 passed (")
    assert "plain float32 " in lines[1] and " clips/s" in lines[1]
    assert all("repeats" in row for row in outcome.rows)
    assert set(cuda_check.summarise(outcome.rows)) == {
        "training_ratio_to_plain_f16",
        "inference_ratio_to_plain_f16",
        "als_ratio_to_cpu",
    }


def test_without_cuda_the_check_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match=r"^cuda-check needs a CUDA device, and torch finds none here\.$"):
        cuda_check.main()


def test_ratios_are_those_of_the_faster_precisions():
    speeds = {"hearlog bfloat16": 30.0, "hearlog float32": 20.0, "plain bfloat16": 10.0, "plain float32": 15.0}
    rows = [
        {"step": f"{kind} F={width}", "candidate": name, "clips_per_s": speed, "peak_gb": 1.0}
        for kind in ("training", "inference")
        for width in (32, 64, 128, 256)
        for name, speed in speeds.items()
    ]
    for name, speed in {"torch here": 10.0, "torch on the CPU": 250.0}.items():
        rows.append({"step": "ALS", "candidate": name, "ns_per_nnz_iteration": speed})
    summary = cuda_check.summarise(rows)
    assert set(summary) == SUMMARY_KEYS["cuda"]
    assert summary["training_ratio_to_plain_f256"] == 2
    assert summary["als_ratio_to_cpu"] == 25


def test_the_plain_network_is_hearlogs():
    torch.manual_seed(0)
    ours, plain = EmbeddingNetwork(16, 5), PlainNetwork(16, 5)
    spread_statistics(ours)
    plain.load_state_dict(ours.state_dict())
    mels = torch.from_numpy(np.random.default_rng(0).normal(-40, 20, (4, 96, 320)).astype(np.float32))
    for network in (ours, plain):
        network(mels).square().sum().backward()
    gradients = [torch.cat([weight.grad.flatten() for weight in network.parameters()]) for network in (ours, plain)]
    assert (gradients[0] - gradients[1]).norm() < 1e-2 * gradients[0].norm()
    with torch.no_grad():
        torch.testing.assert_close(predict(plain, mels, 2, torch.float32), ours.eval()(mels), rtol=1e-3, atol=1e-3)


def test_plain_training_learns():
    torch.manual_seed(0)
    network, mels, targets = PlainNetwork(16, 5), torch.randn(4, 48, 320), torch.randn(4, 5)
    losses = [train(network, mels, targets, 4, steps, torch.float32) for steps in (1, 20)]
    assert losses[1] < 0.8 * losses[0]


def test_what_does_not_fit_into_memory_has_no_speed_and_stops_nothing():
    def full(steps):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    rows = gpu_speed.in_turn({"hearlog bfloat16": lambda steps: None, "plain bfloat16": full}, "cpu", 16, 0.001)
    assert rows[0]["clips_per_s"] > 0
    assert rows[1] == {"candidate": "plain bfloat16", "repeats": 3, "clips_per_s": None, "peak_gb": None}
    assert cuda_check.describe(rows).endswith("; plain bfloat16 out of memory")
    assert cuda_check.summarise([{"step": "training F=32", **row} for row in rows]) == {}


def test_a_step_that_fails_stops_no_other_and_one_that_takes_too_long_is_cut_off(capsys):
    def count():
        while True:
            pass

    steps = [
        Step("wrong", 0.1, lambda: [] + 1),
        Step("right", 0.1, lambda: [{"candidate": "a", "clips_per_s": 2.0}]),
        Step("red", 0.1, lambda: [{"candidate": "b", "passed": 3, "failed": 1}]),
        Step("long", 100.0, list),
        Step("endless", 0.1, count),
        Step("late", 0.45, list),
    ]
    outcome = run_steps(iter(steps), 0.5, cuda_check.describe)
    assert outcome.failed == ["wrong", "red"]
    assert outcome.left_out == ["long", "endless (cut off)", "late"]
    assert [row["step"] for row in outcome.rows] == ["right", "red"]
    printed = capsys.readouterr().out
    assert "wrong: failed\nTraceback" in printed and "right: a 2 clips/s (0 s)" in printed
    assert "red: b 3 passed, 1 failed (0 s)" in printed


def test_a_module_that_is_run_gives_its_status_and_words():
    assert run_module("benchmarks.cuda_check", "--what")[0] == 2
    status, said = run_module("platform")
    assert status == 0 and sys.platform in said.lower()
