"""Tasks and songs whose labels, ids or embeddings are as bad as they can be, through the stages that meet them."""

import json
import math

import children
import numpy as np
import pandas as pd
import pytest
import yaml
from verdicts import STOPPED, assert_stops

FINISHED = "finished, every number finite"
CLIPS = 12
FOLDS = ("list_items", "crop_audio", "split_items")
LANE = [
    *((name, "own") for name in (*FOLDS, "compute_mel")),
    ("embed_clips", "own", "1"),
    ("transfer", "own", "fix", "1"),
]
LONGEST = [*(("transfer", "own", method, "1") for method in ("base", "init", "kd")), ("probe", "own", "1")]


@pytest.fixture
def lane(long_form):
    """The stages of a task to which labels matter; those that take longest in the long form alone."""
    return LANE + long_form * LONGEST


def run(place, *words):
    return children.run(place, f"stages.{words[0]}", *words[1:])


def write_clips(place, **columns):
    """Change columns of the task's table."""
    table = pd.read_csv(place / "clips/items.csv", dtype=str).assign(**columns)
    table.to_csv(place / "clips/items.csv", index=False)


def set_protocol(place, **settings):
    path = place / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["tasks"]["own"] |= settings
    path.write_text(yaml.safe_dump(params))


def stop_somewhere(place, *stages):
    """Run stages of the task until one stops, which must do so with a message; return what it said."""
    for name in stages:
        ended = run(place, name, "own")
        if ended.status:
            assert_stops(ended)
            return ended.said
    raise AssertionError("none of these stages has stopped")


def assert_finite(value, name=""):
    """No number of a metric file is NaN or infinite: JSON has neither."""
    if isinstance(value, dict):
        for key, inner in value.items():
            assert_finite(inner, f"{name}.{key}")
    else:
        assert not isinstance(value, float) or math.isfinite(value), name


def finish(place, *commands):
    """Run stages, all of which must end well and with finite metrics."""
    for words in commands:
        ended = run(place, *words)
        assert ended.status == 0, (words, ended.said)
    for path in (place / "metrics").rglob("*.json"):
        assert_finite(json.loads(path.read_text()), path.name)


BAD_TABLES = {  # of the task: what is changed, and words of the message
    "one class only": ({"genre": ["rock"] * CLIPS}, ("tasks.own", "the same genre")),
    "one item a class": (
        {"genre": [f"class {i}" for i in range(CLIPS)]},
        ("tasks.own", "has 1 clips, fewer than the 2"),
    ),
    "duplicate ids": ({"item_id": [*range(CLIPS - 1), 0]}, ("items.csv, row 12", "stands twice")),
    "ids that differ in spaces alone": ({"item_id": [*range(CLIPS - 1), " 0"]}, ("items.csv, row 12", "stands twice")),
    "an empty id": ({"item_id": [*range(CLIPS - 1), ""]}, ("items.csv, row 12", "has no id")),
    "an empty label": ({"genre": [*["rock", "jazz"] * 5, "rock", ""]}, ("items.csv, row 12", "has no genre")),
    "NaN among numbers": ({"genre": [*np.arange(11) / 2, "nan"]}, ("items.csv, row 12", "no number")),
    "infinity among numbers": ({"genre": [*np.arange(11) / 2, "inf"]}, ("items.csv, row 12", "no number")),
    "every sound missing": (
        {"path": ["nowhere.wav"] * CLIPS},
        ("12 of 12 files cannot be used", "nowhere.wav: missing"),
    ),
    "numbers that are all alike": ({"genre": ["1.5"] * CLIPS}, ("tasks.own", "the same genre")),
}


@pytest.mark.parametrize("fault", BAD_TABLES)
def test_a_table_that_is_no_task_stops_a_stage_and_is_named(place, fault, tried):
    columns, words = BAD_TABLES[fault]
    write_clips(place, **columns)
    said = stop_somewhere(place, *FOLDS)
    assert all(word in said for word in words), said
    tried("tasks", fault, STOPPED)


def test_a_table_without_rows_is_named(place, tried):
    (place / "clips/items.csv").write_text("item_id,path,genre\n")
    assert "items.csv: holds no items" in stop_somewhere(place, *FOLDS)
    tried("tasks", "empty corpus", STOPPED)


ODD_LABELS = ["'", '"', "tab\there", "new\nline", "음악 🎵", "<b>"]


def test_ids_and_labels_of_any_letters_stay_as_they_are(place, lane, tried):
    names = [f"{label}{number}" for number, label in enumerate(ODD_LABELS * 2)]
    write_clips(place, item_id=names, genre=[ODD_LABELS[number % 2] for number in range(CLIPS)])
    finish(place, *lane)
    found = pd.read_parquet(place / "data/transfer/own/fix-div1/predictions.parquet")
    assert sorted(found["item_id"]) == sorted(names)
    assert set(found["truth"]) == set(ODD_LABELS[:2])
    tried("tasks", "ids and labels with quotes, tabs, newlines, unicode", FINISHED)


ABSENT = {  # of three classes: the parts of the clips of the third
    "a class that is nowhere in train": ["test"] * 4,
    "a class that is nowhere in test": ["train"] * 4,
    "a class that is in validation alone": ["valid"] * 4,
}


@pytest.mark.parametrize("fault", ABSENT)
def test_a_fold_may_lack_a_class(place, fault, lane, tried):
    parts = ["train", "train", "valid", "test"]
    genre = np.repeat(["a", "b", "c"], 4)
    write_clips(place, genre=genre, split=[*parts, *parts, *ABSENT[fault]])
    set_protocol(place, protocol="official", folds=None)
    finish(place, *lane)
    tried("tasks", fault, FINISHED)


def test_constant_embeddings_of_clips_are_learned_from_without_a_wrong_number(place, tried):
    finish(place, *((name, "own") for name in FOLDS), ("compute_mel", "own"))
    np.save(place / "data/corpora/own/embeddings-div1.npy", np.ones((CLIPS, 40), np.float32))
    finish(place, *(("transfer", "own", method, "1") for method in ("fix", "kd")))
    scores = json.loads((place / "metrics/transfer/own/fix-div1.json").read_text())
    assert scores["accuracy"] == 0.5, "nothing to tell the two classes by"
    tried("tasks", "constant embeddings", FINISHED)


CONSTANT = {"all ones": 1.0, "all tiny": 1e-30}


@pytest.mark.parametrize("fault", CONSTANT)
def test_constant_embeddings_of_songs_are_learned_from(place, fault, tried):
    path = place / "data/embeddings/songs.npy"
    np.save(path, np.full_like(np.load(path), CONSTANT[fault]))
    finish(place, ("train_estimator", "1"), ("evaluate_estimator", "1"))
    tried("songs", f"constant embeddings, {fault}", FINISHED)


def test_embeddings_that_are_all_zero_are_named(place, tried):
    path = place / "data/embeddings/songs.npy"
    np.save(path, np.zeros_like(np.load(path)))
    ended = run(place, "train_estimator", "1")
    assert_stops(ended, "data/embeddings", "all zero")
    tried("songs", "constant embeddings, all zero", STOPPED)


BAD_CATALOGUES = {
    "all songs without logs": (lambda table: table.assign(song_id="x" + table["song_id"]), "24 have no plays"),
    "duplicate ids": (lambda table: pd.concat([table, table.head(1)]), "is the song_id of an earlier row"),
    "no rows": (lambda table: table.head(0), "no song has both plays and audio"),
    "all songs without audio": (lambda table: table.assign(path="x.wav"), "24 no file under songs"),
    "an empty id": (lambda table: table.assign(song_id=["", *table["song_id"][1:]]), "row 1: this row has no song_id"),
}


@pytest.mark.parametrize("fault", BAD_CATALOGUES)
def test_a_catalogue_without_songs_to_learn_from_is_named(place, fault, tried):
    change, said = BAD_CATALOGUES[fault]
    change(pd.read_csv(place / "songs.csv", dtype=str)).to_csv(place / "songs.csv", index=False)
    assert_stops(run(place, "select_songs"), said)
    tried("songs", fault, STOPPED)


def test_too_few_songs_to_split_are_named(place, tried):
    pd.read_csv(place / "songs.csv", dtype=str).head(2).to_csv(place / "songs.csv", index=False)
    finish(place, ("select_songs",), ("crop_audio", "songs"))
    assert_stops(run(place, "split_items", "songs"), "2 clips are too few")
    tried("songs", "two songs in all", STOPPED)
