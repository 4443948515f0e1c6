"""Real training stages, killed by SIGKILL at random moments and run again, in one process and in two."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml

from hearlog.corpora.corpus import Corpus
from hearlog.runtime import checkpoint

ROOT = Path(__file__).parents[2]
ESTIMATOR = ("train_estimator", "1")
CELL = ("transfer", "gtzan", "kd", "1")  # of three folds
EPOCHS = 24
RANDOM = np.random.default_rng()  # of no fixed seed: every run of this test tries other moments
PATIENCE = 60  # seconds; only a failing test waits so long


def write_corpus(folder: Path, ids: list[str], folds: int) -> None:
    """Noise for spectrograms, two classes, and in every fold a third of the clips for validation and for test."""
    corpus = Corpus(folder)
    folder.mkdir(parents=True)
    noise = np.random.default_rng(len(ids)).normal(size=(len(ids), 96, 320))
    np.save(corpus.mel, noise.astype(np.float16))
    np.save(corpus.embeddings(1), noise[:, :40, 0].astype(np.float32))
    parts = ["train", "valid", "test"]
    drawn = {name: [parts[(row + fold) // 2 % 3] for fold in range(folds)] for row, name in enumerate(ids)}
    rows = [(fold, name, "ab"[row % 2], drawn[name][fold]) for fold in range(folds) for row, name in enumerate(ids)]
    pd.DataFrame(rows, columns=["fold", "item_id", "target", "part"]).to_parquet(corpus.splits)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """What the stages read: songs, their embeddings, an estimator, and a task."""
    folder = tmp_path_factory.mktemp("world")
    songs = [f"s{row:02}" for row in range(36)]
    write_corpus(folder / "data/corpora/songs", songs, 1)
    write_corpus(folder / "data/corpora/gtzan", [f"g{row:02}" for row in range(18)], 3)
    (folder / "data/embeddings").mkdir()
    pd.DataFrame({"song_id": songs, "listeners": 1}).to_parquet(folder / "data/embeddings/songs.parquet")
    factors = np.random.default_rng(0).normal(size=(len(songs), 40)).astype(np.float32)
    np.save(folder / "data/embeddings/songs.npy", factors)
    folded_in = {"alpha": 40.0, "regularization": 100.0, "weighted": False, "counts": False}
    (folder / "data/embeddings/fold_in.json").write_text(json.dumps(folded_in))
    write_params(folder, 1)
    subprocess.run(stage(*ESTIMATOR), cwd=folder, env=environment(folder), check=True)
    return folder


def write_params(folder: Path, devices: int) -> None:
    params = yaml.safe_load((ROOT / "presets/smoke.yaml").read_text())
    params["runtime"] |= {"device": "cpu", "threads": devices, "devices": devices}
    for block in ("estimator", "transfer"):
        params[block]["training"] |= {"epochs": EPOCHS, "patience": EPOCHS, "batch_size": 4}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def stage(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"stages.{name}", *arguments]


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(folder), "DVC_STAGE": "as if by dvc repro"}


def copy(world: Path, folder: Path, devices: int) -> Path:
    shutil.copytree(world, folder)
    write_params(folder, devices)
    shutil.rmtree(folder / "plots")
    return folder


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def states(folder: Path) -> dict[Path, int]:
    """When each saved state was written."""
    return {path: path.stat().st_mtime_ns for path in (folder / checkpoint.FOLDER).rglob("*.pt")}


def kill(command: list[str], folder: Path, pause: float) -> None:
    """Run a stage until it has saved a state and ``pause`` seconds longer, and kill it."""
    before = states(folder)
    process = subprocess.Popen(command, cwd=folder, env=environment(folder))
    family = [process.pid]
    end = time.monotonic() + PATIENCE
    while states(folder) == before:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < end, "it saves nothing"
        time.sleep(0.005)
    time.sleep(pause)
    family += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    process.kill()
    assert process.wait() == -signal.SIGKILL, f"it ended within {pause:.3f} s after it had saved a state"
    psutil.wait_procs([psutil.Process(pid) for pid in family if psutil.pid_exists(pid)], timeout=PATIENCE)
    assert not any(map(psutil.pid_exists, family))


def outputs(folder: Path, name: str) -> dict[str, bytes]:
    """Files that a stage writes."""
    roots = {"train_estimator": ("models", "plots"), "transfer": ("data/transfer", "plots", "metrics")}[name]
    files = [path for root in roots for path in sorted((folder / root).rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def assert_goes_on(world: Path, folder: Path, words: tuple[str, ...], devices: int, kills: int) -> Path:
    """Run a stage without a break, and with several; return the folder of the former."""
    whole, broken = (copy(world, folder / name, devices) for name in ("whole", "broken"))
    begin = time.monotonic()
    spoken = run(stage(*words), whole)
    longest = (time.monotonic() - begin) / 20
    for _ in range(kills):
        kill(stage(*words), broken, RANDOM.uniform(0, longest))
    assert run(stage(*words), broken) == spoken
    assert len(spoken.splitlines()) == 1, "the first process alone speaks"
    results = outputs(whole, words[0])
    assert len(results) > 2
    assert outputs(broken, words[0]) == results
    assert states(broken) == {}, "what was saved is gone when the outputs are there"
    return whole


@pytest.mark.parametrize("words", [ESTIMATOR, CELL])
def test_a_stage_killed_at_random_moments_ends_with_the_bytes_of_an_unbroken_one(world, tmp_path, words):
    assert_goes_on(world, tmp_path, words, devices=1, kills=3)


def test_two_processes_killed_together_go_on_and_are_what_torchrun_starts(world, tmp_path):
    whole = assert_goes_on(world, tmp_path, ESTIMATOR, devices=2, kills=1)
    launched = copy(world, tmp_path / "launched", 1)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    run([sys.executable, *torchrun, *stage(*ESTIMATOR)[2:]], launched)
    assert outputs(launched, ESTIMATOR[0]) == outputs(whole, ESTIMATOR[0])
