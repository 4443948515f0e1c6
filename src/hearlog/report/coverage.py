"""What the tests and intervals of a run include of chance, and what they leave out, in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from hearlog.results.pilot import Pilot
from hearlog.results.within_tasks import CLIPS

TRAINING_NOISE = "training noise (another seed, rounding, another machine)"
ONE_SEED = (
    "One seed: every network was trained once, and training noise (another seed, rounding, another machine) can change "
    "a score by many points. Claim nothing about a single task, and repeat the run with transfer.seeds: [0, 1, 2] "
    "before you claim that one method is better."
)
OVER_TASKS = (
    "Every pair has networks of its own, so tests over pairs or tasks include the training noise of the task networks. "
    "No test or interval includes that of the estimator: it is trained once, and fix, init and kd of every task use it."
)


def scores(seeds: int) -> str:
    """Say what the interval of a score on one test part includes, for the middle of a sentence."""
    return "over test clips, without training noise" if seeds == 1 else "over test clips and seeds"


def within_tasks(covers: Iterable[str]) -> str:
    """Say what the intervals and p of tests within tasks include.

    Parameters
    ----------
    covers
        Column of the tests, as returned by `hearlog.results.within_tasks.compare_within`.
    """
    kinds = set(covers)
    if CLIPS not in kinds:
        return "Intervals and p include the choice of test clips and training noise."
    others = " Over folds they include both." if len(kinds) > 1 else ""
    return f"One seed: over clips, intervals and p include the choice of test clips, not {TRAINING_NOISE}.{others}"


def pilot(found: Pilot) -> str:
    """Say what the intervals and p of the pilot experiment include; ``fix`` has no training but the estimator's."""
    if found.seeds == 1:
        return f"One seed: intervals and p include the choice of test songs, not {TRAINING_NOISE}."
    return (
        f"{found.seeds} seeds: intervals and p include the choice of test songs and the training noise of the "
        "tag-trained network, not that of the estimator."
    )
