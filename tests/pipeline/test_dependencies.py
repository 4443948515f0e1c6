"""Code dependencies of dvc.yaml, as `make deps` writes them."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from hearlog.pipeline import dependencies
from hearlog.pipeline.dependencies import COARSE, PIPELINES, WHOLE, code_of, inside, written
from hearlog.pipeline.modules import is_infrastructure
from hearlog.pipeline.program import Program, imported_files
from hearlog.pipeline.sources import is_code, working_tree

ROOT = Path(__file__).parents[2]
PROGRAM = Program(working_tree(ROOT))


@cache
def stages() -> dict[str, dict]:
    described = {}
    for path in PIPELINES:
        described |= yaml.safe_load((ROOT / path).read_text())["stages"]
    return {name: stage.get("do", stage) for name, stage in described.items()}


def listed(name: str) -> list[str]:
    return [entry for entry in stages()[name]["deps"] if is_code(entry)]


def files_of(entry: str) -> set[str]:
    return {entry} if entry.endswith(".py") else inside(PROGRAM, entry)


def imports(name: str) -> set[str]:
    module = stages()[name]["cmd"].split()[2]
    return imported_files(PROGRAM, PROGRAM.stage(module))


@pytest.mark.parametrize("path", PIPELINES)
def test_the_dependencies_are_those_that_make_deps_writes(path):
    text = (ROOT / path).read_text()
    assert written(text, PROGRAM) == text, "run: make deps"


@pytest.mark.parametrize("name", stages())
def test_a_stage_depends_on_the_code_it_imports(name):
    modules = {path for path in imports(name) if path.endswith(".py")}
    assert modules <= set().union(*map(files_of, listed(name)))


@pytest.mark.parametrize("name", sorted(stages().keys() - COARSE))
def test_an_exact_stage_lists_nothing_that_it_does_not_import(name):
    exact = [entry for entry in listed(name) if entry not in WHOLE]
    assert set().union(*map(files_of, exact)) <= imports(name)


def test_packages_that_training_runs_again_for_are_listed_whole():
    more = {"stages/embed.py": "from hearlog.training import loader"}
    more |= {f"src/hearlog/training/{name}.py": "x = 1" for name in ("loop", "loader")}
    assert code_of(tree(**more), "stages.embed") == ["stages/embed.py", "src/hearlog/training"]


@pytest.mark.parametrize("name", stages())
def test_no_stage_depends_on_infrastructure(name):
    entries = listed(name)
    folders = tuple(f"{entry}/" for entry in entries)
    below = [path for path in PROGRAM.files if path in entries or path.startswith(folders)]
    assert not any(map(is_infrastructure, below))


def test_every_coarse_stage_is_one_of_the_pipeline():
    assert stages().keys() >= COARSE


@pytest.mark.parametrize("name", stages())
def test_a_stage_says_in_words_what_it_does(name):
    assert stages()[name]["desc"].endswith(".")


def test_no_stage_depends_on_the_runtime():
    assert not any(str(p).startswith("runtime") for stage in stages().values() for p in stage.get("params", []))


def test_dvc_finds_every_stage_that_of_the_embedded_data_set_too():
    command = [sys.executable, "-m", "dvc", "stage", "list", "--all"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "make_demo" in listing and "transfer@gtzan-kd-1" in listing


def test_no_gitignore_line_hides_a_dvc_file():
    lines = (ROOT / "data/.gitignore").read_text().splitlines()
    assert not any(set("*?[!") & set(line) for line in lines), "DVC then ignores data/demo/dvc.yaml without a word"


def test_templates_of_plots_are_dvcs_own_or_in_the_repository():
    named = [
        settings["template"]
        for stage in stages().values()
        for plot in stage.get("plots", [])
        for settings in plot.values()
        if "template" in settings
    ]
    files = {path.stem: json.loads(path.read_text()) for path in (ROOT / ".dvc/plots").glob("*.json")}
    assert set(named) - set(files) <= {"bar_horizontal", "scatter"}
    assert set(files) <= set(named)
    assert all(template["data"] == {"values": "<DVC_METRIC_DATA>"} for template in files.values())


# ---- a small tree

TREE = {
    "stages/__init__.py": "def run(main): main()",
    "stages/train.py": "from hearlog.nets import network\nimport hearlog.nets.parts.first, hearlog.single",
    "stages/page.py": "from hearlog.nets import network\nimport hearlog.util.files\nfrom hearlog.logs import reading",
    "src/hearlog/__init__.py": "x = 1",
    "src/hearlog/single.py": "from hearlog.util.errors import InputError\n",
    "src/hearlog/nets/__init__.py": '"""Models."""\n',
    "src/hearlog/nets/network.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hearlog import logs",
    "src/hearlog/nets/table.csv": "1,2",
    "src/hearlog/nets/parts/first.py": "FACTOR = 1",
    "src/hearlog/logs/__init__.py": "CHUNK = 1",
    "src/hearlog/logs/reading.py": "NAME = 'names.csv'",
    "src/hearlog/logs/other.py": "CHUNK = 1",
    "src/hearlog/logs/names.csv": "1,2",
    "src/hearlog/util/files.py": "def read():\n    from hearlog.util import errors",
    "src/hearlog/util/errors.py": "class InputError(Exception): pass",
}


def tree(**changes: str) -> Program:
    return Program({path: text.encode() for path, text in (TREE | changes).items()})


def test_the_largest_folder_that_a_stage_imports_whole_is_listed():
    assert code_of(tree(), "stages.train") == ["stages/train.py", "src/hearlog/nets", "src/hearlog/single.py"]


def test_a_folder_with_a_module_more_is_listed_by_files():
    more = {"src/hearlog/nets/card.py": "x = 1"}
    expected = ["src/hearlog/nets/network.py", "src/hearlog/nets/parts", "src/hearlog/single.py"]
    assert code_of(tree(**more), "stages.train") == ["stages/train.py", *expected]


def test_an_init_with_statements_and_a_data_file_that_is_named_are_listed():
    found = code_of(tree(), "stages.page")
    logs = ["src/hearlog/logs/__init__.py", "src/hearlog/logs/names.csv", "src/hearlog/logs/reading.py"]
    assert found == ["stages/page.py", *logs, "src/hearlog/nets/network.py", "src/hearlog/util/files.py"]


def test_a_coarse_stage_lists_whole_packages_but_none_with_infrastructure():
    found = code_of(tree(), "stages.page", coarse=True)
    assert found == ["stages/page.py", "src/hearlog/logs", "src/hearlog/nets", "src/hearlog/util/files.py"]


PIPELINE = """# A comment.
stages:

  # ---- training
  train:
    foreach: ${tasks}
    do:
      cmd: python -m stages.train ${key}  # a comment
      deps:
        - ${item.path}
        # kept
        - src/hearlog/old.py
        - data/x
      outs: [data/y]

  page:
    cmd: python -m stages.page
    deps: [metrics, stages/page.py]
    outs:
      - report.html
"""
WRITTEN = """# A comment.
stages:

  # ---- training
  train:
    foreach: ${tasks}
    do:
      cmd: python -m stages.train ${key}  # a comment
      deps:
        - ${item.path}
        # kept
        - data/x
        - stages/train.py
        - src/hearlog/nets
        - src/hearlog/single.py
      outs: [data/y]

  page:
    cmd: python -m stages.page
    deps: [metrics, stages/page.py, src/hearlog/logs, src/hearlog/nets, src/hearlog/util/files.py]
    outs:
      - report.html
"""


def test_nothing_but_dependencies_on_code_is_written_and_that_once():
    assert written(PIPELINE, tree()) == WRITTEN
    assert written(WRITTEN, tree()) == WRITTEN


def test_a_stage_without_dependencies_is_given_them():
    text = "stages:\n  train:\n    cmd: python -m stages.train\n    outs: [x]\n"
    lines = written(text, tree()).splitlines()
    assert lines[3:5] == ["    deps:", "      - stages/train.py"] and lines[-1] == "    outs: [x]"


def test_check_lists_the_stages_that_differ_and_writes_nothing(tmp_path, monkeypatch, capsys):
    for path, text in {**TREE, "dvc.yaml": PIPELINE}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert dependencies.main(["--check"]) == 1
    printed = capsys.readouterr().out
    assert "dvc.yaml: train: + stages/train.py" in printed and "- src/hearlog/old.py" in printed
    assert printed.endswith("Run: make deps\n")
    assert (tmp_path / "dvc.yaml").read_text() == PIPELINE
    assert dependencies.main([]) == 0
    assert (tmp_path / "dvc.yaml").read_text() == WRITTEN
    assert dependencies.main(["--check"]) == 0
