"""Listening logs into a user x song matrix on disk, read and added up by Spark.

Each file of the logs is a task, in which DuckDB reads its rows as it does on one machine: a row is judged by the same
code. Spark adds up the plays of each user and song. The numbers of users and songs, and the limits, are matters of
this process, see `hearlog.logs.ingest`. All of them exchange Parquet files, in a folder that every machine must see
under the same path.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow.parquet as pq

from hearlog.logs.connection import open_rows, scratch_beside
from hearlog.logs.ingest import check_rows, length, number_ids, write_matrix
from hearlog.logs.interactions import Interactions
from hearlog.logs.pairs import refuse_too_many_plays
from hearlog.logs.rejected import Found, describe, find
from hearlog.logs.staged import stage
from hearlog.params.log_blocks import Logs, Spark
from hearlog.runtime.spark_session import file_url, spark_session
from hearlog.util.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SHUFFLE_BYTES = 64 * 2**20  # of log files, to a partition of Spark's
FEWEST_PARTITIONS = 4
TABLES = ("user", "song")


def ingest_with_spark(settings: Logs, memory_limit: str, threads: int, spark: Spark, out: Path) -> dict[str, Any]:
    """Read listening logs as `hearlog.logs.ingest.ingest` does, on Spark, and write the same bytes.

    Each file is judged by itself: where those of one log differ in the shape of their JSON, this may take rows that
    DuckDB alone would reject.

    Parameters
    ----------
    settings
        Where the logs are, how they are written, and the limits. A file is read by one task: have more files than
        cores.
    memory_limit
        Of DuckDB, here and in each task; on one machine (``local[*]``) of all tasks at once.
    threads
        Of DuckDB here; 0 for all cores.
    spark
        Where Spark runs.
    out
        Folder to write; the rows and pairs stand beside it meanwhile, about as large as the logs.

    Returns
    -------
    As `ingest`.

    Raises
    ------
    InputError
        As `ingest`; and if Spark cannot be used.
    """
    with scratch_beside(out) as scratch, spark_session(spark, scratch) as session:
        return count(session, settings, memory_limit, threads, scratch, out)


def count(
    session: SparkSession, settings: Logs, memory_limit: str, threads: int, scratch: Path, out: Path
) -> dict[str, Any]:
    """Read and write as `ingest_with_spark` does, in a running session; ``scratch`` is an existing folder."""
    out.mkdir(parents=True, exist_ok=True)
    # Refuses files before a job starts; to read packed ones to their end is left to the tasks.
    with open_rows(settings, memory_limit, threads, scratch, whole=False) as (con, files, *_):
        used, found = _read_rows(session, files, settings, _share(session, memory_limit), scratch)
        counts = {"files": len(files)} | check_rows(used, *describe(con, found, settings), settings, out)
        size = sum(file.stat().st_size for file in files)
        session.conf.set("spark.sql.shuffle.partitions", max(FEWEST_PARTITIONS, size // SHUFFLE_BYTES))
        pairs = _add_up(session, scratch)
        for table in TABLES:
            con.read_parquet(str(scratch / table / "*.parquet")).select(f"{table}_id AS id").create_view(table)
        number_ids(con, settings)
        users, songs = (_export(session, con, table, scratch) for table in TABLES)
        numbered = pairs.join(users, "user_id").join(songs, "song_id").select("user", "song", "plays")
        _keep(numbered.orderBy("user", "song"), scratch / "numbered")
        matrix = _read_matrix(scratch, length(con, "users"), length(con, "songs"))
        return counts | write_matrix(con, matrix, settings, out)


def _share(session: SparkSession, memory_limit: str) -> str:
    """Divide the limit among the tasks that run at once where they share this machine."""
    context = session.sparkContext
    tasks = context.defaultParallelism if (context.master or "").startswith("local") else 1
    return f"{float(memory_limit[:-2]) / tasks}{memory_limit[-2:]}"


def read_file(file: Path, rows: Path, settings: Logs, memory_limit: str) -> tuple[int, list[Found]] | InputError:
    """Judge the rows of one log file, in a process of Spark's, and write those that can be used to the file ``rows``.

    Returns
    -------
    How many can be used, and what `hearlog.logs.rejected.find` says of the others; an error, which would otherwise
    be tried again, is returned too.
    """
    alone = settings.model_copy(update={"path": str(file), "files": None})
    try:
        with tempfile.TemporaryDirectory(dir=rows.parent) as folder:
            with open_rows(alone, memory_limit, 1, Path(folder)) as opened:
                used = stage(opened)
                found = find(opened.con)
                written = Path(folder, "rows.parquet")
                opened.con.view("used").write_parquet(str(written))
            written.replace(rows)  # whole or not at all, however often Spark tries
        return used, found
    except InputError as error:
        return error


def _read_rows(
    session: SparkSession, files: list[Path], settings: Logs, memory_limit: str, scratch: Path
) -> tuple[int, list[Found]]:
    """Let each file be read by a task, into ``rows``, and put together what they found; the largest file begins."""
    folder = scratch.resolve() / "rows"
    folder.mkdir()
    files = sorted(files, key=lambda file: -file.stat().st_size)
    tasks = [(file.absolute(), folder / f"{i}.parquet", settings, memory_limit) for i, file in enumerate(files)]
    results = session.sparkContext.parallelize(tasks, len(tasks)).map(lambda task: read_file(*task)).collect()
    total, first = 0, dict[str, Found]()
    for file, result in zip(files, results, strict=True):
        if isinstance(result, InputError):
            raise result
        used, found = result
        total += used
        for reason, rows, example in found:
            merged = example | {"file": str(file)}  # as the settings name it
            if reason in first:
                rows += first[reason][1]
                merged = min(merged, first[reason][2], key=_place)
            first[reason] = (reason, rows, merged)
    return total, list(first.values())


def _place(example: dict[str, Any]) -> tuple[str, int, str]:
    return example["file"], example["number"] or 0, example["text"] or ""


def _add_up(session: SparkSession, scratch: Path) -> DataFrame:
    """Add up the plays of each user and song, and list the users and the songs."""
    from pyspark.sql import functions

    plays = functions.sum("plays").alias("plays")
    rows = session.read.parquet(file_url(scratch / "rows"))
    pairs = _keep(rows.groupBy("user_id", "song_id").agg(plays), scratch / "pairs")
    for table in TABLES:
        _keep(pairs.select(f"{table}_id").distinct(), scratch / table)
    return pairs


def _export(session: SparkSession, con: duckdb.DuckDBPyConnection, table: str, scratch: Path) -> DataFrame:
    """Hand the numbers that DuckDB has given to ids over to Spark."""
    file = scratch / f"{table}.parquet"
    con.table(f"{table}s").select(f"id AS {table}_id, rowid::INTEGER AS {table}").write_parquet(str(file))
    return session.read.parquet(file_url(file))


def _read_matrix(scratch: Path, users: int, songs: int) -> Interactions:
    """Put ``numbered`` pairs, which are sorted from file to file, into arrays on disk."""
    user_songs = np.zeros(users, dtype=np.int64)
    with (scratch / "indices").open("wb") as song_file, (scratch / "plays").open("wb") as play_file:
        for file in sorted((scratch / "numbered").glob("*.parquet")):
            for batch in pq.ParquetFile(file).iter_batches():
                user, song, plays = (column.to_numpy() for column in batch.columns)
                refuse_too_many_plays(plays)
                user_songs[user[0] : user[-1] + 1] += np.bincount(user - user[0])
                song_file.write(song.data)
                play_file.write(plays.astype(np.int32).data)
    indptr = np.concatenate([[0], np.cumsum(user_songs)])
    indices, plays = (np.memmap(scratch / name, dtype=np.int32, mode="r") for name in ("indices", "plays"))
    return Interactions(indptr, indices, plays, columns=songs)


def _keep(frame: DataFrame, folder: Path) -> DataFrame:
    """Write a table to a folder, and read it from there: what it was made of need not be made again."""
    frame.write.parquet(file_url(folder))
    return frame.sparkSession.read.parquet(file_url(folder))
