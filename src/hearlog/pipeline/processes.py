"""Processes that run stages: their shares of cores and GPUs, their end, and what a killed run leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from dvc.lock import LockError
from dvc.repo import Repo

from hearlog.pipeline.worker import FAILED, Order
from hearlog.runtime.shares import share_of

MARK = "HEARLOG_JOB"  # environment variable of every worker, and of the trainer below it


class Worker:
    """A process that runs stages on one of several equal shares of the machine, one stage at a time.

    The process starts with the first stage, and anew should it have been killed.

    Parameters
    ----------
    share, jobs
        Share number ``share`` (from 0) of ``jobs``.
    gpus
        Devices, each given in turn; empty leaves them all to every job.
    folder
        Where the output of stages goes, ``STAGE.log``.
    """

    def __init__(self, share: int, jobs: int, gpus: Sequence[str], folder: Path) -> None:
        self.share, self.jobs, self.gpus, self.folder = share, jobs, gpus, folder
        self.stage = ""
        self.started = 0.0  # monotonic seconds
        self.process: subprocess.Popen[str] | None = None

    @property
    def log(self) -> Path:
        """File of the output of the stage."""
        return self.folder / (re.sub(r"[^\w@.-]", "-", self.stage) + ".log")

    def start(self, stage: str, alone: bool) -> None:
        """Start a stage, by its address as ``dvc stage list --all`` names it; ``alone``, it has the whole machine."""
        self.stage, self.started = stage, time.monotonic()
        self.log.write_bytes(b"")
        share = share_of(0, 1, self.gpus) if alone else share_of(self.share, self.jobs, self.gpus)
        environment = share.environment | {MARK: _mark(stage)}
        self._send(Order(stage, str(self.log), share.cores, environment))

    def _send(self, order: Order) -> None:
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hearlog.pipeline.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {MARK: _mark("")},
                start_new_session=True,  # the terminal's Ctrl-C is ours to hand on
            )
        with suppress(BrokenPipeError):  # it was killed: `outcome` notes that
            print(json.dumps(order), file=self.process.stdin, flush=True)

    def fileno(self) -> int:
        """Return what `select` waits at until the stage has ended."""
        assert self.process and self.process.stdout
        return self.process.stdout.fileno()

    def outcome(self) -> str:
        """Wait until the stage has ended, and return how, as `hearlog.pipeline.worker` names it."""
        assert self.process and self.process.stdout
        answer = self.process.stdout.readline().strip()
        if not answer:  # it was killed
            self.close()
        return answer or FAILED

    def close(self) -> None:
        """End the process, once its stage has ended."""
        if self.process is not None:
            self.process.communicate()
            self.process = None

    def last_lines(self, count: int) -> list[str]:
        """Return the end of the output, indented."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
        return [f"    {line}" for line in lines[-count:]]


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
