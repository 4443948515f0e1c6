import tempfile
from pathlib import Path

import numpy as np
import pytest
from implicit.als import AlternatingLeastSquares
from log_settings import als
from scipy.sparse import csr_matrix, random_array
from threadpoolctl import threadpool_limits

from hearlog.als import conjugate, exact
from hearlog.als.factorize import Factors, factorize, fold_in
from hearlog.logs.interactions import Interactions
from hearlog.util.errors import InputError

SCRATCH = Path(tempfile.gettempdir())


def random_plays(users=60, songs=35, density=0.1, seed=0):
    return csr_matrix(random_array((users, songs), density=density, rng=np.random.default_rng(seed)) > 0)


def interactions(matrix: csr_matrix) -> Interactions:
    plays = None if matrix.dtype == bool else matrix.data.astype(np.int32)
    return Interactions(matrix.indptr.astype(np.int64), matrix.indices, plays, matrix.shape[1])


def fit(matrix: csr_matrix, settings, seed: int, threads: int = 2) -> Factors:
    return factorize(interactions(matrix), settings, seed, threads, SCRATCH)


def solve(plays, fixed, settings):
    """Hu et al. 2008, equations 4 and 5, dense and in double precision."""
    solved = []
    for preference in plays:
        confidence = 1 + settings.alpha * preference
        matrix = (fixed.T * confidence) @ fixed + settings.regularization * np.eye(settings.factors)
        solved.append(np.linalg.solve(matrix, fixed.T @ (confidence * preference)))
    return np.array(solved)


def dense_loss(plays, users, songs, settings):
    """Hu et al. 2008, equation 3, over the sum of confidences."""
    confidence = 1 + settings.alpha * plays
    errors = confidence * (plays - users @ songs.T) ** 2
    norms = settings.regularization * ((users**2).sum() + (songs**2).sum())
    return (errors.sum() + norms) / confidence.sum()


def test_factors_equal_dense_alternating_least_squares():
    # With as many dimensions as conjugate gradient steps, each half-step is exact.
    settings = als(factors=3, alpha=2.0, iterations=4)
    plays = random_plays()
    generator = np.random.default_rng(5)
    users, songs = (generator.random((n, 3), dtype=np.float32).astype(float) * 0.01 for n in plays.shape)
    losses = []
    for _ in range(settings.iterations):
        users = solve(plays.toarray(), songs, settings)
        songs = solve(plays.toarray().T, users, settings)
        losses.append(dense_loss(plays.toarray(), users, songs, settings))
    fitted = fit(plays, settings, seed=5)
    np.testing.assert_allclose(fitted.users @ fitted.songs.T, users @ songs.T, atol=2e-3)
    np.testing.assert_allclose(fitted.losses, losses, rtol=1e-4)


def test_factors_equal_implicit_fitted_on_confidences():
    settings = als(factors=8, alpha=40.0)
    plays = random_plays()
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(8, settings.regularization, alpha=1.0, iterations=10, random_state=3)
        model.fit((1 + settings.alpha) * plays.astype(np.float32), show_progress=False)
    fitted = fit(plays, settings, seed=3)
    np.testing.assert_allclose(fitted.songs, model.item_factors, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(fitted.users, model.user_factors, rtol=1e-5, atol=1e-7)


def test_loss_falls_at_every_iteration():
    losses = fit(random_plays(200, 100), als(factors=10, iterations=15), seed=0).losses
    assert len(losses) == 15
    assert (np.diff(losses) < 0).all()


def test_users_are_recommended_songs_of_their_own_block():
    # 20 users who share 25 songs, and 30 users who share the 15 others.
    block = np.zeros((50, 40), dtype=bool)
    block[:20, :25] = block[20:, 25:] = True
    heard = block & (np.random.default_rng(0).random(block.shape) < 0.5)
    fitted = fit(csr_matrix(heard), als(factors=4, regularization=1.0), seed=0)
    assert fitted.users.shape == (50, 4)
    assert fitted.songs.shape == (40, 4)
    unheard = np.where(heard, -np.inf, fitted.users @ fitted.songs.T)
    recommended = np.argsort(-unheard, axis=1)[:, :3]
    assert np.take_along_axis(block, recommended, axis=1).mean() > 0.95


@pytest.mark.parametrize("long", [conjugate.LONG, 20])
def test_same_seed_gives_the_same_bits_for_any_number_of_threads(monkeypatch, long):
    monkeypatch.setattr(conjugate, "LONG", long)
    plays = random_plays(300, 200)
    one, two, three = (fit(plays, als(factors=16), seed=1, threads=threads) for threads in (1, 2, 3))
    for other in (two, three):
        np.testing.assert_array_equal(one.songs, other.songs)
        np.testing.assert_array_equal(one.users, other.users)
        np.testing.assert_allclose(one.losses, other.losses, rtol=1e-12)
    assert not np.array_equal(fit(plays, als(factors=16), seed=2).songs, one.songs)


def with_counts(plays: csr_matrix) -> csr_matrix:
    return csr_matrix((np.random.default_rng(1).integers(1, 999, plays.nnz), plays.indices, plays.indptr))


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("long", [conjugate.LONG, 20])
def test_the_cut_into_blocks_does_not_show_in_the_bits(monkeypatch, counts, long):
    plays = with_counts(random_plays(300, 200)) if counts else random_plays(300, 200)
    monkeypatch.setattr(conjugate, "LONG", long)
    monkeypatch.setitem(exact.GATHERED, "cpu", long)  # a long row is a batch, as with the numbers in use
    settings = als(factors=16, iterations=4)
    whole = fit(plays, settings, seed=1, threads=1)
    monkeypatch.setattr(conjugate, "BLOCK", 300)
    cut = fit(plays, settings, seed=1, threads=1)
    np.testing.assert_array_equal(cut.songs, whole.songs)
    np.testing.assert_array_equal(cut.users, whole.users)


@pytest.mark.parametrize("counts", [False, True])
def test_long_rows_are_solved_exactly_and_the_others_as_before(monkeypatch, counts):
    plays, settings = random_plays(), als(factors=8)
    rows = interactions(with_counts(plays) if counts else plays)
    fixed = np.random.default_rng(0).normal(size=(plays.shape[1], 8)).astype(np.float32)
    searched, mixed = np.zeros((2, plays.shape[0], 8), dtype=np.float32)
    conjugate.solve(rows, searched, fixed, settings, 1)
    monkeypatch.setattr(conjugate, "LONG", 3)
    conjugate.solve(rows, mixed, fixed, settings, 1)
    long = np.diff(rows.indptr) > 3
    assert 5 < long.sum() < 55
    np.testing.assert_array_equal(mixed[~long], searched[~long])
    exactly = fold_in(rows.to_csr(), fixed, settings.alpha, settings.regularization)
    np.testing.assert_allclose(mixed[long], exactly[long], rtol=1e-3, atol=1e-4)
    assert not np.allclose(searched[long], exactly[long], rtol=1e-3, atol=1e-4)


def test_one_play_each_is_the_binary_matrix():
    plays = random_plays()
    ones = csr_matrix(plays, dtype=np.int32)
    counted, binary = (fit(matrix, als(), seed=0, threads=1) for matrix in (ones, plays))
    np.testing.assert_array_equal(counted.songs, binary.songs)
    np.testing.assert_allclose(counted.losses, binary.losses, rtol=1e-6)


def test_loss_over_counts_is_equation_3():
    plays = random_plays()
    counts = csr_matrix((np.random.default_rng(1).integers(1, 999, plays.nnz), plays.indices, plays.indptr))
    settings = als(alpha=2.0, iterations=2)
    fitted = fit(counts, settings, seed=0, threads=1)
    confidence = 1 + 2.0 * np.log2(1 + counts.toarray())
    errors = confidence * (plays.toarray() - fitted.users @ fitted.songs.T) ** 2
    norms = settings.regularization * ((fitted.users**2).sum() + (fitted.songs**2).sum())
    assert fitted.losses[-1] == pytest.approx((errors.sum() + norms) / confidence.sum(), rel=1e-5)


def test_folded_in_users_have_the_confidences_of_the_fit():
    counts = csr_matrix(np.array([[3, 0, 1], [0, 7, 0]], dtype=np.int32))
    songs = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    settings = als(alpha=2.0)
    users = fold_in(counts, songs, settings.alpha, settings.regularization)
    for row, folded in zip(counts.toarray(), users, strict=True):
        confidence = 1 + 2.0 * np.log2(1 + row)
        system = (songs.T * confidence) @ songs + settings.regularization * np.eye(3)
        np.testing.assert_allclose(folded, np.linalg.solve(system, songs.T @ (confidence * (row > 0))), rtol=1e-4)


def test_folded_in_users_solve_the_closed_form():
    settings = als(factors=6, alpha=10.0)
    plays = random_plays(density=0.2)
    songs = np.random.default_rng(0).normal(size=(plays.shape[1], 6)).astype(np.float32)
    songs.flags.writeable = False
    users = fold_in(plays, songs, settings.alpha, settings.regularization)
    assert users.dtype == np.float32
    np.testing.assert_allclose(users, solve(plays.toarray(), songs.astype(float), settings), rtol=1e-3, atol=1e-4)


def test_a_user_without_songs_folds_in_to_zeros():
    songs = np.ones((3, 2), dtype=np.float32)
    users = fold_in(csr_matrix(np.array([[0, 0, 0], [1, 0, 0]])), songs, 40.0, np.array([0.0, 0.1]))
    assert not users[0].any()
    assert users[1].all()


@pytest.mark.parametrize(
    ("engine", "alpha", "regularization"),
    [("implicit", 1e30, 1.0), ("implicit", 40.0, 1e30), ("implicit", 40.0, 1e20), ("torch", 1e30, 1.0)],
)
def test_factors_that_diverge_are_refused_with_the_settings_to_change(engine, alpha, regularization):
    settings = als(engine=engine, alpha=alpha, regularization=regularization)
    with pytest.raises(InputError, match=r"^ALS: .*als\.alpha.*als\.regularization"):
        fit(random_plays(), settings, seed=0)
