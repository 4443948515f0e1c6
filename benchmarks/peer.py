"""Peers in a process and an environment of their own: their packages, threads and malloc settings disturb nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STATUS = Path("/proc/self/status")
PYTHON = Path(os.environ.get("PEERS_PYTHON", ROOT / ".venv-peers/bin/python"))
OWN = Path(sys.executable)

Ask = Callable[..., Any]


@contextmanager
def peer(module: str, python: Path | None = None) -> Iterator[Ask]:
    """Start a process that does what it is asked, one task after the other, and sleeps in between.

    Parameters
    ----------
    module
        It calls `serve`.
    python
        That of the peers' environment, if not given; `OWN` measures hearlog itself in a process of its own.

    Yields
    ------
    Function that takes the name of a task and its arguments and returns its result; a task that fails ends the
    benchmark, with what the process wrote to stderr.
    """
    python = python or PYTHON
    if not python.is_file():
        sys.exit(f"no peers to measure against: {python} does not exist. Run `make peers` first")
    command = [python, "-m", module]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=errors, text=True) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(task: str, **arguments: Any) -> Any:
            print(json.dumps([task, arguments]), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            if not answer:
                errors.seek(0)
                sys.exit(f"{module} failed at {task}:\n{errors.read()}")
            return json.loads(answer)

        try:
            yield ask
        finally:
            process.kill()


def serve(tasks: Mapping[str, Callable[..., Any]], packages: list[str]) -> None:
    """Answer a `peer` until it goes. What else is printed goes to stderr.

    ``versions`` tells those of ``packages``, ``peaks`` the largest memory so far, see `watch_memory`.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    known = {**tasks, "versions": lambda: {name: version(name) for name in packages}, "peaks": watch_memory()}
    for line in sys.stdin:
        task, arguments = json.loads(line)
        try:
            print(json.dumps(known[task](**arguments)), file=answers, flush=True)
        except Exception:
            traceback.print_exc()
            sys.exit(1)


def watch_memory(every: float = 0.1) -> Callable[[], dict[str, int]]:
    """Look at the memory of this process from now on; return a function that tells the peaks so far, in bytes.

    ``peak_rss`` is all that was resident, as the operating system saw it; ``peak_anonymous`` leaves out pages of mapped
    files, which can be dropped, and is what was seen every so many seconds. Without Linux there is no such watch.
    """
    if not STATUS.exists():
        return dict
    anonymous = [read_status("RssAnon")]

    def look() -> None:
        while True:
            time.sleep(every)
            anonymous[0] = max(anonymous[0], read_status("RssAnon"))

    threading.Thread(target=look, daemon=True).start()
    # Not getrusage's ru_maxrss: it begins with what the parent process had.
    return lambda: {"peak_rss": read_status("VmHWM"), "peak_anonymous": anonymous[0]}


def read_status(key: str) -> int:
    """Read a size that the kernel tells of this process, in bytes."""
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))
