"""Numbers in print, and the answer of a run in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from hearlog import plain_text

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
NO_BREAK = "\N{NO-BREAK SPACE}"
SIGNIFICANT = 0.05


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


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number and its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(count: int) -> str:
    """Write a number of bytes in decimal units."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


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
    """What the paper's test says about kd and base.

    Parameters
    ----------
    verdict
        The answer in one sentence, with its interval and p.
    figure
        The mean difference in points, signed; empty without one.
    reading
        What the verdict does and does not allow to say.
    """

    verdict: str
    figure: str
    reading: list[str]


def answer(summary: dict[str, Any], capacities: int) -> Answer:
    """Put the paper's question, whether kd beats base, to the tests of a run.

    The test is the paper's (section 4): Student's paired t-test over (task, capacity) pairs of the classification
    tasks. Significant is what remains so at 5 % after Holm's correction for the comparisons made.

    Parameters
    ----------
    summary
        As of `hearlog.report.summarise`.
    capacities
        How many there are.
    """
    test = summary["pairs"]["kd-base"]
    if "note" in test:
        return Answer(f"No answer: kd and base cannot be compared by a test. {_sentence(test['note'])}", "", [])
    pairs = "(task, capacity) pairs" if capacities > 1 else "tasks at one capacity"
    numbers = (
        f"{signed(test['points'])} points of accuracy on average over {test['pairs']} {pairs} "
        f"(95{NO_BREAK}% interval {interval(test['ci_low'], test['ci_high'])}, {equation(test['p'])}, "
        f"after Holm's correction {equation(test['p_holm'])}; {_score(test)})"
    )
    compared = sum("note" not in row for row in summary["pairs"].values())
    return Answer(f"{_claim(test)}: {numbers}.", signed(test["points"]), _reading(test, compared))


def _claim(test: dict[str, Any]) -> str:
    if test["p_holm"] < SIGNIFICANT:
        return (
            "Distillation (kd) scores " + ("above" if test["points"] > 0 else "below") + " training from scratch (base)"
        )
    return "No significant difference between distillation (kd) and training from scratch (base)"


def _score(test: dict[str, Any]) -> str:
    counts = [counted(test["wins"], "win"), counted(test["losses"], "loss", "losses")]
    if test["ties"]:
        counts.insert(1, counted(test["ties"], "tie"))
    return ", ".join(counts)


def _reading(test: dict[str, Any], compared: int) -> list[str]:
    reading = []
    if test["p_holm"] < SIGNIFICANT:
        reading.append(f"Significant at 5{NO_BREAK}% after Holm's correction.")
    elif test["p"] < SIGNIFICANT:
        reading.append(
            f"Taken alone the test is significant at 5{NO_BREAK}%; after Holm's correction for {compared} comparisons "
            "it is not, and that is what counts."
        )
    else:
        reading.append("The interval contains zero: these data show neither a gain nor its absence.")
    half = (test["ci_high"] - test["ci_low"]) / 2
    reading.append(
        f"As much as these {test['pairs']} pairs differ among themselves, a mean difference below {plain(half)} points "
        "could not have been told from none, even without that correction."
    )
    return reading


def _sentence(note: str) -> str:
    text = note[:1].upper() + note[1:]
    return text if text.endswith(".") else f"{text}."
