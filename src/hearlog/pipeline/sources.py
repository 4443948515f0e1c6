"""Source files of the pipeline, of the working tree or of a git revision, and their hashes as DVC records them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath

from hearlog.util.errors import InputError

Files = Mapping[str, bytes]  # contents by path, relative to the pipeline's folder, "/" between folders
ROOTS = ("src", "stages")


def is_code(path: str) -> bool:
    """Whether a path of ``dvc.yaml`` or ``dvc.lock`` is code, and not data."""
    return path.split("/")[0] in ROOTS


def working_tree(folder: Path) -> Files:
    """Read the source files of the pipeline in ``folder``, as they are now."""
    paths = [path for root in ROOTS for path in (folder / root).rglob("*") if path.is_file()]
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: path.read_bytes() for name, path in named.items() if not _is_ignored(name)}


def md5(files: Files, path: str) -> str | None:
    """Hash a file or a folder as DVC does; None where there is no such file or folder.

    The hash of a folder is that of the list of its files, in DVC's own form (`dvc_data.hashfile.tree.Tree`), with the
    suffix ``.dir``.
    """
    if path in files:
        return _md5(files[path])
    inside = sorted(name for name in files if name.startswith(f"{path}/"))
    if not inside:
        return None
    listing = [{"md5": _md5(files[name]), "relpath": name.removeprefix(f"{path}/")} for name in inside]
    return _md5(json.dumps(listing, sort_keys=True).encode()) + ".dir"


class Repository:
    """The git repository of a pipeline.

    Parameters
    ----------
    folder
        The pipeline's folder, which may lie below the root of the repository.

    Raises
    ------
    InputError
        If the folder is in no git repository.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._contents: dict[str, bytes] = {}  # by the name of git's blob: most files of two commits are the same
        self.files = lru_cache(maxsize=None)(self._files)
        try:
            self._git("rev-parse", "--git-dir")
        except (subprocess.CalledProcessError, FileNotFoundError):
            raise InputError(f"{folder.resolve()}: not in a git repository. Run it in a clone of hearlog") from None

    def commits(self, most: int) -> Iterator[str]:
        """Hashes of the newest ``most`` commits that touch code, the newest first, along first parents."""
        command = ("log", "--first-parent", f"--max-count={most}", "--format=%H", "--", *ROOTS)
        try:
            yield from self._git(*command).decode().split()
        except subprocess.CalledProcessError:
            raise InputError("HEAD: no commit yet. Commit the code first") from None

    def commit(self, revision: str) -> str:
        """Hash of the commit that a user's name of a revision stands for.

        Raises
        ------
        InputError
            If git knows no such revision.
        """
        try:
            command = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
            return self._git(*command).decode().strip()
        except subprocess.CalledProcessError:
            raise InputError(f"{revision}: not a commit. Name a branch, tag or commit") from None

    def _files(self, commit: str) -> Files:
        """Read the source files of a commit."""
        listing = self._git("ls-tree", "-r", "-z", commit, "--", *ROOTS).decode().split("\0")
        entries = [line.split("\t", 1) for line in listing if line]
        blobs = {path: facts.split()[2] for facts, path in entries if facts.split()[1] == "blob"}
        blobs = {path: blob for path, blob in blobs.items() if not _is_ignored(path)}
        self._read(sorted(set(blobs.values()) - set(self._contents)))
        return {path: self._contents[blob] for path, blob in blobs.items()}

    def _read(self, blobs: list[str]) -> None:
        """Read the contents of blobs, all by one process."""
        answer = self._git("cat-file", "--batch", data="\n".join(blobs).encode()) if blobs else b""
        start = 0
        for blob in blobs:
            header = answer.index(b"\n", start)
            size = int(answer[start:header].split()[2])
            self._contents[blob] = answer[header + 1 : header + 1 + size]
            start = header + size + 2

    def _git(self, *words: str, data: bytes | None = None) -> bytes:
        command = ["git", *words]
        return subprocess.run(command, cwd=self.folder, input=data, capture_output=True, check=True).stdout  # noqa: S603


def _is_ignored(path: str) -> bool:
    """Whether a file is left out of DVC's hashes; the lines of ``.dvcignore`` that concern folders of code."""
    return "__pycache__" in PurePosixPath(path).parts or path.endswith(".pyc")


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
