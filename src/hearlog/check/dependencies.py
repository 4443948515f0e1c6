"""Files that DVC stops on: it reads all that lies below a folder that a stage depends on, needed or not."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator

from hearlog.check.findings import Section
from hearlog.util.plain_text import counted, some

LINKS = {errno.ENOENT: "a link to nothing", errno.ELOOP: "a link to itself"}
IGNORED = {".git", ".hg", ".dvc", ".venv", ".venv-peers", ".smoke", "__pycache__"}  # folders, by DVC and .dvcignore


def check_dependencies(dependencies: Iterable[tuple[Section, str]]) -> None:
    """Report what keeps `dvc repro` from hashing a dependency; the stage would stop with an error of the system.

    Parameters
    ----------
    dependencies
        Files and folders, each with the section that gets the finding. One that several sections name is looked at
        once, for the first; one that is not there is left to who reads it.
    """
    seen = set()
    for section, path in dependencies:
        if path not in seen and os.path.lexists(path):
            seen.add(path)
            faults = [f"{file} ({fault})" for file, fault in _faults(path)]
            if faults:
                section.problem(
                    f"`dvc repro` would stop on {counted(len(faults), 'file')}: {some(faults)}. DVC hashes the whole "
                    f"folder: remove or mend {'it' if len(faults) == 1 else 'them'}"
                )


def _faults(top: str) -> Iterator[tuple[str, str]]:
    """Look at every file; links to folders are not followed, as DVC does not."""
    if not os.path.isdir(top):  # noqa: PTH112  no error where Path has one
        yield from _fault(top)
        return
    errors: list[OSError] = []
    for place, folders, names in os.walk(top, onerror=errors.append):
        folders[:] = sorted(set(folders) - IGNORED)
        for name in sorted(names):
            yield from _fault(f"{place}{os.sep}{name}")
    for error in errors:
        yield str(error.filename), str(error.strerror)


def _fault(file: str) -> Iterator[tuple[str, str]]:
    try:
        mode = os.stat(file).st_mode  # noqa: PTH116  there may be millions
    except OSError as error:
        yield file, LINKS.get(error.errno or 0, str(error.strerror))
        return
    if not stat.S_ISREG(mode):
        yield file, "not a file that can be read to an end"
    elif not os.access(file, os.R_OK):
        yield file, "no permission to read it"
    elif not is_utf8(file):
        yield file, "a name that is not UTF-8"


def is_utf8(name: str) -> bool:
    """Whether the name of a file is text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
