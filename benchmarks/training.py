"""Training against the same network in Keras: python -m benchmarks.training [--channels 16 32 64 128] [--quick].

hearlog's own loop (`hearlog.training.loop.Trainer.fit`, spectrograms from a float16 memory map) and Keras' `model.fit`
(float32 arrays in memory, in float32 and, where hearlog takes bfloat16, in mixed_bfloat16) train the CF estimator on
batches of 16 clips of 30 s, in turn. Only whole steps count, after the first. The two networks are shown to be one: as
many parameters, and with the same weights the same outputs. What a step does outside forward pass, backward pass and
optimiser (loading, losses, running means) is taken from clocks around these three; the matrix-product peak of the
machine is measured between the candidates. Keras' `jit_compile` is left out: XLA had not compiled and run three steps
at F = 16 in 100 s.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from benchmarks import measure
from benchmarks.networks import BATCH, FACTORS, SHAPE, keras_ratio, make_pair, precision, precisions, write_mels
from benchmarks.peer import Ask, peer
from benchmarks.step_clock import StepClock
from hearlog.estimator.train import embedding_objective
from hearlog.model.network import EmbeddingNetwork
from hearlog.runtime.backend import Backend, start_backend
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation

STEPS = {16: 17, 32: 9, 64: 4, 128: 2}  # a measurement, the first step not counted
QUICK_STEPS = {16: 3, 32: 3, 64: 2}
REPEATS = {16: 3, 32: 3, 64: 3, 128: 2}
MATRIX = 4096  # rows and columns of the product that shows the peak


def main(widths: list[int], quick: bool) -> None:
    """Measure, print the table and write ``results/training-<instructions>.json``."""
    backend = start_backend()
    rounds = {width: 1 if quick else REPEATS[width] for width in widths}
    bar = tqdm(total=sum(rounds.values()) * (2 + len(precisions(backend))), desc="training", unit="run", disable=None)
    rows = []
    with tempfile.TemporaryDirectory() as temporary, peer("benchmarks.keras_peer") as keras, bar:
        mels = write_mels(Path(temporary), BATCH * max(STEPS.values()))
        for width in widths:
            steps = QUICK_STEPS[width] if quick else STEPS[width]
            rows += measure_width(width, steps, rounds[width], mels, keras, backend, bar)
        versions = keras("versions")
    print(pd.DataFrame(rows).to_string(index=False))
    measure.finish(
        f"training-{measure.instructions(backend)}", rows, summarise(pd.DataFrame(rows)), ["torch", "numpy"], versions
    )


def measure_width(
    width: int, steps: int, repeats: int, mels: Path, keras: Ask, backend: Backend, bar: tqdm
) -> list[dict[str, object]]:
    """Train all candidates of one capacity in turn; return a row for each."""
    network = make_pair(width, mels, keras, backend, precisions(backend))
    flop = flop_per_clip(width, SHAPE)
    ours: list[StepClock] = []
    peaks: list[float] = []
    theirs: dict[str, list[float]] = {precision: [] for precision in precisions(backend)}
    for _ in range(repeats):
        ours.append(train(network, np.load(mels, mmap_mode="r"), steps, backend))
        bar.update()
        peaks.append(matrix_product(backend))
        bar.update()
        for of_peer, seconds in theirs.items():
            seconds.append(keras("train", name=of_peer, mels=str(mels), batch=BATCH, steps=steps))
            bar.update()
    keras("forget")
    common = {"channels": width, "steps": steps - 1, "repeats": repeats}
    speed = BATCH * (steps - 1) / statistics.median(clock.seconds for clock in ours)
    peak = statistics.median(peaks)
    row = {"candidate": f"hearlog {precision(backend)}", **common, "clips_per_s": speed}
    row |= {"gflop_per_clip": flop / 1e9, "gflop_per_s": speed * flop / 1e9, "peak_gflop_per_s": peak / 1e9}
    row |= {"overhead_share": statistics.median(clock.overhead_share for clock in ours)}
    peers = [
        {"candidate": f"keras {of_peer}", **common, "clips_per_s": BATCH * (steps - 1) / statistics.median(seconds)}
        for of_peer, seconds in theirs.items()
    ]
    return [row, *peers]


def train(network: EmbeddingNetwork, mels: np.ndarray, steps: int, backend: Backend) -> StepClock:
    """Run one epoch of the training loop under a clock."""
    targets = np.random.default_rng(0).normal(size=(len(mels), FACTORS)).astype(np.float32)
    objective = embedding_objective(backend.place(torch.from_numpy(targets)))
    rows = np.arange(BATCH * steps)
    optimisation = Optimisation(batch_size=BATCH, epochs=1, patience=1, learning_rate=0.001)
    with StepClock(network) as clock:
        Trainer(optimisation, backend).fit(network, objective, mels, rows, rows[:1], 0, "benchmark")
    return clock


def flop_per_clip(width: int, shape: tuple[int, int]) -> float:
    """Floating-point operations of a forward and a backward pass in convolutions and linear layers, two a product."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        EmbeddingNetwork(width, FACTORS)(torch.zeros(1, *shape)).sum().backward()
    counts = counter.get_flop_counts()["Global"]
    return sum(count for operation, count in counts.items() if operation != torch.ops.aten.bmm)  # that takes means


def matrix_product(backend: Backend, repeats: int = 3) -> float:
    """Floating-point operations a second in the product of two square matrices, in the precision of the training."""
    matrix = torch.ones(MATRIX, MATRIX, dtype=backend.dtype, device=backend.device)
    seconds = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        float((matrix @ matrix)[0, 0])
        seconds.append(time.perf_counter() - begin)
    return 2 * MATRIX**3 / min(seconds[1:])


def summarise(rows: pd.DataFrame) -> dict[str, float]:
    """Ratios to the faster Keras, the share of the peak, and the largest share outside the three parts."""
    ratio = keras_ratio(rows)
    summary = {f"ratio_to_keras_f{width}": ratio[width] for width in (16, 32) if width in ratio}
    ours = rows.dropna(subset="peak_gflop_per_s").set_index("channels")
    if 64 in ours.index:
        summary["fraction_of_peak_f64"] = (ours["gflop_per_s"] / ours["peak_gflop_per_s"])[64]
    return summary | {"overhead_share": ours["overhead_share"].max()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--quick", action="store_true", help="up to F = 64, one or two steps, measured once")
    arguments = parser.parse_args()
    quick_widths = [width for width in arguments.channels if width <= 64]
    main(quick_widths if arguments.quick else arguments.channels, arguments.quick)
