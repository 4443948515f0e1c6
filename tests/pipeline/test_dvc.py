"""The pipeline's description: does dvc.yaml say what the code does?"""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
# Checks of params, messages, what a killed run goes on from, and where things run: none of these is meant to change a
# result, though another device, precision or number of threads rounds otherwise.
INFRASTRUCTURE = {"stages/__init__.py", "stages/backend.py", "stages/paths.py", "src/hearlog/__init__.py"}
INFRASTRUCTURE |= {"src/hearlog/util/errors.py", "src/hearlog/params/__init__.py"}
MODULES = ("blocks", "bounded_yaml", "log_blocks", "validation")
INFRASTRUCTURE |= {f"src/hearlog/params/{name}.py" for name in MODULES}
INFRASTRUCTURE |= {f"src/hearlog/runtime/{name}.py" for name in ("backend", "processes", "checkpoint", "spark_session")}


def stages() -> dict[str, dict]:
    described = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    described |= yaml.safe_load((ROOT / "data/demo/dvc.yaml").read_text())["stages"]
    return {name: stage.get("do", stage) for name, stage in described.items()}


def imported_files(path: Path) -> set[str]:
    """Files of this repository that a file imports, directly."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    candidates = {f"{base}{name.replace('.', '/')}" for name in names for base in ("", "src/")}
    found = {c + end for c in candidates for end in (".py", "/__init__.py") if (ROOT / (c + end)).is_file()}
    return {
        f for f in found if f.startswith(("stages/", "src/hearlog")) and len(ast.parse((ROOT / f).read_text()).body) > 1
    }


def code_of(stage: dict) -> set[str]:
    """Every file of this repository that a stage's command reads, by its imports."""
    module = stage["cmd"].split()[2]
    seen, waiting = set(), {module.replace(".", "/") + ".py"}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        waiting |= imported_files(ROOT / path) - seen - INFRASTRUCTURE
    return seen


def expand(dependency: str) -> set[str]:
    path = ROOT / dependency
    return {str(p.relative_to(ROOT)) for p in path.rglob("*.py")} if path.is_dir() else {dependency}


@pytest.mark.parametrize("name", stages())
def test_a_stage_depends_on_the_code_it_imports(name):
    stage = stages()[name]
    listed = {d for d in stage["deps"] if d.startswith(("stages/", "src/"))}
    assert set().union(*map(expand, listed)) >= code_of(stage)
    assert all(expand(dependency) & code_of(stage) for dependency in listed), "a module that is not imported"


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
