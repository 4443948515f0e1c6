import numpy as np
import pytest
import torch

from hearlog.estimator import evaluation
from hearlog.estimator import train as estimator
from hearlog.model.folder import Network
from hearlog.runtime.backend import start_backend
from hearlog.training.inference import predict
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation
from hearlog.util.errors import InputError

CPU = start_backend("cpu", "float32", 1)
NETWORK = Network(channels=16, factors=4, se_ratio=8)


@pytest.fixture(scope="module")
def songs() -> tuple[np.ndarray, np.ndarray]:
    """Spectrograms whose level in four bands is the embedding, a hundred times larger than embeddings are."""
    random = np.random.default_rng(0)
    embeddings = random.normal(0, 0.01, (48, 4)).astype(np.float32)
    mels = random.normal(0, 0.2, (48, 96, 320)) + np.repeat(100 * embeddings, 24, axis=1)[:, :, None]
    return mels.astype(np.float16), embeddings


@pytest.fixture(scope="module")
def trained(songs, backend):
    rows = np.arange(48)
    parts = {"train": rows[:40], "valid": rows[40:]}
    return estimator.train(*songs, parts, NETWORK, Trainer(Optimisation(8, 15, 15, 0.01), backend), seed=0)


def test_the_estimator_learns_embeddings_that_the_audio_tells(songs, trained, backend):
    network, scale, history = trained
    predicted = predict(network, songs[0], np.arange(40, 48), backend, "test")
    scores = evaluation.embedding_scores(predicted, songs[1][40:] / np.float32(scale))
    assert scores["cosine"] > 0.6
    assert list(history.columns) == [
        "epoch",
        "train_squared_error",
        "train_cosine",
        "valid_squared_error",
        "valid_cosine",
    ]


def test_the_target_scale_is_the_rms_of_the_training_songs(songs, trained):
    assert trained[1] == pytest.approx(np.sqrt((songs[1][:40].astype(float) ** 2).mean()))


def test_embeddings_that_are_all_zero_stop_the_training(songs):
    rows = np.arange(48)
    parts = {"train": rows[:40], "valid": rows[40:]}
    with pytest.raises(InputError, match="all zero"):
        estimator.train(songs[0], 0 * songs[1], parts, NETWORK, Trainer(Optimisation(8, 1, 1, 0.01), CPU), seed=0)


def test_embedding_scores_by_hand():
    truth = np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)
    predicted = np.array([[1.0, 0.0], [2.0, 0.0]], np.float32)
    scores = evaluation.embedding_scores(predicted, truth)
    assert scores["squared_error"] == pytest.approx((4 + 4) / 4)
    assert scores["cosine"] == pytest.approx((1 + 0) / 2)
    # r2 by dimension: 1 - 4 / 0.5 and 1 - 4 / 2
    assert scores["r2"] == pytest.approx((-7 - 1) / 2)
    assert list(evaluation.scores_by_dimension(predicted, truth)["r2"]) == pytest.approx([-7, -1])


def test_the_mean_embedding_is_that_of_the_training_songs():
    mean = evaluation.mean_embedding(np.array([[1.0, 2.0], [3.0, 6.0]], np.float32), songs=3)
    assert np.array_equal(mean, np.array([[2, 4]] * 3, np.float32))


def test_the_first_weights_depend_on_the_seed_alone(songs):
    rows = np.arange(48)
    parts = {"train": rows[:40], "valid": rows[40:]}
    runs = []
    for disturbance in (1, 2):
        torch.manual_seed(disturbance)
        trainer = Trainer(Optimisation(8, 1, 1, 0.001), CPU)
        runs.append(estimator.train(*songs, parts, NETWORK, trainer, seed=3)[2])
    assert runs[0].equals(runs[1])


def test_cosines_are_of_rows():
    found = evaluation.cosines(np.array([[1.0, 0], [1, 1], [0, 0]]), np.array([[2.0, 0], [0, 3], [1, 1]]))
    assert list(found) == pytest.approx([1, 0.5**0.5, 0])


def test_songs_are_compared_each_with_each_by_both_embeddings():
    truth = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    pairs = evaluation.similar_songs(truth[::-1].copy(), truth)
    assert pairs[["first", "second"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 2]]
    assert list(pairs["true"]) == pytest.approx([0, 0.5**0.5, 0.5**0.5])
    assert list(pairs["predicted"]) == pytest.approx([0.5**0.5, 0.5**0.5, 0])


def test_of_many_songs_always_the_same_are_compared():
    songs = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    pairs = evaluation.similar_songs(songs, songs, songs=10)
    assert len(pairs) == 45
    assert pairs.equals(evaluation.similar_songs(songs, songs, songs=10))
