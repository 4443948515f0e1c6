"""Tests on every device that is here; the longest files first; the profile of `make fuzz`."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # references are met in float32, not with the 10 bits of TF32

# The longest files begin, or one worker would run them alone at the end.
LONGEST = ("test_pipeline.py", "test_killed.py", "test_jobs.py", "test_transfer.py")


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


def pytest_generate_tests(metafunc):
    """Run a test that asks for `device` on each that torch finds here; ``pytest -m devices`` runs these tests alone."""
    if "device" in metafunc.fixturenames:
        from hearlog.runtime.backend import devices_here  # takes torch, which many tests do without

        kinds = [pytest.param(kind, marks=pytest.mark.devices) for kind in devices_here()]
        metafunc.parametrize("device", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def device(request):
    """Kind of a device that is here: ``cpu``, ``cuda`` or ``mps``."""
    return request.param


@pytest.fixture(scope="module")
def backend(device):
    """float32 on that device."""
    from hearlog.runtime.backend import start_backend

    return start_backend(device, "float32", 1)


@pytest.fixture(scope="session")
def speeds():
    """Of this machine, measured on the demo."""
    from hearlog import params
    from hearlog.plan.measure import measure_speeds

    return measure_speeds(params.load(Path(__file__).parents[1] / "presets/demo.yaml"), 1, [])


@pytest.fixture
def measured_once(speeds, monkeypatch):
    """Plans of these speeds at any capacity: to measure them takes seconds."""
    from hearlog.plan import plan
    from hearlog.runtime.backend import choose_device

    def recall(params, jobs, gpus):
        choose_device(params.runtime.device)
        return replace(speeds, train=dict.fromkeys(params.sweep.divisors, speeds.train[1]))

    monkeypatch.setattr(plan, "measure_speeds", recall)


@pytest.fixture(scope="module")
def rounding(device):
    """Relative difference that another order of sums makes in a network of several layers."""
    return 1e-5 if device == "cpu" else 1e-3


settings.register_profile("hearlog", deadline=None)  # a busy machine is no fault
settings.load_profile("hearlog")
settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("EXAMPLES", "2000")),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
