"""What a run came to, for its end: a sentence and a table."""

from __future__ import annotations

import textwrap

import pandas as pd

from hearlog.results.comparisons import find
from hearlog.results.run import Results
from hearlog.statistics.paired_tests import CORRECTION
from hearlog.transfer.methods import METHODS
from hearlog.util.plain_text import p_equals, p_value

METHOD, AGAINST = "kd", "base"  # the paper's proposal, and what it is measured by


def ending(results: Results, width: int) -> str:
    """Write the result in a text of so many columns, and the scores of all tasks below it."""
    return f"{textwrap.fill(result(results), width)}\n\n{_table(results)}"


def result(results: Results) -> str:
    """Say what the paper's proposal gained over all tasks, and how far that reaches."""
    found = find(results.over_tasks, f"{METHOD}-{AGAINST}")
    test = found.test
    if not found.tested:
        text = f"No test of {METHOD} against {AGAINST} over tasks: {found.note.removesuffix('.')}."
    else:
        side = "above" if test.mean >= 0 else "below"
        chance = "" if found.significant else ", which chance may explain"
        text = (
            f"Over {test.pairs} classification tasks, {METHOD} scored {abs(test.mean):.1f} points of accuracy {side} "
            f"{AGAINST}{chance} (95 % interval {test.ci_low:.1f} to {test.ci_high:.1f}, {CORRECTION}'s "
            f"{p_equals(found.p_adjusted)})."
        )
    limits = ["these are synthetic data"] if results.synthetic else []
    limits += ["every network was trained once"] if results.seeds == 1 else []
    return f"{text} Note that {' and '.join(limits)}: `hearlog report` says what that means." if limits else text


def _table(results: Results) -> str:
    """Tabulate the scores of all tasks at the largest capacity, and below them the tests over tasks."""
    cells = results.cells[results.cells["divisor"] == results.cells["divisor"].min()]
    printed = [
        f"{100 * score:.1f} %" if kind == "classification" else f"{score:.3f}"
        for kind, score in zip(cells["kind"], cells["score"], strict=True)
    ]
    scores = cells.assign(printed=printed).pivot_table("printed", "title", "method", aggfunc="first", sort=False)
    table = pd.concat([scores[list(METHODS)], _tests(results)]).fillna("").rename_axis(index=None, columns=None)
    heading = f"Scores on the test clips, {cells['channels'].iloc[0]} channels: accuracy in %, r2 of regression"
    return f"{heading}\n{table.to_string(col_space=8)}"


def _tests(results: Results) -> pd.DataFrame:
    """Tabulate what each method gained over the classification tasks, in points, and the p of its test."""
    found = {row.method: row for row in results.over_tasks if row.against == AGAINST and row.has_mean}
    gains = {method: f"{row.test.mean:+.1f}" for method, row in found.items()}
    values = {method: p_value(row.p_adjusted) for method, row in found.items()}
    rows = {f"mean gain over {AGAINST}, points": gains, f"its p ({CORRECTION})": values} if found else {}
    return pd.DataFrame.from_dict(rows, orient="index")
