"""Scopes of Python: which names a function, a class or a comprehension binds itself."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Import = ast.Import | ast.ImportFrom
Targets = Callable[[Import], Mapping[str, str]]  # full dotted names by the names that an import binds


@dataclass(frozen=True)
class Scope:
    """Names of a scope: None, or the full dotted name of what is imported under that name."""

    names: Mapping[str, str | None]
    is_class: bool = False


def function_scope(arguments: ast.arguments, body: Sequence[ast.AST], targets: Targets) -> Scope:
    """Make the scope of a function or a lambda."""
    own = list(own_nodes(body))
    outer = {name for node in own if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    named = {each.arg for each in all_arguments(arguments)}
    names = _names(body, targets)
    local = {name: None if name in named else names.get(name) for name in {*named, *names}}
    return Scope({name: target for name, target in local.items() if name not in outer})


def class_scope(body: Sequence[ast.AST], targets: Targets) -> Scope:
    """Make the scope of a class."""
    return Scope(_names(body, targets), is_class=True)


def comprehension_scope(comprehension: Comprehension) -> Scope:
    """Make the scope of a comprehension."""
    return Scope(dict.fromkeys(bindings(generator.target for generator in comprehension.generators)))


def _names(body: Sequence[ast.AST], targets: Targets) -> dict[str, str | None]:
    """Names that a block binds; what an import alone binds, and something uses, stands for what is imported."""
    names = list(bindings(body))
    imports = [targets(node) for node in own_nodes(body) if isinstance(node, Import)]
    imported = {name: target for each in imports for name, target in each.items()}
    used = {node.id for part in body for node in ast.walk(part) if isinstance(node, ast.Name)}
    plain = {name: each for name, each in imported.items() if names.count(name) == 1 and name in used}
    return dict.fromkeys(names) | plain


def all_arguments(arguments: ast.arguments) -> list[ast.arg]:
    """List the arguments of a function, ``*`` and ``**`` included."""
    stars = [each for each in (arguments.vararg, arguments.kwarg) if each]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]


def bindings(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names that a block of code assigns, defines or imports in its own scope."""
    for node in own_nodes(nodes):
        if isinstance(node, Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, Import):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, Comprehension):
            named = (inner.target for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
            yield from (target.id for target in named)
        else:
            yield from _bound(node)


def own_nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk over a block, but not into functions, classes and comprehensions, which have scopes of their own."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda | Comprehension):
            waiting += ast.iter_child_nodes(node)


def _bound(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return [node.name] if node.name else []
    return [node.rest] if isinstance(node, ast.MatchMapping) and node.rest else []
