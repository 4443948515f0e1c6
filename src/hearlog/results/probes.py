"""The scores of linear probes, as the report, the page and the figure read them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from hearlog.results.files import asked_for, read_columns
from hearlog.results.names import task_order, title
from hearlog.util.errors import InputError

# What representations are called in print, from the input to the output.
REPRESENTATIONS = {
    "log_mel": "log-mel",
    "mfcc": "MFCC",
    "random_blocks": "random, blocks 1-5",
    "random_embedding": "random, embedding",
    "block1": "block 1",
    "block2": "block 2",
    "block3": "block 3",
    "block4": "block 4",
    "block5": "block 5",
    "blocks": "blocks 1-5",
    "embedding": "embedding",
}
CONTROLS = ("log_mel", "mfcc", "random_blocks", "random_embedding")
COLUMNS = [
    *("protocol", "folds", "kind", "clips", "channels", "representation", "dimensions", "score", "ci_low", "ci_high"),
    *("spread", "strengths", "chance", "majority"),
]


def read_probes(tasks: Iterable[str], divisors: Iterable[int], folder: Path) -> pd.DataFrame:
    """Read the scores of the probes that params name.

    Parameters
    ----------
    tasks
        Names of tasks.
    divisors
        Divisors of ``model.channels``.
    folder
        Folder of ``<task>-div<divisor>.tsv``.

    Returns
    -------
    One row per task, capacity and representation: ``task``, ``title`` (its name in print), ``divisor`` and `COLUMNS`.
    ``kind`` is classification or regression; ``score`` is accuracy as a fraction, or r2; ``strengths`` are those
    chosen in each fold, in words; ``chance`` and ``majority`` are nan for r2. Tasks are in the order of the paper's
    Figure 4, others after them.

    Raises
    ------
    InputError
        When a file is missing or cannot be read, or lacks a representation.
    """
    ordered = sorted(tasks, key=task_order)
    tables = [
        _read(folder / f"{task}-div{divisor}.tsv", task, divisor)
        for task in ordered
        for divisor in sorted(divisors, reverse=True)
    ]
    return pd.concat(tables, ignore_index=True)


def _read(path: Path, task: str, divisor: int) -> pd.DataFrame:
    table = read_columns(asked_for(path), COLUMNS)[COLUMNS]
    if missing := set(REPRESENTATIONS) - set(table["representation"]):
        raise InputError(f"{path}: lacks {', '.join(sorted(missing))}. Run: dvc repro")
    names = pd.DataFrame({"task": task, "title": title(task), "divisor": divisor}, index=table.index)
    return pd.concat([names, table.astype({"strengths": str})], axis="columns")


def largest(probes: pd.DataFrame) -> pd.DataFrame:
    """Keep the probes of the largest capacity."""
    return probes[probes["divisor"] == probes["divisor"].min()]
