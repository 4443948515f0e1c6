"""What a run prints: a line for each stage that has ended, and in a terminal a last line that says what runs now."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tqdm import tqdm

from hearlog.pipeline.processes import Worker
from hearlog.pipeline.schedule import Schedule, time_left

WARM_UP = 60.0  # seconds of estimates that are trusted before the stages of this run correct them


class Ended(NamedTuple):
    """A stage that has ended: how, and what is shown of its output."""

    stage: str
    outcome: str
    output: list[str]


class Progress:
    """Lines about a run; used as a context, at whose end the last line of a terminal is gone.

    Parameters
    ----------
    total
        Stages of the pipeline.
    seconds
        Estimated time of each; empty where there are no estimates.
    jobs
        Stages at once.
    """

    def __init__(self, total: int, seconds: Mapping[str, float], jobs: int) -> None:
        self._total, self._seconds, self._jobs = total, seconds, jobs
        self._begin = time.monotonic()
        self._expected = self._took = WARM_UP
        self._bar = tqdm(bar_format="{desc}", disable=None, dynamic_ncols=True, leave=False)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def learn(self, stage: str, took: float) -> None:
        """Compare the seconds that a stage took with those that were estimated."""
        if stage in self._seconds:
            self._expected += self._seconds[stage]
            self._took += took

    def say(self, schedule: Schedule, ended: Ended, running: Sequence[Worker]) -> None:
        """Print the line of a stage that has ended."""
        number = f"{len(schedule.done):{len(str(self._total))}}/{self._total}"
        line = f"[{number}] {clock(time.monotonic() - self._begin)}  {ended.stage}: {ended.outcome}"
        if self._bar.disable and running:
            line += f". {self._outlook(schedule, running)}"
        tqdm.write("\n".join([line, *ended.output]))
        sys.stdout.flush()

    def show(self, schedule: Schedule, running: Sequence[Worker]) -> None:
        """Show in a terminal what runs now."""
        if not self._bar.disable:
            self._bar.set_description_str(self._outlook(schedule, running))

    def _outlook(self, schedule: Schedule, running: Sequence[Worker]) -> str:
        """Say how much time is left, and what runs."""
        elapsed = {worker.stage: time.monotonic() - worker.started for worker in running}
        now = ", ".join(f"{name} ({clock(past)})" for name, past in elapsed.items())
        if not self._seconds:
            return f"Now: {now}"
        slower = self._took / self._expected
        seconds = {name: slower * estimate for name, estimate in self._seconds.items()}
        return f"About {rounded(time_left(schedule.left(), seconds, self._jobs, elapsed))} left. Now: {now}"


def clock(seconds: float) -> str:
    """Write a time as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def rounded(seconds: float) -> str:
    """Write a time that is only about right, in minutes, hours or days."""
    if seconds < 60:
        return "1 min"
    if seconds < 120 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:,.0f} days"
