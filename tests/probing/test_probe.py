"""Linear probes: the protocol against scikit-learn and closed forms, the controls against NumPy and SciPy."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cell_files import TASKS, write_probes
from model_world import write_model
from scipy.fft import dct
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hearlog import params
from hearlog.figures.probe import probe_scores as draw
from hearlog.model.architecture import LAYERS
from hearlog.model.folder import Network
from hearlog.page.estimator import probe_tables
from hearlog.probing import representations
from hearlog.probing.fit import probe, summarise
from hearlog.report.text import render_probes
from hearlog.results.probes import CONTROLS, REPRESENTATIONS, largest, read_probes
from hearlog.runtime.backend import start_backend
from hearlog.util import seeds
from hearlog.util.errors import InputError
from stages import probe as stage

pytestmark = pytest.mark.filterwarnings("error")
ROOT = Path(__file__).parents[2]
NETWORK = Network(channels=16, factors=8, se_ratio=8)
STRENGTHS = [0.01, 1.0, 100.0]
ROWS = np.arange(120)
FOLD = {"train": ROWS[:60], "valid": ROWS[60:80], "test": ROWS[80:]}


def clips_of(target):
    return pd.DataFrame({"item_id": [f"c{i}" for i in range(len(target))], "target": target})


def noisy_classes(noise=1.0, dimensions=6):
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, len(ROWS))
    features = np.eye(3, dimensions)[classes] + rng.normal(0, noise, (len(ROWS), dimensions))
    return features.astype(np.float32), clips_of(np.array(["a", "b", "c"])[classes])


def accuracy(predictions):
    return (predictions["truth"] == predictions["prediction"]).mean()


def test_classes_plainly_apart_are_probed_perfectly():
    features, clips = noisy_classes(noise=0.02)
    predictions, _ = probe(features, clips, [FOLD], STRENGTHS, 1000)
    assert accuracy(predictions) == 1
    assert list(predictions["item_id"]) == [f"c{i}" for i in range(80, 120)]


def test_noise_stays_near_chance_and_is_met_by_the_strongest_penalty():
    _, clips = noisy_classes()
    noise = np.random.default_rng(1).normal(size=(len(ROWS), 30)).astype(np.float32)
    predictions, chosen = probe(noise, clips, [FOLD], [*STRENGTHS, 10_000.0], 1000)
    assert 0.1 < accuracy(predictions) < 0.6
    assert chosen == [10_000.0]


def test_the_protocol_is_that_of_scikit_learn_by_hand():
    features, clips = noisy_classes()
    predictions, chosen = probe(features, clips, [FOLD], STRENGTHS, 1000)
    train, valid, test = (features[rows].astype(float) for rows in FOLD.values())
    labels = {part: clips["target"].iloc[rows] for part, rows in FOLD.items()}
    models = {
        strength: make_pipeline(StandardScaler(), LogisticRegression(C=1 / strength, max_iter=1000))
        for strength in STRENGTHS
    }
    losses = {
        s: log_loss(labels["valid"], m.fit(train, labels["train"]).predict_proba(valid)) for s, m in models.items()
    }
    best = min(losses, key=losses.get)
    assert chosen == [best]
    assert list(predictions["prediction"]) == list(models[best].predict(test))


def test_ridge_is_that_of_the_closed_form():
    rng = np.random.default_rng(0)
    features = rng.normal(2, 3, (len(ROWS), 5)).astype(np.float32)
    truth = features @ rng.normal(size=5) + rng.normal(0, 2, len(ROWS)) + 7
    predictions, _ = probe(features, clips_of(truth), [FOLD], [10.0], 1)
    train = features[FOLD["train"]].astype(float)
    mean, deviation, y = train.mean(axis=0), train.std(axis=0), truth[FOLD["train"]]
    X, Z = (train - mean) / deviation, (features[FOLD["test"]] - mean) / deviation
    weights = np.linalg.solve(X.T @ X + 10 * np.eye(5), X.T @ (y - y.mean()))
    assert predictions["prediction"].to_numpy() == pytest.approx(Z @ weights + y.mean(), rel=1e-5)


def test_numbers_that_are_a_line_are_probed_perfectly():
    features = np.random.default_rng(0).normal(size=(len(ROWS), 5)).astype(np.float32)
    predictions, chosen = probe(features, clips_of(features @ np.arange(5.0)), [FOLD], STRENGTHS, 1)
    assert summarise(predictions)["score"] > 0.999
    assert chosen == [0.01]


def test_constant_features_tell_the_mean_and_the_commonest_class():
    flat = np.full((len(ROWS), 4), 3, np.float32)
    classes = np.where(ROWS % 3 == 0, "a", "b")
    predictions, chosen = probe(flat, clips_of(classes), [FOLD], STRENGTHS, 1000)
    assert set(predictions["prediction"]) == {"b"}
    assert chosen == [100.0], "of equal losses the strongest penalty"
    numbers, _ = probe(flat, clips_of(ROWS.astype(float)), [FOLD], STRENGTHS, 1000)
    assert numbers["prediction"].to_numpy() == pytest.approx(ROWS[:60].mean())


@pytest.mark.parametrize("without", [("valid",), ("train",), ("train", "valid")])
def test_a_class_may_be_absent_from_parts(without):
    features, clips = noisy_classes(noise=0.1)
    absent = clips["target"].to_numpy() == "c"
    fold = {part: rows[~absent[rows]] if part in without else rows for part, rows in FOLD.items()}
    predictions, _ = probe(features, clips, [fold], STRENGTHS, 1000)
    right = predictions["truth"] == predictions["prediction"]
    assert right[predictions["truth"] != "c"].all()
    assert right[predictions["truth"] == "c"].all() == ("train" not in without)


def test_test_clips_decide_nothing():
    features, clips = noisy_classes()
    predictions, chosen = probe(features, clips, [FOLD], STRENGTHS, 1000)
    other = clips.assign(target=np.where(np.isin(ROWS, FOLD["test"]), "a", clips["target"]))
    again, same = probe(features, other, [FOLD], STRENGTHS[::-1], 1000)
    assert same == chosen
    assert again["prediction"].equals(predictions["prediction"])


def test_a_regression_that_does_not_converge_names_the_setting():
    features, clips = noisy_classes()
    with pytest.raises(InputError, match=r"in 1 iterations: raise probe\.max_iterations"):
        probe(features, clips, [FOLD], [0.01], 1)


def test_every_fold_is_probed_and_scores_are_of_all_clips():
    features, clips = noisy_classes(noise=0.3)
    folds = [FOLD, {"train": FOLD["test"], "valid": FOLD["valid"], "test": FOLD["train"]}]
    predictions, chosen = probe(features, clips, folds, STRENGTHS, 1000)
    assert len(chosen) == 2 and len(predictions) == 100
    found = summarise(predictions)
    assert found["score"] == accuracy(predictions)
    assert found["ci_low"] < found["score"] < found["ci_high"]
    of_folds = [accuracy(predictions[predictions["fold"] == fold]) for fold in range(2)]
    assert found["spread"] == pytest.approx(np.std(of_folds, ddof=1))


def test_the_score_of_one_part_has_no_spread_and_r2_an_interval():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    table = pd.DataFrame({"seed": 0, "fold": 0, "truth": truth, "prediction": truth + rng.normal(0, 0.5, 200)})
    found = summarise(table)
    assert found["score"] == pytest.approx(1 - np.mean((truth - table["prediction"]) ** 2) / truth.var())
    assert found["score"] - 0.15 < found["ci_low"] < found["score"] < found["ci_high"] < found["score"] + 0.15
    assert np.isnan(found["spread"])


def test_mel_and_mfcc_statistics_are_those_of_numpy_and_scipy(device):
    mel = np.random.default_rng(0).normal(-40, 15, (2, 96, 50)).astype(np.float32)
    found = representations.MelStatistics(96).to(device)(torch.from_numpy(mel).to(device)).cpu().numpy()
    mfcc = dct(mel.astype(float), type=2, norm="ortho", axis=1)[:, :20]
    padded = np.pad(mfcc, [(0, 0), (0, 0), (2, 2)], mode="edge")
    deltas = sum(n * (padded[:, :, 2 + n : 52 + n] - padded[:, :, 2 - n : 52 - n]) for n in (1, 2)) / 10
    expected = [part for x in (mel, mfcc, deltas) for part in (x.mean(axis=2), x.std(axis=2))]
    assert found == pytest.approx(np.concatenate(expected, axis=1), abs=1e-3)
    assert found.shape == (2, 2 * 96 + 4 * 20)


@pytest.fixture(scope="module")
def songs():
    """Spectrograms as loud as music is, of bands and moments that differ."""
    rng = np.random.default_rng(0)
    return (rng.normal(-60, 6, (30, 96, 1)) + rng.normal(0, 6, (30, 96, 320))).astype(np.float16)


@pytest.fixture(scope="module")
def untrained(songs, backend):
    return representations.draw_network(NETWORK, songs, np.arange(30), 0, backend)


def test_the_random_network_has_the_weights_that_the_estimator_starts_from(untrained):
    torch.manual_seed(seeds.derive(0, "weights"))
    started = dict(NETWORK.build().named_parameters())
    assert all(torch.equal(weight.cpu(), started[name]) for name, weight in untrained.named_parameters())


def test_the_random_network_is_normalised_by_songs_without_which_it_is_deaf(songs, untrained, backend):
    norm = untrained.blocks[0].norm1
    assert norm.running_mean.item() == pytest.approx(songs.mean(dtype=float), rel=1e-3)
    assert norm.running_var.item() == pytest.approx(songs.var(dtype=float), rel=1e-2)
    deaf = NETWORK.build().eval()
    features = representations.represent(songs, deaf, untrained, backend)
    assert features["embedding"].std(axis=0).max() < 1e-6
    assert features["random_embedding"].std(axis=0).min() > 1e-4


def test_layers_are_those_of_the_network_in_float32_whatever_the_precision(songs, untrained, device, rounding):
    half = start_backend(device, "bfloat16", 1)
    features = representations.represent(songs, untrained, untrained, half)
    assert list(features) == list(REPRESENTATIONS)
    with torch.no_grad():
        layers = untrained.layers(torch.from_numpy(songs).float().to(device))
    for name in LAYERS:
        assert features[name] == pytest.approx(layers[name].cpu().numpy(), abs=rounding)
    assert np.array_equal(features["blocks"], np.hstack([features[name] for name in LAYERS[:-1]]))
    assert np.array_equal(features["random_blocks"], features["blocks"])
    sizes = {name: values.shape[1] for name, values in features.items()}
    assert [sizes[name] for name in CONTROLS] == [192, 80, 80, 8]
    assert all(values.dtype == np.float32 for values in features.values())


@pytest.fixture
def world(tmp_path, monkeypatch, songs):
    """Corpora of songs, of a task with classes and of one with numbers, and an estimator."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "presets/demo.yaml", "params.yaml")
    write_model(tmp_path / "models/estimator-div1")
    targets = {"songs": None, "gtzan": np.where(np.arange(30) % 2, "rock", "jazz"), "emomusic_valence": songs[:, 0, 0]}
    for name, target in targets.items():
        folder = tmp_path / "data/corpora" / name
        folder.mkdir(parents=True)
        items = pd.DataFrame({"item_id": [str(i) for i in range(30)], "target": target})
        items["target"] = items["target"].astype(float if name == "emomusic_valence" else "str")
        parts = np.array(["train"] * 16 + ["valid"] * 6 + ["test"] * 8)
        folds = [items.assign(fold=i, part=np.roll(parts, 8 * i)) for i in range(2 if name == "gtzan" else 1)]
        pd.concat(folds).to_parquet(folder / "splits.parquet")
        np.save(folder / "mel.npy", songs)
    return tmp_path


def test_the_stage_writes_scores_by_representation(world, capsys):
    stage.main("gtzan", 1)
    metrics = json.loads((world / "metrics/probe/gtzan-div1.json").read_text())
    assert metrics["protocol"] == "stratified_cv" and metrics["folds"] == 2 and metrics["clips"] == 16
    assert metrics["channels"] == 16 and metrics["chance"] == 0.5
    table = read_probes(["gtzan"], [1], Path("plots/probe")).set_index("representation")
    assert list(table.index) == list(REPRESENTATIONS)
    for name, row in table.iterrows():
        assert metrics[name]["accuracy"] == row["score"]
        assert {float(strength) for strength in row["strengths"].split()} <= set(params.load().probe.strengths)
    assert capsys.readouterr().out.startswith("probe gtzan div1: log_mel 0.")


def test_the_stage_regresses_numbers_and_gives_the_same_bytes_again(world):
    files = [Path("metrics/probe/emomusic_valence-div1.json"), Path("plots/probe/emomusic_valence-div1.tsv")]
    stage.main("emomusic_valence", 1)
    first = [file.read_bytes() for file in files]
    stage.main("emomusic_valence", 1)
    assert [file.read_bytes() for file in files] == first
    table = read_probes(["emomusic_valence"], [1], Path("plots/probe"))
    assert set(table["kind"]) == {"regression"} and table["chance"].isna().all()
    assert "r2" in json.loads(first[0])["blocks"]


def test_probes_are_read_in_the_order_of_figure_4_and_the_largest_kept(tmp_path):
    write_probes(tmp_path, divisors=(1, 2))
    probes = read_probes(TASKS[::-1], [2, 1], tmp_path / "plots/probe")
    assert list(probes["task"].unique())[:2] == ["emomusic_genre", "gtzan"]
    assert len(probes) == 8 * 2 * len(REPRESENTATIONS)
    assert set(largest(probes)["channels"]) == {128}


def test_a_missing_file_and_a_missing_representation_are_named(tmp_path):
    with pytest.raises(InputError, match=r"gtzan-div1\.tsv: no such file.* Run: dvc repro"):
        read_probes(["gtzan"], [1], tmp_path / "plots/probe")
    write_probes(tmp_path)
    path = tmp_path / "plots/probe/gtzan-div1.tsv"
    table = pd.read_csv(path, sep="\t")
    table[table["representation"] != "block3"].to_csv(path, sep="\t", index=False)
    with pytest.raises(InputError, match=r"gtzan-div1\.tsv: lacks block3\. Run: dvc repro"):
        read_probes(["gtzan"], [1], tmp_path / "plots/probe")


@pytest.fixture
def probes(tmp_path):
    write_probes(tmp_path)
    return read_probes(TASKS, [1], tmp_path / "plots/probe")


def test_the_printed_report_holds_controls_blocks_and_embedding(probes):
    text = render_probes(probes)
    assert max(map(len, text.splitlines())) <= 100
    assert "Extended Ballroom stratified 3-fold CV    30.0  32.0   34.0       48.0      50.0" in text
    assert "blocks score above every control in 7 of 8 tasks" in " ".join(text.split())


def test_the_figure_has_a_panel_a_task_and_grey_controls(probes):
    figure = draw(probes, synthetic=True)
    assert len(figure.axes) == 8
    controls, estimator, *_ = figure.axes[0].get_lines()
    assert len(controls.get_xdata()) == 4 and len(estimator.get_xdata()) == 7
    assert list(controls.get_xdata()) == pytest.approx([30, 32, 34, 36])
    assert "Synthetic data" in figure.get_suptitle()


def test_the_page_has_a_table_for_accuracy_and_one_for_r2(probes):
    accuracy_table, r2_table = probe_tables(probes)
    assert len(accuracy_table.rows) == 6 and len(r2_table.rows) == 2
    assert len(accuracy_table.columns) == len(REPRESENTATIONS) + 2
    assert [cell.text for cell in accuracy_table.rows[0]][1:3] == ["30.0", "32.0"]
