"""What a check found: figures, and findings of three levels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from hearlog.util.errors import InputError
from hearlog.util.terminal import printable

Level = Literal["problem", "warning", "note"]
LEVELS: tuple[Level, ...] = ("problem", "warning", "note")


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
    that numbers are in bytes (disk, memory), in seconds (length, time), or a fraction (share); others are counts, but
    for a rate that says so.
    """

    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def problem(self, text: str) -> None:
        """Add a finding that will stop a stage."""
        self._add("problem", text)

    def warning(self, text: str) -> None:
        """Add a finding that makes results worse, or mean less."""
        self._add("warning", text)

    def note(self, text: str) -> None:
        """Add a finding that is worth knowing."""
        self._add("note", text)

    def _add(self, level: Level, text: str) -> None:
        self.findings.append(Finding(level, printable(text)))

    @contextmanager
    def errors_are(self, level: Level) -> Iterator[None]:
        """Take what a user can mend, or a file that the system does not give, for a finding; go on after the block."""
        try:
            yield
        except InputError as error:
            self._add(level, str(error))
        except UnicodeEncodeError as error:
            self._add(level, f"not UTF-8: {error.object}. Rename the file, or write the text anew")
        except OSError as error:
            file = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
            self._add(level, f"{file}{error.strerror or error}. Check its permissions, and the disk it is on")

    @contextmanager
    def problems_are_warnings(self, reason: str) -> Iterator[None]:
        """Take problems found in the block for warnings that begin with a reason; an empty one changes nothing."""
        before = len(self.findings)
        yield
        if reason:
            self.findings[before:] = [
                Finding("warning", f"{reason}: {finding.text}") if finding.level == "problem" else finding
                for finding in self.findings[before:]
            ]


def count(sections: Iterable[Section]) -> dict[Level, int]:
    """Count the findings of each level."""
    levels = [finding.level for section in sections for finding in section.findings]
    return {level: levels.count(level) for level in LEVELS}


def is_ready(sections: Iterable[Section]) -> bool:
    """Whether nothing was found that will stop a stage."""
    return not count(sections)["problem"]
