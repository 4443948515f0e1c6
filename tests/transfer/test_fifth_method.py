"""A further method is a function, a row of the table, a block of params, a word in dvc.yaml and a colour."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import small_world
import yaml

from hearlog.figures.style import COLOURS, MARKERS
from hearlog.params.blocks import Transfer
from hearlog.transfer.methods import METHODS

ROOT = Path(__file__).parents[2]
FUNCTION = """
def both(fold: Fold, weight: float) -> Outcome:
    \"\"\"Start from the estimator's weights, and imitate its embedding.\"\"\"
    return fold.train(fold.copy_of_estimator(), fold.task_loss() + weight * fold.distillation())


@dataclass(frozen=True)
class Method:"""
EDITS = {
    "src/hearlog/transfer/methods.py": [
        ("\n@dataclass(frozen=True)\nclass Method:", FUNCTION),
        ('    "kd": Method(kd),\n', '    "kd": Method(kd),\n    "both": Method(both),\n'),
    ],
    "src/hearlog/params/blocks.py": [("    kd: Kd\n", "    kd: Kd\n    both: Kd\n")],
    "src/hearlog/figures/style.py": [
        ('"kd": "#D55E00"', '"kd": "#D55E00", "both": "#009E73"'),
        ('"kd": "D"', '"kd": "D", "both": "v"'),
    ],
    "dvc.yaml": [("[init, kd", "[init, kd, both")],
}
# All stages in one process, which imports torch once.
RUN_STAGES = """
import json, runpy, sys
for words in json.loads(sys.argv[1]):
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A world that ran through the report by a copy of the code with a fifth method."""
    code, world = (tmp_path_factory.mktemp("fifth") / name for name in ("code", "world"))
    for folder in ("src", "stages"):
        shutil.copytree(ROOT / folder, code / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "dvc.yaml", code / "dvc.yaml")
    for path, edits in EDITS.items():
        edit(code / path, edits)
    small_world.write_inputs(world)
    params = small_world.make_params()
    params["transfer"]["both"] = {"weight": 0.5}
    (world / "params.yaml").write_text(yaml.safe_dump(params))
    stages = [stage for stage in small_world.stages(code) if stage.name != "page"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(code), str(code / "src")])}
    command = [sys.executable, "-c", RUN_STAGES, json.dumps([stage.words for stage in stages])]
    done = subprocess.run(command, cwd=world, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    (world / "said.txt").write_text(done.stdout)
    return world


def edit(path: Path, edits: list[tuple[str, str]]) -> None:
    text = path.read_text()
    for old, new in edits:
        assert text.count(old) == 1, f"{path}: {old}"
        text = text.replace(old, new)
    path.write_text(text)


def test_a_fifth_method_is_trained_compared_drawn_and_reported(extended):
    assert json.loads((extended / "metrics/transfer/own/both-div1.json").read_text())["accuracy"] >= 0
    assert "both" in json.loads((extended / "metrics/report.json").read_text())["accuracy_mean"]
    assert "both-base" in set(pd.read_csv(extended / "plots/tests.tsv", sep="\t")["comparison"])
    assert "both-base" in set(pd.read_csv(extended / "plots/within_tasks.tsv", sep="\t")["comparison"])
    assert "both" in set(pd.read_csv(extended / "plots/figure4.tsv", sep="\t")["method"])
    said = (extended / "said.txt").read_text()
    assert "both - base" in said and re.search(r"base +fix +init +kd +both", said)
    for figure in ("figure4", "differences", "confusion", "curves"):
        assert (extended / f"plots/{figure}.png").is_file()


@pytest.mark.parametrize("method", METHODS)
def test_a_method_has_a_colour_a_marker_a_block_of_params_and_a_place_in_dvc_yaml(method):
    assert method in COLOURS and method in MARKERS and method in Transfer.model_fields
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert method in stages[METHODS[method].stage]["matrix"]["method"]
    for preset in (ROOT / "presets").glob("*.yaml"):
        assert method in yaml.safe_load(preset.read_text())["transfer"]
