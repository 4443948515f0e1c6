"""Both memory layouts of feature maps: python -m benchmarks.layout [--precision float32] [--quick].

The CF estimator is trained and run in channels_last and in NCHW, in turn, on clips of 7.5 s and 30 s. What
`hearlog.runtime.layout.choose_layout` takes must be the faster one, or as fast within the noise of such a measurement.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import pandas as pd
import torch
from tqdm import tqdm

from benchmarks import measure
from benchmarks.networks import FACTORS
from hearlog.model.network import EmbeddingNetwork
from hearlog.runtime.backend import Backend, start_backend
from hearlog.runtime.layout import choose_layout
from hearlog.training.optimisation import Optimisation, adam

LAYOUTS = {"channels_last": torch.channels_last, "nchw": torch.contiguous_format}
CASES = [
    (16, 320, 8),
    (16, 1280, 8),
    (32, 320, 8),
    (32, 1280, 8),
    (64, 1280, 4),
    (128, 1280, 2),
]  # channels, frames, batch
REPEATS, SECONDS = 5, 1.0  # of one measurement, at least


def main(precision: str, cases: list[tuple[int, int, int]], repeats: int) -> None:
    """Measure, print the table and write ``results/layout-<instructions>.json``."""
    backend = start_backend(precision=precision)
    measured = [(training, *case) for training in (True, False) for case in cases]
    rows = [measure_case(backend, *case, repeats) for case in tqdm(measured, "layout", unit="case", disable=None)]
    print(pd.DataFrame(rows).to_string(index=False))
    slowest = min(row["chosen_to_other"] for row in rows)
    measure.finish(f"layout-{measure.instructions(backend)}", rows, {"least_chosen_to_other": slowest}, ["torch"])


def measure_case(
    backend: Backend, training: bool, channels: int, frames: int, batch: int, repeats: int
) -> dict[str, object]:
    """Run both layouts in turn; return a row."""
    mels = backend.place(20 * torch.randn(batch, 96, frames) - 40)
    networks = {name: EmbeddingNetwork(channels, FACTORS).to(backend.device) for name in LAYOUTS}
    speeds: dict[str, list[float]] = {name: [] for name in LAYOUTS}
    for name, network in networks.items():
        network.to(memory_format=LAYOUTS[name])
    steps = {name: make_step(network, mels, backend, training) for name, network in networks.items()}
    for turn in range(repeats + 1):
        for name, step in steps.items():
            count, begin = 0, time.perf_counter()
            while not count or (turn and time.perf_counter() - begin < SECONDS):
                step()
                count += 1
            if turn:
                speeds[name].append(batch * count / (time.perf_counter() - begin))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    layout = choose_layout(backend.device, backend.dtype, channels, training)
    chosen = next(name for name, value in LAYOUTS.items() if value == layout)
    other = next(name for name in LAYOUTS if name != chosen)
    return {
        "training": training,
        "channels": channels,
        "frames": frames,
        "batch": batch,
        "repeats": repeats,
        **{f"{name}_clips_per_s": speed for name, speed in medians.items()},
        "chosen": chosen,
        "chosen_to_other": medians[chosen] / medians[other],
    }


def make_step(network: EmbeddingNetwork, mels: torch.Tensor, backend: Backend, training: bool) -> Callable[[], None]:
    """Return a function that trains the network for one step, or runs it."""
    optimiser = adam(network, Optimisation(len(mels), 1, 1, 0.001))

    def train() -> None:
        with backend.autocast():
            output = network(mels)
        optimiser.zero_grad(set_to_none=True)
        output.float().square().mean().backward()
        optimiser.step()

    @torch.inference_mode()
    def run() -> None:
        with backend.autocast():
            network(mels)

    network.train(training)
    return train if training else run


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--quick", action="store_true", help="up to F = 64, measured once")
    arguments = parser.parse_args()
    chosen_cases = [case for case in CASES if case[0] <= 64] if arguments.quick else CASES
    main(arguments.precision, chosen_cases, 1 if arguments.quick else REPEATS)
