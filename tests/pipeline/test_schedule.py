"""The order of stages and the time that is left, on small graphs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearlog.pipeline.schedule import Schedule, Stage, due, time_left


def stage(*needs: str, outdated: bool = True) -> Stage:
    return Stage(frozenset(needs), alone=False, outdated=outdated)


DIAMOND = {"a": stage(), "b": stage("a"), "c": stage("a"), "d": stage("b", "c")}


def run(schedule: Schedule, changed: bool = True) -> list[str]:
    """Run one stage after another."""
    order = []
    while schedule.ready:
        order.append(schedule.ready.pop(0))
        schedule.finish(order[-1], changed)
    return order


def test_the_stage_with_the_longest_way_to_the_end_starts_first():
    stages = {"short": stage(), "long": stage(), "start": stage(), "end": stage("start")}
    assert run(Schedule(stages, {"short": 1, "long": 5, "start": 2, "end": 4})) == ["start", "long", "end", "short"]
    assert Schedule(stages, {}).ready[0] == "start", "without estimates by the number of stages"


def test_what_is_up_to_date_is_passed_over_unless_what_it_needs_has_changed():
    stages = DIAMOND | {"c": stage("a", outdated=False), "d": stage("b", "c", outdated=False)}
    assert run(Schedule(stages, {}), changed=False) == ["a", "b"]
    assert run(Schedule(stages, {}), changed=True) == ["a", "b", "c", "d"]
    assert due(stages) == ["a", "b", "c", "d"]
    assert due({"a": stage(outdated=False), "b": stage("a"), "c": stage(outdated=False)}) == ["b"]


def test_stages_behind_one_that_failed_are_not_left():
    schedule = Schedule(DIAMOND, {})
    schedule.ready.remove("a")
    schedule.finish("a", changed=True)
    schedule.failed.add("b")
    assert schedule.left() == {"c": stage()}


def test_the_time_left_is_that_of_the_longest_chain_or_of_the_busy_jobs():
    seconds = {"a": 1.0, "b": 10.0, "c": 4.0, "d": 2.0}
    assert time_left(DIAMOND, seconds, 2, {}) == 1 + 10 + 2
    assert time_left(DIAMOND, seconds, 1, {}) == sum(seconds.values())
    assert time_left(DIAMOND, {}, 2, {}) == 0


def test_a_running_stage_needs_the_rest_of_its_time_and_a_late_one_a_tenth_of_it_again():
    left = {"b": stage(), "c": stage(), "d": stage("b", "c")}
    seconds = {"b": 10.0, "c": 4.0, "d": 2.0}
    assert time_left(left, seconds, 2, {"b": 7.0, "c": 3.0}) == 3 + 2
    assert time_left(left, seconds, 2, {"b": 50.0, "c": 3.0}) == 5 + 2


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=20), st.integers(1, 5))
def test_independent_stages_are_shared_about_equally(times, jobs):
    stages = {f"s{number}": stage() for number in range(len(times))}
    seconds = dict(zip(stages, times, strict=True))
    left = time_left(stages, seconds, jobs, {})
    least = max(sum(times) / jobs, max(times))
    assert least <= left * (1 + 1e-9)
    assert left <= 4 / 3 * least + 1e-9 or left <= sum(times) / jobs + max(times) * (1 - 1 / jobs) + 1e-9


def test_ends_of_stages_come_in_any_order():
    schedule = Schedule(DIAMOND, {})
    for name in ("a", "c", "b", "d"):
        schedule.ready.remove(name)
        schedule.finish(name, changed=True)
    assert schedule.done == {*DIAMOND}
    with pytest.raises(ValueError):
        schedule.finish("a", changed=True)
