"""`hearlog jobs` on small pipelines of shell commands, run, failed, ended and killed for real."""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
import psutil
import pytest
import yaml
from dvc.repo import Repo

from hearlog.pipeline import processes as job_processes
from hearlog.runtime import shares

ROOT = Path(__file__).parents[2]
RANDOM = np.random.default_rng()  # of no fixed seed: every run kills at other moments
PATIENCE = 30  # seconds; only a failing test waits so long


def heed_interrupts() -> None:
    """As in a terminal: what a shell starts in the background ignores SIGINT, and so would all below it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def is_marked(environment: dict[str, str], mark: str) -> bool:
    return environment.get(job_processes.MARK, "").startswith(mark)


class Pipeline:
    """A DVC repository whose stages are shell commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        Repo.init(folder, no_scm=True)
        settings = ["no_scm = true", "analytics = false", "check_update = false"]  # no test calls home
        (folder / ".dvc/config").write_text("\n".join(["[core]", *settings]))
        (folder / "input").write_text("one")
        os.mkfifo(folder / "trainer")

    def write(self, **stages: dict) -> None:
        (self.folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))

    def start(self, *words: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "hearlog.cli", "jobs", "2", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=self.folder, preexec_fn=heed_interrupts, **pipes)

    def run(self, *words: str, status: int = 0) -> str:
        process = self.start(*words)
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == status, output
        return output

    def open_trainer(self) -> TextIO:
        """Wait for a stage that writes its process id into the pipe."""
        pipe = os.open(self.folder / "trainer", os.O_RDONLY | os.O_NONBLOCK)
        assert select.select([pipe], [], [], PATIENCE)[0], "the stage did not start"
        os.set_blocking(pipe, True)
        return os.fdopen(pipe)

    def trainer(self) -> psutil.Process:
        with self.open_trainer() as pipe:
            return psutil.Process(int(pipe.readline()))

    def recorded(self) -> set[str]:
        lock = self.folder / "dvc.lock"
        return set(yaml.safe_load(lock.read_text())["stages"]) if lock.exists() else set()

    def processes(self) -> list[psutil.Process]:
        """Those that `hearlog jobs` has started."""
        mark = f"{self.folder}:"
        return [each for each in psutil.process_iter(["environ"]) if is_marked(each.info["environ"] or {}, mark)]

    def outdated(self) -> dict:
        with Repo(str(self.folder)) as repo:
            return repo.status()

    def read(self, name: str) -> str:
        return (self.folder / name).read_text().strip()


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    yield (pipeline := Pipeline(tmp_path))
    for process in pipeline.processes():
        process.kill()


def stage(cmd: str, deps: list[str], out: str, **more: object) -> dict:
    return {"cmd": cmd, "deps": deps, "outs": [out], **more}


# Says its process id and stays, until a file `go` lets the next one end.
TRAINER = stage("[ -e go ] || { echo $$ > trainer; exec sleep 1000; }; echo trained > model", ["input"], "model")
DATA = stage("cat input > data", ["input"], "data")


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE  # dead, and nobody asked how it ended


def worker_above(process: psutil.Process) -> psutil.Process:
    return next(parent for parent in process.parents() if "hearlog.pipeline.worker" in parent.cmdline())


def test_independent_stages_overlap_each_on_its_share_and_all_are_recorded(pipeline):
    meet = "touch here-${item.x}; until [ -e here-a ] && [ -e here-b ]; do sleep 0.02; done; "
    cores = f"{sys.executable} -c 'import os; print(*getattr(os, \"sched_getaffinity\", lambda _: [])(0))'"
    write = f"echo $(cat data) $CUDA_VISIBLE_DEVICES $({cores}) > side-${{item.x}}"
    both = stage(meet + write, ["data"], "side-${item.x}", matrix={"x": ["a", "b"]})
    last = stage(f"cat side-a side-b > last; {cores} > cores", ["side-a", "side-b"], "last")
    pipeline.write(last=last, side=both, data=DATA)
    pipeline.run("--gpus", "5,7")  # one after the other, the two would wait for each other for ever

    assert pipeline.recorded() == {"data", "side@a", "side@b", "last"}
    assert pipeline.outdated() == {}
    (input_a, gpu_a, *cores_a), (input_b, gpu_b, *cores_b) = (pipeline.read(f"side-{x}").split() for x in "ab")
    assert (input_a, input_b, {gpu_a, gpu_b}) == ("one", "one", {"5", "7"})
    if shares.BINDS and len(os.sched_getaffinity(0)) > 1:
        assert {*cores_a} | {*cores_b} == {str(core) for core in os.sched_getaffinity(0)}
        assert {*cores_a}.isdisjoint(cores_b)
        assert {*pipeline.read("cores").split()} == {*cores_a, *cores_b}, "what never runs beside others has all cores"

    assert "out of date: 0 of 4" in pipeline.run()
    (pipeline.folder / "input").write_text("two")
    assert re.search(r"\[4/4\] .*last: \d", pipeline.run()), (
        "what depends on a change runs, though it was up to date before"
    )
    assert pipeline.outdated() == {}


def test_after_a_failure_the_rest_goes_on_and_the_stages_own_error_is_shown(pipeline):
    bad = stage("echo the label column is missing; exit 3", ["data"], "bad")
    needs_bad = stage("cp bad after", ["bad"], "after")
    apart = stage("cp data apart", ["data"], "apart")
    pipeline.write(bad=bad, after=needs_bad, apart=apart, data=DATA)
    output = pipeline.run(status=1)
    assert "\n    the label column is missing\n" in output
    assert "hearlog: failed: bad. Not run, as they need them: after. Fix the cause" in output
    assert pipeline.recorded() == {"data", "apart"}

    pipeline.write(bad=bad | {"cmd": "cp data bad"}, after=needs_bad, apart=apart, data=DATA)
    assert "out of date: 2 of 4" in pipeline.run()
    assert pipeline.recorded() == {"data", "apart", "bad", "after"}
    assert pipeline.outdated() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_dvc_and_the_trainer_too(pipeline, number):
    pipeline.write(train=TRAINER)
    scheduler = pipeline.start()
    trainer = pipeline.trainer()
    worker = worker_above(trainer)
    assert "running in this folder already" in pipeline.run(status=1)
    scheduler.send_signal(number)
    scheduler.communicate(timeout=PATIENCE)
    assert scheduler.returncode == 128 + number
    assert not lives(trainer)
    assert not lives(worker)


def test_a_stage_whose_worker_is_killed_has_failed_and_its_trainer_ends_and_the_rest_goes_on(pipeline):
    pipeline.write(train=TRAINER, **{name: stage("cat input > " + name, ["input"], name) for name in "ab"})
    scheduler = pipeline.start()
    trainer = pipeline.trainer()
    worker_above(trainer).kill()
    assert "failed: train." in scheduler.communicate(timeout=PATIENCE)[0]
    assert scheduler.returncode == 1
    assert not lives(trainer)
    assert pipeline.recorded() == {"a", "b"}


@pytest.mark.parametrize("worker_too", [False, True])
def test_after_kill_9_a_rerun_ends_what_lives_on_and_finishes(pipeline, worker_too):
    pipeline.write(train=TRAINER)
    scheduler = pipeline.start()
    trainer = pipeline.trainer()
    worker = worker_above(trainer)
    for process in (scheduler, *([worker] if worker_too else [])):
        process.kill()
        process.wait()
    scheduler.stdout.close()
    assert lives(trainer)

    (pipeline.folder / "go").touch()
    assert "processes that an earlier, killed run had left" in pipeline.run()
    assert not lives(trainer)
    assert not lives(worker)
    assert pipeline.read("model") == "trained"
    assert pipeline.recorded() == {"train"}
    assert pipeline.outdated() == {}


def test_a_worker_whose_scheduler_is_killed_records_its_stage_and_ends(pipeline):
    waits = "echo $$ > trainer; until [ -e go ]; do sleep 0.02; done; echo trained > model"
    pipeline.write(train=stage(waits, ["input"], "model"), after=stage("cp model after", ["model"], "after"))
    scheduler = pipeline.start()
    worker = worker_above(pipeline.trainer())
    scheduler.kill()
    scheduler.communicate()
    (pipeline.folder / "go").touch()
    worker.wait(PATIENCE)
    assert pipeline.recorded() == {"train"}


def test_runs_killed_at_any_moment_leave_a_whole_lock_file_and_lose_no_stage_that_it_has(pipeline):
    names = [f"stage{number}" for number in range(8)]
    pipeline.write(**{name: stage(f"echo {name} >> runs; cat input > {name}", ["input"], name) for name in names})
    recorded = set()
    for count in (2, 5):
        scheduler = pipeline.start()
        while len(recorded) < count:
            recorded = pipeline.recorded()  # fails on a lock file that is cut off
        time.sleep(RANDOM.uniform(0, 0.2))
        scheduler.kill()
        for process in pipeline.processes():
            process.kill()
        scheduler.communicate()
        recorded = pipeline.recorded()
    before = pipeline.read("runs").split()
    pipeline.run()
    ran = pipeline.read("runs").split()[len(before) :]
    assert recorded.isdisjoint(ran)
    assert pipeline.recorded() == {*names}
    assert pipeline.outdated() == {}


def test_what_was_not_recorded_when_a_kill_came_is_restored_from_the_run_cache(pipeline):
    pipeline.write(data=DATA | {"cmd": "echo ran >> runs; cat input > data"})
    pipeline.run()
    (pipeline.folder / "dvc.lock").unlink()
    (pipeline.folder / ".dvc/tmp/rwlock").write_text('{"read": {"/wh')  # DVC writes this file in place
    assert "data: from DVC's run cache" in pipeline.run()
    assert pipeline.recorded() == {"data"}
    assert pipeline.outdated() == {}
    assert pipeline.read("runs") == "ran"


def test_the_lock_file_is_that_of_dvc_repro(pipeline, tmp_path):
    (tmp_path / "params.yaml").write_text("a: &list [1, 1e-5]\nb: *list\nyes: {c: 'no', d: null}\n")
    text = "é: 'x' \"y\" # z " + "word " * 30
    data = stage(["cat input > 'a b'", f"# {text}"], ["input"], "a b", params=["a", "b", "yes"])
    copies = stage("cp '${item.from}' '${item.to}'", ["${item.from}"], "${item.to}")
    both = {"foreach": {"x-1": {"from": "a b", "to": "1"}, "2": {"from": "1", "to": "null"}}, "do": copies}
    pipeline.write(data=data, copies=both)
    pipeline.run()
    ours = pipeline.read("dvc.lock")
    with Repo(str(tmp_path)) as repo, contextlib.chdir(tmp_path):
        repo.reproduce(force=True)
    assert pipeline.read("dvc.lock") == ours
    (tmp_path / "dvc.lock").unlink()
    with Repo(str(tmp_path)) as repo, contextlib.chdir(tmp_path):
        repo.reproduce()
    assert pipeline.read("dvc.lock") == ours


def test_a_lock_file_with_the_marks_of_a_merge_is_left_to_the_user(pipeline):
    pipeline.write(data=DATA)
    (pipeline.folder / "dvc.lock").write_text("<<<<<<< HEAD\n")
    assert "hearlog: " in pipeline.run(status=1)
    assert pipeline.read("dvc.lock") == "<<<<<<< HEAD"


@pytest.mark.parametrize(("alive", "kept"), [(False, False), (True, True)])
def test_a_lock_of_dvc_lives_as_long_as_a_dvc_of_its_number(pipeline, tmp_path, alive, kept):
    program = tmp_path / "dvc"  # a stranger has taken the number of a dvc that is gone, or dvc still has it
    program.write_text("import sys; sys.stdin.read()")
    command = [sys.executable, program] if alive else [sys.executable, "-c", program.read_text()]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE)
    path = tmp_path / ".dvc/tmp/rwlock"
    path.write_text(json.dumps({"write": {"model": {"pid": holder.pid, "cmd": "dvc repro -s train"}}}))
    with Repo(str(tmp_path)) as repo:
        job_processes.clear_stale_locks(repo)
    holder.communicate()
    assert path.exists() == kept


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])  # one makes way for its command, the other may wait for it
def test_a_stage_ends_with_the_dvc_that_started_it(pipeline, shell):
    text = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
import stages

with open("trainer", "w") as pipe:
    print(os.getpid(), file=pipe, flush=True)
    signal.pause()
"""
    (pipeline.folder / "stage.py").write_text(text)
    pipeline.write(train=stage(f"{sys.executable} stage.py", ["stage.py"], "model"))
    environment = os.environ | {"SHELL": shell}
    dvc = subprocess.Popen([sys.executable, "-m", "dvc", "repro"], cwd=pipeline.folder, env=environment)
    pipe = pipeline.open_trainer()
    assert dvc.pid in [parent.pid for parent in psutil.Process(int(pipe.readline())).parents()]
    dvc.kill()
    dvc.wait()
    assert select.select([pipe], [], [], PATIENCE)[0], "the stage still holds the pipe open"
    assert pipe.read() == ""
    pipe.close()


def test_a_line_tells_of_each_stage_what_runs_now_and_the_time_that_is_left(pipeline):
    pipeline.write(data=DATA, train=stage("cat data > model", ["data"], "model"))
    estimates = pipeline.folder / ".dvc/tmp/estimates.json"
    estimates.write_text(json.dumps({"data": 1.0, "train": 3600.0}))
    lines = pipeline.run().splitlines()
    assert lines[0] == "Stages out of date: 2 of 2"
    assert re.fullmatch(r"\[1/2\] 0:\d\d  data: \d s\. About (59|6\d) min left\. Now: train \(0:00\)", lines[1])
    assert re.fullmatch(r"\[2/2\] 0:\d\d  train: \d s", lines[2])
    assert re.fullmatch(r"All stages are up to date after 0:\d\d", lines[3])
    assert len(lines) == 4

    estimates.write_text("[")
    (pipeline.folder / "input").write_text("two")
    assert ". Now: train (0:00)" in pipeline.run()


def test_a_terminal_shows_in_its_last_line_what_runs(pipeline):
    pipeline.write(train=TRAINER)
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (20, 50))
    command = [sys.executable, "-m", "hearlog.cli", "jobs", "2"]
    process = subprocess.Popen(command, cwd=pipeline.folder, stdout=theirs, stderr=theirs)
    pipeline.trainer()
    shown = ""
    while "Now: train (0:01)" not in shown:
        assert select.select([ours], [], [], PATIENCE)[0], shown
        shown += os.read(ours, 1000).decode()
    process.terminate()
    process.wait(PATIENCE)
    shown += os.read(ours, 1000).decode()
    os.close(ours)
    os.close(theirs)
    assert "\rStages out of date: 1 of 1\r\n" in shown
    assert max(map(len, re.split("[\r\n]", shown))) <= 50
