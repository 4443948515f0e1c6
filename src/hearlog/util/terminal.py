"""Text of users, such as labels and names of files, for a terminal: it would obey some characters, not show them."""

from __future__ import annotations

import re
from typing import Any, TextIO

# Control characters but for tabs and line ends, those that turn the direction of writing, and halves of characters.
OBEYED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Write characters that a terminal would obey, and bytes of a file name that are not UTF-8, as ``\x1b``."""
    return OBEYED.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte, as Python takes it into text
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class PrintableStream:
    """A text stream that is given `printable` text alone, with escapes for what its encoding lacks.

    Parameters
    ----------
    stream
        What to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text."""
        encoding = self._stream.encoding or "utf-8"
        return self._stream.write(printable(text).encode(encoding, "backslashreplace").decode(encoding))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
