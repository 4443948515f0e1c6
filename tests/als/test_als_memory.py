import tracemalloc
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from log_settings import als

from hearlog.als import conjugate, memory
from hearlog.als.factorize import factorize
from hearlog.als.memory import reckon
from hearlog.logs.interactions import Interactions
from hearlog.util.errors import InputError


def test_the_papers_matrix_fits_twelve_gigabytes_with_its_files_in_memory():
    needed = reckon(5_000_000, 2_500_000, 991_000_000, 40, counts=False)
    assert needed.mapped == 8 * 991_000_000
    assert 2e9 < needed.own < 12e9 - needed.mapped


def test_memory_grows_with_what_it_is_for():
    small = reckon(1000, 500, 10_000, 40, counts=False)
    assert reckon(1000, 500, 10_000, 80, counts=False).own - small.own == 4 * 40 * 1500 + 40 * (80**2 - 40**2)
    assert reckon(2, 2, 2, 100_000, counts=False).own > 3 * 8 * 10**10  # Gram matrices, (factors, factors)
    assert reckon(1000, 500, 10_000, 40, counts=True).mapped == 2 * small.mapped
    # Held-out songs are ranked by the scores of many songs at once.
    many = reckon(10_000, 10_000, 10_000, 40, counts=False, held_out=True)
    assert many.own > 4 * 10**8 > reckon(10_000, 10_000, 10_000, 40, counts=False).own
    # Beyond a block only the files grow.
    one, two = (reckon(10**6, 10**6, entries, 40, counts=False) for entries in (10**9, 10**10))
    assert one.own == two.own
    assert two.mapped == 10 * one.mapped


@pytest.mark.parametrize("counts", [False, True])
def test_a_fit_allocates_what_is_reckoned_where_rows_are_long_and_short(tmp_path, monkeypatch, counts):
    generator, users, songs, each = np.random.default_rng(0), 20_000, 1000, 20
    indices = (np.arange(each) * (songs // each) + generator.integers(songs // each, size=(users, 1))).astype(np.int32)
    plays = generator.integers(1, 9, indices.size).astype(np.int32) if counts else None
    matrix = Interactions(np.arange(users + 1) * each, indices.ravel(), plays, songs)
    monkeypatch.setattr(conjugate, "LONG", users * each // songs)  # half of the songs
    tracemalloc.start()
    try:
        factorize(matrix, als(factors=40, iterations=1, regularization=50.0), 0, 1, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    needed = reckon(users, songs, matrix.entries, 40, counts).own
    assert 0.5 * needed < peak < needed


def test_what_does_not_fit_is_refused_with_numbers_and_options(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2 * 10**9))
    entries = np.lib.stride_tricks.as_strided(np.zeros(1, np.int32), (10**9,), (0,))
    matrix = Interactions(np.linspace(0, 10**9, 5_000_001).astype(np.int64), entries, None, 2_500_000)
    with pytest.raises(InputError) as refused:
        memory.refuse_too_large(matrix, als(factors=40))
    text = str(refused.value)
    assert "5,000,000 users x 2,500,000 songs with 1,000,000,000 interactions in 40 dimensions" in text
    assert "2.0 GB are free" in text
    for option in ("als.factors", "logs.min_song_plays", "logs.min_song_users", "logs.min_user_songs", "engine: spark"):
        assert option in text


def test_a_control_groups_limit_counts_without_the_files_it_keeps(tmp_path):
    (tmp_path / "memory.max").write_text("4000\n")
    (tmp_path / "memory.current").write_text("3000\n")
    (tmp_path / "memory.stat").write_text("anon 1000\ninactive_file 1500\n")
    assert memory._left_to_group(tmp_path) == 4000 - 3000 + 1500
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._left_to_group(tmp_path) == float("inf")
    assert memory._left_to_group(tmp_path / "none") == float("inf")
    assert 0 < memory.available() <= psutil.virtual_memory().total
