"""A DuckDB that has the rows of the logs, within a limit of memory, and shows how far a query is."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from tqdm import tqdm

from hearlog.logs.files import are_parquet, find_files, refuse_damaged
from hearlog.logs.formats import FORMATS
from hearlog.logs.rows import view_rows
from hearlog.params.log_blocks import Logs
from hearlog.util.errors import InputError, refusal

POLL = 0.5  # seconds
STAGED = "rows.parquet"


@contextmanager
def open_rows(
    settings: Logs, memory_limit: str, threads: int, scratch: Path, whole: bool = True
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Path]]]:
    """Open a DuckDB whose view ``rows`` has the rows of the logs, see `hearlog.logs.rows`, and list their files.

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
        Whether all rows are going to be read: then packed files are first read to their end.

    Raises
    ------
    InputError
        If files or columns cannot be used, packed files are damaged, or memory or disk do not suffice, here or inside
        the block.
    """
    files = find_files(settings)
    with duckdb.connect(scratch / "rows.duckdb") as con:
        con.execute("SET memory_limit = ?", [memory_limit])
        con.execute("SET temp_directory = ?", [str(scratch)])
        con.execute("SET enable_progress_bar = true")
        con.execute("SET enable_progress_bar_print = false")
        if threads:
            con.execute("SET threads = ?", [threads])
        try:
            if whole:
                longest = None if are_parquet(files, settings) else FORMATS[settings.format].longest_line
                refuse_damaged(files, con.execute("SELECT current_setting('threads')").fetchall()[0][0], longest)
            view_rows(con, files, settings)
            yield con, files
        except duckdb.OutOfMemoryException as error:
            said = str(error).partition("\n")[0]  # what follows is advice in SQL
            raise InputError(
                f"{settings.path}: raise runtime.memory_limit ({memory_limit}), to 100MB at least: {said}"
            ) from None
        except duckdb.Error as error:
            if refused := refusal(error):
                raise InputError(refused) from None
            why = "logs.hash_users hides why, as it may name listeners" if settings.hash_users else error
            raise InputError(f"{settings.path}: not readable: {why}") from None


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


def stage(con: duckdb.DuckDBPyConnection, scratch: Path, most_rows: int | None = None) -> None:
    """Read the view ``rows``, or the first rows of it, once, and let it be what was read.

    Whole text is parsed once so, and then asked again and again like Parquet, of which a question reads only the
    columns that it is about.
    """
    rows = con.view("rows")
    file = str(scratch / STAGED)
    with progress(con, "reading"):
        (rows if most_rows is None else rows.limit(most_rows)).write_parquet(file)
    con.read_parquet(file).create_view("rows", replace=True)


@contextmanager
def progress(con: duckdb.DuckDBPyConnection, title: str) -> Iterator[None]:
    """Show how far the connection's query is."""
    done = threading.Event()

    def follow() -> None:
        with tqdm(total=100, desc=title, unit="%", disable=None, leave=False) as bar:
            while not done.wait(POLL):
                bar.update(max(con.query_progress(), bar.n) - bar.n)

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        yield
    finally:
        done.set()
        follower.join()
