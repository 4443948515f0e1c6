"""A process that runs stages one after the other, each as `dvc repro --single-item` does, with DVC imported once.

This module alone uses the parts of DVC (3.67) that its command line hides: ``lock_repo`` and ``scm_context``, in which
``Repo.reproduce`` runs a stage by ``Stage.reproduce``, and ``lockfile_contents``, where a stage finds its entry.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dvc.dvcfile import PROJECT_FILE, ProjectFile, load_file
from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo
from dvc.stage import PipelineStage, Stage
from dvc.stage.serialize import to_lockfile
from dvc.utils import parse_target

from hearlog.pipeline import entries
from hearlog.runtime.shares import Share, bind
from hearlog.util.files import whole

RAN, RESTORED, UNCHANGED, FAILED = "ran", "from DVC's run cache", "unchanged", "failed"


class Order(NamedTuple):
    """What a worker is to run: a stage by its address, and where.

    ``log`` is the file that the output is appended to, ``cores`` and ``environment`` are those of a
    `hearlog.runtime.shares.Share`.
    """

    stage: str
    log: str
    cores: list[int]
    environment: dict[str, str]


def main() -> None:
    """Run each order that comes as a line on standard input, and answer how it ended on standard output."""
    with os.fdopen(os.dup(0)) as orders, os.fdopen(os.dup(1), "w") as answers:
        _point(os.devnull, os.O_RDONLY, 0)
        with Repo(_wait_for_lock=True) as repo:
            for line in orders:
                print(_run(repo, Order(*json.loads(line))), file=answers, flush=True)


def _run(repo: Repo, order: Order) -> str:
    for output in (1, 2):
        _point(order.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, output)
    bind(Share(order.cores, order.environment))
    try:
        if not reproduce(repo, order.stage):
            return UNCHANGED
        ran = "Running stage '" in Path(order.log).read_text(encoding="utf-8", errors="replace")
        return RAN if ran else RESTORED
    except DvcException:
        logging.getLogger("dvc").exception("")  # writes the message with its causes, as DVC's command line does
        return FAILED
    except Exception:
        traceback.print_exc()
        return FAILED
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _point(path: str, flags: int, output: int) -> None:
    """Let a file stand for one of the standard streams."""
    opened = os.open(path, flags)
    os.dup2(opened, output)
    os.close(opened)


def reproduce(repo: Repo, address: str) -> bool:
    """Bring a stage up to date, by DVC's run cache where that has it, and record it.

    Returns
    -------
    Whether it was out of date.

    Raises
    ------
    DvcException
        When its command fails, or DVC cannot run it.
    """
    with lock_repo(repo), repo.scm_context():
        stage = _load(repo, address)
        if stage.reproduce() is None:
            return False
        if isinstance(stage, PipelineStage):
            _record(repo, stage)
        else:
            stage.dump(update_pipeline=False)
        return True


def _load(repo: Repo, address: str) -> Stage:
    """Read a stage from its file, and no more of ``dvc.lock`` than its entry, unless that was edited by hand."""
    path, name = parse_target(address)
    file = load_file(repo, str(Path(path or PROJECT_FILE).resolve()))
    lock = _lock_of(file.path)
    if isinstance(file, ProjectFile) and lock.is_file():
        with suppress(ValueError):
            file.lockfile_contents = entries.read(lock.read_text(encoding="utf-8"), name)
    return file.stages[name]


def _record(repo: Repo, stage: PipelineStage) -> None:
    """Write what a stage has read and written into ``dvc.lock``, which is whole at any moment."""
    lock = _lock_of(stage.path)
    text = lock.read_text(encoding="utf-8") if lock.is_file() else ""
    changed = entries.replace(text, stage.name, to_lockfile(stage)[stage.name])
    if changed != text:
        with whole(lock) as partial:
            partial.write_text(changed, encoding="utf-8")
        repo.scm_context.track_file(os.path.relpath(lock))


def _lock_of(path: str) -> Path:
    return Path(path).with_suffix(".lock").resolve()


if __name__ == "__main__":
    main()
