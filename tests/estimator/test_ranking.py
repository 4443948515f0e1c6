import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from log_settings import als
from scipy.sparse import csr_matrix
from sklearn.metrics import roc_auc_score

from hearlog.als.factorize import factorize
from hearlog.estimator import ranking
from hearlog.estimator.ranking import auc, rank_songs, recall_at_k
from hearlog.logs.interactions import Interactions
from hearlog.util.errors import InputError

ALS = als(factors=4, regularization=1.0)
few_scores = arrays(np.float32, (4, 9), elements=st.integers(0, 5))
relevance = arrays(bool, (4, 9)).filter(lambda heard: (heard.any(axis=1) & ~heard.all(axis=1)).all())


def test_recall_divides_by_the_list_or_the_relevant_songs_whichever_is_fewer():
    scores = np.array([[5.0, 4.0, 3.0, 2.0, 1.0]] * 3)
    relevant = np.array([[1, 0, 0, 0, 1], [1, 1, 1, 1, 0], [0, 0, 0, 0, 1]], dtype=bool)
    np.testing.assert_allclose(recall_at_k(scores, relevant, 2), [1 / 2, 1.0, 0.0])
    np.testing.assert_allclose(recall_at_k(scores, relevant, 99), [1.0, 1.0, 1.0])


def test_equal_scores_get_what_random_guessing_gets():
    relevant = np.zeros((1, 100), dtype=bool)
    relevant[0, :5] = True
    assert recall_at_k(np.zeros((1, 100)), relevant, 10) == pytest.approx(0.1)
    assert auc(np.zeros((1, 100)), relevant) == pytest.approx(0.5)


@settings(max_examples=30)
@given(scores=few_scores, relevant=relevance, k=st.integers(1, 12))
def test_recall_is_the_mean_over_orders_of_tied_songs(scores, relevant, k):
    generator = np.random.default_rng(0)
    found = []
    for _ in range(400):
        order = np.lexsort((generator.random(scores.shape), -scores))[:, :k]
        hits = np.take_along_axis(relevant, order, axis=1).sum(axis=1)
        found.append(hits / np.minimum(min(k, 9), relevant.sum(axis=1)))
    np.testing.assert_allclose(recall_at_k(scores, relevant, k), np.mean(found, axis=0), atol=0.12)


@given(scores=few_scores, relevant=relevance)
def test_auc_equals_scikit_learn(scores, relevant):
    expected = [roc_auc_score(heard, score) for heard, score in zip(relevant, scores, strict=True)]
    np.testing.assert_allclose(auc(scores, relevant), expected, atol=1e-12)


@given(scores=few_scores, relevant=relevance, factor=st.floats(0.1, 10))
def test_only_the_order_of_scores_matters(scores, relevant, factor):
    np.testing.assert_allclose(auc(factor * scores - 1, relevant), auc(scores, relevant))
    np.testing.assert_allclose(recall_at_k(factor * scores - 1, relevant, 3), recall_at_k(scores, relevant, 3))


def test_a_user_without_a_comparison_has_no_number():
    relevant = np.array([[False, False], [True, True]])
    assert np.isnan(auc(np.zeros((2, 2)), relevant)).all()
    assert np.isnan(recall_at_k(np.zeros((2, 2)), relevant, 1)).tolist() == [True, False]


@pytest.fixture(scope="module")
def two_tastes(tmp_path_factory):
    """Interactions of 120 users with 60 songs: even users prefer even songs; and their ALS factors."""
    generator = np.random.default_rng(0)
    taste = np.arange(120)[:, None] % 2 == np.arange(60)[None] % 2
    heard = csr_matrix(generator.random(taste.shape) < np.where(taste, 0.4, 0.03))
    return heard, factorize(interactions(heard), ALS, 0, 0, tmp_path_factory.mktemp("als")).songs


def interactions(matrix):
    return Interactions(matrix.indptr.astype(np.int64), matrix.indices, None, matrix.shape[1])


def rank(user_songs, factors, train, test, **sources):
    return rank_songs(interactions(user_songs), factors, train, test, sources, ALS)[0]


def test_own_factors_rank_unheard_songs_above_chance(two_tastes):
    heard, factors = two_tastes
    train, test = np.arange(40), np.arange(40, 60)
    scores = rank(heard, factors, train, test, ceiling=factors[test], chance=np.zeros(20), reversed=-factors[test])
    assert scores["ceiling"]["auc"] > 0.7
    assert scores["chance"]["auc"] == pytest.approx(0.5)
    assert scores["reversed"]["auc"] == pytest.approx(1 - scores["ceiling"]["auc"])
    assert scores["ceiling"]["recall_at_10"] > scores["chance"]["recall_at_10"] > scores["reversed"]["recall_at_10"]
    assert set(scores["ceiling"]) == {"recall_at_10", "recall_at_50", "auc"}


def test_plays_of_test_songs_have_no_part_in_the_users(two_tastes):
    heard, factors = two_tastes
    train, test = np.arange(40), np.arange(40, 60)
    swapped = heard.tolil()
    swapped[:, 40:] = heard[:, 40:].toarray()[:, ::-1]
    before = rank(heard, factors, train, test, own=factors[test])
    after = rank(swapped.tocsr(), factors, train, test, own=factors[test][::-1])
    assert after["own"] == pytest.approx(before["own"])


def test_popularity_scores_are_common_to_all_users(two_tastes):
    heard, factors = two_tastes
    train, test = np.arange(0, 60, 2), np.arange(1, 60, 2)
    popularity = np.asarray(heard[:, test].sum(axis=0)).ravel()
    relevant = heard[:, test].toarray()
    users = heard[:, train].toarray().any(axis=1) & relevant.any(axis=1)
    expected = [roc_auc_score(row, popularity) for row in relevant[users]]
    result = rank(heard, factors, train, test, popularity=popularity)
    assert result["popularity"]["auc"] == pytest.approx(np.mean(expected))
    assert result["users"] == users.sum()


def test_users_of_engine_spark_are_regularised_by_their_number_of_train_songs(two_tastes):
    heard, factors = two_tastes
    settings = ALS.model_copy(update={"engine": "spark", "regularization": 50.0})
    known, wanted = heard[:, :40].toarray(), heard[:, 40:].toarray()
    param = 50.0 * np.sqrt(120 * 60) / heard.nnz
    areas = []
    for songs, relevant in zip(known, wanted, strict=True):
        confidence = 1 + settings.alpha * songs
        ridge = param * songs.sum() * np.eye(4)
        user = np.linalg.solve(
            (factors[:40].T * confidence) @ factors[:40] + ridge, factors[:40].T @ (confidence * songs)
        )
        areas.append(roc_auc_score(relevant, factors[40:] @ user) if relevant.any() else np.nan)
    sources = {"own": factors[40:]}
    found, _ = rank_songs(interactions(heard), factors, np.arange(40), np.arange(40, 60), sources, settings)
    other, _ = rank_songs(
        interactions(heard),
        factors,
        np.arange(40),
        np.arange(40, 60),
        sources,
        settings.model_copy(update={"engine": "implicit"}),
    )
    assert found["own"]["auc"] == pytest.approx(np.nanmean(areas), abs=1e-4)
    assert other["own"]["auc"] != pytest.approx(np.nanmean(areas), abs=1e-4)


def test_the_size_of_batches_does_not_show(two_tastes):
    heard, factors = two_tastes
    train, test = np.arange(40), np.arange(40, 60)
    sources = {"own": factors[test], "popularity": np.arange(20)}
    whole, recall = rank_songs(interactions(heard), factors, train, test, sources, ALS)
    split, split_recall = rank_songs(interactions(heard), factors, train, test, sources, ALS, batch_size=7)
    for name in sources:
        assert split[name] == pytest.approx(whole[name])
    np.testing.assert_allclose(split_recall, recall)


def test_of_many_users_some_are_drawn_and_scores_stay_near(two_tastes, monkeypatch):
    heard, factors = two_tastes
    train, test = np.arange(40), np.arange(40, 60)
    everyone = rank(heard, factors, train, test, own=factors[test])
    monkeypatch.setattr(ranking, "MOST_USERS", 60)
    some = rank(heard, factors, train, test, own=factors[test])
    assert (some["users"], some["own"]["auc"]) == (60, pytest.approx(everyone["own"]["auc"], abs=0.05))
    assert some["users_eligible"] == everyone["users"] > 60
    counts = [name for name in everyone if name.startswith("users_")]
    assert [some[name] for name in counts] == [everyone[name] for name in counts]


def test_recall_comes_at_every_length_of_list_below_all_songs(two_tastes):
    heard, factors = two_tastes
    sources = {"own": factors[40:], "chance": np.zeros(20)}
    metrics, recall = rank_songs(interactions(heard), factors, np.arange(40), np.arange(40, 60), sources, ALS)
    assert list(recall.columns) == ["k", "own", "chance"]
    assert list(recall["k"]) == [1, 2, 5, 10]
    assert recall["own"].iloc[-1] == metrics["own"]["recall_at_10"]
    assert (recall["own"] > recall["chance"]).all()


def test_users_who_cannot_be_ranked_for_are_counted():
    user_songs = csr_matrix(np.array([[1, 1, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]], dtype=bool))
    scores = rank(user_songs, np.ones((3, 4), dtype=np.float32), np.array([0]), np.array([1, 2]), chance=np.zeros(2))
    assert {name: count for name, count in scores.items() if name != "chance"} == {
        "users": 1,
        "users_eligible": 1,
        "users_without_train_plays": 2,
        "users_without_test_plays": 2,
        "users_with_all_test_songs": 1,
    }


def test_no_user_to_rank_for_is_an_input_error():
    with pytest.raises(InputError, match="no user played both"):
        rank(csr_matrix(np.eye(2, dtype=bool)), np.ones((2, 4)), np.array([0]), np.array([1]), chance=np.zeros(1))
