"""How fast this machine is, measured for a few seconds in processes like those of the stages."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
import torch

from hearlog.audio.decode import read_crop
from hearlog.demo import catalog
from hearlog.demo.recording import write
from hearlog.estimator.train import embedding_objective
from hearlog.mel.spectrogram import LogMelSpectrogram
from hearlog.model.folder import Network
from hearlog.params import Params
from hearlog.runtime.backend import Backend, start_backend
from hearlog.runtime.shares import Share, bind, share_of
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation
from hearlog.util.errors import InputError

SONGS, LONGEST_SONG = 9, 8.0  # to write, and their seconds; one is in the catalogue alone, two are of each format
TRIES, LONG = 3, 1.5  # of each speed, unless one takes so many seconds
LONGEST_STEP = 2.0  # seconds; a capacity at which a step would take longer is reckoned from the one before it
GROWTH = 1.6  # of a clip's time with the channels: 79.9, 30.7, 10.6, 2.6 clips/s are trained on with 16, 32, 64, 128


@dataclass(frozen=True)
class Speeds:
    """Seconds that a job takes on this machine if nothing else runs there.

    Attributes
    ----------
    start
        Until a process has imported what trains a network.
    write
        To write a second of a song of the embedded data set, on one core.
    decode, mel
        To decode a crop, and to compute its spectrogram, on one core.
    train
        To train on a clip, by divisor of ``model.channels``.
    threads
        CPU threads of a job.
    device, dtype
        Kind of the device that trains, and the type in which it multiplies: float32 or bfloat16.
    gpu
        Bytes of the GPU's memory that are free; None without one, and on MPS, which shares the CPU's.
    busy
        Share of the machine's cores that other programs used meanwhile.
    """

    start: float
    write: float
    decode: float
    mel: float
    train: dict[int, float]
    threads: int
    device: str
    dtype: str
    gpu: int | None
    busy: float = 0.0


def measure_speeds(params: Params, jobs: int, gpus: Sequence[str]) -> Speeds:
    """Measure in as many processes at once as there will be jobs, each on its share of the machine.

    Parameters
    ----------
    params
        Settings of the run.
    jobs, gpus
        As in `hearlog.pipeline.jobs.run`.

    Returns
    -------
    Means over the processes. On a CPU its time counts, not the clock's, and the best of a few tries: other programs
    hardly change them.

    Raises
    ------
    InputError
        If ``runtime`` asks for a device that is not there, or there are no jobs.
    """
    if jobs < 1:
        raise InputError(f"{jobs} jobs: at least 1 must run")
    before, begin = _used(), time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        answers = list(pool.map(lambda job: _in_process(params, share_of(job, jobs, gpus)), range(jobs)))
    used, own = (after - earlier for after, earlier in zip(_used(), before, strict=True))
    cores = psutil.cpu_count() or 1
    busy = (used - own) / ((time.perf_counter() - begin) * cores)
    return replace(
        answers[0],
        start=min(each.start for each in answers),
        write=fmean(each.write for each in answers),
        decode=fmean(each.decode for each in answers),
        mel=fmean(each.mel for each in answers),
        train={divisor: fmean(each.train[divisor] for each in answers) for divisor in answers[0].train},
        busy=min(max(busy, 0.0), 1.0),
    )


def _used() -> tuple[float, float]:
    """Seconds of processor time that all programs, and those that this process has started, have used so far."""
    times = psutil.cpu_times()
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.user + times.system + getattr(times, "nice", 0.0), own.ru_utime + own.ru_stime


def _in_process(params: Params, share: Share) -> Speeds:
    order = json.dumps({"params": params.model_dump(mode="json"), "share": share})
    command = [sys.executable, "-m", "hearlog.plan.measure"]
    done = subprocess.run(command, input=order, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    if "refused" in answer:
        raise InputError(answer["refused"])
    return Speeds(**answer | {"train": {int(divisor): each for divisor, each in answer["train"].items()}})


def main() -> None:
    """Measure as the order on standard input says, and print the speeds as JSON."""
    start = time.process_time()
    order = json.load(sys.stdin)
    bind(Share(*order["share"]))
    try:
        print(json.dumps(asdict(_measure(Params.model_validate(order["params"]), start))))
    except InputError as error:
        print(json.dumps({"refused": str(error)}))


def _measure(params: Params, start: float) -> Speeds:
    runtime = params.runtime
    backend = start_backend(runtime.device, runtime.precision, runtime.threads)
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        written, decoded, mel = _measure_audio(params, Path(folder))
    torch.set_num_threads(backend.threads)
    gpu = torch.cuda.mem_get_info(backend.device)[0] if backend.device.type == "cuda" else None
    train = _measure_training(params, backend)
    dtype = str(backend.dtype).removeprefix("torch.")
    return Speeds(start, written, decoded, mel, train, backend.threads, backend.device.type, dtype, gpu)


def _measure_audio(params: Params, folder: Path) -> tuple[float, float, float]:
    """Write songs of the embedded data set, decode and transform them; as in `Speeds`."""
    audio, transform = params.audio, LogMelSpectrogram(params.audio.sample_rate, **params.mel.model_dump())
    length = min(audio.seconds, LONGEST_SONG)
    recordings, *_ = catalog.plan(SONGS, folder, 0, length)
    crops: list[np.ndarray] = []

    def encode() -> None:
        for each in recordings:
            write(each)

    def decode() -> None:
        crops[:] = [read_crop(each.path, audio.sample_rate, length, 0.0)[0] for each in recordings]

    def compute_mel() -> None:
        for crop in crops:
            transform(torch.from_numpy(crop.astype(np.float32)))

    written, decoded, mel = (_fastest(work, time.process_time) for work in (encode, decode, compute_mel))
    seconds = length * len(recordings)
    return written / seconds, decoded / seconds * audio.seconds, mel / seconds * audio.seconds


def _fastest(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Return the least seconds of a few tries, the first of which may prepare something."""
    tries: list[float] = []
    while len(tries) < TRIES and sum(tries) < LONG:
        begin = clock()
        work()
        tries.append(clock() - begin)
    return min(tries)


def _measure_training(params: Params, backend: Backend) -> dict[int, float]:
    """Seconds to train on a clip, by divisor; where a step would take long, reckoned from a smaller capacity."""
    seconds: dict[int, float] = {}
    smaller = 0
    for divisor in sorted(params.sweep.divisors, reverse=True):
        reckoned = seconds[smaller] * (smaller / divisor) ** GROWTH if smaller else 0.0
        long = reckoned * params.estimator.training.batch_size > LONGEST_STEP
        seconds[divisor] = reckoned if long else _train(params, divisor, backend)
        smaller = divisor
    return seconds


def _train(params: Params, divisor: int, backend: Backend) -> float:
    settings = params.estimator.training
    shape = settings.batch_size, params.mel.n_mels, params.frames(params.audio.seconds)
    mels = np.random.default_rng(0).normal(size=shape).astype(np.float16)
    network = Network(**params.network(divisor)).build()
    objective = embedding_objective(torch.ones(len(mels), params.als.factors, device=backend.device))

    def train(steps: int) -> None:
        optimisation = replace(Optimisation(**settings.model_dump()), epochs=1, patience=1)
        rows = np.tile(np.arange(len(mels)), steps)
        Trainer(optimisation, backend).fit(network, objective, mels, rows, rows[:1], 0, "measuring")

    def clock() -> float:
        return time.process_time() / backend.threads if backend.device.type == "cpu" else time.perf_counter()

    train(1)  # prepares kernels
    begin = clock()
    train(1)
    steps = int(np.clip(LONG / TRIES / (clock() - begin), 1, 32))
    return _fastest(lambda: train(steps), clock) / (steps * len(mels))


if __name__ == "__main__":
    main()
