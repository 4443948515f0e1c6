"""Dependencies of stages on code, as ``dvc.yaml`` lists them: written from what each stage imports.

Run by ``make deps`` as ``python -m hearlog.pipeline.dependencies``; ``--check`` only compares.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hearlog.pipeline.modules import is_infrastructure
from hearlog.pipeline.program import Program, imported_files
from hearlog.pipeline.sources import ROOTS, is_code, working_tree
from hearlog.util.errors import InputError

PIPELINES = ("dvc.yaml", "data/demo/dvc.yaml")
# They list whole packages of which they import anything. They run again in seconds, give the same bytes, and DVC stops
# there. All others list no file that they do not import.
COARSE = frozenset(
    {
        "describe_model",
        "list_genres",
        "list_items",
        "make_demo",
        "page",
        "read_embeddings",
        "report",
        "select_songs",
        "split_items",
        "split_songs",
    }
)
# Packages that are listed whole as soon as a stage imports any module of them: a stage that uses them trains, or reads
# what a training has written, and so runs again with it.
WHOLE = ("src/hearlog/model", "src/hearlog/training", "src/hearlog/transfer")
LONGEST = 120  # characters of a line that lists all dependencies
HEADER = re.compile(r"  (\w[\w-]*):\s*$")
COMMAND = re.compile(r"\s+cmd: python -m (stages\.\w+)")
DEPS = re.compile(r"(?P<indent> +)deps:(?:\s*\[(?P<flow>.*)\])?\s*$")


@dataclass(frozen=True)
class Block:
    """A stage in the lines of a ``dvc.yaml``: its name, module and command, and the lines of its ``deps``."""

    name: str
    module: str
    command: int
    start: int
    end: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare the dependencies of all pipeline files of this folder; return 1 if a comparison fails."""
    parser = argparse.ArgumentParser(description="Write the code dependencies of dvc.yaml from the imports.")
    parser.add_argument("--check", action="store_true", help="write nothing; list the stages that differ")
    options = parser.parse_args(arguments)
    program = Program(working_tree(Path()))
    differing = []
    for path in map(Path, PIPELINES):
        if path.is_file():
            old = path.read_text(encoding="utf-8")
            new = written(old, program)
            differing += [f"{path}: {line}" for line in compare(old, new)]
            if not options.check and new != old:
                path.write_text(new, encoding="utf-8")
    print("\n".join(differing) or "The code dependencies are those of the imports.")
    if differing and options.check:
        print("Run: make deps")
    return int(options.check and bool(differing))


def written(text: str, program: Program) -> str:
    """Write the code dependencies of all stages of a ``dvc.yaml``; every other character stays.

    Parameters
    ----------
    text
        Of the ``dvc.yaml``.
    program
        The project whose imports are followed.
    """
    lines = text.splitlines(keepends=True)
    for block in reversed(list(_blocks(lines))):
        entries = code_of(program, block.module, block.name in COARSE)
        lines[block.start : block.end] = _deps(lines[block.start : block.end], entries, lines[block.command])
    return "".join(lines)


def code_of(program: Program, module: str, coarse: bool = False) -> list[str]:
    """List the files and folders of code that a stage depends on, its own module first.

    A folder stands for all of it: where the stage imports every module in it or, for `WHOLE` and if ``coarse``, any.
    A folder with infrastructure in it is never listed as a whole. Of nested folders the largest is listed.

    Parameters
    ----------
    program
        The project.
    module
        That the stage runs, such as ``stages.transfer``.
    coarse
        Whether the stage lists packages of which it imports anything.
    """
    imported = imported_files(program, program.stage(module))
    found = [entry for root in ("stages", "src") for entry in _cover(program, root, imported, coarse)]
    return sorted(found, key=lambda entry: (entry.startswith("src/"), entry))


def inside(program: Program, folder: str) -> set[str]:
    """List the modules of a folder that hold more than a docstring."""
    paths = {path for path in program.paths.values() if path.startswith(f"{folder}/")}
    return {path for path in paths if program.module(path).text}


def _cover(program: Program, folder: str, imported: set[str], coarse: bool) -> list[str]:
    here = {path for path in imported if path.startswith(f"{folder}/")}
    direct = {path for path in here if str(PurePosixPath(path).parent) == folder}
    is_wanted = bool(direct) if coarse or folder in WHOLE else inside(program, folder) <= here
    if here and is_wanted and folder not in ROOTS and not _has_infrastructure(program, folder):
        return [folder]
    below = {f"{folder}/{path.removeprefix(folder + '/').split('/')[0]}" for path in here - direct}
    return [*direct, *(entry for each in below for entry in _cover(program, each, imported, coarse))]


def _has_infrastructure(program: Program, folder: str) -> bool:
    return any(is_infrastructure(path) for path in program.files if path.startswith(f"{folder}/"))


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Find the stages in the lines of a ``dvc.yaml``."""
    headers = [(index, found[1]) for index, line in enumerate(lines) if (found := HEADER.match(line))]
    ends = [index for index, _ in headers[1:]] + [len(lines)]
    for (start, name), end in zip(headers, ends, strict=True):
        commands = [(index, found[1]) for index in range(start, end) if (found := COMMAND.match(lines[index]))]
        for command, module in commands:
            first = next((index for index in range(start, end) if DEPS.match(lines[index])), command + 1)
            yield Block(name, module, command, first, _end_of_deps(lines, first, end))


def _end_of_deps(lines: Sequence[str], start: int, end: int) -> int:
    """Line after the last entry of ``deps``; ``start`` where there is no such key yet."""
    if not (found := DEPS.match(lines[start])):
        return start
    indent, last = len(found["indent"]), start
    for index in range(start + 1, end if found["flow"] is None else start):
        line = lines[index]
        if line.strip() and not line.startswith((" " * indent + "- ", " " * (indent + 1))):
            break
        last = index if line.strip() else last
    return last + 1


def _deps(old: Sequence[str], entries: Sequence[str], command: str) -> list[str]:
    """Lines of ``deps`` with these entries for code: after those for data, which stay as they are."""
    indent = command[: len(command) - len(command.lstrip())]
    flow = DEPS.match(old[0])["flow"] if old else None  # type: ignore[index]
    if flow is None:
        data = [line for line in old[1:] if not _is_code_line(line)]
        return [f"{indent}deps:\n", *data, *(f"{indent}  - {entry}\n" for entry in entries)]
    listed = [*(each for each in _split(flow) if not is_code(each)), *entries]
    line = f"{indent}deps: [{', '.join(listed)}]\n"
    if len(line) <= LONGEST + 1:
        return [line]
    return [f"{indent}deps:\n", *(f"{indent}  - {entry}\n" for entry in listed)]


def _split(flow: str) -> list[str]:
    return [each.strip() for each in flow.split(",") if each.strip()]


def _is_code_line(line: str) -> bool:
    return line.lstrip().startswith("- ") and is_code(line.lstrip()[2:].strip().strip("\"'"))


def compare(old: str, new: str) -> list[str]:
    """Name the stages whose code dependencies differ, with what is added (+) and removed (-)."""
    lines = []
    before, after = _listed(old), _listed(new)
    for name in after:
        changes = [f"+ {entry}" for entry in after[name] if entry not in before[name]]
        changes += [f"- {entry}" for entry in before[name] if entry not in after[name]]
        if changes or before[name] != after[name]:
            lines.append(f"{name}: {', '.join(changes) or 'other order'}")
    return lines


def _listed(text: str) -> dict[str, list[str]]:
    """Code dependencies of the stages of a ``dvc.yaml``, as its lines have them."""
    lines = text.splitlines(keepends=True)
    found = {}
    for block in _blocks(lines):
        own = lines[block.start : block.end]
        flow = DEPS.match(own[0])["flow"] if own else None  # type: ignore[index]
        entries = _split(flow) if flow is not None else [line.strip().removeprefix("- ") for line in own[1:]]
        found[block.name] = [entry for entry in entries if entry and not entry.startswith("#") and is_code(entry)]
    return found


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(f"make deps: {error}")
