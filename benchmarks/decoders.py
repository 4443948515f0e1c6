"""Decoders of compressed music: python -m benchmarks.decoders MUSIC [--files 60].

Each decodes 30 s from the middle of tracks, float32, all channels: CPU time, in turn, the least of three. FFmpeg seeks
and decodes in its filter amovie, without a step in Python for each packet. Then each decodes 2 s from random places.
Such a place is wrong where it is not, to 1e-5, what libsndfile gives there when it decodes the whole file.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from benchmarks import measure
from benchmarks.peer import peer
from hearlog.features.files import find_sounds

CODECS = ("FLAC", "MPEG_LAYER_III", "OPUS", "VORBIS")
SHORTEST, LONGEST = 40, 600  # seconds of a track
REPEATS = 3
COUNTS = ("refused", "places", "wrong")


def main(folder: Path, files: int) -> None:
    """Measure, print the table and write ``results/decoders.json``."""
    tracks = [path for path in find_sounds([folder]) if is_track(path)]
    chosen = [tracks[row] for row in np.linspace(0, len(tracks), min(files, len(tracks)), endpoint=False).astype(int)]
    with peer("benchmarks.decoders_peer") as ask:
        table = pd.DataFrame([row for path in chosen for row in ask("judge", path=str(path), repeats=REPEATS)])
        versions = ask("versions")
    of_each = {"files": ("ms", "size"), "ms": ("ms", "mean")} | {count: (count, "sum") for count in COUNTS}
    means = table.groupby(["codec", "sample_rate", "channels", "candidate"], as_index=False).agg(**of_each)
    print(means.to_string(index=False))
    of_all = table.groupby("candidate")[[*COUNTS]].sum()
    ms = table.pivot_table("ms", "track", "candidate")
    summary = {
        "ratio_ffmpeg": float((ms["libsndfile"] / ms["FFmpeg"]).median()),
        "wrong_share_ffmpeg": of_all.loc["FFmpeg", "wrong"] / of_all.loc["FFmpeg", "places"],
        "wrong_share_libsndfile": of_all.loc["libsndfile", "wrong"] / of_all.loc["libsndfile", "places"],
    }
    timed = means.assign(repeats=REPEATS)
    rows = [row.dropna().to_dict() for _, row in timed.iterrows()]  # a codec that a decoder lacks has no time
    measure.finish("decoders", rows, summary, ["numpy"], versions)


def is_track(path: Path) -> bool:
    """Whether a file is compressed music of a usual length."""
    about = soundfile.info(path)
    return about.subtype in CODECS and SHORTEST <= about.duration <= LONGEST


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="MUSIC")
    parser.add_argument("--files", type=int, default=60, help="at most so many (default: 60)")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.files)
