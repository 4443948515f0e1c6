"""The files of a small run, as the page reads them: scores by hand (see `cell_files`), and songs that sound."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import yaml
from cell_files import CHANNELS, TASKS, write_cells, write_evaluation, write_report_tables
from matplotlib import image

from hearlog.page.figures import CAPTIONS
from hearlog.page.words import MINUS, NO_BREAK, NOTHING

ROOT = Path(__file__).parents[1]
SONGS = 30
TAG = "<script>alert(1)</script>"
HOSTILE = f"{TAG} \"quoted\" 'single' & &amp; ünï 音楽 {{{{ 7 * 7 }}}}"
LONG = "Long" * 100
EMPTY = pd.DataFrame({"item_id": [], "path": [], "reason": [], "detail": []}, dtype="str")


def write_world(root, tag="", folds=3, divisors=(1,)):
    """Write a run of all tasks; ``tag`` stands in every name and label that a user's data bring along."""
    root = Path(root)
    write_cells(root, divisors=divisors, folds=folds)
    write_report_tables(root, divisors=divisors)
    write_evaluation(root, divisors=divisors, songs=SONGS)
    _name_tasks(root, tag)
    for divisor in divisors:
        write_json(root / f"metrics/estimator-div{divisor}.json", _estimator())
    _write_logs(root, tag)
    write_songs(root, tag)
    for task in TASKS:
        _write_task(root, task, tag)
    for name in CAPTIONS:
        image.imsave(root / f"plots/{name}.png", np.ones((30, 60, 3)))
    _write_settings(root, divisors)


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def in_ascii(text):
    """Text of the page with a keyboard's minus, hyphen and space."""
    return text.translate({ord(MINUS): "-", ord(NOTHING): "-", ord(NO_BREAK): " ", 0x2011: "-"})


def _name_tasks(root, tag):
    path = root / "plots/within_tasks.tsv"
    table = pd.read_csv(path, sep="\t")
    table.assign(title=table["title"] + tag).to_csv(path, sep="\t", index=False)


def _estimator():
    scores = {"squared_error": 0.5, "cosine": 0.7, "r2": 0.3}
    sources = ("estimator", "ceiling_als_factors", "oracle_popularity", "random")
    ranks = {name: {"recall_at_10": 0.25, "recall_at_50": 0.5, "auc": 0.75} for name in sources}
    users = {"users": 90, "users_eligible": 90, "users_without_test_plays": 10}
    return {"test_songs": SONGS, **scores, "mean_embedding": scores | {"cosine": 0.4}, "ranking": ranks | users}


def _write_logs(root, tag):
    left_out = {"rows_outside_window": 0, "users_above_max_plays": 0, "songs_below_limits": 2, "users_below_limits": 0}
    counts = {"rows": 1000, "rejected": {"total": 7}, **left_out}
    write_json(root / "metrics/logs.json", counts)
    example = {"example_file": "logs.csv", "example_line": 12, "example": f"a,{tag}"}
    (root / "data/logs").mkdir(parents=True)
    pd.DataFrame([{"reason": "empty_song_id", "rows": 7, **example}]).to_parquet(root / "data/logs/rejected.parquet")


def write_songs(root, tag=""):
    """Songs 0 to 29, the odd ones of which have no title; one has no file."""
    folder = root / "data/corpora/songs"
    (folder / "crops").mkdir(parents=True)
    paths = [f"{'a b#1?%20/' if song == 2 else ''}{song}.wav" for song in range(SONGS)]
    facts = {
        "item_id": [str(song) for song in range(SONGS)],
        "path": paths,
        "title": [None if song % 2 else f"Title {song:02}{tag}" for song in range(SONGS)],
        "artist": [f"Artist {song % 4}{tag}" for song in range(SONGS)],
        "target": [None if song == 3 else f"Genre {song % 3}{tag}" for song in range(SONGS)],
    }
    pd.DataFrame(facts).to_parquet(folder / "items.parquet")
    lost = {"song_id": [f"x{song}" for song in range(5)], "path": [f"{tag}.mp3"] * 5, "reason": "no audio"}
    pd.DataFrame(lost).to_parquet(folder / "left_out.parquet")
    EMPTY.to_parquet(folder / "crops/rejected.parquet")
    tone = 0.1 * np.sin(np.arange(16000) / 8)
    for path in paths[:-1]:
        file = root / "data/raw/songs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, tone, 8000)


def _write_task(root, task, tag):
    """Four clips, two folds: the group of clips 0 and 1 stands on both sides."""
    folder = root / "data/corpora" / task
    (folder / "crops").mkdir(parents=True)
    clips = [str(clip) for clip in range(4)]
    groups = [f"A{tag}", f"A{tag}", f"B{tag}", f"C{tag}"]
    pd.DataFrame({"item_id": clips, "group": groups}).to_parquet(folder / "items.parquet")
    parts = [{"fold": 0, "item_id": clip, "part": part} for clip, part in zip(clips, _PARTS, strict=True)]
    pd.DataFrame(parts).to_parquet(folder / "splits.parquet")
    bad = {"item_id": ["9"], "path": [f"{tag}9.au"], "reason": [f"short{tag}"], "detail": [f"1 s{tag}"]}
    (pd.DataFrame(bad) if task == "gtzan" else EMPTY).to_parquet(folder / "crops/rejected.parquet")
    split = {"protocol": "stratified_cv", "left_out": 3 if task == "fma_small" else 0, "folds": 3}
    write_json(root / f"metrics/splits/{task}.json", split | {"train": 2, "valid": 1, "test": 1, "classes": 10})


_PARTS = ("train", "test", "valid", "train")


def _write_settings(root, divisors):
    settings = yaml.safe_load((ROOT / "presets/demo.yaml").read_text())
    settings["songs"] |= {"audio_root": "data/raw/songs"}
    settings["model"]["channels"] = CHANNELS
    settings["sweep"]["divisors"] = list(divisors)
    (root / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    (root / "presets").mkdir()
    (root / "presets/demo.yaml").write_text((ROOT / "presets/demo.yaml").read_text())
    logs = {"path": "data/demo/logs", "md5": "0123abcd.dir", "size": 1500000, "nfiles": 4}
    stage = {"cmd": "python -m stages.ingest_logs", "deps": [logs], "outs": [{"path": "data/logs"}]}
    other = {"cmd": "python -m stages.transfer no_such_task base 1"}
    lock = {"schema": "2.0", "stages": {"ingest_logs": stage, "scratch@no_such_task-base-1": other}}
    (root / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
