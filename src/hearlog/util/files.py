"""Files: hashed, written whole, and refused where they are Git LFS pointers or their names are no text."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hearlog.util.errors import InputError

LFS_POINTER = b"version https://git-lfs"


def sha256(path: Path) -> str:
    """Hash a file's content; hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give another name, with the same ending, to write a file under: it becomes ``path`` when it is whole.

    Raises
    ------
    OSError
        That of the writing, and naming ``path`` where it named none; then nothing is left of the file.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(partial)):
            error.filename = str(path)
        raise


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file holds the pointer that Git LFS leaves in place of a file it has not fetched."""
    with path.open("rb") as file:
        return file.read(len(LFS_POINTER)) == LFS_POINTER


def refuse_lfs_pointer(path: Path) -> None:
    """Raise `InputError` if ``path`` holds Git LFS's pointer and not the file itself."""
    if is_lfs_pointer(path):
        raise InputError(
            f"{path}: this is a Git LFS pointer, not the file. Run `git lfs pull` where it came from, "
            "or take the file from the data set's own archive"
        )


def refuse_unencodable(path: Path) -> None:
    """Raise `InputError` if the name of a file is no text in UTF-8: neither tables nor libraries could hold it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"{os.fsencode(path)!r}: this name is not UTF-8. Rename the file") from None
