"""Stages and the command hearlog in processes of their own, which may be killed, or be denied room on the disk.

The processes are forks of one that has imported everything and computed nothing, so that one takes a tenth of a second
to start and not five. What they run is what DVC and a shell would.
"""

import contextlib
import importlib
import multiprocessing
import os
import resource
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).parents[1]
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        *("hearlog.cli", "hearlog.features.embed", "torch._dynamo", "sklearn.manifold", "matplotlib.pyplot"),
        *(f"stages.{path.stem}" for path in ROOT.glob("stages/[a-z]*.py")),
    ]
)
PATIENCE = 600  # seconds; only a process that hangs is waited for so long
MOST_SAID = 2**16  # bytes, as much as a pipe holds


class Ended(NamedTuple):
    """How a process ended (None: it hung and was killed), and what it said on both streams."""

    status: int | None
    said: str


class Child:
    """``python -m WORDS`` in a folder.

    Parameters
    ----------
    folder
        Where it works.
    words
        A module and its arguments.
    largest
        Bytes beyond which no file of its grows, as a stand-in for a full disk; None for no limit.
    """

    def __init__(self, folder: Path, *words: str, largest: int | None = None) -> None:
        self.begin = time.monotonic()
        self.said, to_say = SERVER.Pipe(duplex=False)  # a file would be under the limit
        self.process: BaseProcess = SERVER.Process(target=_run, args=(folder, words, largest, to_say))
        self.process.start()
        to_say.close()

    def end(self) -> Ended:
        """Wait until it ends."""
        self.process.join(PATIENCE)
        status = self.process.exitcode
        self.process.kill()
        self.process.join()
        return Ended(status, os.read(self.said.fileno(), MOST_SAID).decode(errors="replace"))

    def watch_memory(self) -> int:
        """Return the most memory that it takes until it ends, in bytes, without what is mapped from files."""
        process, most = psutil.Process(self.process.pid), 0
        with contextlib.suppress(psutil.NoSuchProcess):
            while self.process.is_alive():
                found = process.memory_info()
                most = max(most, found.rss - found.shared)
                self.process.join(0.02)
        return most

    def kill(self, seconds: float) -> bool:
        """Kill it so long after its start; return whether it was still running."""
        self.process.join(max(0.0, self.begin + seconds - time.monotonic()))
        running = self.process.is_alive()
        self.process.kill()
        self.process.join()
        return running


def start_server() -> None:
    """Have everything imported, so that the first process takes no longer than the others."""
    process = SERVER.Process(target=int)
    process.start()
    process.join()


def run(folder: Path, *words: str, largest: int | None = None) -> Ended:
    """Run ``python -m WORDS`` in a folder to its end."""
    return Child(folder, *words, largest=largest).end()


def _run(folder: Path, words: tuple[str, ...], largest: int | None, to_say: Connection) -> None:
    for stream in (1, 2):
        os.dup2(to_say.fileno(), stream)
    os.chdir(folder)
    module = importlib.import_module(words[0])
    sys.argv = list(words)
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    if words[0].startswith("stages."):
        importlib.import_module("stages").run(module.main)
    else:
        sys.exit(module.main())
