"""A DuckDB that has the rows of the logs, within a limit of memory, and shows how far a query is."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
from tqdm import tqdm

from hearlog.logs.files import are_parquet, find_files, refuse_endless_lines
from hearlog.logs.formats import FORMATS
from hearlog.logs.rows import view_rows
from hearlog.logs.unpacked import Pipes, unpacking
from hearlog.params.log_blocks import Logs
from hearlog.util.errors import InputError, refusal

POLL = 0.5  # seconds


class OpenRows(NamedTuple):
    """A DuckDB with the view ``rows`` of a log's rows, see `hearlog.logs.rows`; in a log of text it is read once.

    ``files`` are those of the log, ``pipes`` the packed ones among them; ``scratch`` is a folder for temporary files.
    """

    con: duckdb.DuckDBPyConnection
    files: list[Path]
    pipes: Pipes
    settings: Logs
    scratch: Path


@contextmanager
def open_rows(settings: Logs, memory_limit: str, threads: int, scratch: Path, whole: bool = True) -> Iterator[OpenRows]:
    """Open a DuckDB that has the rows of the logs.

    Parameters
    ----------
    settings
        Where the logs are, and how they are written.
    memory_limit
        Such as ``2GB``.
    threads
        0 for all cores.
    scratch
        Folder for temporary files.
    whole
        Whether all rows are going to be read: then endless lines are looked for first.

    Raises
    ------
    InputError
        If files or columns cannot be used, packed files are damaged, or memory or disk do not suffice, here or inside
        the block.
    """
    files = find_files(settings)
    longest = None if are_parquet(files, settings) else FORMATS[settings.format].longest_line
    with unpacking(files, longest, scratch) as pipes, duckdb.connect(scratch / "rows.duckdb") as con:
        con.execute("SET memory_limit = ?", [memory_limit])
        con.execute("SET temp_directory = ?", [str(scratch)])
        con.execute("SET enable_progress_bar = true")
        con.execute("SET enable_progress_bar_print = false")
        if threads:
            con.execute("SET threads = ?", [threads])
        pipes.name_to(con)
        if longest and whole:
            refuse_endless_lines(files, longest)
        try:
            view_rows(con, files, settings)
            yield OpenRows(con, files, pipes, settings, scratch)
        except duckdb.Error as error:
            pipes.check()  # what is wrong with the text may follow from a damaged file
            raise InputError(pipes.name_files(_refusal(error, settings, memory_limit))) from None


def _refusal(error: duckdb.Error, settings: Logs, memory_limit: str) -> str:
    if isinstance(error, duckdb.OutOfMemoryException):
        said = str(error).partition("\n")[0]  # what follows is advice in SQL
        return f"{settings.path}: raise runtime.memory_limit ({memory_limit}), to 100MB at least: {said}"
    if refused := refusal(error):
        return refused
    why = "logs.hash_users hides why, as it may name listeners" if settings.hash_users else error
    return f"{settings.path}: not readable: {why}"


@contextmanager
def scratch_beside(out: Path) -> Iterator[Path]:
    """Give an empty folder beside the output for temporary files, which hold ids as they are and are as large as logs.

    What a killed run left in it goes when the next one begins. It is no output: no cache is given what it holds.
    """
    folder = out.with_name(f".{out.name}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def progress(con: duckdb.DuckDBPyConnection, title: str, share: Callable[[], float] | None = None) -> Iterator[None]:
    """Show how far the connection's query is: as DuckDB says, or ``share``."""
    done = threading.Event()

    def follow() -> None:
        with tqdm(total=100, desc=title, unit="%", disable=None, leave=False) as bar:
            while not done.wait(POLL):
                percent = con.query_progress() if share is None else 100 * share()
                bar.update(max(percent, bar.n) - bar.n)

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        yield
    finally:
        done.set()
        follower.join()
