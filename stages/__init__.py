"""The stages of dvc.yaml, one thin module per kind, run as ``python -m stages.NAME ARGUMENTS``.

They share `paths`.
"""

import argparse
import contextlib
import inspect
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import psutil

# An editable install points at the original checkout; `dvc exp run --temp` works in a copy.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from hearlog.util.errors import InputError, refusal

STARTED = time.time()  # before a stage's own imports, which take seconds
TIMES = Path("data/times")  # followed by neither git nor DVC


def _end_with_parent() -> None:
    """Kill this process when its parent ends; a shell that waits in between, as dash does, is skipped."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process().parent()
        shell = os.environ.get("SHELL") or "/bin/sh"  # as DVC chooses it
        if parent and parent.name() == Path(shell).name:
            parent = parent.parent()
        if parent:
            parent.wait()
    os.kill(os.getpid(), signal.SIGKILL)


# A stage whose DVC is killed would write on beside its successor. Before the long import of torch.
if "DVC_STAGE" in os.environ:
    threading.Thread(target=_end_with_parent, daemon=True).start()


def run(main: Callable[..., None]) -> None:
    """Call a stage's ``main`` with the arguments of the command line, one for each of its parameters.

    A parameter is annotated with its type, or with ``Annotated[type, choices]``.

    Where it succeeds its time is kept for the page, see `hearlog.page.times`.
    """
    parser = argparse.ArgumentParser(description=inspect.getdoc(main))
    for name, parameter in inspect.signature(main).parameters.items():
        kind, *choices = get_args(parameter.annotation) or [parameter.annotation]
        parser.add_argument(name, type=kind, choices=choices[0] if choices else None)
    arguments = vars(parser.parse_args())
    start_up = _cpu_seconds()
    try:
        main(**arguments)
    except InputError as error:
        sys.exit(f"{parser.prog}: {error}")
    except Exception as error:
        if said := refusal(error):
            sys.exit(f"{parser.prog}: {said}")
        raise
    with contextlib.suppress(Exception):  # a result is worth more than its time
        _keep_time(Path(inspect.getfile(main)).stem, [str(value) for value in arguments.values()], start_up)


def _cpu_seconds() -> float:
    """CPU time of this process and of those it has waited for."""
    return sum(os.times()[:4])


def _keep_time(stage: str, arguments: list[str], start_up: float) -> None:
    """Write seconds, CPU seconds, peak memory (bytes) and device to ``data/times``, whole or not at all.

    ``start_up`` is the part of the CPU seconds that Python and the imports took.
    """
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    torch = sys.modules.get("torch")
    device = "" if torch is None else _device_used(torch)
    record = {
        "start": STARTED,
        "seconds": time.time() - STARTED,
        "cpu_seconds": _cpu_seconds(),
        "start_up_cpu_seconds": start_up,
        "memory": peak,
        "device": device,
    }
    path = TIMES / stage / f"{'-'.join(arguments) or 'run'}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(record), encoding="utf-8")
    unfinished.replace(path)


def _device_used(torch: Any) -> str:
    """Name the device that a process has computed on, after the fact; on MPS the memory it took tells."""
    if torch.cuda.is_initialized():
        return "CUDA"
    on_mps = torch.backends.mps.is_available() and torch.mps.driver_allocated_memory() > 0
    return "MPS" if on_mps else "processor"
