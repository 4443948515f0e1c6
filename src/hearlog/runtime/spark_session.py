"""A Spark session: started as the params say, watched, and ended with all that it wrote."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tqdm import tqdm

from hearlog.params.log_blocks import Spark
from hearlog.util.errors import InputError

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

SOURCE = Path(__file__).parents[2]  # of hearlog, for the Python processes of the workers
MASTER_PORT = 7077
CONNECT_SECONDS = 10
# A standalone master accepts an application that none of its workers has room for, and lets it wait for ever.
WORKER_SECONDS = 60
# How Spark words it in exceptions, of the driver and of lost executors, and the JVM before it runs.
OUT_OF_MEMORY = ("OutOfMemoryError", "Java heap space", "Not enough memory", "ExecutorLostFailure", "exit code 137")


@contextmanager
def spark_session(settings: Spark, scratch: Path) -> Iterator[SparkSession]:
    """Start Spark, and end it with the block; its messages are kept out of the terminal.

    Parameters
    ----------
    settings
        Master and memory.
    scratch
        An existing folder for what a driver on this machine spills; it is left as it was.

    Raises
    ------
    InputError
        If pyspark, Java, the master or its workers are not there, or memory does not suffice.
    """
    _refuse_missing()
    _refuse_silent_master(settings.master)
    # No frame of pandas passes between it and Spark.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else Spark takes any python3
    from pyspark.sql import SparkSession

    with (
        tempfile.TemporaryDirectory(dir=scratch) as folder,
        tempfile.TemporaryFile() as log,
        _context(settings, Path(folder), log) as context,
        _explained(settings, log),
    ):
        _wait_for_workers(settings, context)
        with _progress(context):
            yield SparkSession(context)


@contextmanager
def _context(settings: Spark, folder: Path, log: IO[bytes]) -> Iterator[SparkContext]:
    """Start a Java process with a Spark context; both end here, so that the memory is free for what follows."""
    from py4j.protocol import Py4JError, Py4JJavaError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    place = f"spark.master {settings.master} and spark.memory {settings.memory}"
    conf = SparkConf().setAll(list(_configuration(settings, folder).items()))
    try:
        gateway = launch_gateway(conf, {"stdout": log, "stderr": subprocess.STDOUT})
    except PySparkRuntimeError:
        raise InputError(f"Spark, on Java 17 or later, does not start with {place}:\n{_end_of(log)}") from None
    try:
        context = SparkContext(conf=conf, gateway=gateway)
        yield context
    except Py4JJavaError as error:
        raise InputError(f"Spark does not start with {place}: {error.java_exception.getMessage()}") from None
    finally:
        with suppress(NameError, Py4JError, ConnectionError):  # never begun, or ended by itself
            context.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()
        SparkContext._gateway = SparkContext._jvm = None  # pyspark would look for the old process


@contextmanager
def _explained(settings: Spark, log: IO[bytes]) -> Iterator[None]:
    """Turn what Spark says when memory does not suffice into an `InputError`."""
    from py4j.protocol import Py4JError, Py4JNetworkError
    from pyspark.errors import PySparkException

    more = f"Raise spark.memory ({settings.memory}), or give spark.master more machines"
    try:
        yield
    except (Py4JNetworkError, ConnectionError):
        raise InputError(f"Spark's Java process ended early. {more}:\n{_end_of(log)}") from None
    except (Py4JError, PySparkException) as error:
        if any(sign in str(error) for sign in OUT_OF_MEMORY):
            raise InputError(f"Spark ran out of memory. {more}") from None
        raise RuntimeError(str(error)) from None  # Spark's own ask Java for their text, which ends first


def _configuration(settings: Spark, folder: Path) -> dict[str, str]:
    """Spark's own settings: of an application that leaves nothing behind and opens no page."""
    given = {
        "spark.app.name": "hearlog",
        "spark.master": settings.master,
        "spark.driver.memory": settings.memory,
        "spark.executor.memory": settings.memory,
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")])),
    }
    if settings.master.startswith("local"):
        given |= {"spark.driver.host": "localhost", "spark.driver.bindAddress": "127.0.0.1"}
    return given


def _refuse_missing() -> None:
    try:
        import pyspark  # noqa: F401
    except ImportError:
        raise InputError(
            "logs.engine and als.engine: spark need pyspark: pip install -r requirements-spark.txt"
        ) from None
    home = os.environ.get("JAVA_HOME")
    if not shutil.which(str(Path(home, "bin/java")) if home else "java"):
        raise InputError(
            f"Spark needs Java, 17 or later, and there is none {f'below JAVA_HOME, {home}' if home else 'in PATH'}: "
            "apt-get install openjdk-17-jre-headless"
        )


def _refuse_silent_master(master: str) -> None:
    """Raise `InputError` if no standalone master listens; pyspark alone would try for minutes."""
    scheme, _, hosts = master.partition("://")
    if scheme != "spark":
        return
    reasons = []
    for place in hosts.split(","):
        host, _, port = place.rpartition(":") if ":" in place else (place, "", str(MASTER_PORT))
        try:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
            return
        except (OSError, ValueError) as error:
            reasons.append(f"{place}: {error}")
    raise InputError(
        f"spark.master {master}: no master answers ({'; '.join(reasons)}). Start one (docs/spark.md), or set local[*]"
    )


def _wait_for_workers(settings: Spark, context: SparkContext) -> None:
    """Raise `InputError` if a standalone master finds no worker with room."""
    if not settings.master.startswith("spark://"):
        return
    deadline = time.monotonic() + WORKER_SECONDS
    while context._jsc.sc().getExecutorMemoryStatus().size() < 2:  # the driver is one
        if time.monotonic() > deadline:
            raise InputError(
                f"spark.master {settings.master}: none of its workers took the job in {WORKER_SECONDS} s. Its page "
                f"says which are alive; one must have {settings.memory} (spark.memory) and a core free"
            )
        time.sleep(0.2)


@contextmanager
def _progress(context: SparkContext) -> Iterator[None]:
    """Show how many tasks of the running stages are done, where there is a terminal."""
    done = threading.Event()
    tracker = context.statusTracker()

    def watch() -> None:
        with tqdm(desc="Spark", unit="task", disable=None, leave=False) as bar:
            while not done.wait(0.5):
                stages = [stage for i in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(i))]
                bar.total = sum(stage.numTasks for stage in stages)
                bar.n = sum(stage.numCompletedTasks for stage in stages)
                bar.refresh()

    if not sys.stderr.isatty():
        yield
        return
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _end_of(log: IO[bytes], lines: int = 5) -> str:
    """Last lines of what Java wrote, without its calls."""
    log.seek(0)
    said = [line for line in log.read().decode(errors="replace").splitlines() if not line.startswith("\tat ")]
    return "\n".join(said[-lines:])


def file_url(path: Path) -> str:
    """Name a local or shared path to Spark, which may take a plain one for a path of its cluster's own storage."""
    return f"file://{path.resolve()}"
