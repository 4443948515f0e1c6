"""Intervals of single scores against published tables and closed forms."""

import numpy as np
import pandas as pd
import pytest
from cell_files import write_cells
from scipy import stats

from hearlog.results.cells import read_cells
from hearlog.results.folds import read_intervals
from hearlog.statistics.intervals import score_interval, wilson_interval


@pytest.mark.parametrize(
    ("right", "songs", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_those_of_newcombe_1998_table_1_method_3(right, songs, low, high):
    assert wilson_interval(answers_of(right, songs)) == pytest.approx((low, high), abs=5e-5)


def answers_of(right, songs, seeds=1):
    """Whether answers are right, clips x seeds, all seeds alike."""
    return np.repeat(np.arange(songs) < right, seeds).reshape(songs, seeds)


@pytest.mark.parametrize(("right", "songs"), [(0, 8), (8, 8), (3, 8), (1, 1), (81, 263)])
def test_seeds_that_all_answer_alike_do_not_multiply_clips(right, songs):
    once, thrice = (wilson_interval(answers_of(right, songs, seeds)) for seeds in (1, 3))
    assert thrice == pytest.approx(once)


def test_seeds_that_differ_widen_wilsons_interval():
    right = np.arange(128)[:, None] < [50, 64, 78]
    low, high = wilson_interval(right)
    # The seeds' shares have a standard error of 14 / 128 / sqrt(3), known with 2 degrees of freedom; clips add theirs.
    assert (high - low) / 2 > 0.15
    assert (low + high) / 2 == pytest.approx(0.5)


def test_the_interval_of_accuracy_is_wilsons():
    truth, predictions = pd.Series(["a"] * 100), pd.DataFrame({0: ["a"] * 81 + ["b"] * 19})
    assert score_interval(truth, predictions) == wilson_interval(answers_of(81, 100))


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_interval_of_r2_is_that_of_a_large_sample(seeds):
    rng = np.random.default_rng(0)
    truth, clips = rng.normal(size=4000), 4000
    predictions = truth + rng.normal(0, 0.5, clips)
    low, high = score_interval(pd.Series(truth), pd.DataFrame(dict.fromkeys(range(seeds), predictions)))
    # r2 = 1 - error / variance of the truth, both chi-squared over n: relative standard errors sqrt(2 / n) each
    half = stats.norm.ppf(0.975) * 0.25 * np.sqrt(4 / clips)
    assert (high - low) / 2 == pytest.approx(half, rel=0.05)
    assert (low + high) / 2 == pytest.approx(0.75, abs=half / 2)


@pytest.mark.parametrize("seeds", [1, 3])
def test_cells_of_one_test_part_have_one_and_those_of_several_folds_none(tmp_path, seeds):
    write_cells(tmp_path, ["fma_small", "emomusic_valence"], folds=1, seeds=seeds)
    write_cells(tmp_path, ["gtzan"], folds=3, seeds=seeds)
    cells = read_cells(["fma_small", "emomusic_valence", "gtzan"], [1], tmp_path / "metrics/transfer")
    cells = cells.sample(frac=1, random_state=0)
    found = cells.join(read_intervals(cells, tmp_path / "data/transfer"))
    known = found["task"] != "gtzan"
    assert found.loc[~known, ["ci_low", "ci_high"]].isna().all(axis=None)
    assert (found["ci_low"] < found["score"])[known].all() and (found["score"] < found["ci_high"])[known].all()
