import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from implicit.cpu.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k
from log_settings import DEMO, als
from scipy.sparse import csr_matrix
from sklearn.metrics import ndcg_score
from threadpoolctl import threadpool_limits

from hearlog.als import held_out
from hearlog.als.factorize import Factors, iterate
from hearlog.als.held_out import expect_random, rank, score, score_held_out
from hearlog.als.split import split
from hearlog.logs.interactions import Interactions
from hearlog.util.errors import InputError
from stages import factorize

ROOT = Path(__file__).parents[2]


def to_interactions(matrix, counts=False):
    matrix = csr_matrix(matrix)
    plays = matrix.data.astype(np.int32) if counts else None
    return Interactions(matrix.indptr.astype(np.int64), matrix.indices, plays, matrix.shape[1])


def block_plays(users=300, songs=80, groups=4, seed=0):
    """Users who play songs of their own group, popular ones more often; a play count for each."""
    generator = np.random.default_rng(seed)
    own = np.arange(users)[:, None] % groups == np.arange(songs) % groups
    chance = own * np.linspace(0.9, 0.1, songs) + 0.02
    return (generator.random((users, songs)) < chance) * generator.integers(1, 30, (users, songs))


# ---- the split


@pytest.mark.parametrize("counts", [False, True])
def test_train_and_held_out_are_the_matrix(tmp_path, counts):
    plays = block_plays()
    matrix = to_interactions(plays, counts)
    parts = split(matrix, 0.2, 0, tmp_path)
    assert (parts.known + parts.relevant != csr_matrix(plays[parts.users] > 0)).nnz == 0
    assert not parts.known.multiply(parts.relevant).nnz
    train = parts.train.to_csr()
    assert (train[parts.users].astype(bool) != parts.known).nnz == 0
    if counts:
        rows, columns = train.nonzero()
        np.testing.assert_array_equal(np.asarray(train[rows, columns]).ravel(), plays[rows, columns])
    else:
        assert parts.train.plays is None


def test_of_each_user_the_rounded_share_is_held_out_and_something_kept(tmp_path):
    filled = np.arange(0, 40)
    plays = np.arange(60) < filled[:, None]
    parts = split(to_interactions(plays), 0.2, 0, tmp_path)
    held = filled - np.diff(parts.train.indptr)
    np.testing.assert_array_equal(held, np.floor(0.2 * filled + 0.5))
    np.testing.assert_array_equal(parts.users, np.flatnonzero(held))
    assert parts.users_with_too_few_songs == 3
    greedy = split(to_interactions(plays), 0.99, 0, tmp_path)
    assert (np.diff(greedy.train.indptr)[filled > 0] > 0).all()


def test_the_draw_follows_the_seed_and_not_the_blocks(tmp_path, monkeypatch):
    matrix = to_interactions(block_plays())
    first = split(matrix, 0.3, 0, tmp_path).relevant
    assert (split(matrix, 0.3, 1, tmp_path).relevant != first).nnz
    blocks = Interactions.blocks
    monkeypatch.setattr(Interactions, "blocks", lambda self, most=50: blocks(self, 50))
    assert (split(matrix, 0.3, 0, tmp_path).relevant != first).nnz == 0


def test_every_song_of_a_user_is_as_likely_to_be_held_out(tmp_path):
    parts = split(to_interactions(np.ones((4000, 10))), 0.2, 0, tmp_path)
    share = np.asarray(parts.relevant.mean(axis=0)).ravel()
    np.testing.assert_allclose(share, 0.2, atol=0.03)


def test_users_are_sampled_where_there_are_many(tmp_path, monkeypatch):
    monkeypatch.setattr("hearlog.als.split.SCORED", 100)
    parts = split(to_interactions(block_plays()), 0.2, 0, tmp_path)
    assert len(parts.users) == parts.known.shape[0] == parts.relevant.shape[0] == 100
    assert (np.diff(parts.users) > 0).all()


def test_a_matrix_of_users_with_one_song_cannot_be_split(tmp_path):
    with pytest.raises(InputError, match=r"als\.held_out 0\.2: no user has enough songs"):
        split(to_interactions(np.eye(5)), 0.2, 0, tmp_path)


# ---- the scores


def test_scores_by_hand():
    ranked = np.arange(60)[None].repeat(2, axis=0)[:, :50]
    relevant = np.zeros((2, 60), dtype=bool)
    relevant[0, [0, 2, 55]] = True  # found at places 1 and 3 of 50
    relevant[1, 20:40] = True
    scores = score(ranked, csr_matrix(relevant))
    assert scores["recall_at_10"] == pytest.approx((2 / 3 + 0) / 2)
    assert scores["map_at_10"] == pytest.approx((1 + 2 / 3) / 3 / 2)
    assert scores["ndcg_at_10"] == pytest.approx((1 + 1 / 2) / (1 + 1 / np.log2(3) + 1 / 2) / 2)
    assert scores["recall_at_50"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["map_at_50"] == pytest.approx(((1 + 2 / 3) / 3 + np.mean(np.arange(1, 21) / np.arange(21, 41))) / 2)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    parts = split(to_interactions(block_plays()), 0.2, 0, tmp_path_factory.mktemp("split"))
    settings = als(factors=6, alpha=5.0)
    *_, last = iterate(parts.train, settings, 0, 1, tmp_path_factory.mktemp("scratch"))
    return parts, last.users[parts.users], last.songs


def test_ndcg_is_scikit_learns(fitted):
    parts, users, songs = fitted
    ours = score(rank(users, songs, parts.known), parts.relevant)
    scores = users @ songs.T
    scores[parts.known.toarray()] = scores.min() - 1
    for k in (10, 50):
        theirs = ndcg_score(parts.relevant.toarray(), scores, k=k)
        assert ours[f"ndcg_at_{k}"] == pytest.approx(theirs, rel=1e-6)


def test_map_and_ndcg_are_implicits(fitted):
    parts, users, songs = fitted
    ours = score(rank(users, songs, parts.known), parts.relevant)
    with threadpool_limits(1, "blas"):  # it warns otherwise
        model = AlternatingLeastSquares(factors=users.shape[1])
    model.user_factors, model.item_factors = users, songs
    for k in (10, 50):
        known, relevant = parts.known.astype(np.float32), parts.relevant.astype(np.float32)
        theirs = ranking_metrics_at_k(model, known, relevant, K=k, show_progress=False)
        assert ours[f"ndcg_at_{k}"] == pytest.approx(theirs["ndcg"], rel=1e-6)
        assert ours[f"map_at_{k}"] == pytest.approx(theirs["map"], rel=1e-6)


def test_known_songs_are_not_ranked_and_batches_do_not_show(fitted, monkeypatch):
    parts, users, songs = fitted
    ranked = rank(users, songs, parts.known)
    assert not any(parts.known[user, songs].sum() for user, songs in enumerate(ranked[:, :10]))
    monkeypatch.setattr(held_out, "SCORES", 3 * len(songs))
    np.testing.assert_array_equal(rank(users, songs, parts.known)[:, :10], ranked[:, :10])


def test_a_random_order_scores_what_is_expected_of_it(fitted):
    parts, _, songs = fitted
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(100):
        order = generator.random((len(parts.users), len(songs)))
        order[parts.known.toarray()] = -1
        draws.append(score(np.argsort(-order, axis=1)[:, :50], parts.relevant))
    means = pd.DataFrame(draws).mean()
    for name, expected in expect_random(parts.known, parts.relevant).items():
        assert means[name] == pytest.approx(expected, rel=0.02), name


def test_with_fewer_songs_than_places_everything_is_found():
    ranked = rank(np.ones((1, 2), np.float32), np.ones((4, 2), np.float32), csr_matrix(np.array([[1, 0, 0, 0]])))
    scores = score(ranked, csr_matrix(np.array([[False, True, True, True]])))
    assert all(value == pytest.approx(1) for value in scores.values())


# ---- the second fit


def test_als_finds_held_out_songs_better_than_popularity_and_that_than_chance(tmp_path):
    settings = als(factors=6, alpha=5.0, held_out=0.2, iterations=5)
    matrix = to_interactions(block_plays())
    result = score_held_out(matrix, settings, 0, tmp_path, lambda part, scratch: iterate(part, settings, 0, 1, scratch))
    of = {name: result.metrics[name]["ndcg_at_10"] for name in ("als", "popularity", "random")}
    assert of["als"] > 1.5 * of["popularity"] > 2 * of["random"]
    assert result.table.index.tolist() == [1, 2, 3, 4, 5]
    assert result.table.loc[5].to_dict() == result.metrics["als"]
    assert (result.iterations, result.metrics["iterations"]) == (5, 5)
    assert not list(tmp_path.iterdir()), "temporary files"


def run_with_scores(monkeypatch, tmp_path, scores, **changes):
    """What is made of a fit whose iterations have these scores."""
    given = iter(scores)
    monkeypatch.setattr(held_out, "score", lambda ranked, relevant: {"ndcg_at_10": next(given, 0.0)})
    settings = als(held_out=0.2, iterations=len(scores), **changes)

    def fit(part, scratch):
        for _ in scores:
            yield Factors(np.ones((part.columns, 3), np.float32), np.ones((part.shape[0], 3), np.float32), [1.0])

    return score_held_out(to_interactions(block_plays()), settings, 0, tmp_path, fit)


def test_patience_ends_the_fit_and_advises_the_best_iteration(monkeypatch, tmp_path):
    result = run_with_scores(monkeypatch, tmp_path, [0.1, 0.3, 0.2, 0.4, 0.3, 0.3, 0.9], patience=2)
    assert (result.iterations, result.metrics["best_iteration"], result.metrics["iterations"]) == (4, 4, 6)
    assert result.metrics["als"] == {"ndcg_at_10": 0.4}


def test_without_patience_all_iterations_are_done(monkeypatch, tmp_path):
    result = run_with_scores(monkeypatch, tmp_path, [0.1, 0.3, 0.2])
    assert (result.iterations, result.metrics["best_iteration"]) == (3, 2)
    assert result.metrics["als"] == {"ndcg_at_10": 0.2}


# ---- the stage


def test_songs_of_equally_many_listeners_have_no_correlation_with_popularity():
    songs = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    factors = Factors(songs, np.ones((2, 3), np.float32), [1.0])
    found = factorize.describe(factors, np.full(5, 7))
    assert list(found) == ["song_rms", "song_norm"]
    assert "norm_log_listeners_correlation" in factorize.describe(factors, np.arange(1, 6))


@pytest.mark.parametrize("changes", [{"held_out": None}, {"patience": 1, "engine": "torch"}])
def test_the_stage_writes_scores_for_dvc(tmp_path, changes):
    plays = csr_matrix(block_plays())
    (tmp_path / "data/logs").mkdir(parents=True)
    np.save(tmp_path / "data/logs/indptr.npy", plays.indptr.astype(np.int64))
    np.save(tmp_path / "data/logs/indices.npy", plays.indices)
    listeners = np.bincount(plays.indices, minlength=plays.shape[1])
    songs = {"song_id": np.arange(plays.shape[1]).astype(str), "listeners": listeners}
    pq.write_table(pa.table(songs), tmp_path / "data/logs/songs.parquet")
    pq.write_table(pa.table({"user_id": np.arange(plays.shape[0]).astype(str)}), tmp_path / "data/logs/users.parquet")
    settings = DEMO | {"als": DEMO["als"] | {"factors": 4, "alpha": 5.0} | changes}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    shutil.copytree(ROOT / "stages", tmp_path / "stages")
    subprocess.run([sys.executable, "-m", "stages.factorize"], cwd=tmp_path, check=True, capture_output=True)

    metrics = json.loads((tmp_path / "metrics/als.json").read_text())
    curves = pd.read_csv(tmp_path / "plots/als.tsv", sep="\t")
    assert np.load(tmp_path / "data/embeddings/songs.npy").shape == (plays.shape[1], 4)
    assert sorted(path.name for path in (tmp_path / "data/embeddings").iterdir()) == [
        "fold_in.json",
        "songs.npy",
        "songs.parquet",
        "users.npy",
        "users.parquet",
    ]
    assert metrics["loss"] == pytest.approx(curves["loss"].dropna().iloc[-1], rel=1e-6)
    assert metrics["iterations"] == curves["loss"].count()
    if changes == {"held_out": None}:
        assert list(curves.columns) == ["iteration", "loss"]
        assert "held_out" not in metrics
        return
    held = metrics["held_out"]
    assert len(curves) == held["iterations"] == curves["ndcg_at_10"].count()
    assert curves["ndcg_at_10"].iloc[metrics["iterations"] - 1] == pytest.approx(held["als"]["ndcg_at_10"], rel=1e-6)
    if "patience" in changes:
        assert metrics["iterations"] == held["best_iteration"]
        assert held["iterations"] == min(held["best_iteration"] + 1, DEMO["als"]["iterations"])  # whichever was best
