"""Modules of the project: where they are, what each defines and imports, and which change no result by intention."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TypeGuard

from hearlog.pipeline.scopes import Function, bindings
from hearlog.util.errors import InputError

# Checks of params, messages, checkpoints, and where things run. None of these is meant to change a result, though
# another device, precision or number of threads rounds otherwise. No stage depends on them. The last pattern that fits
# a path decides; one with "!" is an exception to those before it.
INFRASTRUCTURE = (
    "stages/__init__.py",
    "stages/paths.py",
    "src/hearlog/__init__.py",
    "src/hearlog/params/*",
    "!src/hearlog/params/synthetic.py",
    "src/hearlog/runtime/*",
    "src/hearlog/util/errors.py",
)


def is_infrastructure(path: str) -> bool:
    """Whether a file changes no result by intention, see `INFRASTRUCTURE`."""
    fitting = [pattern for pattern in INFRASTRUCTURE if fnmatchcase(path, pattern.removeprefix("!"))]
    return bool(fitting) and not fitting[-1].startswith("!")


@dataclass
class Module:
    """What a file of Python holds.

    ``definitions`` are functions, classes and assignments by name: several statements where a name is assigned again.
    ``imports`` has the full name, as of `targets`, of what each imported name stands for. ``statements`` are all
    others, which run when the module is imported, and ``bound`` the names that they assign or import. ``guard`` is
    what follows ``if __name__ == "__main__"``. ``unused`` has the full names of imports that nothing in the file uses.
    ``text`` is whether it holds anything but its docstring.
    """

    path: str
    name: str
    tree: ast.Module
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    statements: list[ast.stmt] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)
    guard: list[ast.stmt] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    text: bool = False

    def targets(self, statement: ast.Import | ast.ImportFrom) -> dict[str, str]:
        """Full names, ``module:attribute``, by the names that an import binds; of ``from x import *``, ``x:*``."""
        if isinstance(statement, ast.Import):
            whole = {
                alias.name.split(".")[0]: alias.name.split(".")[0] for alias in statement.names if not alias.asname
            }
            return whole | {alias.asname: f"{alias.name}:" for alias in statement.names if alias.asname}
        base = self._base(statement)
        return {alias.asname or alias.name: f"{base}:{alias.name}" for alias in statement.names}

    def imported(self, statement: ast.Import | ast.ImportFrom) -> list[str]:
        """Full dotted names of everything that an import may load."""
        if isinstance(statement, ast.Import):
            return [alias.name for alias in statement.names]
        base = self._base(statement)
        return [base, *(f"{base}.{alias.name}" for alias in statement.names)]

    def _base(self, statement: ast.ImportFrom) -> str:
        """Full name of the module that ``from`` names, which may be relative."""
        if not statement.level:
            return statement.module or ""
        up = statement.level - self.path.endswith("/__init__.py")
        parts = self.name.split(".")
        return ".".join([*parts[: len(parts) - up], *([statement.module] if statement.module else [])])


def parse(path: str, content: bytes) -> Module:
    """Read a file of Python.

    Raises
    ------
    InputError
        If its syntax is not that of Python.
    """
    try:
        tree = ast.parse(content)
    except SyntaxError as error:
        raise InputError(f"{path}: line {error.lineno}: {error.msg}. Correct it first") from None
    module = Module(path, module_name(path), tree)
    for statement in without_docstring(tree.body):
        _sort(module, statement)
    module.unused = _unused(module)
    return module


def module_name(path: str) -> str:
    """Dotted name of the module in a file: ``hearlog.als`` for ``src/hearlog/als/__init__.py``."""
    parts = PurePosixPath(path.removeprefix("src/")).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _sort(module: Module, statement: ast.stmt) -> None:
    """Put a statement of a module where it belongs."""
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return
    module.text = True
    if is_type_checking(statement):
        for inner in statement.orelse:
            _sort(module, inner)
    elif isinstance(statement, ast.If) and _is_guard(statement.test):
        module.guard += statement.body
    elif isinstance(statement, ast.Import | ast.ImportFrom) and "*" not in module.targets(statement):
        module.imports |= module.targets(statement)
    elif names := _defined(statement):
        for name, part in names:
            module.definitions.setdefault(name, []).append(part)
    else:
        module.statements.append(statement)
        module.bound |= set(bindings([statement]))


def _defined(statement: ast.stmt) -> list[tuple[str, ast.stmt]]:
    """Names that a statement defines, each with the part of the statement that does; none if it does more than that."""
    if isinstance(statement, Function | ast.ClassDef):
        return [(statement.name, statement)]
    if isinstance(statement, ast.AnnAssign | ast.AugAssign) and isinstance(statement.target, ast.Name):
        return [(statement.target.id, statement)]
    if not isinstance(statement, ast.Assign):
        return []
    pairs = [pair for target in statement.targets for pair in _pairs(target, statement)]
    return pairs if all(pair[0] for pair in pairs) else []


def _pairs(target: ast.expr, statement: ast.Assign) -> Iterator[tuple[str, ast.stmt]]:
    """Split ``A, B = 1, 2`` into ``A = 1`` and ``B = 2``; the name is empty for a target that is no name."""
    parts, value = getattr(target, "elts", [target]), statement.value
    values = getattr(value, "elts", []) if isinstance(value, ast.Tuple) and len(parts) > 1 else []
    starred = any(isinstance(part, ast.Starred) for part in [*parts, *values])
    split = len(values) == len(parts) and not starred
    for index, part in enumerate(parts):
        name = part.id if isinstance(part, ast.Name) else ""
        yield name, ast.Assign([part], values[index], lineno=statement.lineno) if split else statement


def _unused(module: Module) -> list[str]:
    """Find imports that nothing in the module uses: they are there for what loading does."""
    if module.path.endswith("/__init__.py"):
        return []
    used = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
    targets = (target for name, target in module.imports.items() if name not in used)
    return sorted(target.replace(":", ".").strip(".") for target in targets)


def is_type_checking(statement: ast.AST) -> TypeGuard[ast.If]:
    """Whether a statement is ``if TYPE_CHECKING``, whose body never runs."""
    if not isinstance(statement, ast.If):
        return False
    test = statement.test
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"


def _is_guard(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and getattr(test.left, "id", "") == "__name__"


def without_docstring(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    """Leave out what has no effect: docstrings, other constants on a line of their own, and ``pass``."""
    kept = [part for part in body if not isinstance(part, ast.Pass)]
    return [part for part in kept if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
