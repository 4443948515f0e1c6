"""Peers in a process and an environment of their own: their packages, threads and malloc settings disturb nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PYTHON = Path(os.environ.get("PEERS_PYTHON", ROOT / ".venv-peers/bin/python"))


Ask = Callable[..., Any]


@contextmanager
def peer(module: str) -> Iterator[Ask]:
    """Start a process that does what it is asked, one task after the other, and sleeps in between.

    Parameters
    ----------
    module
        It calls `serve`.

    Yields
    ------
    Function that takes the name of a task and its arguments and returns its result; a task that fails ends the
    benchmark, with what the process wrote to stderr.
    """
    if not PYTHON.is_file():
        sys.exit(f"no peers to measure against: {PYTHON} does not exist. Run `make peers` first")
    command = [PYTHON, "-m", module]
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
    """Answer a `peer` until it goes; ``versions`` tells those of ``packages``. What else is printed goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    known = {**tasks, "versions": lambda: {name: version(name) for name in packages}}
    for line in sys.stdin:
        task, arguments = json.loads(line)
        try:
            print(json.dumps(known[task](**arguments)), file=answers, flush=True)
        except Exception:
            traceback.print_exc()
            sys.exit(1)
