"""What a run says of the time, on a clock that the test sets."""

import pytest

from hearlog.pipeline import progress
from hearlog.pipeline.processes import Worker
from hearlog.pipeline.progress import Ended, Progress, clock, rounded
from hearlog.pipeline.schedule import Schedule, Stage

STAGES = {name: Stage(frozenset(), alone=False, outdated=True) for name in ("a", "b", "c")}
SECONDS = {"a": 600.0, "b": 600.0, "c": 600.0}


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Started stage b at second 0; now it is second 240."""
    monkeypatch.setattr(progress.time, "monotonic", lambda: 240.0)
    worker = Worker(0, 1, [], tmp_path)
    worker.stage = "b"
    return worker


def line_of(seconds: dict[str, float], took: float, worker: Worker, capsys) -> str:
    schedule = Schedule(STAGES, seconds)
    schedule.ready.remove("a")
    schedule.finish("a", changed=True)
    with Progress(3, seconds, 1) as shown:
        shown.learn("a", took)
        shown.say(schedule, Ended("a", "15 min", []), [worker])
    return capsys.readouterr().out


def test_the_time_left_is_that_of_running_and_waiting_stages(worker, capsys):
    line = line_of(SECONDS, 600.0, worker, capsys)
    assert line == "[1/3] 0:00  a: 15 min. About 16 min left. Now: b (4:00)\n"


def test_stages_that_take_twice_as_long_as_estimated_double_the_rest(worker, capsys):
    assert "About 36 min left" in line_of(SECONDS, 2 * 600.0 + progress.WARM_UP, worker, capsys)


def test_without_estimates_no_time_is_promised(worker, capsys):
    assert line_of({}, 600.0, worker, capsys) == "[1/3] 0:00  a: 15 min. Now: b (4:00)\n"


def test_times_are_written_for_people():
    assert [clock(seconds) for seconds in (0, 59.6, 754, 3600 * 26 + 61)] == ["0:00", "1:00", "12:34", "26:01:01"]
    written = [rounded(seconds) for seconds in (3, 100, 7100, 7300, 3600 * 50)]
    assert written == ["1 min", "2 min", "118 min", "2 h", "2 days"]
