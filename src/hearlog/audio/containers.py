"""What the containers of sound say of themselves, held against the file.

libsndfile takes what it finds in a cut file for the whole, and passes over pages of ogg that are damaged: either would
shift the middle, without a word.
"""

from __future__ import annotations

from pathlib import Path

from fastcrc import crc32

from hearlog.audio.crop import UnusableAudioError

_W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_PAGE = b"OggS"
_PAGE_HEADER = 27  # bytes


def announced_bytes(path: Path) -> int:
    """File size by the header of a wav, RF64, W64, aiff or au file; 0 where the header does not say."""
    with path.open("rb") as file:
        head = file.read(40)
    kind, size = head[:4], head[4:8]
    if kind == b"RF64" and head[12:16] == b"ds64":
        return _known(8 + int.from_bytes(head[20:28], "little"))
    if head[:16] == _W64:
        return _known(int.from_bytes(head[16:24], "little"))
    if kind in (b"RIFF", b"FORM") and size != b"\xff\xff\xff\xff":
        return 8 + int.from_bytes(size, "little" if kind == b"RIFF" else "big")
    if kind == b".snd" and head[8:12] != b"\xff\xff\xff\xff":
        return int.from_bytes(size, "big") + int.from_bytes(head[8:12], "big")
    return 0


def _known(size: int) -> int:
    return size if size < 2**63 else 0


def check_pages(path: Path) -> None:
    """Read the pages of an ogg file (RFC 3533) to the last; what follows it is left alone.

    Raises
    ------
    UnusableAudioError
        With reason ``truncated`` if the last page is cut, and ``unreadable`` for a page that is not that of its
        checksum, and for bytes between pages.
    """
    begin = 0
    with path.open("rb") as file:
        while (header := file.read(_PAGE_HEADER))[:4] == _PAGE:
            lengths = file.read(header[-1])
            page = header + lengths + file.read(sum(lengths))
            whole = len(header) == _PAGE_HEADER and len(lengths) == header[-1]
            if not whole or len(page) < _PAGE_HEADER + len(lengths) + sum(lengths):
                raise UnusableAudioError("truncated", f"the file ends within the page at byte {begin}")
            if _checksum(page) != int.from_bytes(page[22:26], "little"):
                raise UnusableAudioError("unreadable", f"the page at byte {begin} is damaged, by its checksum")
            begin += len(page)
        if begin and _PAGE in header + file.read():
            raise UnusableAudioError("unreadable", f"there is no page at byte {begin}, but one after it")


def _checksum(page: bytes) -> int:
    """Compute the checksum of a page, as if its own were zero: that of POSIX's cksum, but not inverted."""
    return crc32.cksum(page[:22] + bytes(4) + page[26:]) ^ 0xFFFFFFFF
