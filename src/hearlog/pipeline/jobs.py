"""The pipeline with many stages at once: what `dvc repro` would run, in any order that its graph allows."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import networkx as nx
from dvc.dvcfile import PROJECT_FILE
from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
from filelock import FileLock, Timeout

from hearlog.pipeline import processes as job_processes
from hearlog.pipeline.processes import Worker
from hearlog.pipeline.worker import FAILED, RAN, UNCHANGED
from hearlog.util.errors import InputError

LAST_LINES = 15  # of a failed stage's output


class Stage(NamedTuple):
    """A stage: those whose outputs it reads, how many wait for its own, and whether DVC finds it out of date.

    ``alone`` is one that all others wait for, or that waits for all others: the machine is its own.
    """

    needs: frozenset[str]
    followers: int
    alone: bool
    outdated: bool


def run(jobs: int, gpus: Sequence[str] = ()) -> None:
    """Bring the pipeline of this folder up to date, ``jobs`` stages at once; what a killed run left is ended first.

    Each stage runs as `dvc repro --single-item` runs it: it waits for DVC's locks, comes from the run cache where that
    has it, and is recorded in dvc.lock. After a failure the stages that do not need the failed one go on. Killed by
    Ctrl-C or SIGTERM, the jobs end too; killed by SIGKILL, those that live on are ended by the next run.

    Parameters
    ----------
    jobs
        Stages at once; each has its share of the cores.
    gpus
        Values of ``CUDA_VISIBLE_DEVICES``, given to jobs in turn; empty changes nothing.

    Raises
    ------
    InputError
        If a stage fails, the pipeline cannot be read, or such a run is under way here already.
    """
    if jobs < 1:
        raise InputError(f"{jobs} jobs: at least 1 must run")
    try:
        repo = Repo(_wait_for_lock=True)
    except DvcException as error:
        raise InputError(f"{error}. Run it in hearlog's folder") from error
    folder = Path(repo.tmp_dir, "jobs")
    with repo, _only_one(folder), _signals_exit():
        with lock_repo(repo):
            if ended := job_processes.end():
                print(f"Ended {ended} processes that an earlier, killed run had left.")
            job_processes.clear_stale_locks(repo)
            stages = _read_stages(repo)
        schedule = Schedule(stages, jobs, gpus, folder)
        schedule.run()
    if schedule.failed:
        raise InputError(schedule.failure())


class Schedule:
    """The stages of a pipeline, done, running or waiting."""

    def __init__(self, stages: dict[str, Stage], jobs: int, gpus: Sequence[str], folder: Path) -> None:
        self.stages, self.jobs, self.gpus, self.folder = stages, jobs, gpus, folder
        self.failed: list[str] = []
        self._order = TopologicalSorter({name: stage.needs for name, stage in stages.items()})
        self._order.prepare()
        self._ready: list[str] = []
        self._done: set[str] = set()
        self._ran: set[str] = set()  # what needs these may have changed, though it was up to date before

    def run(self) -> None:
        """Run all that is out of date, the stages that most others wait for first."""
        outdated = sum(stage.outdated for stage in self.stages.values())
        print(
            f"{len(self.stages)} stages, {outdated} of them out of date, {self.jobs} at a time on "
            f"{len(job_processes.cores_of(0, self.jobs))} core(s) each; their output: {_shown(self.folder)}",
            flush=True,
        )
        idle = [Worker(share, self.jobs, self.gpus, self.folder) for share in range(self.jobs)]
        running: list[Worker] = []
        with job_processes.ended_on_error():
            while True:
                self._find_ready()
                while self._ready and idle:
                    running.append(idle.pop(0))
                    running[-1].start(name := self._ready.pop(0), self.stages[name].alone)
                if not running:
                    break
                for worker in select.select(running, [], [])[0]:
                    running.remove(worker)
                    idle.append(worker)
                    self._settle(worker, worker.outcome())
            for worker in idle:
                worker.close()

    def failure(self) -> str:
        """Say which stages failed, and which did not run for that."""
        left = [name for name in self.stages if name not in self._done and name not in self.failed]
        rest = f" Not run, as they need them: {', '.join(left)}." if left else ""
        return f"failed: {', '.join(self.failed)}.{rest} Mend the cause and run it again: what is done stays done"

    def _find_ready(self) -> None:
        """Pass over stages that are up to date, up to those that must run."""
        while names := self._order.get_ready():
            for name in names:
                if self.stages[name].outdated or self.stages[name].needs & self._ran:
                    self._ready.append(name)
                else:
                    self._finish(name)
        self._ready.sort(key=lambda name: -self.stages[name].followers)

    def _finish(self, name: str) -> None:
        self._order.done(name)
        self._done.add(name)

    def _settle(self, worker: Worker, outcome: str) -> None:
        """Note how a stage ended, and say it in a line."""
        seconds = f"{time.monotonic() - worker.started:.0f} s"
        if outcome == FAILED:
            job_processes.end(worker.stage)  # a killed worker leaves its trainer
            self.failed.append(worker.stage)
            text = f"failed after {seconds}; the end of {_shown(worker.log)}:\n{worker.last_lines(LAST_LINES)}"
        else:
            self._finish(worker.stage)
            if outcome != UNCHANGED:
                self._ran.add(worker.stage)
            text = seconds if outcome == RAN else outcome
        done = f"{len(self._done):{len(str(len(self.stages)))}}/{len(self.stages)}"
        print(f"[{done}] {worker.stage}: {text}", flush=True)


def _read_stages(repo: Repo) -> dict[str, Stage]:
    """Read the stages that a plain `dvc repro` would go through, in its order."""
    try:
        graph = get_active_graph(repo.index.graph)  # an edge points from a stage to one that it needs
        order = plan_repro(graph, collect_stages(repo, [PROJECT_FILE]))
        graph, outdated = graph.subgraph(order), repo.status()
    except DvcException as error:
        raise InputError(f"{error}. `dvc status` says more") from error
    stages = {}
    for stage in order:
        followers = len(nx.ancestors(graph, stage))
        alone = followers + len(nx.descendants(graph, stage)) == len(order) - 1
        needs = frozenset(needed.addressing for needed in graph.successors(stage))
        stages[stage.addressing] = Stage(needs, followers, alone, stage.addressing in outdated)
    return stages


def _shown(path: Path) -> str:
    return os.path.relpath(path)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold a lock that ends with this process."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(folder / "lock").acquire(blocking=False)
    except Timeout:
        raise InputError("hearlog jobs is running in this folder already: wait for it, or end it") from None
    with held:
        yield


@contextmanager
def _signals_exit() -> Iterator[None]:
    """Turn signals that ask for an end into SystemExit, unless they are ignored (nohup)."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
