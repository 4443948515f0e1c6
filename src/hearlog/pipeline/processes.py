"""A stage as a process of DVC: its share of cores and GPUs, its end, and what a killed run leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from dvc.lock import LockError
from dvc.repo import Repo

BINDS = hasattr(os, "sched_setaffinity")  # whether processes can be bound to cores: Linux, not macOS
MARK = "HEARLOG_JOB"  # environment variable of every process of a job, DVC's and the trainer's below it
UNCHANGED = "didn't change, skipping"  # what DVC says of a stage that it did not run


@dataclass(frozen=True)
class Job:
    """A stage that runs: DVC's process, the file its output goes to, and since when (monotonic seconds)."""

    stage: str
    process: subprocess.Popen[bytes]
    log: Path
    started: float

    def ran(self) -> bool:
        """Whether DVC did anything, once the process has ended."""
        return UNCHANGED not in self.log.read_text(encoding="utf-8", errors="replace")

    def last_lines(self, count: int) -> str:
        """Return the end of the output, indented."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
        return "\n".join(f"    {line}" for line in lines[-count:])


def start(stage: str, share: int, jobs: int, gpus: Sequence[str], folder: Path) -> Job:
    """Start ``dvc repro`` of one stage on its share of the machine.

    Parameters
    ----------
    stage
        Its address, as ``dvc stage list --all`` names it.
    share, jobs
        Share number ``share`` (from 0) of ``jobs`` equal ones. Where the operating system binds processes to cores
        (Linux), those are cores; elsewhere a number of threads.
    gpus
        Devices, each given in turn; empty leaves them all to every job.
    folder
        Where the output goes, ``STAGE.log``.
    """
    log = folder / (re.sub(r"[^\w@.-]", "-", stage) + ".log")
    environment = os.environ | {MARK: _mark(stage)}
    cores = cores_of(share, jobs)
    if gpus:
        environment["CUDA_VISIBLE_DEVICES"] = gpus[share % len(gpus)]
    if not BINDS:
        environment["OMP_NUM_THREADS"] = str(len(cores))
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", stage]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # the terminal's Ctrl-C is ours to hand on
        )
    if BINDS:
        with suppress(ProcessLookupError):
            os.sched_setaffinity(process.pid, cores)
    return Job(stage, process, log, time.monotonic())


def cores_of(share: int, jobs: int) -> list[int]:
    """Return the cores of share number ``share`` of ``jobs``; with more jobs than cores, several have the same one."""
    cores = sorted(os.sched_getaffinity(0)) if BINDS else list(range(os.cpu_count() or 1))
    first, last = (number * len(cores) // jobs for number in (share, share + 1))
    return cores[first:last] or [cores[first]]


def end(stage: str = "") -> int:
    """Kill every process of a stage's job in this folder, whoever started it; without a stage, of all jobs.

    Returns
    -------
    How many there were.
    """
    ended = set()
    while processes := [process for process in psutil.process_iter(["environ"]) if _has_mark(process, _mark(stage))]:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
            ended.add(process.pid)
        time.sleep(0.05)
    return len(ended)


@contextmanager
def ended_on_error() -> Iterator[None]:
    """End all jobs when the block does not, at a moment when no DVC writes dvc.lock if one comes within seconds."""
    try:
        yield
    except BaseException:
        try:
            with suppress(LockError), Repo().lock:
                end()
        finally:
            end()
        raise


def _mark(stage: str) -> str:
    return f"{Path.cwd()}:{stage}"


def _has_mark(process: psutil.Process, mark: str) -> bool:
    value = (process.info["environ"] or {}).get(MARK, "")
    return value == mark or (mark.endswith(":") and value.startswith(mark))


def clear_stale_locks(repo: Repo) -> None:
    """Remove DVC's list of files in use where a killed process left it cut off, or no process on it is alive.

    DVC itself forgets processes that are gone, but not one whose number another program has taken, as it happens when
    a container starts again. Needs DVC's repository lock.
    """
    path = Path(repo.tmp_dir, "rwlock")
    if not path.is_file():
        return
    with suppress(json.JSONDecodeError):
        in_use = json.loads(path.read_text(encoding="utf-8"))
        writers, readers = in_use.get("write", {}).values(), in_use.get("read", {}).values()
        if any(_is_dvc(entry["pid"]) for entry in [*writers, *(entry for group in readers for entry in group)]):
            return
    path.unlink()


def _is_dvc(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return "dvc" in [Path(word).name for word in psutil.Process(pid).cmdline()[:3]]  # python -m dvc, or a script
    return False
