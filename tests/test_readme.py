"""The first five minutes of README with a model: every line of them runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from model_world import write_model

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.split("## Features of any music, in five minutes")[1].split("\n## ")[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Six sounds of two kinds, their labels, a listener's log and a model."""
    folder = tmp_path_factory.mktemp("minutes")
    (folder / "MUSIC").mkdir()
    noise = np.random.default_rng(0).normal(0, 0.1, (6, 8 * 16000))
    noise[3:] = np.diff(noise[3:], append=0)
    for name, samples in zip("abcdef", noise, strict=True):
        soundfile.write(folder / f"MUSIC/{name}.wav", samples, 16000)
    paths = [f"MUSIC/{name}.wav" for name in "abcdef"]
    pd.DataFrame({"path": paths, "label": ["low"] * 3 + ["high"] * 3}).to_csv(folder / "labels.csv", index=False)
    pd.DataFrame({"path": paths[:2]}).to_csv(folder / "plays.csv", index=False)
    write_model(folder / "models/estimator-div1")
    return folder


def test_the_commands_of_the_readme_run_as_written(folder):
    commands = [line[2:] for line in re.findall(r"```console\n(.*?)```", SECTION, re.DOTALL)[0].splitlines()]
    assert commands[0].startswith("pip install .")
    said = []
    for command in commands[1:]:
        program, *words = shlex.split(command, comments=True)
        assert program == "hearlog"
        done = subprocess.run([sys.executable, "-m", "hearlog.cli", *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.splitlines())
    embedded, similar, recommended = said
    assert embedded == ["features.parquet: embedding of 6 files in 40 dimensions"]
    assert (
        similar[0].split() == ["path", "cosine"]
        and similar[1].split() == ["MUSIC/a.wav", "1.0000"]
        and len(similar) == 6
    )
    assert {row.split()[0] for row in recommended[1:]} == {f"MUSIC/{name}.wav" for name in "cdef"}


def test_the_classifier_of_the_readme_predicts(folder):
    script = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)[0]
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.stdout.strip() == "['low']", done.stderr
