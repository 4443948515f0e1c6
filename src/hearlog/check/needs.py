"""What the run will need of time, memory and disk, against what this machine has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import psutil

from hearlog.check.findings import Section, some
from hearlog.footprint import LogSize
from hearlog.params import Params
from hearlog.plan import ADVICE, TYPICAL_EPOCHS, Plan, make_plan


def check_needs(section: Section, params: Params, clips: Mapping[str, int], logs: LogSize | None) -> None:
    """Report what the run will need, and what this machine has too little of.

    Parameters
    ----------
    section
        Gets the figures and findings.
    params
        Settings of the run.
    clips
        How many songs and clips of each task it will use, as far as they could be read.
    logs
        How much is in the logs, zeros where they could not be read; None has it estimated from their size.
    """
    with section.errors_are_problems():
        plan = make_plan(params, clips, logs)
        _report_figures(section, plan)
        _report_memory(section, plan)
        missing = sum(plan.bytes.values()) - plan.kept - plan.free
        if missing > 0:
            section.problem(f"{_size(missing)} of disk are missing: free them, or move DVC's cache (dvc cache dir)")
        unknown = ["logs"] * (plan.figures.log_rows == 0)
        unknown += [name for name in ("songs", *params.tasks) if name not in plan.clips]
        if unknown:
            section.note(f"more will be needed for what could not be read: {some(unknown, len(unknown))}")


def _report_figures(section: Section, plan: Plan) -> None:
    total = sum(plan.seconds.values())
    likely = total - (1 - TYPICAL_EPOCHS) * plan.seconds.get("training", 0)
    free = {"free": plan.available} | ({} if plan.gpu is None else {"free on the GPU": plan.gpu})
    section.facts |= {
        "time": {"about": round(likely), "at most": round(total)},
        "of which": {f"{kind} time": round(seconds) for kind, seconds in plan.seconds.items()},
        "memory": plan.memory | free,
        "disk": {"needed": sum(plan.bytes.values()), "taken already": plan.kept, "free": plan.free} | plan.bytes,
        "computed_from": asdict(plan.figures),
    }


def _report_memory(section: Section, plan: Plan) -> None:
    """Report each stage that takes more memory than is free; than there is at all, it cannot run."""
    total = psutil.virtual_memory().total
    for stage, size in plan.memory.items():
        if stage == "training" and plan.gpu is not None:
            place, free, all_of_it = "the GPU's memory", plan.gpu, size
        else:
            place, free, all_of_it = "memory", plan.available, total
        if size > free:
            say = section.problem if size > all_of_it else section.warning
            say(f"{stage} takes about {_size(size)} of {place}, and {_size(free)} are free: {ADVICE[stage]}")


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
