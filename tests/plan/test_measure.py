"""The speed of this machine, measured for real."""

import os
from pathlib import Path

import numpy as np
import pytest

from hearlog import params
from hearlog.plan import measure
from hearlog.plan.measure import Speeds, measure_speeds
from hearlog.util.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def demo() -> params.Params:
    return params.load(ROOT / "presets/demo.yaml")


@pytest.fixture(scope="module")
def of_two_jobs(demo) -> Speeds:
    return measure_speeds(demo, 2, [])


def test_all_that_stages_do_is_measured_on_the_share_of_a_job(demo, of_two_jobs):
    assert of_two_jobs.threads == max(len(os.sched_getaffinity(0)) // 2, 1)
    assert of_two_jobs.start > 0.5, "torch alone takes longer"
    assert 0 < of_two_jobs.mel < of_two_jobs.decode < of_two_jobs.write * demo.demo.seconds
    assert list(of_two_jobs.train) == demo.sweep.divisors
    assert 0 <= of_two_jobs.busy <= 1


def test_training_is_measured_on_every_device(demo, backend):
    assert measure._train(demo, 1, backend) > 0


def test_a_larger_network_takes_longer_and_one_that_would_take_too_long_is_reckoned(demo, backend, monkeypatch):
    model = demo.model.model_copy(update={"channels": 64})
    several = demo.model_copy(update={"model": model, "sweep": params.Sweep(divisors=[1, 2, 4])})
    monkeypatch.setattr(measure, "LONGEST_STEP", 0.0)
    seconds = measure._measure_training(several, backend)
    assert np.diff([seconds[divisor] for divisor in (4, 2, 1)]).min() > 0
    assert seconds[1] == pytest.approx(seconds[4] * 4**measure.GROWTH)


def test_a_device_that_is_not_there_is_refused_with_the_fix(demo):
    runtime = demo.runtime.model_copy(update={"device": "cuda:99"})
    with pytest.raises(InputError, match=r"set it to auto or cpu"):
        measure_speeds(demo.model_copy(update={"runtime": runtime}), 1, [])


def test_no_jobs_are_refused(demo):
    with pytest.raises(InputError, match="0 jobs: at least 1 must run"):
        measure_speeds(demo, 0, [])
