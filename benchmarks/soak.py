"""Songs through the stages for hours: python -m benchmarks.soak --folder DIR [--clips 20000] [--hours 2] [--quick].

Computed songs, a known share of them damaged (`benchmarks.soak_world`), and listening logs go once through ingestion,
factorisation and selection, and then, in rounds until the hours have passed, through crop, mel spectrograms, split, one
epoch of training and embedding: each the stage's own command of dvc.yaml in a process of its own, at 30 s a clip.

Asserted after every stage: the numbers of rows, that just the damaged songs are left out and why, that all values are
finite, that songs of the same sound, and no others, have the same row, and that every round ends with the values of the
first, bit for bit. Measured: growth of the memory in the second half of a stage, flat within `FLAT` of its peak; the
pace of a stage's last tenth against its first, and of the last round against the first. Anonymous memory is without
pages of mapped files, which the operating system may drop.

A soak that was ended goes on with the round it was in. 20,000 clips take 29 GB of disk, nothing of which is removed.
"""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import measure
from benchmarks.soak_checks import CHECKS
from benchmarks.soak_world import ROOT, command_of, write_world
from benchmarks.stage_watch import Watched, watch
from benchmarks.stepped import LABEL
from hearlog.runtime import checkpoint

ONCE = ("ingest_logs", "factorize", "select_songs")
ROUND = {"crop_songs": "crop", "mel_songs": "mel", "split_songs": "", "train_estimator": LABEL, "embed_songs": "embed"}
FLAT = 0.05  # of the peak, in the second half of a stage; a clip adds half a kilobyte to the table of crops
PACKAGES = ["numpy", "pandas", "soundfile", "torch", "torchaudio"]


def main(clips: int, hours: float, folder: Path) -> None:
    """Do the rounds that are missing, print the table and write ``results/soak.json``."""
    begin = time.perf_counter()
    songs = write_world(folder, clips)
    if not (folder / "data/corpora/songs/items.parquet").is_file():
        for stage in ONCE:
            print(f"{stage}: {run_stage(stage, folder, '').said}", flush=True)
    print(f"prepared in {time.perf_counter() - begin:.0f} s", flush=True)
    log = folder / "rounds.jsonl"
    rounds = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    while sum(done["seconds"] for done in rounds) < 3600 * hours or not rounds:
        rounds.append(do_round(len(rounds) + 1, folder, songs))
        sums, first = ({row["stage"]: row["checksum"] for row in done["rows"]} for done in (rounds[-1], rounds[0]))
        assert sums == first, f"round {len(rounds)} ended with other values than the first: {sums}, {first}"
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rounds[-1]) + "\n")
    rows = [row for done in rounds for row in done["rows"]]
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.3g}".format))
    about = {"clips": clips, "hours": sum(done["seconds"] for done in rounds) / 3600, "rounds": len(rounds)}
    summary = about | summarise(pd.DataFrame(rows))
    grown = summary["growth_share"]
    said = "flat" if grown < FLAT else "not flat, or too short a soak to tell"
    print(f"counts exact; memory grew by {grown:.2%} of its peak at most in the second half of a stage: {said}")
    measure.finish("soak", rows, summary, PACKAGES)


def do_round(number: int, folder: Path, songs: pd.DataFrame) -> dict[str, Any]:
    """Run every stage once more and check what it wrote; return seconds and a row of measurements a stage."""
    begin, rows = time.perf_counter(), []
    shutil.rmtree(folder / checkpoint.FOLDER, ignore_errors=True)  # of a soak that was ended, or no step would be left
    for stage, label in ROUND.items():
        seen = run_stage(stage, folder, label)
        row = {"round": number, "stage": stage, "clips": len(songs), "repeats": 1}
        rows.append(row | {"checksum": CHECKS[stage](folder, songs)} | measured(seen, len(songs)))
        shown = ", ".join(f"{key} {value:.3g}" for key, value in rows[-1].items() if isinstance(value, float))
        print(f"round {number}, {stage}: {seen.said}\n  {shown}", flush=True)
    return {"seconds": time.perf_counter() - begin, "rows": rows}


def run_stage(name: str, folder: Path, label: str) -> Watched:
    """Remove what a stage has written, as DVC does, and run it."""
    words, written = command_of(name)
    for path in written:
        shutil.rmtree(folder / path) if (folder / path).is_dir() else (folder / path).unlink(missing_ok=True)
    if name == "train_estimator":
        words[words.index("-m") + 1 : words.index("-m") + 1] = ["benchmarks.stepped"]
    # DVC_STAGE: the stage ends with this process, as it does with DVC.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_ROOT": str(folder), "DVC_STAGE": name}
    return watch([sys.executable, *words[1:]], folder, environment, label)


def measured(seen: Watched, clips: int) -> dict[str, float]:
    """Put what was seen of a stage into figures; those that a short stage does not give are left out."""
    first, last = seen.tenths()
    slope, share = seen.growth()
    resident, anonymous = seen.peaks()
    figures = {
        "seconds": seen.seconds,
        "clips_per_s": clips / seen.seconds,
        "end_to_start": last / first,
        "peak_rss_gb": resident / 1e9,
        "peak_anonymous_gb": anonymous / 1e9,
        "growth_mb_per_hour": slope * 3600 / 1e6,
        "growth_share": share,
    }
    return {key: value for key, value in figures.items() if value == value}


def summarise(rows: pd.DataFrame) -> dict[str, float]:
    """Give the worst stage: by the median of its rounds within a stage, and by the last round against the first."""
    stages = rows.groupby("stage")
    medians = stages[["growth_mb_per_hour", "growth_share", "end_to_start"]].median()
    pace = stages["clips_per_s"].last() / stages["clips_per_s"].first()
    return {
        "peak_rss_gb": rows["peak_rss_gb"].max(),
        "peak_anonymous_gb": rows["peak_anonymous_gb"].max(),
        "growth_mb_per_hour": medians["growth_mb_per_hour"].max(),
        "growth_share": medians["growth_share"].max(),
        "end_to_start_throughput": medians["end_to_start"].min(),
        "last_to_first_round": pace.min(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where 29 GB fit; nothing in it is removed")
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--hours", type=float, default=2.0, help="rounds begin until so many have passed")
    parser.add_argument("--quick", action="store_true", help="200 clips, one round")
    arguments = parser.parse_args()
    if arguments.clips < 200:
        parser.error("--clips: at least 200, of which 4 are damaged")
    size = (200, 0.0) if arguments.quick else (arguments.clips, arguments.hours)
    main(*size, arguments.folder.resolve())
