"""Steps of a check that has so many seconds and no more: what fails stops no other, what does not fit is named."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from typing import Any

from benchmarks.peer import ROOT

Row = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What is done at once.

    Attributes
    ----------
    name
        In print.
    seconds
        Time that it is given: it does not start if less is left, and is cut off after it.
    run
        Returns the rows of its results; one with ``failed`` above 0 fails the step.
    """

    name: str
    seconds: float
    run: Callable[[], list[Row]]


@dataclass
class Outcome:
    """Rows of all steps, each with the name of its ``step``; and which steps failed or were left out."""

    rows: list[Row] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


class TimeUpError(Exception):
    """A step was cut off."""


def run_steps(steps: Iterable[Step], seconds: float, describe: Callable[[list[Row]], str]) -> Outcome:
    """Run steps within so many seconds, and print a line for each."""
    outcome, end = Outcome(), time.monotonic() + seconds
    for step in steps:
        begin = time.monotonic()
        if end - begin < step.seconds:
            outcome.left_out.append(step.name)
            continue
        aside = io.StringIO()  # warnings; no progress bars, as it is no terminal
        try:
            with redirect_stderr(aside), _at_most(step.seconds):
                found = step.run()
        except TimeUpError:
            outcome.left_out.append(f"{step.name} (cut off)")
            continue
        except Exception:
            outcome.failed.append(step.name)
            print(f"{step.name}: failed\n{traceback.format_exc()}", flush=True)
            continue
        outcome.rows += [{"step": step.name, **row} for row in found]
        outcome.failed += [step.name] if any(row.get("failed") for row in found) else []
        print(f"{aside.getvalue()}{step.name}: {describe(found)} ({time.monotonic() - begin:.0f} s)", flush=True)
    return outcome


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeUpError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run_module(*words: str) -> tuple[int, str]:
    """Run a Python module in the root of the repository; return its exit status and what it printed.

    A step that is cut off takes the process and all its children with it.
    """
    with subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, said
