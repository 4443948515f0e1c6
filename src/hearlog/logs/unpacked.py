"""Packed files of a log: unpacked by threads of this process, and read by DuckDB through named pipes.

DuckDB itself unpacks gzip at a third of the speed of isal and bzip2 not at all, and takes a damaged file for a short
one. It cannot read from a Python object either: it asks for the size first, which is known only after unpacking. A copy
on disk would be as large as the unpacked log. A pipe has no size and takes no disk; what is written into it is checked
on the way, so that each file is read once.
"""

from __future__ import annotations

import errno
import glob
import io
import os
import re
import select
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import BinaryIO, cast

import duckdb
import pyarrow as pa
from isal import igzip
from isal.igzip_lib import IsalError

from hearlog.logs.formats import PACKED
from hearlog.util.errors import InputError

CHUNK = 2**20  # bytes
# Logs are packed to a tenth or a thirtieth; gzip makes a thousandth of zeros, others less: disks would be full.
MOST_UNPACKED = 200  # times the file
ALWAYS_UNPACKED = 2**30  # bytes
DAMAGE = (OSError, EOFError, cast(type[Exception], IsalError))  # what reading a damaged file raises
POLL, IDLE = 0.002, 0.02  # seconds between looks at the pipes, while they are read and while none is
WAIT = 100  # milliseconds that a thread waits for its reader before it looks whether the pipes are closed
LOOKS = 32  # pipes that are looked at at once, of thousands maybe


def packing(file: Path) -> str | None:
    """How a log file is packed by its name, in letters of any case: a value of `PACKED`, or None."""
    return PACKED.get(file.suffix.lower())


def open_unpacked(file: Path) -> BinaryIO:
    """Open a log file, unpacked as its name says; reading may raise `DAMAGE`."""
    return _unpack(file.open("rb"), packing(file))


def _unpack(raw: io.BufferedReader, packed_by: str | None) -> BinaryIO:
    if packed_by is None:
        return raw
    opened = igzip.IGzipFile(fileobj=raw) if packed_by == "gzip" else pa.CompressedInputStream(raw, packed_by)
    return cast(BinaryIO, opened)


def open_text(file: Path) -> io.TextIOWrapper:
    """Open a log file as `open_unpacked` does, as text."""
    return io.TextIOWrapper(open_unpacked(file), encoding="utf-8-sig", errors="replace")


def damaged(file: Path, error: BaseException) -> InputError:
    """Say that a file cannot be read to its end."""
    return InputError(f"{file}: is cut or damaged: {error}. Write or copy it again")


def has_line_end(piece: bytes) -> bool:
    """Whether a line ends within some bytes, as on any system."""
    return b"\n" in piece or b"\r" in piece


def endless_line(file: Path, longest: int) -> InputError:
    """Say that a line is longer than so many bytes."""
    return InputError(f"{file}: has a line of more than {longest:,} bytes. A log has one row a line: write it again")


def read_pieces(file: Path, longest_line: int | None) -> Iterator[tuple[bytes, int]]:
    """Unpack a file piece by piece, each with the place in the packed file at which it ends.

    Raises
    ------
    InputError
        If the file ends within what was packed, or is not what was packed by the checksum of gzip or bzip2, or that of
        Zstandard, if it has one; if there is more in it than `MOST_UNPACKED` times the file; or if a line is longer
        than twice ``longest_line`` bytes: one that is longer than once may be refused.
    """
    most = max(ALWAYS_UNPACKED, MOST_UNPACKED * file.stat().st_size)
    unpacked = line = 0
    try:
        with file.open("rb") as raw, _unpack(raw, packing(file)) as stream:
            if not raw.peek(1):
                raise EOFError("no byte is in it")
            while piece := stream.read(CHUNK):
                unpacked += len(piece)
                if unpacked > most:
                    raise InputError(
                        f"{file}: holds more than {MOST_UNPACKED} times its own size, which would fill the disk. Look "
                        "into it; if it is what it should be, unpack it"
                    )
                line = 0 if has_line_end(piece) else line + len(piece)
                if longest_line and line > longest_line:
                    raise endless_line(file, longest_line)
                yield piece, raw.tell()
    except DAMAGE as error:
        raise damaged(file, error) from None


@contextmanager
def unpacking(files: list[Path], longest_line: int | None, scratch: Path) -> Iterator[Pipes]:
    """Give the packed ones of a log's files as pipes in the folder ``scratch``, as long as the block lasts.

    Raises
    ------
    InputError
        If no pipes can be made there.
    """
    packed = [file for file in files if packing(file)]
    with tempfile.TemporaryDirectory(prefix="pipes-", dir=scratch) as folder:
        try:
            pipes = Pipes(packed, Path(folder), longest_line)
        except OSError as error:
            raise InputError(f"{folder}: no named pipes can be made here: {error}. Unpack the log's files") from None
        try:
            yield pipes
        finally:
            pipes.close()


class Pipes:
    """Named pipes with the text of packed files, each of which may be opened again and again.

    To open a pipe for reading waits for someone who opens it for writing. One thread looks for such readers. Once there
    is one, the pipe's name is given to a new pipe, and another thread writes the file's text for this reader alone.

    A damaged file ends all pipes, as if the texts ended there: whoever has read them calls `check`.

    Parameters
    ----------
    files
        Packed files.
    folder
        Empty folder for the pipes.
    longest_line
        Bytes that no line ought to have; None where a line may have any number.
    """

    def __init__(self, files: list[Path], folder: Path, longest_line: int | None) -> None:
        self.files, self.folder, self.longest_line = files, folder, longest_line
        self._unopened = dict.fromkeys(range(len(files)))
        self._places: dict[int, int] = {}
        self._whole: set[int] = set()
        self._errors: list[BaseException] = []
        self._feeders: list[threading.Thread] = []
        self._closed = threading.Event()
        for number in self._unopened:
            self._make(number)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        if files:
            self._watcher.start()

    def name_to(self, con: duckdb.DuckDBPyConnection) -> None:
        """Let a connection's `literal` name the pipes, and its ``log_file`` the files again."""
        con.execute("SET VARIABLE pipes = ?", [f"{self.folder}/"])
        con.execute("SET VARIABLE packed = ?::VARCHAR[]", [[str(file) for file in self.files]])

    def name_files(self, text: str) -> str:
        """Replace the pipes in a message of DuckDB by their files."""
        return re.sub(re.escape(f"{self.folder}/") + r"(\d+)", lambda found: str(self.files[int(found[1])]), text)

    def share(self) -> float:
        """Share of the packed bytes that was read so far."""
        return sum(self._places.copy().values()) / max(1, sum(file.stat().st_size for file in self.files))

    def check(self) -> None:
        """Raise the `InputError` of a file that cannot be read to its end, if one was found so far."""
        if self._errors:
            raise self._errors[0] from None

    def check_whole(self) -> None:
        """Raise the `InputError` of a file that cannot be read to its end: what is unread is read now."""
        self.check()
        for number, file in enumerate(self.files):
            if number not in self._whole:
                deque(read_pieces(file, self.longest_line), maxlen=0)

    def close(self) -> None:
        """End the threads; who still reads meets the end of the text."""
        self._closed.set()
        if self.files:
            self._watcher.join()
        for feeder in self._feeders:
            feeder.join()

    def _make(self, number: int) -> None:
        new = self.folder / "new"
        os.mkfifo(new)
        new.replace(self.folder / str(number))

    def _watch(self) -> None:
        """Serve who waits: DuckDB mostly opens the next unopened files; any other is found within a round."""
        pause, everyone = POLL, cycle(range(len(self.files)))
        while not self._closed.wait(pause):
            self._feeders = [feeder for feeder in self._feeders if feeder.is_alive()]
            numbers = {*islice(self._unopened, LOOKS), *islice(everyone, LOOKS)}
            found = [number for number in numbers if self._serve(number)]
            pause = POLL if found or self._feeders else min(2 * pause, IDLE)

    def _serve(self, number: int) -> bool:
        """Write into a pipe if somebody waits for it."""
        try:
            descriptor = os.open(self.folder / str(number), os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:  # nobody waits
                self._errors.append(error)
            return False
        self._unopened.pop(number, None)
        feeder = threading.Thread(target=self._feed, args=(number, descriptor), daemon=True)
        try:
            self._make(number)  # before there is text: who comes later must not read a part of this reader's
            feeder.start()
        except (OSError, RuntimeError) as error:
            self._errors.append(error)
            os.close(descriptor)
        else:
            self._feeders.append(feeder)
        return True

    def _feed(self, number: int, descriptor: int) -> None:
        try:
            for piece, place in read_pieces(self.files[number], self.longest_line):
                self._places[number] = place
                if not self._write(descriptor, piece):
                    return
            self._whole.add(number)
        except BrokenPipeError:
            return  # the reader has enough
        except BaseException as error:  # to end the pipe in silence would lose rows
            self._errors.append(error)
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, piece: bytes) -> bool:
        """Write as fast as the reader reads; return False if the pipes end before."""
        reader, rest = select.poll(), memoryview(piece)
        reader.register(descriptor, select.POLLOUT)
        while rest:
            if self._errors or self._closed.is_set():
                return False
            if reader.poll(WAIT):
                rest = rest[os.write(descriptor, rest) :]
        return True


def literal(con: duckdb.DuckDBPyConnection, files: list[Path]) -> list[str]:
    """Name files to DuckDB, which takes ``*``, ``?`` and ``[`` in a name for a pattern; the pipes of packed ones."""
    folder, packed = con.execute("SELECT getvariable('pipes'), getvariable('packed')").fetchall()[0]
    pipes = {file: f"{folder}{number}" for number, file in enumerate(packed)}
    return [glob.escape(pipes.get(str(file), str(file))) for file in files]
