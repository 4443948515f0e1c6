"""The pipeline with many stages at once: what `dvc repro` would run, in any order that its graph allows."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType

from dvc.repo import lock_repo
from filelock import FileLock, Timeout

from hearlog.pipeline import graph
from hearlog.pipeline import processes as job_processes
from hearlog.pipeline.processes import Worker
from hearlog.pipeline.progress import Ended, Progress, clock
from hearlog.pipeline.schedule import Schedule, Stage
from hearlog.pipeline.worker import FAILED, RAN, UNCHANGED
from hearlog.util.errors import InputError

LAST_LINES = 15  # of a failed stage's output
TICK = 1.0  # seconds after which the terminal is told anew what runs


def run(jobs: int, gpus: Sequence[str] = (), seconds: Mapping[str, float] | None = None) -> None:
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
    seconds
        Estimated time of each stage; None says nothing of the time that is left.

    Raises
    ------
    InputError
        If a stage fails, the pipeline cannot be read, or such a run is under way here already.
    """
    if jobs < 1:
        raise InputError(f"{jobs} jobs: at least 1 must run")
    repo = graph.open_repo()
    folder = Path(repo.tmp_dir, "jobs")
    with repo, _only_one(folder), _signals_exit():
        with lock_repo(repo):
            if ended := job_processes.end():
                print(f"Ended {ended} processes that an earlier, killed run had left.")
            job_processes.clear_stale_locks(repo)
            stages = graph.read_stages(repo)
        workers = [Worker(share, jobs, gpus, folder) for share in range(jobs)]
        _run(stages, workers, seconds or {})


def _run(stages: Mapping[str, Stage], workers: Sequence[Worker], seconds: Mapping[str, float]) -> None:
    """Run the stages that are out of date, and print what becomes of them."""
    begin = time.monotonic()
    outdated = sum(stage.outdated for stage in stages.values())
    print(f"Stages out of date: {outdated} of {len(stages)}", flush=True)
    schedule = Schedule(stages, seconds)
    idle, running = list(workers), list[Worker]()
    with ExitStack() as stack:
        for worker in workers:
            stack.enter_context(closing(worker))
        stack.enter_context(job_processes.ended_on_error())
        progress = stack.enter_context(Progress(len(stages), seconds, len(workers)))
        ended: list[Ended] = []
        while True:
            while schedule.ready and idle:
                running.append(idle.pop(0))
                running[-1].start(name := schedule.ready.pop(0), stages[name].alone)
            for each in ended:
                progress.say(schedule, each, running)
            if not running:
                break
            progress.show(schedule, running)
            ended = []
            for worker in select.select(running, [], [], TICK)[0]:
                running.remove(worker)
                idle.append(worker)
                ended.append(_settle(worker, schedule, progress))
    if schedule.failed:
        raise InputError(_failure(stages, schedule))
    print(f"All stages are up to date after {clock(time.monotonic() - begin)}")


def _settle(worker: Worker, schedule: Schedule, progress: Progress) -> Ended:
    """Note how a stage ended."""
    outcome, took = worker.outcome(), time.monotonic() - worker.started
    if outcome == FAILED:
        job_processes.end(worker.stage)  # a killed worker leaves its trainer
        schedule.failed.add(worker.stage)
        text = f"failed after {took:.0f} s, see {os.path.relpath(worker.log)}"
        return Ended(worker.stage, text, worker.last_lines(LAST_LINES))
    schedule.finish(worker.stage, changed=outcome != UNCHANGED)
    if outcome != RAN:
        return Ended(worker.stage, outcome, [])
    progress.learn(worker.stage, took)
    return Ended(worker.stage, f"{took:.0f} s", [])


def _failure(stages: Mapping[str, Stage], schedule: Schedule) -> str:
    """Say which stages failed, and which did not run for that."""
    failed = [name for name in stages if name in schedule.failed]
    left = [name for name in stages if name not in schedule.done | schedule.failed]
    rest = f" Not run, as they need them: {', '.join(left)}." if left else ""
    return f"failed: {', '.join(failed)}.{rest} Fix the cause and run it again: what is done stays done"


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
