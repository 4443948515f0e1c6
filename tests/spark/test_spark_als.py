"""Spark's ALS against that of the other engines."""

import numpy as np
import pytest
from log_settings import als
from scipy.sparse import csr_matrix

from hearlog.als import spark
from hearlog.als.factorize import factorize
from hearlog.als.regularization import weighted_regularization
from hearlog.estimator.ranking import recall_at_k
from hearlog.logs.interactions import Interactions


def interactions(matrix: csr_matrix) -> Interactions:
    plays = None if matrix.dtype == bool else matrix.data.astype(np.int32)
    return Interactions(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), plays, matrix.shape[1])


def tastes(users=300, songs=120, kinds=6, seed=0):
    """Listeners of one kind of music each, and a few songs of others; a fifth of it is held out."""
    generator = np.random.default_rng(seed)
    chance = np.where(generator.integers(kinds, size=(users, 1)) == np.arange(songs) % kinds, 0.5, 0.02)
    chance *= 0.4 + generator.random(songs)  # some songs are popular
    heard = generator.random((users, songs)) < chance
    held = heard & (generator.random(heard.shape) < 0.2)
    return heard & ~held, held


def recall(users, songs, train, held, k=10):
    scores = np.where(train, -1e9, users @ songs.T)
    return np.nanmean(recall_at_k(scores, held, k))


def test_held_out_recall_is_that_of_the_local_engine(session, tmp_path):
    train, held = tastes()
    matrix, settings = interactions(csr_matrix(train)), als(factors=8, alpha=10.0, regularization=5.0, iterations=10)
    local = factorize(matrix, settings, 0, 2, tmp_path)
    fitted = spark.fit(session, matrix, settings, 0, tmp_path)
    expected = recall(local.users, local.songs, train, held)
    assert expected > 0.5
    assert recall(fitted.users, fitted.songs, train, held) == pytest.approx(expected, rel=0.02)
    assert not list(tmp_path.iterdir())


def test_where_users_and_songs_have_equal_numbers_the_loss_is_that_of_the_local_engine(session, tmp_path):
    users, songs = np.arange(60), np.arange(30)
    circle = (users[:, None] - 2 * songs) % 60 < 12  # 6 songs a user, 12 users a song
    matrix, settings = interactions(csr_matrix(circle)), als(factors=3, alpha=5.0, regularization=2.0, iterations=40)
    assert weighted_regularization(*matrix.shape, matrix.entries, 2.0) == pytest.approx(2.0 / np.sqrt(6 * 12))
    fitted = spark.fit(session, matrix, settings, 1, tmp_path)
    local = factorize(matrix, settings, 1, 2, tmp_path)
    np.testing.assert_allclose(fitted.users @ fitted.songs.T, local.users @ local.songs.T, atol=0.01)


def test_plays_weigh_by_their_logarithm(session, tmp_path):
    plays = csr_matrix(np.random.default_rng(2).poisson(0.3, size=(40, 20)) * 7)
    ratings = plays.astype(float)
    settings = als(factors=20, alpha=3.0, regularization=1.0, iterations=1)
    fitted = spark.fit(session, interactions(plays), settings, 0, tmp_path)
    # The last half-step solves the songs of given users.
    ratings.data = np.log2(1 + ratings.data)
    param = weighted_regularization(*plays.shape, plays.nnz, 1.0)
    for song in range(20):
        rating = ratings[:, [song]].toarray().ravel()
        confidence = 1 + 3 * rating
        normal = (fitted.users.T * confidence) @ fitted.users + param * (rating > 0).sum() * np.eye(20)
        expected = np.linalg.solve(normal, fitted.users.T @ (confidence * (rating > 0)))
        np.testing.assert_allclose(fitted.songs[song], expected, rtol=1e-3, atol=1e-5)


def test_users_and_songs_without_entries_have_zeros(session, tmp_path):
    heard = np.zeros((5, 4), dtype=bool)
    heard[[0, 0, 3], [0, 2, 2]] = True
    fitted = spark.fit(session, interactions(csr_matrix(heard)), als(factors=2), 0, tmp_path)
    assert fitted.users.shape == (5, 2) and fitted.songs.shape == (4, 2)
    assert fitted.users.any(axis=1).tolist() == [True, False, False, True, False]
    assert fitted.songs.any(axis=1).tolist() == [True, False, True, False]


def test_the_same_seed_gives_the_same_factors(session, tmp_path):
    matrix = interactions(csr_matrix(tastes(50, 30)[0]))
    first, second, other = (spark.fit(session, matrix, als(), seed, tmp_path) for seed in (1, 1, 2))
    np.testing.assert_allclose(first.songs, second.songs, rtol=1e-5)
    assert not np.allclose(first.songs, other.songs)
