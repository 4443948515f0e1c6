"""`hearlog accept`, in a small repository with a real git and a real DVC."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hearlog.cli import main
from hearlog.pipeline.dependencies import written
from hearlog.pipeline.program import Program
from hearlog.pipeline.recorded import Stage
from hearlog.pipeline.sources import working_tree
from hearlog.pipeline.unchanged import Verdict, accept, describe, other_changes
from hearlog.util.errors import InputError

FILES = {
    ".dvcignore": "__pycache__/\n*.pyc\n",
    ".gitignore": "__pycache__/\n",
    "params.yaml": "seed: 1\nother: 1\n",
    "dvc.yaml": """stages:
  train:
    matrix:
      task: [1, 2]
    cmd: python -m stages.train ${item.task}
    deps:
      - data/demo/songs.txt
    params: [seed]
    outs: ["data/${item.task}.txt"]
""",
    "data/demo/dvc.yaml": """stages:
  make_demo:
    wdir: ../..
    cmd: python -m stages.make_demo
    outs: [data/demo/songs.txt]
""",
    "stages/__init__.py": "import sys\nsys.path.insert(0, 'src')\n",
    "stages/make_demo.py": '''"""Make songs."""
from pathlib import Path
from hearlog.sums.numbers import double


def main():
    """Write them."""
    Path("data/demo/songs.txt").write_text(str(double(3)))


if __name__ == "__main__":
    main()
''',
    "stages/train.py": '''"""Train."""
import sys
from pathlib import Path
from hearlog.losses import FACTOR
from hearlog.sums.numbers import double


def main(task):
    """Write a number."""
    Path(f"data/{task}.txt").write_text(str(double(FACTOR)) + task)


if __name__ == "__main__":
    main(sys.argv[1])
''',
    "src/hearlog/__init__.py": "",
    "src/hearlog/losses.py": '"""Losses."""\n\nFACTOR = 1.5\n',
    "src/hearlog/sums/__init__.py": '"""Sums."""\n',
    "src/hearlog/sums/numbers.py": 'from hearlog.sums.other import TWO\n\n\ndef double(x):\n    """Twice x."""\n'
    "    return x * TWO\n",
    "src/hearlog/sums/other.py": "TWO = 2\n",
}


def run(*command: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # stages call `python`
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def git(*words: str) -> str:
    return run("git", "-c", "user.name=test", "-c", "user.email=test@localhost", *words)


def dvc(*words: str) -> str:
    return run(sys.executable, "-m", "dvc", *words)


def outdated() -> set[str]:
    return set(json.loads(dvc("status", "--json")))


def write_dependencies() -> None:
    for path in map(Path, ("dvc.yaml", "data/demo/dvc.yaml")):
        path.write_text(written(path.read_text(), Program(working_tree(Path()))))


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A pipeline that has run, all of it committed."""
    folder = tmp_path_factory.mktemp("pipeline")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for path, text in FILES.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text)
        write_dependencies()
        git("init", "--quiet")
        dvc("init", "--quiet")
        dvc("repro", "--all-pipelines")
        git("add", "--all")
        git("commit", "--quiet", "--message", "ran")
    return folder


@pytest.fixture
def world(repository, monkeypatch):
    """That pipeline, as it was after its run."""
    monkeypatch.chdir(repository)
    git("reset", "--quiet", "--hard")
    git("clean", "--quiet", "-d", "--force")
    return repository


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


def test_a_docstring_is_accepted_and_nothing_runs_again(world):
    assert "- src/hearlog/sums\n" in Path("dvc.yaml").read_text(), "a folder is among the dependencies"
    edit("src/hearlog/sums/numbers.py", "Twice x.", "Double x.")
    edit("stages/make_demo.py", "Write them.", "Write the songs.")
    before = Path("dvc.lock").read_text()
    assert accept(dry_run=True).endswith("\n3 of 3 stages would be accepted, 0 run again")
    assert Path("dvc.lock").read_text() == before
    assert accept() == (
        "accepted      train (2)  computes the same\n"
        "accepted      make_demo  computes the same\n"
        "3 of 3 stages accepted, 0 run again"
    )
    assert outdated() == set()
    assert "Running stage" not in dvc("repro", "--all-pipelines")
    assert accept() == "All 3 stages are up to date: there is nothing to accept"


def test_a_constant_is_named_and_not_accepted(world, capsys):
    edit("src/hearlog/losses.py", "FACTOR = 1.5", "FACTOR = 1.25")
    edit("src/hearlog/sums/numbers.py", "Twice x.", "Double x.")
    before = Path("dvc.lock").read_text()
    assert main(["accept"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "accepted      make_demo  computes the same",
        "runs again    train (2)  src/hearlog/losses.py: FACTOR changed",
        "1 of 3 stages accepted, 2 run again",
    ]
    assert Path("dvc.lock").read_text() == before
    assert outdated() == {"train@1", "train@2"}


def test_a_moved_module_is_accepted(world):
    Path("src/hearlog/model").mkdir()
    Path("src/hearlog/losses.py").rename("src/hearlog/model/terms.py")
    edit("stages/train.py", "hearlog.losses import FACTOR", "hearlog.model import terms")
    edit("stages/train.py", "FACTOR", "terms.FACTOR")
    assert "dvc.yaml does not list src/hearlog/model/terms.py. Run: make deps" in accept(["train"])
    write_dependencies()
    git("add", "--all")
    git("commit", "--quiet", "--message", "move")
    assert accept(["train"]) == "accepted      train (2)  computes the same\n2 of 2 stages accepted, 0 run again"
    assert outdated() == set()
    git("reset", "--quiet", "--hard", "HEAD~1")


def test_changed_params_are_named_and_a_docstring_with_them_is_not_accepted(world):
    edit("params.yaml", "seed: 1", "seed: 2")
    edit("src/hearlog/losses.py", "Losses.", "The losses.")
    assert accept(["train@1"]).splitlines() == [
        "runs again    train  params.yaml: seed changed",
        "0 of 1 stages accepted, 1 run again",
    ]


def test_missing_outputs_are_reported(world):
    edit("src/hearlog/losses.py", "Losses.", "The losses.")
    Path("data/1.txt").unlink()
    try:
        assert accept(dry_run=True).splitlines() == [
            "would accept  train  computes the same",
            "runs again    train  data/1.txt: output missing. Try: dvc checkout",
            "1 of 3 stages would be accepted, 1 run again",
        ]
    finally:
        dvc("checkout", "--quiet")


def test_results_of_code_that_was_never_committed_need_a_revision(world):
    edit("src/hearlog/losses.py", "Losses.", "The losses.")
    lock = Path("dvc.lock").read_text()
    recorded = lock.split("src/hearlog/losses.py\n      hash: md5\n      md5: ")[1][:32]
    Path("dvc.lock").write_text(lock.replace(recorded, "f" * 32))
    assert "train (2)  no commit has the code that made its results" in accept(["train"], dry_run=True)
    assert accept(["train"], dry_run=True, since="HEAD").startswith("would accept  train (2)")
    with pytest.raises(InputError, match="nowhere: not a commit"):
        accept(since="nowhere")


def test_an_unknown_stage_is_refused_with_those_there_are(world):
    with pytest.raises(InputError, match=r"tarin: no stage that has run\. Name some of: train, make_demo"):
        accept(["tarin"])


def test_without_a_lock_file_or_git_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").touch()
    assert main(["accept"]) == 1
    assert capsys.readouterr().err == "hearlog: dvc.lock: not found, so no stage has run here. Run: dvc repro\n"
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(InputError, match=r"not in a git repository\. Run it in a clone"):
        accept()


def test_data_outputs_and_commands_that_changed_are_named():
    changes = [
        {"changed deps": {"data/x": "modified", "params.yaml": {"seed": "modified"}, "src/hearlog/a.py": "modified"}},
        {"changed outs": {"data/y": "modified"}},
        "changed command",
    ]
    reasons = ["changed command", "params.yaml: seed changed", "data/x: data changed", "data/y: output changed"]
    assert other_changes(changes) == reasons


def test_long_reasons_are_cut_and_stages_that_never_ran_are_counted():
    stage = Stage("train@1", "train", "stages.train", {}, ())
    text = describe([Verdict(stage, False, tuple(f"file {i}" for i in range(14)))], ["page"], 5, dry_run=False)
    assert text.splitlines()[0] == "runs again    train  file 0"
    assert text.splitlines()[12:] == [
        "                     and 2 more",
        "runs again    page   has never run",
        "0 of 5 stages accepted, 2 run again",
    ]
