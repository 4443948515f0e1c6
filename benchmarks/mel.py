"""Mel spectrograms against librosa: python -m benchmarks.mel [--clips 200] [--quick].

Both transform int16 crops of 30 s to float16 spectrograms in dB, with the paper's settings, from file to file, in turn;
the spectrograms are compared value by value: float16 tells steps of 0.06 dB apart from 64 to 128 dB.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import measure
from benchmarks.peer import peer
from benchmarks.sounds import music_like
from hearlog.mel.spectrogram import LogMelSpectrogram, compute_mel
from hearlog.runtime.backend import start_backend

SETTINGS = {"sample_rate": 16000, "n_fft": 512, "hop_length": 375, "n_mels": 96}
SECONDS = 30


def main(clips: int, repeats: int) -> None:
    """Measure, print the table and write ``results/mel.json``."""
    start_backend()
    with tempfile.TemporaryDirectory() as temporary, peer("benchmarks.librosa_peer") as librosa:
        crops, first, ours, theirs = (Path(temporary) / f"{name}.npy" for name in ("crops", "first", "ours", "theirs"))
        write_crops(crops, clips)
        write_crops(first, 1)
        librosa("mel", crops=str(first), out=str(theirs), **SETTINGS)  # imports and compiles
        candidates = {
            "hearlog": lambda: compute_mel(np.load(crops, mmap_mode="r"), LogMelSpectrogram(**SETTINGS), ours),
            "librosa": lambda: librosa("mel", crops=str(crops), out=str(theirs), **SETTINGS),
        }
        seconds = measure.in_turn(candidates, repeats)
        difference = np.abs(np.load(ours).astype(np.float32) - np.load(theirs)).max()
        versions = librosa("versions")
    speeds = {name: clips / time for name, time in seconds.items()}
    rows = [{"candidate": name, "clips": clips, "repeats": repeats, "clips_per_s": v} for name, v in speeds.items()]
    rows[0]["largest_difference_db"] = float(difference)
    print(pd.DataFrame(rows).to_string(index=False))
    ratio = speeds["hearlog"] / speeds["librosa"]
    summary = {"clips_per_s": speeds["hearlog"], "ratio_to_librosa": ratio}
    measure.finish("mel", rows, summary, ["torch", "torchaudio", "numpy"], versions)


def write_crops(path: Path, clips: int) -> None:
    """Write int16 crops, clips x samples."""
    sounds = [music_like(number, SETTINGS["sample_rate"], SECONDS)[:, 0] for number in range(clips)]
    np.save(path, np.rint(np.stack(sounds) * 32767).astype(np.int16))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="a fifth of the clips, measured once")
    arguments = parser.parse_args()
    main(arguments.clips // 5, 1) if arguments.quick else main(arguments.clips, 5)
