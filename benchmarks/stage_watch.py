"""A stage seen from outside while it runs: its memory by the operating system, its progress by its own bar."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

EVERY = 0.2  # seconds between two looks at the memory
TAIL = 4000  # characters of a stage's terminal that are kept


@dataclass
class Watched:
    """What was seen of a stage.

    Attributes
    ----------
    seconds
        From its start to its end.
    said
        The last line it printed.
    marks
        Seconds since its start and units of work done then, at every change of its progress bar.
    memory
        Seconds since its start, resident bytes, and those of them that are not pages of mapped files.
    """

    seconds: float = 0.0
    said: str = ""
    marks: list[tuple[float, int]] = field(default_factory=list)
    memory: list[tuple[float, int, int]] = field(default_factory=list)

    def tenths(self) -> tuple[float, float]:
        """Shares of the work done in a second, in the first and in the last tenth of it; NaN for too short a stage."""
        seconds, done = np.array(self.marks, float).reshape(-1, 2).T
        if len(done) < 3:
            return np.nan, np.nan
        begin, first, last, end = np.interp([0, 0.1, 0.9, 1], (done - done[0]) / (done[-1] - done[0]), seconds)
        return 0.1 / (first - begin), 0.1 / (end - last)

    def growth(self) -> tuple[float, float]:
        """Slope of the anonymous memory in the second half of the work, by least squares.

        Returns
        -------
        Bytes a second, and what they come to in that half as a share of the peak; NaN for too short a stage.
        """
        begin, end = (self.marks[0][0], self.marks[-1][0]) if self.marks else (0, 0)
        seconds, _, anonymous = np.array(self.memory, float).reshape(-1, 3).T
        half = (seconds >= (begin + end) / 2) & (seconds <= end)
        if half.sum() < 3:
            return np.nan, np.nan
        slope = float(np.polyfit(seconds[half], anonymous[half], 1)[0])
        return slope, slope * (end - begin) / 2 / anonymous.max()

    def peaks(self) -> tuple[int, int]:
        """Most resident bytes, and most without pages of mapped files."""
        return max(row[1] for row in self.memory), max(row[2] for row in self.memory)


def watch(command: Sequence[str], folder: Path, environment: Mapping[str, str], label: str) -> Watched:
    """Run a stage on a terminal of its own and watch it; where it fails, end with what it wrote.

    Parameters
    ----------
    command, environment
        What is run, and its environment variables.
    folder
        In which it runs.
    label
        Beside its progress bar.
    """
    seen, screen, begin = Watched(), "", time.perf_counter()
    bar = re.compile(rf"{label}\W[^\r\n]*?(\d+)/[\d?]+ \[")
    with tempfile.TemporaryFile("w+") as printed, _terminal() as (terminal, inside):
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=printed, stderr=inside
        )
        os.close(inside)
        try:
            for text in _read(terminal):
                now = time.perf_counter() - begin
                screen = (screen + text)[-TAIL:]
                found = bar.findall(screen)
                if found and (not seen.marks or int(found[-1]) > seen.marks[-1][1]):
                    seen.marks.append((now, int(found[-1])))
                if not seen.memory or now >= seen.memory[-1][0] + EVERY:
                    seen.memory += [(now, *used)] if (used := memory_of(process.pid)) else []
            status = process.wait()
        finally:
            process.kill()
        seen.seconds = time.perf_counter() - begin
        printed.seek(0)
        said = printed.read().strip()
    if status:
        sys.exit(f"{' '.join(command)} in {folder} ended with status {status}:\n{said}\n{screen}")
    seen.said = said.rpartition("\n")[2]
    return seen


def memory_of(pid: int) -> tuple[int, int] | None:
    """Resident bytes of a process and its children, and those of them that are not pages of files; None after its end.

    Memory that several of them share counts for each.
    """
    resident = anonymous = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            used = one.memory_info()
            resident, anonymous = resident + used.rss, anonymous + used.rss - used.shared
    return (resident, anonymous) if resident else None


@contextmanager
def _terminal() -> Iterator[tuple[int, int]]:
    """Open a terminal: progress bars are shown on nothing else. The caller closes its second end."""
    outside, inside = pty.openpty()
    termios.tcsetwinsize(inside, (24, 120))
    try:
        yield outside, inside
    finally:
        os.close(outside)


def _read(terminal: int) -> Iterator[str]:
    """Yield what is written to a terminal until its other end is closed, and nothing every `EVERY` seconds without."""
    with suppress(OSError):  # as Linux says that it is closed
        while True:
            ready, _, _ = select.select([terminal], [], [], EVERY)
            yield os.read(terminal, 65536).decode(errors="replace") if ready else ""
