"""Cells as the transfer stage writes them, with scores that a test can work out by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from hearlog import params
from hearlog.pipeline.lock import cell_stage
from hearlog.results.probes import REPRESENTATIONS
from hearlog.results.run import compute_results, write_results
from hearlog.transfer.methods import METHODS

_PRESET = Path(__file__).parents[1] / "presets/demo.yaml"
CLASSIFICATION = ["emomusic_genre", "gtzan", "extended_ballroom", "fma_small", "fma_medium", "dcase2016"]
REGRESSION = ["emomusic_valence", "emomusic_arousal"]
TASKS = CLASSIFICATION + REGRESSION
CHANNELS = 128  # of the largest network: divisor 8 leaves the fewest, 16
# kd gains 1, 2, ... 6 points over base, one more a task; init always 2, fix loses twice what kd gains.
BASE = 0.5
# Folds lie so far apart, so the gains of kd on three folds have a standard deviation of 1 point; init's have none.
FOLD_STEP = {"base": 0.02, "fix": 0.02, "init": 0.02, "kd": 0.03}
SEED_STEP = 0.01
CLIPS = 100  # a fold; a method has those right that follow its first
FIRST_RIGHT = {"base": 0, "fix": 0, "init": 5, "kd": 10}


def score(task, method):
    step = 0.01 * (TASKS.index(task) + 1)
    return BASE + {"base": 0.0, "fix": -2 * step, "init": 0.02, "kd": step}[method]


def write_params(root):
    """The demo preset, with networks of `CHANNELS`."""
    preset = _PRESET.read_text()
    (Path(root) / "params.yaml").write_text(preset.replace("channels: 16 ", f"channels: {CHANNELS} "))


def write_lock(root, channels=CHANNELS):
    """The part of dvc.lock that says which settings the cells are of."""
    stages = {"report": {"params": {"params.yaml": {"sweep": {"divisors": [1]}, "logs.path": "data/demo/logs"}}}}
    for task in TASKS:
        for method in METHODS:
            stages[cell_stage(task, method, 1)] = {"params": {"params.yaml": {"model.channels": channels}}}
        stages[f"probe@{task}-1"] = {"params": {"params.yaml": {"seed": 0}}}
    (Path(root) / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


def settings_of(tasks=TASKS, divisors=(1,)):
    """The demo preset with these tasks, own ones like GTZAN, and capacities of `CHANNELS`."""
    content = params.load(_PRESET).model_dump()
    content["tasks"] = {task: content["tasks"].get(task, content["tasks"]["gtzan"]) for task in tasks}
    content["model"]["channels"] = CHANNELS
    content["sweep"]["divisors"] = list(divisors)
    return params.Params.model_validate(content)


def compute(root, tasks=TASKS, divisors=(1,)):
    """Results of the cells on disk, with curves, pilot and probes that are written next to them."""
    root = Path(root)
    write_curves(root, tasks, divisors)
    write_pilot(root)
    write_probes(root, tasks)
    folders = (root / "metrics", root / "plots", root / "data/transfer", root / "data/pilot")
    return compute_results(settings_of(tasks, divisors), *folders)


def write_report_tables(root, tasks=TASKS, divisors=(1,)):
    """What git keeps for `hearlog report`: what the report stage writes, the losses by epoch and the probes."""
    write_results(compute(root, tasks, divisors), Path(root) / "metrics", Path(root) / "plots")


def write_cells(root, tasks=TASKS, divisors=(1,), folds=3, **fields):
    for task in tasks:
        for divisor in divisors:
            for method in METHODS:
                write_cell(root, task, method, divisor, folds, **fields)


def write_cell(root, task, method, divisor, folds=3, **fields):
    value = score(task, method)
    protocol = {"protocol": "stratified_cv" if folds > 1 else "official", "folds": folds, "seeds": 1}
    scores = {"r2": value, "squared_correlation": value + 0.03}
    if task in CLASSIFICATION:
        scores = {"accuracy": value, "macro_f1": value - 0.04, "chance": 0.1, "majority": 0.125}
    metrics = protocol | {"clips": CLIPS * folds, "channels": CHANNELS // divisor} | scores | fields
    path = Path(root) / "metrics/transfer" / task / f"{method}-div{divisor}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metrics))
    _write_folds(Path(root) / "data/transfer" / task / f"{method}-div{divisor}", method, next(iter(scores)), metrics)


def write_probes(root, tasks=TASKS, divisors=(1,), folds=3):
    """Linear probes: 0.30 and a step of 0.02 from each representation to the next; DCASE2016 the other way."""
    for task in tasks:
        steps = 0.02 * np.arange(len(REPRESENTATIONS)) * (-1 if task == "dcase2016" else 1)
        scores = {"score": 0.3 + steps, "ci_low": 0.2 + steps, "ci_high": 0.4 + steps, "spread": 0.05}
        classes = task in CLASSIFICATION
        facts = {"protocol": "stratified_cv", "folds": folds, "kind": "classification" if classes else "regression"}
        references = {"chance": 0.1 if classes else None, "majority": 0.125 if classes else None}
        for divisor in divisors:
            channels = CHANNELS // divisor
            size = {"clips": CLIPS * folds, "channels": channels, "dimensions": channels, "strengths": "1 10 1"}
            table = pd.DataFrame({"representation": list(REPRESENTATIONS)} | scores)
            path = Path(root) / f"plots/probe/{task}-div{divisor}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            table.assign(**facts, **size, **references).to_csv(path, sep="\t", index=False)


def write_curves(root, tasks=TASKS, divisors=(1,), folds=3, seeds=1):
    """Losses by epoch: fold f trains f epochs longer than the first's four, and is best in its last but one."""
    for task in tasks:
        for divisor in divisors:
            for method in METHODS:
                folder = Path(root) / "plots/transfer" / task
                folder.mkdir(parents=True, exist_ok=True)
                rows = [
                    {"seed": seed, "fold": fold, "epoch": epoch, "train_task": 1.0, "valid_task": loss + seed / 10}
                    for seed in range(seeds)
                    for fold in range(folds)
                    for epoch, loss in _losses(method, fold)
                ]
                pd.DataFrame(rows).to_csv(folder / f"{method}-div{divisor}.tsv", sep="\t", index=False)


def _losses(method, fold):
    if method == "fix":
        return [(75, 0.8 + fold / 10)]
    return [(epoch, abs(fold + 3 - epoch) + 0.5) for epoch in range(1, fold + 5)]


def write_evaluation(root, divisors=(1,), songs=50):
    """What the evaluation of the estimator leaves: cosines of songs and of pairs of songs, and recall."""
    rng = np.random.default_rng(0)
    items = Path(root) / "data/corpora/songs/items.parquet"
    items.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"item_id": range(songs), "target": "rock"}).to_parquet(items)
    for divisor in divisors:
        folder, plots = Path(root) / f"data/evaluation/estimator-div{divisor}", Path(root) / "plots/estimator"
        folder.mkdir(parents=True, exist_ok=True)
        plots.mkdir(parents=True, exist_ok=True)
        cosines = {"cosine": rng.uniform(0.5, 0.9, songs), "mean_embedding": rng.uniform(-0.1, 0.4, songs)}
        pd.DataFrame({"song_id": range(songs), "listeners": 1} | cosines).to_parquet(folder / "songs.parquet")
        embeddings = rng.normal(size=(songs, 4)).astype(np.float32)
        np.save(folder / "true.npy", embeddings)
        np.save(folder / "predicted.npy", embeddings + rng.normal(0, 0.5, (songs, 4)).astype(np.float32))
        true = rng.uniform(-0.5, 1, 500)
        pairs = {"first": 0, "second": 1, "predicted": true / 2, "true": true}
        pd.DataFrame(pairs).to_parquet(folder / "pairs.parquet")
        k = np.array([1, 2, 5, 10, 20, 50, 100])
        heights = {"estimator": 3, "ceiling_als_factors": 4, "oracle_popularity": 2, "random": 1}
        recall = {name: height / 5 * k / 100 for name, height in heights.items()}
        pd.DataFrame({"k": k} | recall).to_csv(plots / f"recall-div{divisor}.tsv", sep="\t", index=False)


# How many songs of a genre are right by both models of the pilot, by base alone, by fix alone and by none.
PILOT = {"blues": (1, 0, 3, 0), "jazz": (2, 1, 0, 1), "metal": (2, 0, 2, 0)}
_RIGHT = ({"base", "fix"}, {"base"}, {"fix"}, set())


def write_pilot(root, genres=PILOT, divisors=(1,), seeds=1):
    """Answers of both models of the pilot; what is wrong was taken for polka."""
    right = [
        (genre, models)
        for genre, counts in genres.items()
        for models, n in zip(_RIGHT, counts, strict=True)
        for _ in range(n)
    ]
    truth = pd.Series([genre for genre, _ in right], dtype="str")
    for divisor in divisors:
        for method in ("base", "fix"):
            answers = truth.where([method in models for _, models in right], "polka")
            rows = {"item_id": truth.index.astype("str"), "truth": truth, "prediction": answers}
            folder = Path(root) / f"data/pilot/{method}-div{divisor}"
            folder.mkdir(parents=True, exist_ok=True)
            tables = [pd.DataFrame({"seed": seed, "fold": 0} | rows) for seed in range(seeds)]
            pd.concat(tables).to_parquet(folder / "predictions.parquet", index=False)


def _write_folds(folder, method, name, metrics):
    folder.mkdir(parents=True, exist_ok=True)
    folds, seeds = metrics["folds"], metrics["seeds"]
    rows, answers = [], []
    for seed in range(seeds):
        for fold in range(folds):
            value = metrics[name] + FOLD_STEP[method] * (fold - (folds - 1) / 2) + SEED_STEP * (seed - (seeds - 1) / 2)
            rows.append({"seed": seed, "fold": fold, "clips": CLIPS, name: value})
            answered = _labels(method, value) if name == "accuracy" else _numbers(method, value)
            items = [f"{fold}-{clip:03}" for clip in range(CLIPS)]
            answers.append(pd.DataFrame({"seed": seed, "fold": fold, "item_id": items} | answered))
    pd.DataFrame(rows).to_csv(folder / "scores.tsv", sep="\t", index=False)
    pd.concat(answers).to_parquet(folder / "predictions.parquet", index=False)


def _labels(method, accuracy):
    clips = np.arange(CLIPS) - FIRST_RIGHT[method]
    right = (clips >= 0) & (clips < round(CLIPS * accuracy))
    return {"truth": "rock", "prediction": np.where(right, "rock", "jazz")}


def _numbers(method, r2):
    """Half of the clips exactly right, the others equally wrong; the truth has a variance of 1."""
    truth = np.where(np.arange(CLIPS) % 2, 1.0, -1.0)
    clips = np.arange(CLIPS) - FIRST_RIGHT[method]
    right = (clips >= 0) & (clips < CLIPS // 2)
    return {"truth": truth, "prediction": truth + np.where(right, 0, np.sqrt(2 * (1 - r2)))}
