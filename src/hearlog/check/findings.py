"""What a check found: figures, and findings of three levels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from hearlog.errors import InputError

Level = Literal["problem", "warning", "note"]
LEVELS: tuple[Level, ...] = ("problem", "warning", "note")
EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One sentence or more: what is so, and what to do.

    A ``problem`` will stop a stage, a ``warning`` makes results worse or mean less, a ``note`` is worth knowing.
    """

    level: Level
    text: str


@dataclass
class Section:
    """What was found of one subject.

    ``facts`` go by name and can be written as JSON: texts, numbers, and mappings of them. A word of the name tells
    that numbers are in bytes (disk, memory), in seconds (length, time), or a fraction (share); others are counts.
    """

    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def problem(self, text: str) -> None:
        """Add a finding that will stop a stage."""
        self.findings.append(Finding("problem", text))

    def warning(self, text: str) -> None:
        """Add a finding that makes results worse, or mean less."""
        self.findings.append(Finding("warning", text))

    def note(self, text: str) -> None:
        """Add a finding that is worth knowing."""
        self.findings.append(Finding("note", text))

    @contextmanager
    def errors_are_problems(self) -> Iterator[None]:
        """Take what a user can mend, or a file that the system does not give, for a problem; go on after the block."""
        try:
            yield
        except (InputError, OSError) as error:
            self.problem(str(error))


def count(sections: Iterable[Section]) -> dict[Level, int]:
    """Count the findings of each level."""
    levels = [finding.level for section in sections for finding in section.findings]
    return {level: levels.count(level) for level in LEVELS}


def is_ready(sections: Iterable[Section]) -> bool:
    """Whether nothing was found that will stop a stage."""
    return not count(sections)["problem"]


def some(names: Iterable[object], most: int = EXAMPLES) -> str:
    """List the first few of many: ``a, b, c and 7 more``."""
    names = list(names)
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(str, islice(names, most))) + rest


def number(amount: int, thing: str) -> str:
    """Write a number with its noun: ``1 file``, ``2,000 files``."""
    return f"{amount:,} {thing}{'' if amount == 1 else 's'}"
