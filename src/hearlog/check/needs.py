"""What the run will need of time, memory and disk, against what this machine has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from hearlog.check.findings import Section
from hearlog.params import Params
from hearlog.plan.plan import Plan, make_plan
from hearlog.plan.stages import MAKE_DEMO
from hearlog.plan.workload import LogSize, to_generate
from hearlog.util.plain_text import some


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
    with section.errors_are("problem"):
        plan = make_plan(params, clips, logs)
        _report_figures(section, params, plan)
        for shortage in plan.shortages():
            (section.problem if shortage.certain else section.warning)(shortage.text)
        unknown = ["logs"] * (plan.figures.log_rows == 0)
        unknown += [name for name in ("songs", *params.tasks) if name not in plan.clips]
        if unknown:
            section.note(f"more will be needed for what could not be read: {some(unknown, len(unknown))}")


def _report_figures(section: Section, params: Params, plan: Plan) -> None:
    names = [name for name in plan.stages if name != MAKE_DEMO or to_generate(params)]
    kinds = plan.seconds(names)
    figures = asdict(plan.figures) | {"trained_per_second": round(plan.figures.trained_per_second, 1)}
    section.facts |= {
        "clip length": figures.pop("clip_seconds"),
        "clip on disk": figures.pop("clip_bytes"),
        "time": {
            "about": round(sum(kinds.values())),
            "at most": round(sum(plan.stages[name].start + plan.stages[name].most for name in names)),
            **{kind: round(seconds, 1) for kind, seconds in kinds.items()},
        },
        "memory": plan.memory
        | {"free": plan.available}
        | ({} if plan.speeds.gpu is None else {"free on the GPU": plan.speeds.gpu}),
        "disk": {"needed": sum(plan.bytes.values()), "taken already": plan.kept, "free": plan.free, **plan.bytes},
        "computed from": {name.replace("_", " "): value for name, value in figures.items()},
    }
