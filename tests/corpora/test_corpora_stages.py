"""From annotations and catalogue to splits, through the stages as dvc.yaml runs them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A working folder with params, an EmoMusic excerpt and a catalogue of 20 songs."""
    params = yaml.safe_load((ROOT / "presets" / "demo.yaml").read_text(encoding="utf-8"))
    params["songs"] |= {"catalog": "songs.csv", "audio_root": "songs", "sample": 10}
    params["tasks"]["emomusic_genre"] |= {"path": "emomusic", "valid": 0.4}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    shutil.copytree(ROOT / "tests" / "fixtures" / "emomusic", tmp_path / "emomusic")
    (tmp_path / "songs").mkdir()
    ids = [f"{number:04d}" for number in range(20)]
    for song in ids[:15]:
        (tmp_path / "songs" / f"{song}.mp3").touch()
    pd.DataFrame({"song_id": ids, "path": [f"{song}.mp3" for song in ids]}).to_csv(tmp_path / "songs.csv", index=False)
    (tmp_path / "data" / "embeddings").mkdir(parents=True)
    pd.DataFrame({"song_id": [*ids[3:], "x"]}).to_parquet(tmp_path / "data" / "embeddings" / "songs.parquet")
    return tmp_path


def stage(world: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", f"stages.{name}", *arguments],
        cwd=world,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_arguments_of_a_stage_run_by_hand_are_checked(world: Path) -> None:
    for name, arguments, words in (
        ("transfer", ("gtzan", "kdd", "1"), "invalid choice: 'kdd' (choose from 'base', 'fix', 'init', 'kd')"),
        ("pilot", ("kd", "1"), "invalid choice: 'kd'"),
        ("split_items", ("gtzn",), "tasks.gtzn: not in params.yaml, which has "),
        ("crop_audio", ("gtzn",), "tasks.gtzn: not in params.yaml"),
        ("list_items", ("gtzn",), "tasks.gtzn: not in params.yaml"),
    ):
        stopped = stage(world, name, *arguments)
        assert stopped.returncode in (1, 2) and words in stopped.stderr, stopped.stderr[-2000:]


def assert_light(process: subprocess.CompletedProcess[str]) -> None:
    """Some eighty processes make a run: none imports what it does not use."""
    assert "pandas" in process.stderr
    assert "torch" not in process.stderr
    assert "sklearn" not in process.stderr


def metrics(world: Path, name: str) -> dict[str, Any]:
    return json.loads((world / "metrics" / f"{name}.json").read_text(encoding="utf-8"))


def accept_all(world: Path, corpus: str) -> None:
    """Stand in for the crop stage."""
    folder = world / "data" / "corpora" / corpus
    (folder / "crops").mkdir()
    pd.read_parquet(folder / "items.parquet")[["item_id"]].to_parquet(folder / "crops" / "clips.parquet")


def test_task_from_annotations_to_splits(world: Path) -> None:
    listed = stage(world, "list_items", "emomusic_genre")
    assert listed.stdout == "emomusic_genre: 5 items\n"
    assert_light(listed)
    accept_all(world, "emomusic_genre")
    refused = stage(world, "split_items", "emomusic_genre")
    # Three training clips, each the only one of its class.
    assert "tasks.emomusic_genre: valid: 0.4 of 3 train clips leaves no validation part" in refused.stderr
    assert refused.returncode == 1


def test_songs_from_catalogue_to_splits(world: Path) -> None:
    selected = stage(world, "select_songs")
    assert "songs: 10 of 20 in the catalogue" in selected.stdout
    assert metrics(world, "songs") == {
        "catalogue": 20,
        "selected": 10,
        "left_out": {"no_plays": 3, "no_audio": 5, "not_sampled": 2, "not_in_catalogue": 1},
    }
    left_out = pd.read_parquet(world / "data" / "corpora" / "songs" / "left_out.parquet")
    assert len(left_out) == 11
    accept_all(world, "songs")
    split = stage(world, "split_items", "songs")
    assert metrics(world, "splits/songs") == {"folds": 1, "train": 8, "valid": 1, "test": 1, "classes": 0}
    assert_light(selected)
    assert_light(split)
