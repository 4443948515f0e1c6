"""Crop and transform a folder of real music: python -m benchmarks.front_end FOLDER.

Prints what the files are, which were rejected and why, and the speed of both steps.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from hearlog import params
from hearlog.audio.decode import SUFFIXES
from hearlog.corpora.crops import crop_items
from hearlog.mel.spectrogram import LogMelSpectrogram, compute_mel
from hearlog.runtime.backend import count_threads, start_backend
from hearlog.util.errors import InputError

PAPER = Path(__file__).parents[1] / "presets/paper.yaml"


def main(folder: Path) -> None:
    """Run both steps with the paper's settings into a temporary folder."""
    settings = params.load(PAPER)
    paths = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    items = pd.DataFrame({"item_id": paths, "path": paths})
    start_backend()
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary)
        begin = time.perf_counter()
        audio = settings.audio.model_dump() | {"max_rejected": 1.0}
        counts = crop_items(items, folder, out, **audio, threads=count_threads(0))
        middle = time.perf_counter()
        transform = LogMelSpectrogram(settings.audio.sample_rate, **settings.mel.model_dump())
        shape = compute_mel(np.load(out / "crops.npy", mmap_mode="r"), transform, out / "mel.npy")
        end = time.perf_counter()
        clips = pd.read_parquet(out / "clips.parquet")
        rejected = pd.read_parquet(out / "rejected.parquet")
        mels = np.load(out / "mel.npy", mmap_mode="r")
    print(f"{len(items)} files: {counts['accepted']} accepted, rejected {counts['rejected'] or 'none'}")
    print(clips.groupby(["sample_rate", "channels"]).size().rename("files").reset_index().to_string(index=False))
    if len(rejected):
        print(rejected[["path", "reason", "detail"]].to_string(index=False))
    print(f"crop: {len(items) / (middle - begin):.1f} files/s; mel: {shape[0] / (end - middle):.0f} clips/s")
    mean = mels.mean(dtype=np.float64)
    print(f"mel spectrograms {shape}, {float(mels.min()):.0f} to {float(mels.max()):.0f} dB, mean {mean:.1f} dB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    try:
        main(parser.parse_args().folder)
    except InputError as error:
        sys.exit(f"front_end: {error}")
