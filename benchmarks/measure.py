"""What the benchmarks share: candidates measured in turn, and results with the machine they are from."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from hearlog.runtime.backend import Backend

RESULTS = Path(__file__).parent / "results"
TELLING_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "sha_ni")


def in_turn(candidates: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Run candidates one after the other, A B A B, and return each one's median seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, candidate in candidates.items():
            begin = time.perf_counter()
            candidate()
            seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(times) for name, times in seconds.items()}


def significant(value: float, digits: int = 3) -> float:
    """Round to a number of significant digits: measurements are not better than that."""
    return float(f"{value:.{digits}g}")


def instructions(backend: Backend) -> str:
    """Name what convolutions multiply with: ``cuda``, ``avx512_bf16``, ``avx512``, ``avx2`` or torch's name for it."""
    if backend.device.type != "cpu":
        return backend.device.type
    own = torch.backends.cpu.get_cpu_capability().lower()
    return f"{own}_bf16" if backend.dtype == torch.bfloat16 else own


def finish(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    summary: Mapping[str, float],
    packages: Sequence[str],
    peers: Mapping[str, str] | None = None,
) -> None:
    """Print the summary; write ``results/<name>.json``: the machine, its versions of ``packages``, rows and summary.

    ``peers`` are versions of packages of another environment.
    """
    rounded = {key: significant(value) for key, value in summary.items()}
    print(", ".join(f"{key} {value:g}" for key, value in rounded.items()))
    rows = [{k: significant(v) if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    result = {"machine": machine(packages) | dict(peers or {}), "rows": rows, "summary": rounded}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def machine(packages: Sequence[str]) -> dict[str, Any]:
    """Cores that this process may use, what the CPU can do, and versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cpu = Path("/proc/cpuinfo")
    flags = cpu.read_text(encoding="utf-8").split() if cpu.is_file() else []
    return {
        "cores": cores,
        "cpu_flags": [flag for flag in TELLING_FLAGS if flag in flags],
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }
