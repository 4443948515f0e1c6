"""A plan in words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping

from hearlog.pipeline.progress import rounded
from hearlog.pipeline.schedule import Stage, due, time_left
from hearlog.plan.plan import Plan
from hearlog.util.plain_text import data_size

INDENT = 8  # columns
JOINT = "\u00a0"  # a space at which no line is broken
SMALL = 0.01  # of the time; kinds of work that take less are left out
DISTURBED = 0.1  # share of the cores that other programs may use before a line tells of it


def describe(plan: Plan, stages: Mapping[str, Stage], jobs: int, gpus: int, width: int) -> str:
    """Say what a run will do, how long it will take on this machine, and what it needs.

    Parameters
    ----------
    plan
        What each stage needs, at the speed of one job.
    stages
        Those of the pipeline.
    jobs
        Stages at once.
    gpus
        GPUs among which they are shared.
    width
        Columns of the text.
    """
    paragraphs = {
        "stages": _stages(stages, jobs),
        "time": _time(plan, stages, jobs),
        "speed": _speed(plan, jobs),
        "clips": _clips(plan),
        "logs": _logs(plan),
        "memory": _memory(plan, jobs, gpus),
        "disk": _disk(plan),
    }
    lines = [
        textwrap.fill(text, width, initial_indent=name.ljust(INDENT), subsequent_indent=" " * INDENT).replace(
            JOINT, " "
        )
        for name, text in paragraphs.items()
    ]
    warnings = [*_disturbance(plan), *(shortage.text for shortage in plan.shortages())]
    return "\n".join([*lines, *(textwrap.fill(text, width) for text in warnings)])


def _stages(stages: Mapping[str, Stage], jobs: int) -> str:
    number, at_once = len(due(stages)), f", {jobs} at a time" if jobs > 1 else ""
    if not number:
        return f"all {len(stages)} are up to date: nothing will run"
    if number == len(stages):
        return f"all {number} will run{at_once}"
    return f"{number} of {len(stages)} will run{at_once}; the others are up to date"


def _time(plan: Plan, stages: Mapping[str, Stage], jobs: int) -> str:
    likely = time_left(stages, {name: time.start + time.likely for name, time in plan.stages.items()}, jobs, {})
    most = time_left(stages, {name: time.start + time.most for name, time in plan.stages.items()}, jobs, {})
    if not likely:
        return "none"
    kinds = plan.seconds(due(stages))
    total = sum(kinds.values())
    shares = [f"{kind} {100 * part / total:.0f}{JOINT}%" for kind, part in kinds.items() if part > SMALL * total]
    at_most = f" (at most {rounded(most)}, if no training stops early)" if most > likely else ""
    return f"about {rounded(likely)}{at_most}: {', '.join(shares)}"


def _speed(plan: Plan, jobs: int) -> str:
    figures, speeds = plan.figures, plan.speeds
    threads = "1 thread" if speeds.threads == 1 else f"{speeds.threads} threads"
    who = f"each of {jobs} stages at a time, with {threads}," if jobs > 1 else f"a stage, with {threads},"
    return (
        f"measured here just now: {who} trains on {figures.trained_per_second:.3g} clips/s, decodes "
        f"{1 / speeds.decode:.0f} files/s, and needs {speeds.start:.2g} s to start"
    )


def _clips(plan: Plan) -> str:
    counts = ", ".join(f"{name}{JOINT}{count:,}" for name, count in plan.clips.items())
    return f"{counts}; {plan.figures.clip_seconds:g} s and {_size(plan.figures.clip_bytes)} each"


def _logs(plan: Plan) -> str:
    return f"{plan.figures.log_rows:,} rows, {plan.figures.users:,} users, {plan.figures.songs_played:,} songs"


def _memory(plan: Plan, jobs: int, gpus: int) -> str:
    figures = plan.figures
    text = (
        f"{_size(max(plan.memory.values()))} at the peak, {_size(plan.available)} free: "
        f"{_list(plan.memory)} ({figures.channels} channels, batches of {figures.batch_size}, "
        f"{figures.dtype})"
    )
    if jobs == 1:
        return text
    what, free, each = "memory", plan.available, jobs
    if plan.speeds.gpu is not None:
        what, free, each = "each GPU's memory", plan.speeds.gpu, math.ceil(jobs / gpus)
    size = each * plan.memory["training"]
    text += f"; {jobs} trainings at once up to {_size(size)} of {what}, {_size(free)} free"
    return text + (": lower the number of jobs (make jobs N=…)" if size > free else "")


def _disk(plan: Plan) -> str:
    kept = f"{_size(plan.kept)} of it there already, " if plan.kept else ""
    return (
        f"{_size(sum(plan.bytes.values()))}, {kept}{_size(plan.free)} free: {_list(plan.bytes)}; "
        "twice that where the file system cannot link"
    )


def _list(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {_size(size)}" for name, size in sizes.items())


def _size(count: int) -> str:
    return data_size(count).replace(" ", JOINT)


def _disturbance(plan: Plan) -> list[str]:
    if plan.speeds.busy < DISTURBED:
        return []
    return [
        f"Other programs use {100 * plan.speeds.busy:.0f} % of the processors. The time above is without them: the run "
        "takes longer as long as they do."
    ]
