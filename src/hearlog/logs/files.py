"""The files of a log: which they are, and of which kind."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from hearlog.logs.formats import FORMATS, JSON, PARQUET
from hearlog.logs.unpacked import DAMAGE, damaged, endless_line, has_line_end, open_unpacked, packing
from hearlog.params.log_blocks import Logs
from hearlog.util.errors import InputError
from hearlog.util.files import refuse_lfs_pointer, refuse_unencodable

OTHERWISE_PACKED = (".7z", ".br", ".lz4", ".lzo", ".rar", ".snappy", ".xz", ".z", ".zip")
PROBE = 2**12  # bytes
BINARY = {  # how files begin that are no text, and what they are
    b"PAR1\x15": "Parquet: let its name end in .parquet",
    b"\x1f\x8b": "packed by gzip: let its name end in .gz",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard: let its name end in .zst",
    b"PK\x03\x04": "a ZIP archive: unpack it",
    b"\xff\xfe": "text in UTF-16: write it in UTF-8",
    b"\xfe\xff": "text in UTF-16: write it in UTF-8",
    **{b"BZh%d1AY&SY" % level: "packed by bzip2: let its name end in .bz2" for level in range(1, 10)},
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
        nowhere, or packed by none of gzip, bzip2 and Zstandard.
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
            raise InputError(f"{file}: is packed, by its name, by none of gzip, bzip2 and Zstandard: unpack it")
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


def refuse_endless_lines(files: list[Path], longest: int) -> None:
    """Raise `InputError` if a line of text that is not packed is longer than twice ``longest`` bytes.

    DuckDB passes over such lines without a word. A few bytes in each ``longest`` are read; a line that is longer than
    once ``longest`` may be refused.
    """
    for file in files:
        if not packing(file):
            _look_for_line_ends(file, longest)


def _look_for_line_ends(file: Path, longest: int) -> None:
    """Read on from each multiple of ``longest`` to the next line end."""
    with file.open("rb", buffering=0) as raw:
        for start in range(0, file.stat().st_size - longest, longest):
            raw.seek(start)
            place = start
            while place < start + longest:
                piece = raw.read(PROBE)
                if not piece or has_line_end(piece):
                    break
                place += len(piece)
            else:
                raise endless_line(file, longest)


def refuse_binary(file: Path) -> None:
    """Raise `InputError` if a file that should be text begins as one of another kind."""
    try:
        with open_unpacked(file) as stream:
            beginning = stream.read(max(map(len, BINARY)))
    except DAMAGE as error:
        raise damaged(file, error) from None
    for start, kind in BINARY.items():
        if beginning.startswith(start):
            raise InputError(f"{file}: looks like {kind}")
