"""How long each stage takes, from how much it has to do and the measured speeds of the machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hearlog.params import Params
from hearlog.params.blocks import Training
from hearlog.pipeline.lock import cell_stage
from hearlog.plan import workload
from hearlog.plan.measure import Speeds
from hearlog.plan.workload import EVALUATE, LogSize
from hearlog.transfer.methods import METHODS

TYPICAL_EPOCHS = 0.8  # share of the epochs that early stopping leaves
# Measured on 2 cores with AVX-512, where `Speeds.start` is `START_THERE` seconds; another machine is as much slower in
# these as it is in that.
START_THERE = 3.4
READ_ROW = 1.5e-6  # seconds; a row of text logs, one core; Parquet takes half of it
SOLVE = 4e-7  # seconds; a non-zero in an iteration of ALS, one core
FIT = 1.2e-5  # seconds; to fit one linear probe, per training clip and channel, one core
OTHERS = 0.75  # of the time to write a song: to write a file of the labelled data sets, mean of the demo
# Seconds of a stage but for its counted work, in those of `Speeds.start`: imports, DVC's share, and what hardly depends
# on the settings, such as the figures of `report`. Measured on the demo, two stages at a time; 1 for all others.
STARTS = {
    "make_demo": 0.5,
    "ingest_logs": 0.65,
    "factorize": 1.1,
    "read_embeddings": 3.0,
    "select_songs": 0.45,
    "split_songs": 0.25,
    "train_estimator": 1.35,
    "evaluate_estimator": 1.5,
    "list_items": 0.4,
    "split_items": 0.4,
    "scratch": 1.35,
    "transfer": 1.35,
    "frozen": 1.4,
    "list_genres": 0.2,
    "pilot_tags": 1.35,
    "pilot_logs": 1.6,
    "report": 5.3,
    "page": 1.0,
}
MAKE_DEMO = "data/demo/dvc.yaml:make_demo"


class Work(NamedTuple):
    """What a stage does, of one kind, and its seconds: at most, and ``likely`` where training may stop early."""

    stage: str
    kind: str = ""
    most: float = 0.0
    likely: float = 0.0


class StageTime(NamedTuple):
    """Seconds that a stage's process takes to start, and those of its work, at most and as is likely."""

    start: float
    kind: str
    most: float
    likely: float


def stage_times(
    params: Params, clips: Mapping[str, int], logs: LogSize, speeds: Speeds, cores: int
) -> dict[str, StageTime]:
    """Estimate the time of every stage of dvc.yaml.

    Parameters
    ----------
    params
        The settings.
    clips
        Items of each corpus.
    logs
        Size of the logs.
    speeds
        As returned by `hearlog.plan.measure.measure_speeds`.
    cores
        Cores of the machine, all of which generate the embedded data set.

    Returns
    -------
    Times by the address that DVC gives the stage, such as ``transfer@gtzan-kd-1``.
    """
    slower = speeds.start / START_THERE
    works = [
        _of_demo(params, speeds, cores),
        *_of_logs(params, logs, slower / speeds.threads),
        *_of_songs(params, clips, speeds),
        *(work for task in params.tasks for work in _of_task(params, task, clips, speeds, slower)),
        *_of_pilot(params, clips, speeds),
        Work("report"),
        Work("page"),
    ]
    return {work.stage: StageTime(_start(work.stage) * speeds.start, *work[1:]) for work in works}


def _start(stage: str) -> float:
    return STARTS.get(stage.rpartition(":")[2].split("@")[0], 1.0)


def _steady(kind: str, seconds: float) -> tuple[str, float, float]:
    return kind, seconds, seconds


def _trained(training: Training, seconds: float) -> tuple[str, float, float]:
    stops = training.patience < training.epochs
    return "training", seconds * training.epochs, seconds * training.epochs * (TYPICAL_EPOCHS if stops else 1.0)


def _of_demo(params: Params, speeds: Speeds, cores: int) -> Work:
    others = workload.generated_files(params) - params.demo.songs
    seconds = params.demo.seconds * (params.demo.songs + OTHERS * others)
    return Work(MAKE_DEMO, *_steady("generating data", speeds.write * seconds / cores))


def _of_logs(params: Params, logs: LogSize, slower: float) -> Iterator[Work]:
    fits = params.als.iterations * (2 if params.als.held_out else 1)
    yield Work("ingest_logs", *_steady("logs", slower * READ_ROW * logs.rows))
    yield Work("factorize", *_steady("ALS", slower * SOLVE * logs.most_non_zeros * fits))
    yield Work("read_embeddings")


def _of_songs(params: Params, clips: Mapping[str, int], speeds: Speeds) -> Iterator[Work]:
    count = clips.get("songs", 0)
    yield Work("select_songs")
    yield Work("crop_songs", *_steady("audio", speeds.decode * count / speeds.threads))
    yield Work("mel_songs", *_steady("audio", speeds.mel * count))
    yield Work("split_songs")
    for divisor in params.sweep.divisors:
        seconds = speeds.train[divisor] * workload.trained_songs(params, clips)
        yield Work(f"train_estimator@{divisor}", *_trained(params.estimator.training, seconds))
        yield Work(f"evaluate_estimator@{divisor}")
        yield Work(f"describe_model@{divisor}")


def _of_task(params: Params, task: str, clips: Mapping[str, int], speeds: Speeds, slower: float) -> Iterator[Work]:
    count = clips.get(task, 0)
    trained = workload.trained(params.tasks[task], count)
    yield Work(f"list_items@{task}")
    yield Work(f"crop_audio@{task}", *_steady("audio", speeds.decode * count / speeds.threads))
    yield Work(f"compute_mel@{task}", *_steady("audio", speeds.mel * count))
    yield Work(f"split_items@{task}")
    for divisor in params.sweep.divisors:
        seconds = speeds.train[divisor]
        yield Work(f"embed_clips@{task}-{divisor}", *_steady("embedding", seconds * EVALUATE * count))
        for name, method in METHODS.items():
            runs = len(params.transfer.seeds) if method.epochs else 0
            training = _trained(params.transfer.training, runs * seconds * trained)
            yield Work(cell_stage(task, name, divisor), *training)
    for divisor in params.probe.divisors:
        seconds = speeds.train[divisor] * EVALUATE * workload.passed_by_probes(params, task, clips)
        fits = slower * FIT * workload.fitted_by_probes(params, task, clips) * params.model.channels / divisor
        yield Work(f"probe@{task}-{divisor}", *_steady("probing", seconds + fits))


def _of_pilot(params: Params, clips: Mapping[str, int], speeds: Speeds) -> Iterator[Work]:
    """List the work of the pilot experiment, as if the catalogue knew the genre of every song."""
    yield Work("list_genres")
    for divisor in params.pilot.divisors:
        seconds = speeds.train[divisor]
        yield Work(f"embed_songs@{divisor}", *_steady("embedding", seconds * EVALUATE * clips.get("songs", 0)))
        trained = seconds * len(params.transfer.seeds) * workload.trained_songs(params, clips)
        yield Work(f"pilot_tags@{divisor}", *_trained(params.transfer.training, trained))
        yield Work(f"pilot_logs@{divisor}")
