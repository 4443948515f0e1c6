"""The files of a log: which they are, of which kind, and their text unpacked."""

from __future__ import annotations

import glob
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import pyarrow as pa
from tqdm import tqdm

from hearlog.logs.formats import FORMATS, JSON, PACKED, PARQUET
from hearlog.params.log_blocks import Logs
from hearlog.util.errors import InputError
from hearlog.util.files import refuse_lfs_pointer, refuse_unencodable

OTHERWISE_PACKED = (".7z", ".br", ".bz2", ".lz4", ".lzo", ".rar", ".snappy", ".xz", ".z", ".zip")
CHUNK, PROBE = 2**20, 2**12  # bytes
# Logs are packed to a tenth or a thirtieth; gzip makes a thousandth of zeros, Zstandard less: disks would be full.
MOST_UNPACKED = 200  # times the file
ALWAYS_UNPACKED = 2**30  # bytes
BINARY = {  # how files begin that are no text, and what they are
    b"PAR1\x15": "Parquet: let its name end in .parquet",
    b"\x1f\x8b": "packed by gzip: let its name end in .gz",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard: let its name end in .zst",
    b"PK\x03\x04": "a ZIP archive: unpack it",
    b"\xff\xfe": "text in UTF-16: write it in UTF-8",
    b"\xfe\xff": "text in UTF-16: write it in UTF-8",
}


def find_files(settings: Logs) -> list[Path]:
    """List the log files in ascending order.

    ``logs.path`` is a file, or a folder. Of a folder they are what ``logs.files`` matches or, without it, all whose
    ending is known for ``logs.format``; links are followed, and a file that several lead to is listed once. Files and
    folders whose names begin with a dot or an underscore are hidden: Spark and Hadoop leave ``_SUCCESS`` and such
    beside their output.

    Raises
    ------
    InputError
        If there are none, their names are no UTF-8, or they cannot be read, are Git LFS pointers, links that lead
        nowhere, or packed by neither gzip nor Zstandard.
    """
    root = Path(settings.path)
    if root.is_file():
        if settings.files:
            raise InputError(
                f"{root}: is a file, so logs.files {settings.files!r} has nothing to search: set it to null"
            )
        files = [root]
    else:
        files = _search(root, settings)
    for file in files:
        refuse_unencodable(file)
        try:
            refuse_lfs_pointer(file)
        except OSError as error:
            raise InputError(f"{file}: not readable: {error}. Make it so, or remove it") from None
        if file.name.lower().endswith(OTHERWISE_PACKED):
            raise InputError(f"{file}: is packed, by its name, by neither gzip nor Zstandard: unpack it")
    return files


def _search(root: Path, settings: Logs) -> list[Path]:
    if not root.exists():
        home = ". ~ does not stand for the home folder here: write the whole path" if root.parts[:1] == ("~",) else ""
        raise InputError(f"{root}: no such file or folder (logs.path){home}")
    endings = FORMATS[settings.format].endings
    pattern = PurePosixPath(settings.files or "**/*").parts
    found = dict[Path, Path]()
    try:
        files = sorted(_walk(root)) if root.is_dir() else []
    except OSError as error:
        raise InputError(f"{root}: a folder (logs.path) that cannot be searched: {error}") from None
    for file in files:
        if _matches(file.relative_to(root).parts, pattern) and (settings.files or file.name.lower().endswith(endings)):
            if not file.is_file():
                raise InputError(f"{file}: is a link that leads nowhere, or no file. Restore it, or remove it")
            found.setdefault(file.resolve(), file)
    if not found:
        searched = f"files like {settings.files!r} (logs.files)" if settings.files else ", ".join(endings)
        raise InputError(
            f"{root}: no log files (logs.path); the folder is searched for {searched}. Names that begin with a dot or "
            "an underscore are passed over"
        )
    return list(found.values())


def _walk(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Give the files below a folder that are not hidden; no link back to a folder ``above`` is followed."""
    real = folder.resolve()
    if real in above:
        return
    for path in folder.iterdir():
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir():
            yield from _walk(path, (*above, real))
        else:
            yield path


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether folders and name of a file are those of a pattern, of which ``**`` is any number of folders."""
    if not pattern or not parts:
        return parts == pattern
    if pattern[0] == "**":
        return any(_matches(parts[start:], pattern[1:]) for start in range(len(parts)))
    return fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def are_parquet(files: list[Path], settings: Logs) -> bool:
    """Whether the files are Parquet; raise `InputError` for kinds that are mixed, or not those of the format."""
    parquet = [file for file in files if file.name.lower().endswith(PARQUET)]
    json = [file for file in files if file.name.lower().endswith(JSON)]
    if settings.format == "rows" and json:
        raise InputError(f"{json[0]}: is JSON by its name, not logs.format rows: set logs.format: playlists")
    if settings.format != "rows" and parquet:
        raise InputError(f"{parquet[0]}: is Parquet by its name, not logs.format {settings.format}: set it to rows")
    if parquet and parquet != files:
        raise InputError(
            f"{settings.path}: {len(parquet)} of {len(files)} files are Parquet; logs.path and logs.files must name "
            "one kind"
        )
    return bool(parquet)


def literal(files: list[Path]) -> list[str]:
    """Name files to DuckDB, which takes ``*``, ``?`` and ``[`` in a name for a pattern."""
    return [glob.escape(str(file)) for file in files]


def refuse_damaged(files: list[Path], threads: int, longest_line: int | None) -> None:
    """Look for what DuckDB passes over without a word: packed files that were cut or changed, and endless lines.

    Packed files are read to their end; of others a few bytes in each ``longest_line`` suffice.

    Parameters
    ----------
    files
        Of the log.
    threads
        Files that are read at once.
    longest_line
        Bytes that no line ought to have; None where a line may have any number.

    Raises
    ------
    InputError
        If one ends within what was packed, or is not what was packed by gzip's checksum or Zstandard's, if it has one;
        or if there is more in it than `MOST_UNPACKED` times the file. If a line is longer than twice ``longest_line``;
        one that is longer than once may be refused, in packed files it is.
    """
    packed = [file for file in files if file.suffix.lower() in PACKED]
    total = sum(file.stat().st_size for file in packed)
    with (
        tqdm(total=total, desc="checking", unit="B", unit_scale=True, disable=None, leave=False, delay=1) as bar,
        ThreadPoolExecutor(threads) as pool,  # PyArrow unpacks without Python's lock
    ):
        for _ in pool.map(lambda file: _read_whole(file, longest_line, bar), packed):
            pass
    if longest_line:
        for file in set(files) - set(packed):
            _look_for_line_ends(file, longest_line)


def _read_whole(file: Path, longest_line: int | None, bar: tqdm) -> None:
    most = max(ALWAYS_UNPACKED, MOST_UNPACKED * file.stat().st_size)
    try:
        with pa.OSFile(str(file)) as raw, pa.CompressedInputStream(raw, PACKED[file.suffix.lower()]) as stream:
            done = unpacked = line = 0
            while piece := stream.read(CHUNK):
                unpacked += len(piece)
                if unpacked > most:
                    raise InputError(
                        f"{file}: holds more than {MOST_UNPACKED} times its own size, which would fill the disk. Look "
                        "into it; if it is what it should be, unpack it"
                    )
                line = 0 if _has_line_end(piece) else line + len(piece)
                if longest_line and line > longest_line:
                    raise _endless_line(file, longest_line)
                with bar.get_lock():
                    bar.update(raw.tell() - done)
                done = raw.tell()
    except OSError as error:
        raise damaged(file, error) from None


def _look_for_line_ends(file: Path, longest: int) -> None:
    """Read on from each multiple of ``longest`` to the next line end."""
    with file.open("rb", buffering=0) as raw:
        for start in range(0, file.stat().st_size - longest, longest):
            raw.seek(start)
            place = start
            while place < start + longest:
                piece = raw.read(PROBE)
                if not piece or _has_line_end(piece):
                    break
                place += len(piece)
            else:
                raise _endless_line(file, longest)


def _has_line_end(piece: bytes) -> bool:
    return b"\n" in piece or b"\r" in piece


def _endless_line(file: Path, longest: int) -> InputError:
    return InputError(f"{file}: has a line of more than {longest:,} bytes. A log has one row a line: write it again")


def damaged(file: Path, error: OSError) -> InputError:
    """Say that a file cannot be read to its end."""
    return InputError(f"{file}: is cut or damaged: {error}. Write or copy it again")


def refuse_binary(file: Path) -> None:
    """Raise `InputError` if a file that should be text begins as one of another kind."""
    try:
        with open_unpacked(file) as stream:
            beginning = stream.read(max(map(len, BINARY)))
    except OSError as error:
        raise damaged(file, error) from None
    for start, kind in BINARY.items():
        if beginning.startswith(start):
            raise InputError(f"{file}: looks like {kind}")


def open_text(file: Path) -> io.TextIOWrapper:
    """Open a log file, unpacked as its name says."""
    return io.TextIOWrapper(open_unpacked(file), encoding="utf-8-sig", errors="replace")


def open_unpacked(file: Path) -> pa.NativeFile:
    """Open a log file, unpacked as its name says, in letters of any case as DuckDB sees it."""
    return pa.input_stream(str(file), compression=PACKED.get(file.suffix.lower()))
