"""The project at one moment: its modules, what a dotted name stands for, and which files a stage imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from hearlog.pipeline.modules import Module, is_infrastructure, is_type_checking, module_name, parse
from hearlog.pipeline.sources import Files
from hearlog.util.errors import InputError

STATEMENTS = "<statements>"  # of a module, other than definitions and imports
WHOLE = "<module>"  # everything that a module defines
DATA = "<data>"  # the bytes of a file that is not Python
GUARD = "<main>"  # what follows `if __name__ == "__main__"`


class Key(NamedTuple):
    """A definition: the file that holds it, and its name there."""

    path: str
    name: str


class Target(NamedTuple):
    """What a dotted name stands for: a definition of the project or, without ``key``, a name from outside.

    ``rest`` are the attributes that follow; of a name from outside, all of it.
    """

    key: Key | None
    rest: tuple[str, ...]


class Program:
    """The modules of a tree, read when they are needed.

    Parameters
    ----------
    files
        As of `hearlog.pipeline.sources`.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self.paths = {module_name(path): path for path in files if path.endswith(".py")}
        folders = {name.rpartition(".")[0] for name in self.paths}
        self.names = {*self.paths, *folders} - {""}
        self.forms: dict[Key, Any] = {}  # those that `code` has made
        self._modules: dict[str, Module] = {}
        self._data: dict[str, list[str]] = {}  # by folder
        for path in sorted(files):
            if not path.endswith(".py"):
                self._data.setdefault(path.rpartition("/")[0], []).append(path)

    def module(self, path: str) -> Module:
        """Read the module in a file."""
        if path not in self._modules:
            self._modules[path] = parse(path, self.files[path])
        return self._modules[path]

    def stage(self, module: str) -> str:
        """Path of the module that a stage runs, ``stages.transfer`` for one.

        Raises
        ------
        InputError
            If there is no such module.
        """
        if module not in self.paths:
            raise InputError(f"{module.replace('.', '/')}.py: not found, and a stage of dvc.yaml runs it. Restore it")
        return self.paths[module]

    def resolve(self, name: str, seen: frozenset[str] = frozenset()) -> Target:
        """Find what a full dotted name stands for; imports of the module that it names are followed.

        What precedes a ``:`` in it is the name of a module. What follows a dot is an attribute, or a module where
        there is no such attribute.
        """
        module, _, attributes = name.partition(":") if ":" in name else name.partition(".")
        here, rest = module, tuple(part for part in attributes.split(".") if part)
        parts = (*here.split("."), *rest)
        while rest and f"{here}.{rest[0]}" in self.names and not self._binds(here, rest[0]):
            here, rest = f"{here}.{rest[0]}", rest[1:]
        path = self.paths.get(here)
        if path is None:
            return Target(None, parts)
        if is_infrastructure(path):
            return Target(None, rest or (here.rpartition(".")[2],))
        if not rest or name in seen:
            return Target(Key(path, WHOLE), rest)
        return self._attribute(self.module(path), rest, seen | {name})

    def _attribute(self, module: Module, rest: tuple[str, ...], seen: frozenset[str]) -> Target:
        if rest[0] in module.definitions:
            return Target(Key(module.path, rest[0]), rest[1:])
        if rest[0] in module.bound:
            return Target(Key(module.path, STATEMENTS), rest)
        if rest[0] in module.imports:
            return self.resolve(".".join([module.imports[rest[0]], *rest[1:]]), seen)
        return Target(Key(module.path, WHOLE), rest)

    def _binds(self, package: str, name: str) -> bool:
        """Whether the ``__init__`` of a package gives a name another meaning than that of the module so called."""
        path = self.paths.get(package)
        if path is None or is_infrastructure(path):
            return False
        module = self.module(path)
        own = f"{package}:{name}"
        return name in {*module.definitions, *module.bound} or module.imports.get(name, own) != own

    def data_files(self, path: str) -> list[str]:
        """Files in the folder of a module that are not Python."""
        return self._data.get(path.rpartition("/")[0], [])


def imported_files(program: Program, path: str) -> set[str]:
    """List what a file imports, directly or not, itself included: modules, and data files that they name.

    Infrastructure is left out, and so are modules that hold a docstring alone. Imports in functions count; those
    below ``if TYPE_CHECKING`` do not, as they never run.

    Parameters
    ----------
    program
        The project.
    path
        Of a module, such as ``stages/transfer.py``.
    """
    seen, waiting = {path}, {path}
    while waiting:
        found = {file for file in _imported(program, program.module(waiting.pop())) if not is_infrastructure(file)}
        waiting |= {file for file in found - seen if program.module(file).text}
        seen |= waiting
    named = {file for module in seen for file in _named_data(program, module)}
    return seen | named


def _imported(program: Program, module: Module) -> Iterator[str]:
    """Files that a module imports, packages above them included."""
    for node in _running(module.tree):
        names = module.imported(node) if isinstance(node, ast.Import | ast.ImportFrom) else _by_text(node)
        for name in names:
            parts = name.split(".")
            above = (".".join(parts[: end + 1]) for end in range(len(parts)))
            yield from (program.paths[each] for each in above if each in program.paths)


def _by_text(node: ast.AST) -> list[str]:
    """Name of the module that ``import_module("...")`` loads."""
    if not isinstance(node, ast.Call) or not node.args:
        return []
    called, text = getattr(node.func, "attr", getattr(node.func, "id", "")), getattr(node.args[0], "value", None)
    return [text] if called == "import_module" and isinstance(text, str) else []


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Walk over a syntax tree, without what stands below ``if TYPE_CHECKING``."""
    yield node
    children = node.orelse if is_type_checking(node) else ast.iter_child_nodes(node)
    for child in children:
        yield from _running(child)


def _named_data(program: Program, path: str) -> list[str]:
    if not (files := program.data_files(path)):
        return []
    texts = {node.value for node in ast.walk(program.module(path).tree) if isinstance(node, ast.Constant)}
    return [file for file in files if PurePosixPath(file).name in texts]
