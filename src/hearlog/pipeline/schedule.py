"""The order in which stages run at once, and how long those that are left will take."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import NamedTuple

LATE = 0.1  # of a stage's time is left, at least, as long as it runs


class Stage(NamedTuple):
    """A stage: those whose outputs it reads, and whether DVC finds it out of date.

    ``alone`` is one that all others wait for, or that waits for all others: the machine is its own.
    """

    needs: frozenset[str]
    alone: bool
    outdated: bool


class Schedule:
    """Which stages of a pipeline may start.

    A stage that is up to date is passed over, unless one that it needs has changed something.

    Parameters
    ----------
    stages
        By address, each after those that it needs.
    seconds
        Time of each; 1 where it is not known.

    Attributes
    ----------
    ready
        Stages that may start, first those with the longest way to the end of the pipeline.
    done, failed
        Stages that are up to date, and those that failed.
    """

    def __init__(self, stages: Mapping[str, Stage], seconds: Mapping[str, float]) -> None:
        self.ready: list[str] = []
        self.done: set[str] = set()
        self.failed: set[str] = set()
        self._stages = stages
        self._way = _ways(stages, seconds)
        self._changed: set[str] = set()
        self._order = TopologicalSorter({name: stage.needs for name, stage in stages.items()})
        self._order.prepare()
        self._find_ready()

    def finish(self, name: str, changed: bool) -> None:
        """Note that a stage is up to date, and whether it has changed something."""
        self.done.add(name)
        if changed:
            self._changed.add(name)
        self._order.done(name)
        self._find_ready()

    def left(self) -> dict[str, Stage]:
        """Return the stages that are not done and need none that failed, as they are now."""
        left: dict[str, Stage] = {}
        for name, stage in self._stages.items():
            needs = stage.needs - self.done
            if name not in self.done | self.failed and needs <= left.keys():
                left[name] = Stage(needs, stage.alone, self._must_run(name))
        return left

    def _must_run(self, name: str) -> bool:
        return self._stages[name].outdated or bool(self._stages[name].needs & self._changed)

    def _find_ready(self) -> None:
        while names := self._order.get_ready():
            for name in names:
                if self._must_run(name):
                    self.ready.append(name)
                else:
                    self.done.add(name)
                    self._order.done(name)
        self.ready.sort(key=lambda name: -self._way[name])


def _ways(stages: Mapping[str, Stage], seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds from the start of each stage to the end of the longest chain of stages after it."""
    ways = dict.fromkeys(stages, 0.0)
    for name in reversed(list(stages)):
        ways[name] += seconds.get(name, 1.0)
        for needed in stages[name].needs:
            ways[needed] = max(ways[needed], ways[name])
    return ways


def due(stages: Mapping[str, Stage]) -> list[str]:
    """List the stages that run if each that does changes its outputs."""
    names: list[str] = []
    for name, stage in stages.items():
        if stage.outdated or not stage.needs.isdisjoint(names):
            names.append(name)
    return names


def time_left(
    stages: Mapping[str, Stage], seconds: Mapping[str, float], jobs: int, elapsed: Mapping[str, float]
) -> float:
    """Estimate the seconds until all stages that are `due` have run.

    Parameters
    ----------
    stages
        Those that are left.
    seconds
        Time of each; 0 where it is not known.
    jobs
        Stages at once.
    elapsed
        How long each that runs now has run.
    """
    schedule = Schedule(stages, seconds)
    running = [(max(seconds.get(name, 0.0) - past, LATE * past), name) for name, past in elapsed.items()]
    heapq.heapify(running)
    schedule.ready = [name for name in schedule.ready if name not in elapsed]
    now = 0.0
    while schedule.ready or running:
        while schedule.ready and len(running) < jobs:
            name = schedule.ready.pop(0)
            heapq.heappush(running, (now + seconds.get(name, 0.0), name))
        now, name = heapq.heappop(running)
        schedule.finish(name, changed=True)
    return now
