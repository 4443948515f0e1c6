"""A small world that `make smoke` ran, in a temporary copy of the repository with its own git and DVC."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import networkx as nx
import yaml
from filelock import FileLock

ROOT = Path(__file__).parents[1]
DVC = [sys.executable, "-m", "dvc"]


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    return subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def smoke() -> dict:
    """Params of `make smoke`: two tasks of a small world."""
    return yaml.safe_load((ROOT / "presets/smoke.yaml").read_text())


class Workspace:
    """A copy of the repository that ran the pipeline, with its own git and DVC."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, params: dict) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    def commit(self) -> None:
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", "state")

    def dvc(self, *words: str) -> str:
        return self.run(*DVC, *words)

    def run(self, *command: str) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # stages call `python`
        environment = os.environ | {"PATH": path}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def repro(self, *words: str) -> set[str]:
        """Run what changed; return the names of the stages that ran."""
        return set(re.findall(r"Running stage '(?:data/demo/dvc.yaml:)?([^']+)'", self.dvc("repro", *words)))

    def outdated(self, **changes: object) -> set[str]:
        """Names of the stages whose inputs, with keys of params changed, are not those of their last run."""
        self.change(changes)
        stages = json.loads(self.dvc("status", "--json"))
        return {name for name, changes in stages.items() if any("changed deps" in change for change in changes)}

    def repro_with(self, *targets: str, **changes: object) -> set[str]:
        """Run with keys of params changed."""
        self.change(changes)
        return self.repro(*targets)

    def change(self, changes: dict[str, object]) -> None:
        """Write params.yaml anew with some keys changed, their dots written as double underscores."""
        params = smoke()
        for key, value in changes.items():
            *blocks, last = key.split("__")
            block = params
            for name in blocks:
                block = block[name]
            block[last] = value
        self.write(params)

    def downstream(self, name: str) -> set[str]:
        """Names of the stages that read what a stage writes, directly or not, by DVC's own graph."""
        graph = nx.DiGraph(re.findall(r'"([^"]+)" -> "([^"]+)"', self.dvc("dag", "--dot")))
        return nx.descendants(graph, name)

    def metrics(self, name: str) -> dict:
        return json.loads((self.folder / f"metrics/{name}.json").read_text())


def copy_of_smoke(folder: Path) -> Workspace:
    """Copy what `make smoke` ran; make runs it if something has changed since."""
    with FileLock(ROOT / ".smoke.lock"):  # tests run in several processes
        subprocess.run(["make", "--no-print-directory", ".smoke/report.html"], cwd=ROOT, check=True)
    shutil.copytree(ROOT / ".smoke", folder, symlinks=True, dirs_exist_ok=True)
    workspace = Workspace(folder)
    workspace.commit()
    return workspace
