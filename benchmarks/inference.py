"""Embeddings against the same network in Keras: python -m benchmarks.inference [--channels 16 32 64 128] [--quick].

hearlog's `predict` (spectrograms from a float16 memory map) and Keras' `model.predict` (float32 arrays in memory, in
float32 and, where hearlog takes bfloat16, in mixed_bfloat16) run the CF estimator over clips of 30 s, in turn. Both
networks have the same weights and, as is checked first, the same outputs.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks import measure
from benchmarks.networks import keras_ratio, make_pair, precision, precisions, write_mels
from benchmarks.peer import Ask, peer
from hearlog.model.network import EmbeddingNetwork
from hearlog.runtime.backend import Backend, start_backend
from hearlog.training.inference import predict

CLIPS = {16: 512, 32: 256, 64: 128, 128: 64}  # a measurement
REPEATS = 3
KERAS_BATCH = 64  # clips; hearlog's predict chooses its own


def main(widths: list[int], quick: bool) -> None:
    """Measure, print the table and write ``results/inference-<instructions>.json``."""
    backend = start_backend()
    repeats = 1 if quick else REPEATS
    rows = []
    bar = tqdm(total=len(widths) * repeats * (1 + len(precisions(backend))), desc="inference", unit="run", disable=None)
    with tempfile.TemporaryDirectory() as temporary, peer("benchmarks.keras_peer") as keras, bar:
        mels = write_mels(Path(temporary), max(CLIPS.values()))
        for width in widths:
            clips = max(CLIPS[width] // 4, KERAS_BATCH) if quick else CLIPS[width]
            rows += measure_width(width, clips, repeats, mels, keras, backend, bar)
        versions = keras("versions")
    print(pd.DataFrame(rows).to_string(index=False))
    ratio = keras_ratio(pd.DataFrame(rows))
    summary = {f"ratio_to_keras_f{width}": ratio[width] for width in (16, 64) if width in ratio}
    measure.finish(f"inference-{measure.instructions(backend)}", rows, summary, ["torch", "numpy"], versions)


def measure_width(
    width: int, clips: int, repeats: int, mels: Path, keras: Ask, backend: Backend, bar: tqdm
) -> list[dict[str, object]]:
    """Run all candidates of one capacity in turn, once before the clocks start; return a row for each."""
    network = make_pair(width, mels, keras, backend, precisions(backend))
    seconds: dict[str, list[float]] = {name: [] for name in (f"hearlog {precision(backend)}", *precisions(backend))}
    for turn in range(repeats + 1):
        for name, times in seconds.items():
            asked = {"mels": str(mels), "batch": KERAS_BATCH, "clips": clips if turn else KERAS_BATCH}
            own = name.startswith("hearlog")
            spent = embed(network, mels, asked["clips"], backend) if own else keras("predict", name=name, **asked)
            if turn:
                times.append(spent)
                bar.update()
    keras("forget")
    return [
        {
            "candidate": name if name.startswith("hearlog") else f"keras {name}",
            "channels": width,
            "clips": clips,
            "repeats": repeats,
            "clips_per_s": clips / statistics.median(times),
        }
        for name, times in seconds.items()
    ]


def embed(network: EmbeddingNetwork, mels: Path, clips: int, backend: Backend) -> float:
    """Run hearlog's network; return the seconds."""
    spectrograms = np.load(mels, mmap_mode="r")
    begin = time.perf_counter()
    predict(network, spectrograms, np.arange(clips), backend, "embed")
    return time.perf_counter() - begin


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, nargs="+", choices=CLIPS, default=list(CLIPS))
    parser.add_argument("--quick", action="store_true", help="up to F = 64, fewer clips, measured once")
    arguments = parser.parse_args()
    quick_widths = [width for width in arguments.channels if width <= 64]
    main(quick_widths if arguments.quick else arguments.channels, arguments.quick)
