"""A check's sections as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hearlog.check.findings import LEVELS, Section, count, is_ready
from hearlog.util.plain_text import counted, data_size, paragraph

INDENT = 17  # columns that the name of a fact, or the level of a finding, may take
NO_BREAK = "\x1f"  # a space of a figure, where no line may end; no text has this character
# Units of facts, by a word of their name.
BYTES, SECONDS, FRACTIONS = {"disk", "memory"}, {"length", "time"}, {"share"}


def to_text(sections: Sequence[Section], full: bool) -> str:
    """Write what was found for people: figures and findings of each section, and the verdict in the last line."""
    mode = (
        "every file was decoded and all log rows were read"
        if full
        else "headers of the audio files only; `hearlog check --full` decodes them"
    )
    blocks = [f"hearlog check: {mode}", *map(_section, sections), _verdict(sections)]
    return "\n\n".join(blocks)


def to_json(sections: Sequence[Section], full: bool) -> str:
    """Write the same for machines: an object with ``ready``, ``mode``, ``counts`` and ``sections``."""
    document = {
        "ready": is_ready(sections),
        "mode": "full" if full else "quick",
        "counts": count(sections),
        "sections": [
            {
                "name": section.name,
                "facts": section.facts,
                "findings": [{"level": finding.level, "text": finding.text} for finding in section.findings],
            }
            for section in sections
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _verdict(sections: Sequence[Section]) -> str:
    counts = count(sections)
    said = ", ".join(counted(counts[level], level) for level in LEVELS)
    return f"{'ready' if is_ready(sections) else 'not ready'}: {said}"


def _section(section: Section) -> str:
    facts = [
        _row(name, _fact(set(name.split()), value)).replace(NO_BREAK, " ") for name, value in section.facts.items()
    ]
    ordered = sorted(section.findings, key=lambda finding: LEVELS.index(finding.level))
    findings = [_row(finding.level, finding.text) for finding in ordered]
    return "\n".join([section.name, *facts, *findings])


def _row(head: str, text: str) -> str:
    """Set a text beside its head, broken between words; line ends of the text itself are kept."""
    first, *rest = text.splitlines() or [""]
    return "\n".join([paragraph(first, f"  {head}", INDENT), *(paragraph(line, "", INDENT) for line in rest)])


def _fact(names: set[str], value: Any) -> str:
    """Write a figure in the unit that the words of its name tell."""
    if isinstance(value, dict):
        parts = [f"{key} {_fact(names, part)}" for key, part in value.items()]
        return ", ".join(part.replace(" ", NO_BREAK) for part in parts)
    if isinstance(value, str):
        return value
    if names & BYTES:
        return data_size(value)
    if names & SECONDS:
        return _duration(value)
    return f"{value:.1%}" if names & FRACTIONS else f"{value:,}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
