"""Clips and seeds as crossed random effects: worked by hand, in closed form, and how often the intervals hold."""

from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit

from hearlog.statistics.clips_and_seeds import crossed_t_test, mean_error
from hearlog.statistics.intervals import wilson_interval
from hearlog.statistics.paired_clips import mcnemar_test
from hearlog.statistics.paired_tests import paired_t_test

REPEATS, CLIPS = 1000, 100
tables = arrays(
    float, st.tuples(st.integers(3, 6), st.integers(3, 5)), elements=st.floats(-1, 1, width=16, allow_subnormal=False)
)


def test_mean_squares_of_four_clips_and_three_seeds_by_hand():
    # Share 7/12. Sums of squares in 1/144: clips 3 x 44 with 3 degrees of freedom, seeds 4 x 42 with 2, the rest
    # 420 - 132 - 168 = 120 with 6. Mean squares 44, 84 and 20; variance (44 + 84 - 20) / 144 / 12 = 1/16.
    error = mean_error([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0]])
    assert error.variance == pytest.approx(1 / 16)
    assert error.freedom == pytest.approx(108**2 / (44**2 / 3 + 84**2 / 2 + 20**2 / 6))


def test_where_all_seeds_agree_it_is_the_paired_t_test_over_clips():
    d = np.random.default_rng(0).normal(0.2, 1, 30)
    test, over_clips = crossed_t_test(np.repeat(d[:, None], 4, axis=1)), paired_t_test(d, np.zeros(30))
    assert test.freedom == pytest.approx(29)
    assert (test.low, test.high, test.t, test.p) == pytest.approx(
        (over_clips.ci_low, over_clips.ci_high, over_clips.t, over_clips.p)
    )


def test_where_all_clips_agree_it_is_the_paired_t_test_over_seeds():
    d = np.array([0.1, 0.3, -0.1, 0.2])
    test, over_seeds = crossed_t_test(np.repeat(d[None], 30, axis=0)), paired_t_test(d, np.zeros(4))
    assert test.freedom == pytest.approx(3)
    assert (test.low, test.high, test.p) == pytest.approx((over_seeds.ci_low, over_seeds.ci_high, over_seeds.p))


@given(tables)
def test_variance_is_never_less_than_that_of_clips_alone_or_of_seeds_alone(d):
    error = mean_error(d)
    assume(not np.isnan(error.variance))
    for means in (d.mean(axis=1), d.mean(axis=0)):
        assert error.variance >= means.var(ddof=1) / len(means) - 1e-12
    assert 0.8 <= error.freedom <= d.size


def test_clips_and_seeds_whose_means_are_equal_by_chance_do_not_make_it_certain():
    # No difference between clips or seeds: the rest alone, (3 - 1) / 4 of mean square, on 9 answers.
    assert mean_error(np.eye(3)).variance == pytest.approx(1 / 2 / 9)


@given(tables, st.randoms(use_true_random=False))
def test_order_of_clips_and_seeds_and_sign_make_no_difference(d, random):
    clips, seeds = (random.sample(range(length), length) for length in d.shape)
    test, other = crossed_t_test(d), crossed_t_test(-d[clips][:, seeds])
    assert other.note == test.note
    assert (other.low, other.high, other.p) == pytest.approx((-test.high, -test.low, test.p), nan_ok=True, abs=1e-9)


def test_two_seeds_two_clips_or_no_variance_are_sentences():
    assert crossed_t_test(np.zeros((50, 2))).note == "2 seeds are too few: a test needs at least 3."
    assert crossed_t_test(np.zeros((2, 5))).note == "2 clips are too few: a test needs at least 3."
    same = crossed_t_test(np.full((50, 3), 0.2))
    assert same.note == "All 50 clips have the same difference with all 3 seeds: without variance there is no test."
    assert np.isnan([same.low, same.high, same.t, same.freedom, same.p]).all()


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        crossed_t_test(np.full((5, 3), np.nan))


def draw_right(rng, seed_effect, clips, repeats):
    """Draw whether two equally good methods are right: repeats x 2 methods x clips x 3 seeds.

    Log-odds are the sum of normal effects of the clip (also per method), the seed (per method) and of both together.
    """
    clip = rng.normal(0, 1.5, (repeats, 1, clips, 1)) + rng.normal(0, 0.7, (repeats, 2, clips, 1))
    seed, both = rng.normal(0, seed_effect, (repeats, 2, 1, 3)), rng.normal(0, 1, (repeats, 2, clips, 3))
    return rng.random((repeats, 2, clips, 3)) < expit(clip + seed + both)


@cache
def differences_of_equal_methods(seed_effect):
    right = draw_right(np.random.default_rng(0), seed_effect, CLIPS, REPEATS)
    return right[:, 0].astype(float) - right[:, 1]


def share_that_hold_zero(intervals):
    return np.mean([low <= 0 <= high for low, high in intervals])


@pytest.mark.parametrize(("seed_effect", "over_clips_alone"), [(0.4, 0.76), (0.8, 0.51)])
def test_the_interval_holds_the_true_difference_as_often_as_it_says_and_that_over_clips_alone_does_not(
    seed_effect, over_clips_alone
):
    repeats = differences_of_equal_methods(seed_effect)
    crossed = [crossed_t_test(d) for d in repeats]
    assert share_that_hold_zero((test.low, test.high) for test in crossed) == pytest.approx(0.95, abs=0.025)
    assert np.mean([test.p < 0.05 for test in crossed]) == pytest.approx(0.05, abs=0.025)
    alone = [paired_t_test(d.mean(axis=1), np.zeros(CLIPS)) for d in repeats]
    assert share_that_hold_zero((test.ci_low, test.ci_high) for test in alone) == pytest.approx(
        over_clips_alone, abs=0.03
    )


def test_without_an_effect_of_seeds_the_interval_is_a_little_too_wide():
    crossed = [crossed_t_test(d) for d in differences_of_equal_methods(0.0)]
    assert 0.95 < share_that_hold_zero((test.low, test.high) for test in crossed) < 0.995


def test_mcnemar_with_one_seed_finds_equal_methods_different_far_too_often():
    right = draw_right(np.random.default_rng(0), 0.8, CLIPS, REPEATS)[..., 0]
    assert np.mean([mcnemar_test(a, b).p < 0.05 for a, b in right]) > 0.4


@pytest.mark.parametrize(("seed_effect", "at_least"), [(0.0, 0.93), (0.4, 0.93), (0.8, 0.93)])
def test_wilsons_interval_of_three_seeds_holds_the_true_share(seed_effect, at_least):
    # Log-odds are symmetric about 0, so the true share is one half.
    right = draw_right(np.random.default_rng(1), seed_effect, CLIPS, REPEATS)[:, 0]
    assert np.mean([low <= 0.5 <= high for low, high in map(wilson_interval, right)]) > at_least
    one_seed = [wilson_interval(of_one) for of_one in right[..., :1]]
    holds = np.mean([low <= 0.5 <= high for low, high in one_seed])
    assert holds > 0.92 if seed_effect == 0 else holds < 0.85
