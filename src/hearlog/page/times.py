"""Time and memory of the stages, as far as this folder has seen them run.

DVC keeps no times. `stages.run` writes a record beside every success, ``data/times/<stage>/<arguments>.json``, which
neither git nor DVC follows. What DVC took from its cache, or pulled, has no record here, or one of another run: a
record counts only if an output of its stage was written while it ran, or within `MARGIN` or as long again as it took,
in which DVC hashes the outputs and links them into its cache. Metrics and plots are not asked where a stage has other
outputs: git writes those as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from hearlog.page import words
from hearlog.page.tables import NOTHING, Cell, Column, Table, number, text, textual
from hearlog.util.plain_text import data_size

MARGIN = 60.0  # seconds, at least
_FROM_CACHE = Cell("from the cache")


def read_times(stages: dict[str, dict[str, Any]], records: Path) -> pd.DataFrame:
    """Join the stages of ``dvc.lock`` with the records of their last run.

    Parameters
    ----------
    stages
        As of `hearlog.page.files.read_stages`.
    records
        ``data/times``.

    Returns
    -------
    One row a stage, in their order: ``stage`` (``scratch@gtzan-base-1``), ``kind`` (``scratch``), ``start``
    (seconds since 1970), ``seconds``, ``memory`` (bytes at the peak) and ``device``; all null for one from the cache.
    """
    rows = []
    for name, stage in stages.items():
        module, *arguments = stage["cmd"].split()[2:]
        path = records / module.removeprefix("stages.") / f"{'-'.join(arguments) or 'run'}.json"
        rows.append({"stage": name, "kind": name.split("@")[0], **_record(path, _outputs(stage))})
    return pd.DataFrame(rows, columns=["stage", "kind", "start", "seconds", "memory", "device"])


def _outputs(stage: dict[str, Any]) -> list[Path]:
    outputs = [Path(out["path"]) for out in stage.get("outs", [])]
    return [output for output in outputs if output.parts[0] not in ("metrics", "plots")] or outputs


def _record(path: Path, outputs: list[Path]) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        start, seconds = record["start"], record["seconds"]
        latest = start + seconds + max(MARGIN, seconds)
    except (OSError, ValueError, KeyError, TypeError):  # none, or one that another program has touched
        return {}
    return record if any(start <= written <= latest for written in map(_written, outputs)) else {}


def _written(output: Path) -> float:
    """When a file, or the last file of a folder, was written; 0 if it is not there."""
    files = output.rglob("*") if output.is_dir() else [output]
    return max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)


def time_tables(times: pd.DataFrame) -> list[Table]:
    """Tabulate the time of the kinds of stages that ran here, and of every stage; where none ran there are no tables.

    Parameters
    ----------
    times
        As of `read_times`.
    """
    if times["seconds"].isna().all():
        return []
    kinds, cached = [], []
    for kind, of_kind in times.groupby("kind", sort=False):
        ran = of_kind[of_kind["seconds"].notna()]
        if ran.empty:
            cached.append(str(kind))
            continue
        counts = [number(len(ran)), number(len(of_kind) - len(ran))]
        kinds.append([text(str(kind)), *counts, _seconds(ran["seconds"].sum()), _memory(ran["memory"].max())])
    columns = [Column("Stage"), Column("Ran here", True), Column("From the cache", True)]
    columns += [Column("Time", True), Column("Peak memory", True)]
    notes = [
        f"In all {words.duration(times['seconds'].sum())} in stages that ran in this folder.",
        "From the cache: DVC had the result of an earlier run, or one pulled, whose time is not known here.",
    ]
    if cached:
        notes.append(f"From the cache altogether: {', '.join(cached)}.")
    single = [
        [
            text(row["stage"]),
            _FROM_CACHE if pd.isna(row["seconds"]) else _seconds(row["seconds"]),
            _memory(row["memory"]),
            NOTHING if pd.isna(row["seconds"]) else text(f"{pd.Timestamp(row['start'], unit='s'):%Y-%m-%d %H:%M:%S}"),
            text(row["device"]),
        ]
        for row in times.to_dict("records")
    ]
    of_single = [Column("Stage"), Column("Time", True), Column("Peak memory", True), *textual("Started, UTC", "Device")]
    return [
        Table("times", "Time by kind of stage", columns, kinds, notes),
        Table("times-stages", "Time of every stage", of_single, single),
    ]


def _seconds(value: float) -> Cell:
    return number(value, printed=words.duration(value))


def _memory(value: float) -> Cell:
    return NOTHING if pd.isna(value) else number(value, printed=data_size(int(value)))
