"""The comparison of revisions in print: plain text of at most 100 columns for three of them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from hearlog.cells import METHODS, TITLES
from hearlog.compare import ALL_METHODS, against_first, align, changes
from hearlog.revisions import Revision
from hearlog.synthetic import is_generated

WIDTH = 100
_LABEL = 12  # columns a revision's name may take: three of them, and the longest task, fit into 100
_INDENT = _LABEL + 2


def render(revisions: Sequence[Revision]) -> str:
    """Write the comparison as plain text: revisions, their settings, their scores and the tests.

    Parameters
    ----------
    revisions
        Two or more, the one to compare with first.
    """
    labels = _labels([revision.name for revision in revisions])
    scores, apart = align(revisions)
    sections = [*_synthetic(revisions, labels), _section("Revisions", _legend(revisions, labels))]
    sections.append(_section(f"Settings, against {labels[0]}", _settings(revisions, labels)))
    for kind, heading, decimals in (
        ("classification", "Accuracy, %", 1),
        ("regression", "Regression, r2 (coefficient of determination)", 3),
    ):
        of_kind = scores[scores["kind"] == kind]
        if not of_kind.empty:
            sections.append(_section(heading, _score_table(of_kind, labels, decimals)))
    if not apart.empty:
        sections.append(_section("Not compared", _reasons(apart, labels)))
    tests = _test_table(against_first(scores, len(revisions)), labels)
    sections.append(_section(f"Paired t-tests over classification tasks, against {labels[0]}", tests))
    return "\n\n".join([*sections, _caveat(revisions, labels[0])])


def _labels(names: Sequence[str]) -> list[str]:
    """Shorten names to the columns there are; numbers where that leaves two alike."""
    labels = [_shortened(name) for name in names]
    return labels if len(set(labels)) == len(names) else [f"({number})" for number in range(1, len(names) + 1)]


def _shortened(name: str) -> str:
    if re.fullmatch("[0-9a-f]{40}", name):
        return name[:7]  # as git abbreviates a commit
    half = _LABEL // 2
    return name if len(name) <= _LABEL else f"{name[: half - 1]}…{name[-half:]}"


def _section(heading: str, body: str) -> str:
    return f"{heading}\n{'-' * len(heading)}\n{body}"


def _paragraph(head: str, text: str, indent: int) -> str:
    lines = textwrap.wrap(text, WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    return head.ljust(indent) + ("\n" + " " * indent).join(lines)


def _synthetic(revisions: Sequence[Revision], labels: Sequence[str]) -> list[str]:
    generated = [
        label
        for label, revision in zip(labels, revisions, strict=True)
        if any(map(is_generated, _texts(revision.params)))
    ]
    if not generated:
        return []
    said = "Synthetic data: these numbers come from the embedded, generated data set"
    only = "" if len(generated) == len(revisions) else f" ({', '.join(generated)})"
    return [_paragraph("", f"{said}{only}, and say nothing about real music.", 0)]


def _texts(block: dict[str, Any]) -> Iterator[str]:
    for value in block.values():
        if isinstance(value, dict):
            yield from _texts(value)
        elif isinstance(value, str):
            yield value


def _legend(revisions: Sequence[Revision], labels: Sequence[str]) -> str:
    return "\n".join(
        f"{label:<{_INDENT}}{revision.commit[:7] or 'the files as they are now'}"
        + (f"  {revision.name}" if revision.name != label else "")
        for label, revision in zip(labels, revisions, strict=True)
    )


def _settings(revisions: Sequence[Revision], labels: Sequence[str]) -> str:
    first, *others = revisions
    lines = []
    for label, revision in zip(labels[1:], others, strict=True):
        changed = list(changes(first.params, revision.params)) or ["the same"]
        lines += [_paragraph(label, changed[0], _INDENT), *(_paragraph("", line, _INDENT) for line in changed[1:])]
    return "\n".join(lines)


def _score_table(scores: pd.DataFrame, labels: Sequence[str], decimals: int) -> str:
    """One row a cell, named with its protocol; one column a revision."""
    rows = scores[["title", "protocol"]].assign(
        width=[f"x{width}" for width in scores.index.get_level_values("width")],
        method=scores.index.get_level_values("method"),
    )
    index = pd.MultiIndex.from_frame(rows, names=["task", "protocol", "width", "method"])
    table = scores[[*range(len(labels))]].set_axis(index).set_axis([*labels], axis="columns")
    return table.to_string(float_format=f"{{:.{decimals}f}}".format)


def _reasons(apart: pd.DataFrame, labels: Sequence[str]) -> str:
    """Say why scores do not compare; those of one reason together."""
    cells: dict[str, dict[str, list[str]]] = {}
    for cell in apart.reset_index().to_dict("records"):
        group = f"{TITLES.get(cell['task'], cell['task'])} x{cell['width']}"
        cells.setdefault(_reason(cell, labels), {}).setdefault(group, []).append(cell["method"])
    return "\n".join(_paragraph("", f"{_groups(groups)} - {reason}", 0) for reason, groups in cells.items())


def _reason(cell: Mapping[Any, Any], labels: Sequence[str]) -> str:
    of_revision = [(label, cell[number]) for number, label in enumerate(labels)]
    if without := [label for label, measured in of_revision if pd.isna(measured)]:
        return f"no score in {', '.join(without)}"
    together: dict[str, list[str]] = {}
    for label, measured in of_revision:
        together.setdefault(measured, []).append(label)
    return "; ".join(f"{', '.join(of)}: {measured}" for measured, of in together.items())


def _groups(groups: dict[str, list[str]]) -> str:
    return ", ".join(
        group if len(methods) == len(METHODS) else f"{group} ({', '.join(methods)})"
        for group, methods in groups.items()
    )


def _test_table(tests: pd.DataFrame, labels: Sequence[str]) -> str:
    """One row a revision and method; what could not be tested is said beneath."""
    revisions = tests["revision"].map(dict(enumerate(labels)))
    tested = tests["note"] == ""
    table = pd.DataFrame(
        {
            "points": tests["mean"].map("{:+.1f}".format),
            "95 % CI": [
                f"[{low:.1f}, {high:.1f}]" for low, high in zip(tests["ci_low"], tests["ci_high"], strict=True)
            ],
            "t": tests["t"].map("{:.1f}".format),
            "p": tests["p"].map(_p),
            "Holm": tests["p_holm"].map(_p),
            **{name: tests[name] for name in ("wins", "ties", "losses")},
            "tasks": tests["pairs"],
        }
    )
    table.index = pd.MultiIndex.from_arrays([revisions, tests["method"]], names=["revision", "method"])
    notes = tests[~tested].assign(revision=revisions).groupby(["revision", "note"], sort=False)["method"]
    lines = [table[tested.to_numpy()].to_string()] if tested.any() else []
    lines += [_paragraph("", f"{label}, {', '.join(methods)}: {note}", 0) for (label, note), methods in notes]
    return "\n".join(lines)


def _p(value: float) -> str:
    if pd.isna(value):
        return "-"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _caveat(revisions: Sequence[Revision], first: str) -> str:
    text = (
        f"Points are accuracy less that of {first}. A pair is a task, the mean of its capacities: methods and "
        "capacities of a task share its clips, so they are no independent pairs. Intervals are 95 %, p two-sided; "
        "Holm's p is adjusted for methods x revisions, all the tests of single methods here. "
        f"'{ALL_METHODS}', the mean of a task's methods, is exploratory and not among them. FMA small is part of "
        "FMA medium, which no test here takes into account. Scores compare when protocol, folds and number of test "
        "clips agree; that the folds hold the same clips is not checked, and another seed draws others."
    )
    if any((revision.cells["seeds"] == 1).any() for revision in revisions):
        text += " With one seed, a difference holds the chance of one training run."
    return _paragraph("", text, 0)
