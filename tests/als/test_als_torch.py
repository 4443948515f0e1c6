import numpy as np
import pytest
import torch
from implicit.cpu import _als
from log_settings import als
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from hearlog.als import exact
from hearlog.als.confidence import confidences
from hearlog.als.factorize import draw, factorize
from hearlog.logs.interactions import Interactions
from hearlog.util.errors import InputError


def skewed_plays(users=400, songs=300, counts=False, seed=0):
    """Popular songs and busy users, as in logs; a user and a song without plays."""
    generator = np.random.default_rng(seed)
    chance = np.outer(generator.pareto(1.5, users) + 0.2, generator.pareto(1.0, songs) + 0.1) / 10
    plays = (generator.random((users, songs)) < chance) * generator.geometric(0.2, (users, songs))
    plays[7] = plays[:, 11] = 0
    matrix = csr_matrix(plays.astype(np.int32))
    return Interactions(matrix.indptr.astype(np.int64), matrix.indices, matrix.data if counts else None, songs)


def transpose(matrix):
    turned = matrix.to_csr().T.tocsr()
    plays = None if matrix.plays is None else turned.data
    return Interactions(turned.indptr.astype(np.int64), turned.indices, plays, matrix.shape[0])


def by_implicits_cholesky(matrix, settings, seed):
    users, songs = draw(matrix.shape, settings.factors, seed)
    with threadpool_limits(1, "blas"):
        for _ in range(settings.iterations):
            for rows, solved, fixed in ((matrix, users, songs), (transpose(matrix), songs, users)):
                indptr, confidence = rows.indptr.astype(np.int32), confidences(rows, settings.alpha).copy()
                gram = fixed.T @ fixed
                _als._least_squares(gram, indptr, rows.indices, confidence, solved, fixed, settings.regularization, 1)
    return users, songs


@pytest.mark.parametrize("counts", [False, True])
def test_factors_equal_implicits_cholesky_after_all_iterations(tmp_path, device, counts):
    matrix, settings = skewed_plays(counts=counts), als(factors=20, iterations=15, alpha=40.0, engine="torch")
    users, songs = by_implicits_cholesky(matrix, settings, seed=3)
    fitted = factorize(matrix, settings, seed=3, threads=1, scratch=tmp_path, device=device)
    for ours, theirs in ((fitted.users, users), (fitted.songs, songs)):
        assert np.abs(ours - theirs).max() < 1e-3 * np.abs(theirs).max()
    assert not fitted.users[7].any()
    assert not fitted.songs[11].any()


@pytest.fixture
def solver(device):
    """The device that solves."""
    return torch.device("cpu" if device == "mps" else device)


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("gathered", [3, 50, 2**13])
def test_rows_longer_than_a_batch_are_solved_in_parts(monkeypatch, solver, counts, gathered):
    monkeypatch.setitem(exact.GATHERED, solver.type, gathered)
    matrix, settings = skewed_plays(counts=counts), als(factors=5, regularization=2.0)
    songs = np.random.default_rng(0).normal(size=(matrix.columns, 5)).astype(np.float32)
    solved = np.full((matrix.shape[0], 5), np.nan, np.float32)
    exact.solve(matrix, solved, songs, settings, solver, threads=2)
    preference = matrix.to_csr().toarray() > 0
    weights = np.ones(preference.shape)
    weights[preference] = confidences(matrix, settings.alpha)
    for row, confidence, wanted in zip(solved, weights, preference, strict=True):
        system = (songs.T * confidence) @ songs + 2.0 * np.eye(5)
        np.testing.assert_allclose(row, np.linalg.solve(system, songs.T @ (confidence * wanted)), atol=2e-5)


def test_same_seed_gives_the_same_bits_for_any_number_of_threads(tmp_path, monkeypatch):
    monkeypatch.setitem(exact.GATHERED, "cpu", 200)
    matrix, settings = skewed_plays(), als(factors=8, iterations=3, engine="torch")
    one, two, three = (factorize(matrix, settings, 0, threads, tmp_path) for threads in (1, 2, 3))
    for other in (two, three):
        np.testing.assert_array_equal(one.songs, other.songs)
        np.testing.assert_array_equal(one.users, other.users)


def test_loss_is_not_above_that_of_conjugate_gradient(tmp_path):
    matrix, settings = skewed_plays(), als(factors=20, iterations=3, alpha=40.0)
    exactly = factorize(matrix, settings.model_copy(update={"engine": "torch"}), 0, 1, tmp_path)
    nearly = factorize(matrix, settings, 0, 1, tmp_path)
    assert exactly.losses[-1] == pytest.approx(nearly.losses[-1], rel=0.02)
    assert (np.diff(exactly.losses) < 0).all()


def test_tf32_is_off_while_it_solves_and_as_before_afterwards():
    seen = []

    class Watched(np.ndarray):
        def __setitem__(self, key, value):
            seen.append(torch.get_float32_matmul_precision())
            super().__setitem__(key, value)

    matrix = skewed_plays()
    users, songs = draw(matrix.shape, 3, 0)
    torch.set_float32_matmul_precision("high")
    try:
        exact.solve(matrix, users.view(Watched), songs, als(), torch.device("cpu"), threads=2)
        assert set(seen) == {"highest"}
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_full_gpu_names_what_takes_less(tmp_path, monkeypatch):
    def fill(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(torch.linalg, "cholesky_ex", fill)
    with pytest.raises(InputError, match=r"lower als\.factors, or set runtime\.device: cpu \(CUDA out of memory"):
        factorize(skewed_plays(), als(engine="torch"), 0, 2, tmp_path)


def test_a_singular_system_names_the_regularization_and_no_engine(solver):
    matrix = skewed_plays()
    songs = np.ones((matrix.columns, 4), np.float32)
    with pytest.raises(InputError, match=r"^ALS: a system .* raise als\.regularization"):
        exact.solve(
            matrix,
            np.zeros((matrix.shape[0], 4), np.float32),
            songs,
            als(factors=4, regularization=1e-12),
            solver,
            threads=2,
        )


def test_a_device_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA device here"):
        factorize(skewed_plays(), als(engine="torch"), 0, 1, tmp_path, device="cuda")


def test_in_place_of_an_apple_gpu_the_cpu_solves_and_says_so(tmp_path, monkeypatch, capsys):
    matrix, settings = skewed_plays(), als(factors=4, iterations=1, engine="torch")
    on_cpu = factorize(matrix, settings, 0, 1, tmp_path)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert np.array_equal(factorize(matrix, settings, 0, 1, tmp_path, device="mps").songs, on_cpu.songs)
    assert "ALS: on the CPU" in capsys.readouterr().err
