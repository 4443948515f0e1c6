"""The scikit-learn transformer: scikit-learn's own checks, and pipelines on files."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
from model_world import write_model
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sound_files import RATE, make_sound, write_sounds

import hearlog
from hearlog.features.transformer import CFFeatures
from hearlog.mel.fingerprint import fingerprint
from hearlog.model import folder as model_folder
from hearlog.model.folder import Crop
from hearlog.params.blocks import Mel
from hearlog.util.errors import InputError

NOT_FOR_AUDIO = {
    "check_estimators_dtypes": "it gives integers of 32 and 64 bits, whose full scale is unknown: only int16 is taken"
}


def write_tiny_model(folder) -> None:
    """A model for the three to ten samples a row of scikit-learn's checks: 1 s at 320 Hz, and none is too short."""
    config = write_model(folder, channels=8, factors=5)
    audio, mel = Crop(sample_rate=320, seconds=1.0, min_seconds=0.0), Mel(n_fft=512, hop_length=1, n_mels=48)
    network, _ = model_folder.load(folder)
    heard = fingerprint(audio.sample_rate, **mel.model_dump())
    model_folder.save(network, config.model_copy(update={"audio": audio, "mel": mel, "front_end": heard}), folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two models, ``model`` and ``tiny``, and ``sounds`` of half a second and more, in two classes."""
    folder = tmp_path_factory.mktemp("transformer")
    write_model(folder / "model")
    write_tiny_model(folder / "tiny")
    paths = write_sounds(folder / "sounds", 8, 0.6)
    for path in paths[::2]:
        soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, RATE), RATE)
    return folder


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.fixture
def paths(folder) -> list[str]:
    return [str(path) for path in sorted((folder / "sounds").iterdir())]


@parametrize_with_checks(
    [CFFeatures("tiny", sample_rate=320, device="cpu")],
    expected_failed_checks=lambda estimator: NOT_FOR_AUDIO,
)
def test_scikit_learns_own_checks(estimator, check, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # or one of them would be skipped
    check(estimator)


def test_files_have_the_features_of_the_model_whatever_holds_their_paths(paths):
    expected = hearlog.load("model").embed(paths, layer="block3")
    features = CFFeatures("model", "block3")
    for X in (paths, tuple(paths), np.array(paths), pd.Series(paths, index=range(9, 17))):
        assert np.array_equal(features.fit_transform(X), expected)


@pytest.mark.parametrize("scale", [1, 32768])
def test_rows_of_samples_are_sounds(scale):
    rows = (np.stack([make_sound(1, seed=seed) for seed in range(3)]) * scale).astype(np.int16 if scale > 1 else float)
    expected = hearlog.load("model").embed(list(rows), sample_rate=RATE)
    assert np.array_equal(CFFeatures("model", sample_rate=RATE).fit_transform(rows), expected)


def test_a_pipeline_learns_classes_from_files_and_a_search_tries_layers(paths):
    classes = np.arange(8) % 2
    pipeline = make_pipeline(CFFeatures("model"), LogisticRegression())
    search = GridSearchCV(pipeline, {"cffeatures__layer": ["block1", "embedding"]}, cv=2, error_score="raise")
    search.fit(paths, classes)
    assert search.score(paths, classes) == 1
    assert search.best_score_ == 1
    assert search.best_estimator_[-1].n_features_in_ in (16, 40)


def test_a_pickle_holds_no_weights_and_goes_on(paths):
    features = CFFeatures("model").fit(paths)
    expected = features.transform(paths)
    pickled = pickle.dumps(features)
    assert len(pickled) < 1000
    assert np.array_equal(pickle.loads(pickled).transform(paths), expected)  # noqa: S301, our own
    assert np.array_equal(clone(features).transform(paths), expected)


def test_other_params_count_at_once(folder, paths):
    write_model(folder / "other", seed=1)
    features = CFFeatures("model").fit(paths)
    first = features.transform(paths)
    assert features.set_params(layer="penultimate").transform(paths).shape == (8, 16)
    features.set_params(layer="embedding", model="other")
    assert not np.allclose(features.transform(paths), first)


def test_a_model_that_was_trained_again_is_opened_by_fit(folder, paths):
    write_model(folder / "again")
    features = CFFeatures("again").fit(paths)
    first = features.transform(paths)
    write_model(folder / "again", seed=1)
    assert np.array_equal(features.transform(paths), first)
    assert not np.allclose(features.fit_transform(paths), first)


def test_features_have_names(paths):
    features = CFFeatures("model", "block1").set_output(transform="pandas")
    assert features.fit_transform(paths).columns.tolist() == [f"cffeatures{i}" for i in range(16)]
    assert len(features.set_params(layer="embedding").get_feature_names_out()) == 40


@pytest.mark.parametrize(
    ("params", "X", "words"),
    [
        ({}, "song.wav", "song.wav: give paths in a list"),
        ({}, ["song.wav", 3], "row 1 of X is 3"),
        ({}, pd.Series(["song.wav", None]), "row 1 of X"),
        ({}, np.ones((2, 9000)), "sample_rate"),
        ({"layer": "block9"}, ["song.wav"], "block9"),
        ({"model": "nowhere"}, ["song.wav"], "nowhere"),
        ({"engine": "abacus"}, ["song.wav"], "abacus"),
        ({}, ["song.wav"], "song.wav: missing"),
        ({"sample_rate": RATE}, np.zeros((2, 9000)), "sound 0: silent"),
    ],
)
def test_what_is_wrong_is_named(params, X, words):
    with pytest.raises(InputError, match=words):
        CFFeatures(**{"model": "model"} | params).fit(X).transform(X)


def test_the_package_gives_both_and_loads_torch_only_then():
    assert hearlog.CFFeatures is CFFeatures
    with pytest.raises(AttributeError, match="nothing"):
        hearlog.nothing  # noqa: B018
    code = "import hearlog, sys; sys.exit(bool({'torch', 'numpy', 'sklearn'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)
