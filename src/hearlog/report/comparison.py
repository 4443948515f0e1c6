"""The comparison of revisions as plain text, of at most 100 columns for three of them, and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from hearlog.params.synthetic import is_generated
from hearlog.report.coverage import ONE_SEED, OVER_TASKS
from hearlog.report.text import SYNTHETIC
from hearlog.results.compare import CELL, RevisionComparison, SideBySide
from hearlog.results.comparisons import ADJUSTED
from hearlog.results.names import title
from hearlog.results.revisions import Revision
from hearlog.statistics.paired_tests import CORRECTION
from hearlog.transfer.methods import METHODS
from hearlog.util.plain_text import WIDTH, p_value, paragraph, section

_LABEL = 16  # columns a revision's name may take beside the tests
_SHORT = 12
_HEADINGS = {
    "pairs": "Paired t-tests over (task, capacity) pairs of the classification tasks",
    "tasks": "Paired t-tests over the classification tasks",
}


def to_text(compared: SideBySide) -> str:
    """Write the comparison for people: revisions, what differs, their scores and the tests."""
    revisions, scores = compared.revisions, compared.scores
    labels = _labels([revision.name for revision in revisions], scores)
    sections = [*_synthetic(revisions, labels), section("Revisions", _legend(revisions, labels))]
    sections.append(section(f"What differs from {labels[0]}", _changes(compared.changes, labels)))
    for kind, heading, decimals in (
        ("classification", "Accuracy, %", 1),
        ("regression", "Regression, r2 (coefficient of determination)", 3),
    ):
        of_kind = scores[scores["kind"] == kind]
        if not of_kind.empty:
            sections.append(section(heading, _score_table(of_kind, labels, decimals)))
    if not compared.apart.empty:
        sections.append(section(f"Not compared with {labels[0]}", _reasons(compared.apart, labels)))
    for over in compared.overs:
        means = "" if over == compared.overs[0] else ", each the mean of its capacities"
        heading = f"{_HEADINGS[over]}{means}, against {labels[0]}"
        sections.append(section(heading, _test_table([test for test in compared.tests if test.over == over], labels)))
    return "\n\n".join([*sections, _caveat(compared, labels[0])])


def to_json(compared: SideBySide) -> str:
    """Write the same for machines: ``revisions``, ``scores``, ``not_compared``, ``tests`` and ``units``, one object.

    Revisions are named as they were asked for; no commit is the workspace's. ``units`` are those of the scores by
    kind, and of ``mean``, ``ci_low`` and ``ci_high`` of a test. What there is not, is null.
    """
    names = [revision.name for revision in compared.revisions]
    numbered = dict(enumerate(names))
    scores, apart = compared.scores, compared.apart
    document = {
        "units": {"scores": {"classification": "per cent", "regression": "r2"}, "tests": "points of accuracy"},
        "revisions": [
            {"name": revision.name, "commit": revision.commit or None, "changes": changed}
            for revision, changed in zip(compared.revisions, [[], *compared.changes], strict=True)
        ],
        "scores": [
            {name: row[name] for name in (*CELL, "kind", "protocol")}
            | {"score": {n: row[i] for i, n in numbered.items()}}
            for row in _records(scores)
        ],
        "not_compared": _records(apart.assign(revision=apart["revision"].map(numbered))),
        "tests": [_numbers(test, names) for test in compared.tests],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _numbers(row: RevisionComparison, names: Sequence[str]) -> dict[str, Any]:
    exact = {"p_sign_flip": row.sign_flip.p if row.sign_flip else None, "note_exact": row.note_exact}
    tested = vars(row.test) | {"note": row.note} | exact | {ADJUSTED: row.p_adjusted, "over": row.over}
    numbers = {name: None if value is None or pd.isna(value) else value for name, value in tested.items()}
    return {"revision": names[row.revision], "method": row.method, **numbers}


def _labels(names: Sequence[str], scores: pd.DataFrame) -> list[str]:
    """Take names as they are, or shorten them to the columns that the scores leave; numbers where that is too few."""
    cell = scores["title"].str.len().max() + scores["protocol"].str.len().max() + len("  capacity method")
    room = WIDTH if scores.empty else WIDTH - cell
    whole = [name[:7] if re.fullmatch("[0-9a-f]{40}", name) else name for name in names]  # as git abbreviates
    for labels in (whole, [_shortened(name) for name in whole]):
        distinct = len(set(labels)) == len(labels)
        if distinct and max(map(len, labels)) <= _LABEL and sum(len(label) + 2 for label in labels) <= room:
            return labels
    return [f"({number})" for number in range(1, len(names) + 1)]


def _shortened(name: str) -> str:
    half = _SHORT // 2
    return name if len(name) <= _SHORT else f"{name[: half - 1]}…{name[-half:]}"


def _synthetic(revisions: Sequence[Revision], labels: Sequence[str]) -> list[str]:
    generated = [
        label
        for label, revision in zip(labels, revisions, strict=True)
        if any(map(is_generated, _texts(revision.params)))
    ]
    if not generated:
        return []
    return [SYNTHETIC if len(generated) == len(revisions) else f"{SYNTHETIC}\nThat is said of {', '.join(generated)}."]


def _texts(block: Mapping[str, Any]) -> Iterator[str]:
    for value in block.values():
        if isinstance(value, dict):
            yield from _texts(value)
        elif isinstance(value, str):
            yield value


def _indent(labels: Sequence[str]) -> int:
    return max(map(len, labels)) + 2


def _legend(revisions: Sequence[Revision], labels: Sequence[str]) -> str:
    return "\n".join(
        f"{label:<{_indent(labels)}}{revision.commit[:7] or 'the files as they are now'}"
        + (f"  {revision.name}" if revision.name != label else "")
        for label, revision in zip(labels, revisions, strict=True)
    )


def _changes(changes: Sequence[Sequence[str]], labels: Sequence[str]) -> str:
    lines = []
    for label, changed in zip(labels[1:], changes, strict=True):
        heads = [label, *[""] * len(changed)]
        texts = changed or ["nothing: the same settings, code and data"]
        lines += [paragraph(text, head, _indent(labels)) for head, text in zip(heads, texts, strict=False)]
    return "\n".join(lines)


def _score_table(scores: pd.DataFrame, labels: Sequence[str], decimals: int) -> str:
    """One row per cell, named with its protocol; one column per revision."""
    capacities = scores.assign(capacity="1/" + scores["divisor"].astype(str))
    rows = capacities[["title", "protocol", "capacity", "method"]]
    index = pd.MultiIndex.from_frame(rows, names=["task", "protocol", "capacity", "method"])
    table = scores[[*range(len(labels))]].set_axis(index).set_axis([*labels], axis="columns")
    return table.to_string(float_format=f"{{:.{decimals}f}}".format, na_rep="-")


def _reasons(apart: pd.DataFrame, labels: Sequence[str]) -> str:
    """Say why scores do not compare; those of one revision and reason together."""
    reasons: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in apart.to_dict("records"):
        label = labels[row["revision"]]
        states = {labels[0]: row["first"], label: row["here"]}
        told = [f"{of}: {state}" for of, state in states.items() if state]
        reason = "; ".join(told) if row["first"] else row["here"]
        group = f"{title(row['task'])} 1/{row['divisor']}"
        reasons.setdefault((label, reason), {}).setdefault(group, []).append(row["method"])
    return "\n".join(
        paragraph(f"{_cells(groups)} - {reason}", label, _indent(labels)) for (label, reason), groups in reasons.items()
    )


def _cells(groups: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(
        group if len(methods) == len(METHODS) else f"{group} ({', '.join(methods)})"
        for group, methods in groups.items()
    )


def _test_table(tests: Sequence[RevisionComparison], labels: Sequence[str]) -> str:
    """One row per revision and method; below, the reasons for missing tests."""
    rows = {(labels[row.revision], row.method): _test_row(row) for row in tests if row.tested}
    index = pd.MultiIndex.from_tuples(rows, names=["revision", "method"])
    lines = [pd.DataFrame([*rows.values()], index).to_string()] if rows else []
    lines += _notes([(row, row.note) for row in tests], labels)
    lines += _notes([(row, row.note_exact and f"no sign-flip test, {row.note_exact}") for row in tests], labels)
    return "\n".join(lines)


def _test_row(row: RevisionComparison) -> dict[str, Any]:
    test, exact = row.test, {"sign-flip": p_value(row.sign_flip.p)} if row.sign_flip else {}
    return {
        "points": f"{test.mean:+.1f}",
        "95 % CI": f"[{test.ci_low:.1f}, {test.ci_high:.1f}]",
        "t": f"{test.t:.1f}",
        "p": p_value(test.p),
        CORRECTION: p_value(row.p_adjusted),
        **exact,
        "wins": test.wins,
        "ties": test.ties,
        row.over: test.pairs,
    }


def _notes(notes: Sequence[tuple[RevisionComparison, str]], labels: Sequence[str]) -> list[str]:
    """List reasons for missing tests; methods of one revision and reason together."""
    methods: dict[tuple[str, str], list[str]] = {}
    for row, note in notes:
        if note:
            methods.setdefault((labels[row.revision], note), []).append(row.method)
    return [
        paragraph(f"{', '.join(names)}: {note}", label, _indent(labels)) for (label, note), names in methods.items()
    ]


def _caveat(compared: SideBySide, first: str) -> str:
    text = (
        f"Points are accuracy less that of {first}, of the same method. Scores compare where score, protocol and clips "
        "are the same: labels and splits by their hash in dvc.lock, so those of another seed, which draws other "
        "splits, do not; transfer.seeds repeats the training on the same. Intervals are 95 %, p two-sided; "
        f"{CORRECTION}'s p (of the t-test) is adjusted for methods x revisions, the tests of a table. "
        "Sign-flip is exact and not adjusted: with n tasks that differ, no p is below 2/2^n. "
    )
    if "pairs" in compared.overs:
        text += "Over pairs, the capacities of one data set are taken as independent, as in the paper. "
    text += f"FMA small is part of FMA medium, which no test here takes into account. {OVER_TASKS}"
    one_seed = any(score.seeds == 1 for revision in compared.revisions for score in revision.scores.values())
    return "\n\n".join([paragraph(text), *([paragraph(ONE_SEED)] if one_seed else [])])
