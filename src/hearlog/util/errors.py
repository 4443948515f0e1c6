"""Errors a user can mend, and those of the machine: what was refused, and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from hearlog.util.terminal import printable


class InputError(ValueError):
    """Something in the user's params, logs, catalogue or audio is wrong.

    The message names the file, the row or key, and what to do. Stages and the command line print it alone, and what
    `refusal` says of other exceptions; any other is a defect of hearlog and keeps its traceback.

    Parameters
    ----------
    message
        May quote what users wrote: what a terminal would obey in it is shown instead.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


_ROOM = "Give it more room, and run it again"
_ALLOW = "Check its permissions, and how its disk is mounted"
_WAY = "A folder stands where a file belongs, or a file where a folder does: move it out of the way"
ADVICE = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EROFS: _ALLOW,
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    errno.EISDIR: _WAY,
    errno.ENOTDIR: _WAY,
    errno.EEXIST: _WAY,
    errno.ENAMETOOLONG: "Give it a shorter name",
    errno.EIO: "Check the disk it is on",
    errno.EMFILE: "Raise the limit of open files (ulimit -n)",
}


def refusal(error: BaseException | None) -> str | None:
    """Say what the operating system refused and what to do; None for an exception that it did not cause.

    Libraries in C++ and Rust hand its reason on as text, and some raise another exception while they handle it.
    """
    while error is not None:
        for code, advice in ADVICE.items():
            reason = os.strerror(code)
            if isinstance(error, OSError) and error.errno == code and error.filename:
                return printable(f"{error.filename2 or error.filename}: {reason} (in {Path.cwd()}). {advice}")
            if reason in str(error):
                return printable(f"{error} (in {Path.cwd()}). {advice}")
        error = error.__cause__ or error.__context__
    return None
