"""Numbers in print, and the answer of a run in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from hearlog.report import coverage
from hearlog.results.comparisons import SIGNIFICANT, Comparison, find
from hearlog.statistics.paired_tests import CORRECTION
from hearlog.util import plain_text
from hearlog.util.plain_text import won_and_lost

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
NO_BREAK = "\N{NO-BREAK SPACE}"


def signed(value: float, decimals: int = 1) -> str:
    """Write a difference with its sign."""
    return f"{value:+z.{decimals}f}".replace("-", MINUS)


def plain(value: float, decimals: int = 1) -> str:
    """Write a number; nan is a dash."""
    return NOTHING if pd.isna(value) else f"{value:z,.{decimals}f}".replace("-", MINUS)


def interval(low: float, high: float, decimals: int = 1) -> str:
    """Write a confidence interval; nan is a dash."""
    return NOTHING if pd.isna(low) or pd.isna(high) else f"[{plain(low, decimals)}, {plain(high, decimals)}]"


def p_value(p: float) -> str:
    """Write a p value as it stands in a table."""
    return NOTHING if pd.isna(p) else plain_text.p_value(p)


def equation(p: float) -> str:
    """Write a p value as it stands in a sentence."""
    return plain_text.p_equals(p).replace(" ", NO_BREAK)


def difference(comparison: str) -> str:
    """Write a comparison (``kd-base``) as a difference, with a minus sign."""
    return f"{NO_BREAK}{MINUS}{NO_BREAK}".join(comparison.split("-"))


def duration(seconds: float) -> str:
    """Write a time in its two largest units."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return (
        f"{int(seconds // 60)} min {int(seconds % 60)} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
    )


@dataclass(frozen=True)
class Answer:
    """What the tests say about kd and base.

    Parameters
    ----------
    verdict
        The answer in one sentence.
    figure
        The mean difference in points, signed; empty without one.
    reading
        What the tests do and do not allow to say.
    """

    verdict: str
    figure: str
    reading: list[str]


def answer(over_pairs: Sequence[Comparison], over_tasks: Sequence[Comparison], capacities: int, seeds: int) -> Answer:
    """Put the paper's question, whether kd beats base, to the tests of a run.

    The paper's test (section 4) is Student's paired t-test over (task, capacity) pairs of the classification tasks.
    It takes the capacities of one task as independent, though they share its clips; with several capacities the same
    test on the tasks' means is asked as well, and a difference is claimed only where both are significant: at 5 %,
    after correction for the number of comparisons. Of one seed, the answer says so.

    Parameters
    ----------
    over_pairs, over_tasks
        Comparisons of `hearlog.results.run.Results`.
    capacities, seeds
        Numbers of capacities and of seeds.
    """
    pairs, tasks = find(over_pairs, "kd-base"), find(over_tasks, "kd-base")
    if not pairs.tested:
        return Answer(f"No answer: kd and base cannot be compared by a test. {_sentence(pairs.note)}", "", [])
    remarks = [coverage.OVER_TASKS, *([coverage.ONE_SEED] if seeds == 1 else [])]
    figure, counts = signed(pairs.test.mean), won_and_lost(pairs.test.wins, pairs.test.ties, pairs.test.losses)
    if capacities == 1:
        verdict = (
            f"{_claim(seeds, pairs)}: {figure} points of accuracy on average over {pairs.test.pairs} tasks at one "
            f"capacity ({_numbers(pairs)}; {counts})."
        )
        return Answer(verdict, figure, _reading(pairs, over_pairs) + remarks)
    over = f"{pairs.test.pairs} (task, capacity) pairs"
    verdict = f"{_claim(seeds, pairs, tasks)}: {figure} points of accuracy on average over {over} ({counts})."
    reading = [f"Over the {over}, which takes capacities as independent: {_result(pairs)}; {_over_tasks(tasks)}"]
    return Answer(verdict, figure, reading + _reading(tasks, over_tasks) + remarks)


def _claim(seeds: int, *rows: Comparison) -> str:
    """Claim a difference that all tests find; they agree on its sign, since it is the same mean."""
    found = [row.significant for row in rows]
    if all(found):
        side = "above" if rows[0].test.mean > 0 else "below"
        subject = "With one seed, distillation" if seeds == 1 else "Distillation"
        return f"{subject} (kd) scores {side} training from scratch (base)"
    both = "" if not any(found) else " that holds over pairs and over tasks"
    return f"No significant difference between distillation (kd) and training from scratch (base){both}"


def _numbers(row: Comparison) -> str:
    test = row.test
    return (
        f"95{NO_BREAK}% interval {interval(test.ci_low, test.ci_high)}, {equation(test.p)}, "
        f"after {CORRECTION}'s correction {equation(row.p_adjusted)}"
    )


def _result(row: Comparison) -> str:
    return f"{_numbers(row)}, {'significant' if row.significant else 'not significant'}"


def _over_tasks(row: Comparison) -> str:
    if not row.tested:
        return f"over the tasks themselves there is no test, so no difference can be claimed. {_sentence(row.note)}"
    return f"over the {row.test.pairs} tasks themselves, each the mean of its capacities: {_result(row)}."


def _reading(row: Comparison, table: Sequence[Comparison]) -> list[str]:
    """Say what a test of a table allows to say, and what difference it could not have seen."""
    if not row.tested:
        return []
    reading, over, test = [], " over tasks" if row.over == "tasks" else "", row.test
    if row.significant:
        pairs = f"Significant at 5{NO_BREAK}% after {CORRECTION}'s correction."
        reading += [pairs] if row.over == "pairs" else []
    elif test.p < SIGNIFICANT:
        reading.append(
            f"Taken alone the test{over} is significant at 5{NO_BREAK}%; after {CORRECTION}'s correction for "
            f"{sum(other.tested for other in table)} comparisons it is not, and that is what counts."
        )
    else:
        reading.append(f"The interval{over} contains zero: these data show neither a gain nor its absence.")
    half = (test.ci_high - test.ci_low) / 2
    reading.append(
        f"As much as these {test.pairs} {row.over} differ among themselves, a mean difference below {plain(half)} "
        "points could not have been told from none, even without that correction."
    )
    return reading


def _sentence(note: str) -> str:
    text = note[:1].upper() + note[1:]
    return text if text.endswith(".") else f"{text}."
