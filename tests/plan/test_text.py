"""The plan in words."""

from dataclasses import replace
from pathlib import Path

import pytest

from hearlog import params
from hearlog.pipeline.schedule import Stage
from hearlog.plan.measure import Speeds
from hearlog.plan.plan import Plan, make_plan
from hearlog.plan.stages import StageTime
from hearlog.plan.text import describe

ROOT = Path(__file__).parents[2]
GB = 10**9


@pytest.fixture(scope="module")
def plan() -> Plan:
    """The demo's, with three stages and round figures."""
    found = make_plan(params.load(ROOT / "presets/demo.yaml"))
    stages = {
        "crop": StageTime(30.0, "audio", 90.0, 90.0),
        "a": StageTime(30.0, "training", 900.0, 600.0),
        "b": StageTime(30.0, "training", 900.0, 600.0),
    }
    speeds = Speeds(3.0, 0.01, 0.02, 0.001, {1: 0.01}, 1, "cpu", "float32", None)
    figures = replace(found.figures, trained_per_second=100.0)
    sizes = {"memory": {"ALS": 3 * GB, "training": GB}, "bytes": {"crops and spectrograms": 2 * GB}}
    free = {"available": 8 * GB, "free": 5 * GB, "kept": GB}
    return replace(found, stages=stages, speeds=speeds, figures=figures, **sizes, **free)


def pipeline(*outdated: str) -> dict[str, Stage]:
    needs = {"crop": frozenset(), "a": frozenset({"crop"}), "b": frozenset({"crop"})}
    return {name: Stage(needed, alone=False, outdated=name in outdated) for name, needed in needs.items()}


def text_of(plan: Plan, *outdated: str, jobs: int = 2, gpus: int = 1, width: int = 100) -> str:
    text = describe(plan, pipeline(*outdated), jobs, gpus, width)
    assert max(map(len, text.splitlines())) <= width
    return " ".join(text.split())


def test_stages_time_and_speed_are_said(plan):
    text = text_of(plan, "crop", "a", "b")
    assert "stages all 3 will run, 2 at a time time about 12 min (at most 18 min, if no training stops early): " in text
    assert "starting processes 7 %, audio 7 %, training 87 %" in text
    assert "each of 2 stages at a time, with 1 thread, trains on 100 clips/s, decodes 50 files/s, and needs 3 s" in text
    assert "about 23 min" in text_of(plan, "crop", "a", "b", jobs=1)


def test_only_what_is_out_of_date_and_what_follows_it_counts(plan):
    assert "stages 1 of 3 will run, 2 at a time; the others are up to date time about 10 min" in text_of(plan, "a")
    assert "stages all 3 will run" in text_of(plan, "crop")
    assert "stages all 3 are up to date: nothing will run time none" in text_of(plan)


def test_clips_logs_memory_and_disk_are_said_with_their_figures(plan):
    text = text_of(plan, "a", jobs=1, width=60)
    assert "clips songs 800, emomusic_genre 160" in text
    assert "logs 150,000 rows, 2,000 users, 800 songs" in text
    assert "memory 3.0 GB at the peak, 8.0 GB free: ALS 3.0 GB, training 1.0 GB (16 channels" in text
    assert text.endswith(
        "disk 2.0 GB, 1.0 GB of it there already, 5.0 GB free: crops and spectrograms 2.0 GB; twice that where the "
        "file system cannot link"
    )


def test_jobs_at_once_take_the_memory_of_as_many_trainings(plan):
    assert "; 4 trainings at once up to 4.0 GB of memory, 8.0 GB free disk" in text_of(plan, "a", jobs=4)
    poor = replace(plan, available=4 * GB - 1)
    assert "4.0 GB free: lower the number of jobs (make jobs N=…)" in text_of(poor, "a", jobs=4)
    gpu = replace(plan, speeds=replace(plan.speeds, gpu=GB))
    assert "up to 2.0 GB of each GPU's memory, 1.0 GB free: lower" in text_of(gpu, "a", jobs=4, gpus=2)


def test_shortages_and_other_programs_are_said_below(plan):
    text = text_of(replace(plan, available=GB, speeds=replace(plan.speeds, busy=0.5)), "a", width=80)
    assert "Other programs use 50 % of the processors." in text
    assert "ALS takes about 3.0 GB of memory, 1.0 GB are free: take logs of a shorter time" in text
    assert "Other programs" not in text_of(plan, "a")
