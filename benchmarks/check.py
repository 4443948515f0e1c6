"""The wall time of ``hearlog check --quick``: python -m benchmarks.check [--files 8000] [--quick].

Writes small sound files in four formats, a catalogue, a task and logs into a temporary folder, and runs the command on
them in turn with the obvious script, which opens and hashes every file, one after the other. Both are whole processes,
imports included, and read from the page cache. The command does more: it reads logs and catalogue, splits, compares,
and trains for a few seconds to measure the speed of training. What grows with the files is measured alone as well.
"""

import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import yaml
from tqdm import tqdm

from benchmarks import measure
from hearlog.check.files import inspect_files, same_bytes
from hearlog.runtime.backend import count_threads

DEMO = Path(__file__).parents[1] / "presets/demo.yaml"
SUFFIXES = ("mp3", "ogg", "wav", "flac")
SAMPLE_RATE = 22050
LENGTHS = np.linspace(1, 8, 57)  # seconds; few enough that many wav files have the same size, as in real data sets
REQUIRED = 8000  # files in under a minute

PLAIN_LOOP = """
import hashlib, pathlib, sys
import soundfile
for path in pathlib.Path().rglob("audio/**/*.*"):
    soundfile.info(path)
    hashlib.sha256(path.read_bytes()).hexdigest()
"""
CHECK = ["-m", "hearlog.cli", "check", "--quick"]


def main(files: int, repeats: int) -> None:
    """Write the files, measure, print the table and write ``results/check.json``."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        size = write_world(folder, files)
        candidates = {
            "hearlog check --quick": lambda: _run(CHECK, folder),
            "plain loop": lambda: _run(["-c", PLAIN_LOOP], folder),
            "its look at the files": lambda: look_at_files(folder),
        }
        seconds = measure.in_turn(candidates, repeats)
    rows = [
        {"name": name, "files": files, "megabytes": round(size / 1e6), "seconds": round(time, 2), "repeats": repeats}
        for name, time in seconds.items()
    ]
    print(pd.DataFrame(rows).to_string(index=False))
    check, loop, look = seconds.values()
    summary = {
        "files_per_s": files / check,
        f"seconds_{REQUIRED}": check + look * (REQUIRED / files - 1),
        "ratio_to_plain_loop": loop / check,
    }
    measure.finish("check", rows, summary, ["soundfile", "numpy", "pandas", "torch", "duckdb"])


def look_at_files(folder: Path) -> None:
    """Read all headers, and find files of the same bytes."""
    paths = pd.Series([str(path.relative_to(folder)) for path in folder.rglob("audio/**/*.*")])
    crop = {"sample_rate": 16000, "seconds": 7.5, "min_seconds": 1.0}
    inspect_files(paths, folder, **crop, full=False, threads=count_threads(0), description="files")
    same_bytes(str(folder) + "/" + paths)


def write_world(folder: Path, files: int) -> int:
    """Write three quarters of the files as songs, with a catalogue and logs, the rest as a task; return their bytes."""
    songs = [f"{number // 1000:03d}/{number:06d}.{SUFFIXES[number % 4]}" for number in range(files * 3 // 4)]
    clips = [f"audio/{number:06d}.{SUFFIXES[number % 4]}" for number in range(len(songs), files)]
    paths = [*(folder / "audio" / path for path in songs), *(folder / "task" / path for path in clips)]
    _write_audio(paths)
    ids = [f"song{number}" for number in range(len(songs))]
    pd.DataFrame({"song_id": ids, "path": songs}).to_csv(folder / "songs.csv", index=False)
    labels = pd.DataFrame({"item_id": clips, "path": clips})
    labels["mood"] = np.where(np.arange(len(clips)) % 8 < 4, "calm", "lively")
    labels.to_csv(folder / "task/items.csv", index=False)
    rng = np.random.default_rng(0)
    plays = {"user_id": rng.integers(2000, size=100_000), "song_id": rng.choice(ids, 100_000)}
    pd.DataFrame(plays).to_csv(folder / "plays.csv", index=False)
    settings = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    settings["logs"]["path"], settings["audio"]["min_seconds"] = "plays.csv", 1.0
    settings["songs"] |= {"catalog": "songs.csv", "audio_root": "audio"}
    task = {"reader": "table", "path": "task", "target": "mood", "protocol": "stratified_cv", "folds": 3, "valid": 0.15}
    settings["tasks"] = {"mood": task}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return sum(path.stat().st_size for path in paths)


def _write_audio(paths: list[Path]) -> None:
    """Write pieces of one noise, of different lengths and from different places."""
    noise = np.random.default_rng(0).normal(0, 0.1, 60 * SAMPLE_RATE).astype(np.float32)
    for parent in {path.parent for path in paths}:
        parent.mkdir(parents=True)

    def write(number: int) -> None:
        length = round(LENGTHS[number % len(LENGTHS)] * SAMPLE_RATE)
        begin = number * 101 % (len(noise) - length)
        soundfile.write(paths[number], noise[begin : begin + length], SAMPLE_RATE)

    with ThreadPoolExecutor() as pool:
        list(tqdm(pool.map(write, range(len(paths))), "write files", len(paths), unit="file", disable=None))


def _run(words: list[str], folder: Path) -> None:
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=REQUIRED)
    parser.add_argument("--quick", action="store_true", help="an eighth of the files, measured once")
    arguments = parser.parse_args()
    main(arguments.files // 8, 1) if arguments.quick else main(arguments.files, 3)
