"""What a user can mend about Spark; each in a process of its own, as one has a single Spark."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DAY = "user_id,song_id\n" + "".join(f"u{i % 7},s{i % 5}\n" for i in range(60))


def run(folder, stage="ingest_logs", master="local[2]", memory="1g", **environment):
    """Run a stage in a folder with a small log."""
    params = yaml.safe_load((ROOT / "presets/smoke.yaml").read_text())
    params["logs"] |= {"path": "logs", "engine": "spark", "min_song_plays": 1}
    params["als"] |= {"engine": "spark", "factors": 4, "iterations": 2, "held_out": None}
    params["spark"] = {"master": master, "memory": memory}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "logs/a.csv").write_text(DAY)
    return subprocess.run(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"} | environment,
        capture_output=True,
        text=True,
    )


def test_the_stages_say_nothing_but_their_result(tmp_path):
    done = run(tmp_path)
    assert done.stdout == "logs: 60 rows, 0 rejected; 7 users x 5 songs, 35 interactions\n", done.stderr
    assert not done.stderr
    assert len(list((tmp_path / "data/logs").iterdir())) == 5
    done = run(tmp_path, "factorize")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert np.load(tmp_path / "data/embeddings/songs.npy").shape == (5, 4)
    assert len(list((tmp_path / "data/embeddings").iterdir())) == 5


def test_a_master_that_does_not_answer_is_named(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    assert (
        f"spark.master spark://{place}: no master answers ({place}: " in run(tmp_path, master=f"spark://{place}").stderr
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"master": "nonsense"}, "does not start with spark.master nonsense"),
        ({"memory": "100m"}, "does not start with spark.master local[2] and spark.memory 100m: "),
        ({"JAVA_HOME": "/nowhere"}, "there is none below JAVA_HOME, /nowhere: apt-get install openjdk-17-jre-headless"),
    ],
)
def test_what_keeps_spark_from_starting(tmp_path, changes, message):
    done = run(tmp_path, **changes)
    assert done.returncode == 1 and message in done.stderr
    assert "Traceback" not in done.stderr
    assert not any((tmp_path / folder).exists() for folder in ("data/logs", "data/.logs"))


def test_without_java_it_is_said_what_to_install(tmp_path):
    (tmp_path / "bin").mkdir()
    shutil.copy(shutil.which("env"), tmp_path / "bin")
    assert "there is none in PATH" in run(tmp_path, PATH=str(tmp_path / "bin"), JAVA_HOME="").stderr
