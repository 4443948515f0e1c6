"""The code of a stage, by definition and not by file: its digest, and what differs between two versions of it.

The digest stays the same when definitions move to another module and when docstrings, comments or annotations change.
It changes with anything else that the stage can reach.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import PurePosixPath

import networkx as nx

from hearlog.pipeline.normal_form import Form, Reference, decorators, loaded, normal_form, references
from hearlog.pipeline.program import DATA, GUARD, STATEMENTS, WHOLE, Key, Program, imported_files
from hearlog.pipeline.sources import Files

IN_WORDS = {STATEMENTS: "statements of the module", GUARD: "what runs as a command"}


class Code:
    """The code that a stage reaches.

    It starts at the ``main`` of the stage's module and follows every name to the definition that it means. What runs
    when a module is imported belongs to the stage, too: statements, and definitions that a decorator of the project
    may enter in a table.

    Parameters
    ----------
    program
        The project.
    module
        That a command runs, such as ``stages.transfer``.
    """

    def __init__(self, program: Program, module: str) -> None:
        self.program = program
        self.path = program.stage(module)
        self.starts = self._starts()

    def _starts(self) -> list[Key]:
        files = [path for path in sorted(imported_files(self.program, self.path)) if path.endswith(".py")]
        modules = [self.program.module(path) for path in files]
        own = self.program.module(self.path)
        main = [Key(self.path, name) for name in own.definitions if name == "main" or not own.guard]
        statements = [
            Key(module.path, STATEMENTS) for module in modules if module.statements or loaded(self.program, module)
        ]
        # A decorator of the project may enter what it decorates in a table.
        decorated = [
            Key(module.path, name)
            for module in modules
            for name in module.definitions
            if any(references(decorators(self.program, Key(module.path, name))))
        ]
        return [Key(self.path, GUARD), *main, *statements, *decorated]

    @cached_property
    def forms(self) -> dict[Key, Form]:
        """Normal forms of all definitions that the stage reaches."""
        found: dict[Key, Form] = {}
        waiting = list(self.starts)
        while waiting:
            if (key := waiting.pop()) not in found:
                found[key] = self._form(key)
                waiting += references(found[key])
        return found

    def _form(self, key: Key) -> Form:
        """Give the normal form of a definition; stages of one project share it."""
        if key not in self.program.forms:
            self.program.forms[key] = normal_form(self.program, key)
        return self.program.forms[key]

    @cached_property
    def shapes(self) -> dict[Key, str]:
        """Digests of the definitions themselves, with references by name."""
        return {key: _hash(_filled(form, _name)) for key, form in self.forms.items()}

    @cached_property
    def digests(self) -> dict[Key, str]:
        """Digests of the definitions with all that they reach: a Merkle tree.

        Definitions that refer to each other in a circle share one digest, to which each adds its own shape.
        """
        graph = nx.DiGraph((key, other) for key, form in self.forms.items() for other in references(form))
        graph.add_nodes_from(self.forms)
        circles = nx.condensation(graph)
        found: dict[Key, str] = {}
        for circle in reversed(list(nx.topological_sort(circles))):
            found |= self._circle(circles.nodes[circle]["members"], found)
        return found

    def _circle(self, members: Iterable[Key], below: Mapping[Key, str]) -> dict[Key, str]:
        def known(key: Key) -> Form:
            return below.get(key) or (key.name, self.shapes[key])

        texts = {key: _filled(self.forms[key], known) for key in members}
        together = sorted(map(_hash, texts.values()))
        return {key: _hash((text, together)) for key, text in texts.items()}

    @cached_property
    def digest(self) -> str:
        """One digest of it all."""
        first = [self.digests[key] for key in self.starts if key.path == self.path and key.name in (GUARD, "main")]
        return _hash((first, sorted({self.digests[key] for key in self.starts})))


def digest(files: Files, module: str) -> str:
    """Digest of a stage's code; equal digests stand for the same results.

    Parameters
    ----------
    files
        Source files, see `hearlog.pipeline.sources`.
    module
        That the stage's command runs, such as ``stages.transfer``.
    """
    return Code(Program(files), module).digest


def differences(old: Code, new: Code) -> list[str]:
    """Name the definitions whose own text differs, not everything that uses them.

    Parameters
    ----------
    old, new
        Code of one stage at two moments.

    Returns
    -------
    Such as ``src/hearlog/network.py: POOLS changed``, sorted. Definitions that only moved are not among them. Empty
    if the digests are equal.
    """
    if old.digest == new.digest:
        return []
    lines = [
        _line(key, "changed")
        for key in old.shapes.keys() & new.shapes
        if old.shapes[key] != new.shapes[key] and key.name != WHOLE
    ]
    gone, come = _alone(old, new), _alone(new, old)
    moved = Counter(map(_signature, gone.items())) & Counter(map(_signature, come.items()))
    gone, come = _without(gone, moved), _without(come, moved)
    pairs = _pairs_by_name(gone, come)
    lines += [_line(key, "changed") for key in pairs.values()]
    lines += [_line(key, "removed") for key in gone.keys() - pairs.keys()]
    lines += [_line(key, "added") for key in come.keys() - set(pairs.values())]
    return sorted(lines) or _bound_otherwise(old, new)


def _alone(one: Code, other: Code) -> dict[Key, str]:
    """Shapes of the definitions that only one of two codes reaches at their place."""
    return {key: one.shapes[key] for key in one.shapes.keys() - other.shapes.keys() if key.name != WHOLE}


def _signature(item: tuple[Key, str]) -> tuple[str, str]:
    key, shape = item
    return _name(key), shape


def _without(shapes: Mapping[Key, str], moved: Counter[tuple[str, str]]) -> dict[Key, str]:
    left, kept = Counter(moved), {}
    for item in sorted(shapes.items()):
        if left[_signature(item)]:
            left[_signature(item)] -= 1
        else:
            kept[item[0]] = item[1]
    return kept


def _pairs_by_name(before: Iterable[Key], after: Iterable[Key]) -> dict[Key, Key]:
    """Pair definitions that moved and changed: the only ones of their name."""
    counts = Counter(map(_name, before)), Counter(map(_name, after))
    new = {_name(key): key for key in after}
    alone = {key: new[_name(key)] for key in before if _name(key) in new}
    return {key: other for key, other in alone.items() if all(count[_name(key)] == 1 for count in counts)}


def _bound_otherwise(old: Code, new: Code) -> list[str]:
    """Name definitions with the same text, in which a name now means another definition that was there before."""
    known = set(old.digests.values())
    keys = [key for key, each in new.digests.items() if each not in known and key.name != WHOLE]
    lowest = [key for key in keys if all(new.digests[other] in known for other in references(new.forms[key]))]
    return sorted(_line(key, "uses other definitions of the same names") for key in lowest or keys)


def _line(key: Key, change: str) -> str:
    name = "" if key.name == DATA else f"{IN_WORDS.get(key.name, key.name)} "
    return f"{key.path}: {name}{change}"


def _name(key: Key) -> str:
    return PurePosixPath(key.path).name if key.name == DATA else key.name


def _filled(form: Form, value: Callable[[Key], Form]) -> Form:
    """Put a value in the place of each reference."""
    if isinstance(form, Reference):
        return value(form.key)
    return tuple(_filled(part, value) for part in form) if isinstance(form, tuple) else form


def _hash(form: Form) -> str:
    return hashlib.sha256(repr(form).encode()).hexdigest()
