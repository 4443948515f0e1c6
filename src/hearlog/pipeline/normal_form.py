"""Normal form of a definition: its syntax without docstrings and annotations, with definitions in place of names."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hearlog.pipeline.modules import Module, is_type_checking, without_docstring
from hearlog.pipeline.program import DATA, GUARD, STATEMENTS, WHOLE, Key, Program
from hearlog.pipeline.scopes import (
    Comprehension,
    Function,
    Import,
    Scope,
    all_arguments,
    class_scope,
    comprehension_scope,
    function_scope,
)

Form = Any  # nested tuples of texts and of `Reference`
Scopes = tuple[Scope, ...]  # from the outermost to the innermost
OMITTED = {"ctx", "kind", "type_comment", "type_params"}
# Decorators that do not read annotations; those of a function with any other are kept.
PLAIN = {"property", "setter", "staticmethod", "classmethod", "contextmanager", "cache", "lru_cache"}
PLAIN |= {"cached_property", "wraps", "fixture", "inference_mode", "no_grad", "override"}


@dataclass(frozen=True)
class Reference:
    """Stands for the definition of the project that a name means."""

    key: Key


def normal_form(program: Program, key: Key) -> Form:
    """Write a definition so that two texts that do the same step by step are equal.

    Parameters
    ----------
    program
        The project.
    key
        A definition of it.
    """
    if key.name == DATA:
        return (DATA, program.files[key.path])
    module = program.module(key.path)
    if key.name == WHOLE:
        return _whole(program, module)
    writer = _Writer(program, module, key)
    if key.name == STATEMENTS:
        return (writer.body(module.statements, ()), tuple(loaded(program, module)))
    statements = module.guard if key.name == GUARD else module.definitions[key.name]
    return (writer.body(statements, ()), writer.all_data())


def loaded(program: Program, module: Module) -> list[str]:
    """Name what a module imports from outside the project only for what loading it does."""
    return [name for name in module.unused if name.split(".")[0] not in program.names]


def decorators(program: Program, key: Key) -> Form:
    """Write the decorators of a definition, as `normal_form` does."""
    module = program.module(key.path)
    lists = [getattr(part, "decorator_list", []) for part in module.definitions[key.name]]
    return _Writer(program, module, key).write(lists, ()) if any(lists) else ()


def references(form: Form) -> Iterator[Key]:
    """Definitions that a normal form refers to, directly."""
    if isinstance(form, Reference):
        yield form.key
    elif isinstance(form, tuple):
        for part in form:
            yield from references(part)


def _whole(program: Program, module: Module) -> Form:
    """All that a module defines or hands on from other modules."""
    keys = {name: Key(module.path, name) for name in module.definitions}
    for name, dotted in module.imports.items():
        target = program.resolve(dotted)
        if target.key and target.key.name != WHOLE:
            keys.setdefault(name, target.key)
    keys |= {STATEMENTS: Key(module.path, STATEMENTS)} if module.statements else {}
    return tuple((name, Reference(keys[name])) for name in sorted(keys))


class _Writer:
    """Writes the normal form of one definition."""

    def __init__(self, program: Program, module: Module, key: Key) -> None:
        self.program, self.module, self.key = program, module, key
        self.is_main = key.name == "main" and key.path.startswith("stages/")
        self.data = {PurePosixPath(path).name: path for path in program.data_files(key.path)}
        self.reads_resources = False

    def all_data(self) -> Form:
        """Every data file of the module's folder, where the definition opens files of packages."""
        return tuple(Reference(Key(path, DATA)) for path in self.data.values()) if self.reads_resources else ()

    def body(self, statements: Sequence[ast.stmt], scopes: Scopes) -> Form:
        """Write statements; those without effect are left out."""
        parts: list[Form] = []
        for statement in without_docstring(statements):
            if is_type_checking(statement):
                parts += self.body(statement.orelse, scopes)
            elif not _declares_only(statement, scopes):
                form = self.write(statement, scopes)
                parts += [form] if form else []
        return tuple(parts)

    def write(self, node: Any, scopes: Scopes) -> Form:
        """Write a node of the syntax tree."""
        if isinstance(node, list):
            return self._list(node, scopes)
        if not isinstance(node, ast.AST):
            return repr(node)
        special = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        return special(node, scopes) if special else self._fields(node, scopes)

    def _list(self, nodes: list[Any], scopes: Scopes) -> Form:
        if nodes and isinstance(nodes[0], ast.stmt):
            return self.body(nodes, scopes)
        return tuple(self.write(node, scopes) for node in nodes)

    def _fields(self, node: ast.AST, scopes: Scopes, *left_out: str) -> Form:
        names = [name for name in node._fields if name not in OMITTED and name not in left_out]
        return (type(node).__name__, *(self.write(getattr(node, name, None), scopes) for name in names))

    def _on_name(self, node: ast.Name, scopes: Scopes) -> Form:
        if scopes and scopes[-1].is_class and not isinstance(node.ctx, ast.Load):
            return ("Name", node.id)
        return self._dotted(node.id, (), scopes)

    def _on_attribute(self, node: ast.Attribute, scopes: Scopes) -> Form:
        rest, base = [node.attr], node.value
        while isinstance(base, ast.Attribute):
            rest, base = [base.attr, *rest], base.value
        if isinstance(base, ast.Name):
            return self._dotted(base.id, tuple(rest), scopes)
        return ("Attribute", self.write(base, scopes), *rest)

    def _dotted(self, name: str, rest: tuple[str, ...], scopes: Scopes) -> Form:
        """Write a name and the attributes that follow it."""
        for depth, scope in enumerate(reversed(scopes)):
            if name not in scope.names or (scope.is_class and depth):
                continue
            if dotted := scope.names[name]:
                return self._resolved(".".join([dotted, *rest]))
            local = ("Name", name, *rest)
            return (local, self._global(name, rest)) if scope.is_class else local
        return self._global(name, rest)

    def _global(self, name: str, rest: tuple[str, ...]) -> Form:
        if name in self.module.definitions:
            return self._reference(Key(self.module.path, name), rest)
        if name in self.module.bound:
            return self._reference(Key(self.module.path, STATEMENTS), (name, *rest))
        if name in self.module.imports:
            return self._resolved(".".join([self.module.imports[name], *rest]))
        place = (self.module.path,) if name == "__file__" else ()
        return ("Name", name, *rest, *place)

    def _resolved(self, dotted: str) -> Form:
        target = self.program.resolve(dotted)
        if target.key:
            return self._reference(target.key, target.rest)
        self.reads_resources |= target.rest[:2] == ("importlib", "resources")
        return ("outside", ".".join(target.rest))

    def _reference(self, key: Key, rest: tuple[str, ...]) -> Form:
        return ("Name", key.name, *rest) if key == self.key else ("of", Reference(key), *rest)

    def _on_constant(self, node: ast.Constant, scopes: Scopes) -> Form:
        if isinstance(node.value, str):
            if node.value in self.data:
                return ("Constant", repr(node.value), Reference(Key(self.data[node.value], DATA)))
            if "." in node.value and node.value in self.program.paths:
                return ("Constant", self._resolved(node.value))
        return ("Constant", repr(node.value))

    def _on_import(self, node: Import, scopes: Scopes) -> Form:
        """Write an import that a name does not stand for: one that is not used, or is one of two meanings of a name."""
        kept = {name: target for name, target in self.module.targets(node).items() if not _is_import(name, scopes)}
        forms = tuple(self._resolved(target.removesuffix("*")) for _, target in sorted(kept.items()))
        return ("Import", *forms) if forms else ()

    _on_importfrom = _on_import

    def _on_raise(self, node: ast.Raise, scopes: Scopes) -> Form:
        """Write what is raised; the text of an `InputError`, which ends the stage, is part of no result."""
        if isinstance(node.exc, ast.Call) and getattr(node.exc.func, "id", "") == "InputError":
            return ("Raise", self.write(node.exc.func, scopes))
        return self._fields(node, scopes)

    def _on_annassign(self, node: ast.AnnAssign, scopes: Scopes) -> Form:
        if scopes and scopes[-1].is_class:
            annotation = self._annotation(node.annotation, scopes)
            return ("Field", self.write(node.target, scopes), annotation, self.write(node.value, scopes))
        return ("Assign", (self.write(node.target, scopes),), self.write(node.value, scopes))

    def _annotation(self, node: ast.expr | None, scopes: Scopes) -> Form:
        """Write an annotation; one that is a text, as what the text says."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            with contextlib.suppress(SyntaxError):
                return self.write(ast.parse(node.value, mode="eval").body, scopes)
        return self.write(node, scopes)

    def _on_functiondef(self, node: Function, scopes: Scopes) -> Form:
        keeps = (self.is_main and node.name == "main") or any(_may_read(each) for each in node.decorator_list)
        arguments = self._function_arguments(node.args, scopes, keeps)
        returns = self._annotation(node.returns, scopes) if keeps else ()
        inner = (*scopes, function_scope(node.args, node.body, self.module.targets))
        decorators = self.write(node.decorator_list, scopes)
        return (type(node).__name__, node.name, arguments, returns, decorators, self.body(node.body, inner))

    _on_asyncfunctiondef = _on_functiondef

    def _on_lambda(self, node: ast.Lambda, scopes: Scopes) -> Form:
        inner = (*scopes, function_scope(node.args, [node.body], self.module.targets))
        return ("Lambda", self._function_arguments(node.args, scopes, False), self.write(node.body, inner))

    def _function_arguments(self, arguments: ast.arguments, scopes: Scopes, keeps: bool) -> Form:
        named = all_arguments(arguments)
        kept = tuple(self._annotation(each.annotation, scopes) for each in named) if keeps else ()
        kinds = [len(arguments.posonlyargs), len(arguments.args), len(arguments.kwonlyargs)]
        stars = [bool(arguments.vararg), bool(arguments.kwarg)]
        defaults = self.write([arguments.defaults, arguments.kw_defaults], scopes)
        return (tuple(each.arg for each in named), repr(kinds + stars), defaults, kept)

    def _on_classdef(self, node: ast.ClassDef, scopes: Scopes) -> Form:
        inner = (*scopes, class_scope(node.body, self.module.targets))
        outside = self.write([node.bases, node.keywords, node.decorator_list], scopes)
        return ("ClassDef", node.name, outside, self.body(node.body, inner))

    def _comprehension(self, node: Comprehension, scopes: Scopes) -> Form:
        return self._fields(node, (*scopes, comprehension_scope(node)))

    _on_listcomp = _on_setcomp = _on_dictcomp = _on_generatorexp = _comprehension


def _is_import(name: str, scopes: Scopes) -> bool:
    return bool(scopes) and bool(scopes[-1].names.get(name))


def _declares_only(statement: ast.stmt, scopes: Scopes) -> bool:
    """Whether a statement is an annotation without a value, which does something in a class alone."""
    in_class = bool(scopes) and scopes[-1].is_class
    return isinstance(statement, ast.AnnAssign) and statement.value is None and not in_class


def _may_read(decorator: ast.expr) -> bool:
    """Whether a decorator may read annotations, as `functools.singledispatch` and pydantic's do."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(called, "attr", getattr(called, "id", "")) not in PLAIN
