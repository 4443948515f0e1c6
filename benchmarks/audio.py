"""Decoding and resampling against librosa: python -m benchmarks.audio [--files 32] [--quick].

Both read the middle 30 s of stereo files of 60 s, mono at 16 kHz, from mp3, ogg, flac and wav at 44.1 and 48 kHz, in
turn, and write int16 crops: hearlog by the stage's own `crop_items`, with a thread a core, librosa by
`load(offset, duration, sr=16000)` in a loop, and once more in a pool of as many threads. The sounds are computed,
so their true samples at 16 kHz are known: the worst error of a crop of the lossless files is against these.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import measure
from benchmarks.peer import peer
from benchmarks.sounds import music_like, write_sound
from hearlog.corpora.crops import crop_items
from hearlog.runtime.backend import count_threads, start_backend

FORMATS = ("mp3", "ogg", "flac", "wav")
RATES = (44100, 48000)
SECONDS, LENGTH, TARGET_RATE = 30, 60, 16000


def main(files: int, repeats: int) -> None:
    """Measure, print the table and write ``results/audio.json``."""
    start_backend("cpu", thread_count=1)  # as the stage does: a file is one thread's work
    threads = count_threads(0)
    with tempfile.TemporaryDirectory() as temporary, peer("benchmarks.librosa_peer") as librosa:
        root = Path(temporary)
        paths = write_files(root, files)
        theirs = {"sample_rate": TARGET_RATE, "seconds": SECONDS, "out": str(root / "theirs.npy")}
        everything = [str(root / path) for path in paths]
        librosa("crop", paths=everything[: len(FORMATS)], threads=1, **theirs)  # imports and compiles
        candidates = {
            "hearlog": lambda: crop(paths, root, threads),
            "librosa": lambda: librosa("crop", paths=everything, threads=1, **theirs),
            "librosa in threads": lambda: librosa("crop", paths=everything, threads=threads, **theirs),
        }
        seconds = measure.in_turn(candidates, repeats)
        crops = {"hearlog": root / "crops.npy", "librosa": root / "theirs.npy"}
        errors = {name: worst_errors(path, paths) for name, path in crops.items()}
        versions = librosa("versions")
    speeds = {name: files / time for name, time in seconds.items()}
    rows = [
        {"candidate": name, "files": files, "repeats": repeats, "files_per_s": speed, **errors[name.split()[0]]}
        for name, speed in speeds.items()
    ]
    print(pd.DataFrame(rows).to_string(index=False))
    summary = {
        "files_per_s": speeds["hearlog"],
        "ratio_to_librosa": speeds["hearlog"] / max(speeds["librosa"], speeds["librosa in threads"]),
        "worst_sample_error": max(errors["hearlog"][f"error_{suffix}"] for suffix in ("flac", "wav")),
    }
    measure.finish("audio", rows, summary, ["soundfile", "torchaudio", "numpy"], versions)


def crop(paths: list[str], root: Path, threads: int) -> None:
    """Run the stage's work."""
    items = pd.DataFrame({"item_id": paths, "path": paths})
    options = {"sample_rate": TARGET_RATE, "seconds": SECONDS, "min_seconds": 1.0, "max_rejected": 0.0}
    crop_items(items, root, root, **options, threads=threads)


def write_files(root: Path, files: int) -> list[str]:
    """Write computed sounds in every format and at every rate; return their paths."""
    paths = [f"{number}.{FORMATS[number % len(FORMATS)]}" for number in range(files)]
    for number, path in enumerate(paths):
        rate = RATES[number // len(FORMATS) % len(RATES)]
        sound = music_like(number, rate, LENGTH, channels=2)
        write_sound(root / path, sound, rate)
    return paths


def worst_errors(crops: Path, paths: list[str]) -> dict[str, float]:
    """Largest difference of a crop's samples from the true sound, full scale 1, by format.

    Lossy formats change samples as they must: their errors tell that the crop is at the right place, and little more.
    """
    begin = (LENGTH - SECONDS) * TARGET_RATE // 2
    worst = dict.fromkeys([f"error_{suffix}" for suffix in FORMATS], 0.0)
    for number, (path, samples) in enumerate(zip(paths, np.load(crops, mmap_mode="r"), strict=True)):
        truth = music_like(number, TARGET_RATE, LENGTH, channels=2).mean(axis=1)[begin : begin + len(samples)]
        error = float(np.abs(samples / 32768 - truth).max())
        key = f"error_{path.rpartition('.')[2]}"
        worst[key] = max(worst[key], error)
    return worst


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=32)
    parser.add_argument("--quick", action="store_true", help="half of the files, measured once")
    arguments = parser.parse_args()
    main(arguments.files // 2, 1) if arguments.quick else main(arguments.files, 5)
