import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hearlog.statistics import correlation, holm, paired_t_test, sign_flip_test

scores = st.lists(st.integers(0, 1000), min_size=3, max_size=24)


def test_paired_t_test_on_students_sleep_data():
    # Student (1908), Table 1: additional hours of sleep by two drugs; values as R's t.test(paired = TRUE) gives.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    test = paired_t_test(second, first)
    assert (test.pairs, test.wins, test.ties, test.losses) == (10, 9, 1, 0)
    assert test.mean == pytest.approx(1.58)
    assert test.t == pytest.approx(4.0621, abs=1e-4)
    assert test.p == pytest.approx(0.002833, abs=1e-6)
    assert (test.ci_low, test.ci_high) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)


def test_interval_is_mean_plus_minus_t_quantile_times_standard_error():
    a, b = np.array([0.61, 0.55, 0.70, 0.48]), np.array([0.58, 0.56, 0.64, 0.47])
    half_width = 3.182446305 * (a - b).std(ddof=1) / np.sqrt(4)  # 97.5 % quantile of t with 3 degrees of freedom
    test = paired_t_test(a, b)
    assert test.ci_low == pytest.approx((a - b).mean() - half_width)
    assert test.ci_high == pytest.approx((a - b).mean() + half_width)


@given(scores, st.randoms(use_true_random=False))
def test_swapping_the_methods_swaps_wins_and_signs(values, random):
    a = np.array(values) / 1000
    b = np.array(random.sample(values, len(values))) / 1000
    one, other = paired_t_test(a, b), paired_t_test(b, a)
    assert (one.wins, one.ties, one.losses) == (other.losses, other.ties, other.wins)
    assert one.wins + one.ties + one.losses == one.pairs == len(a)
    np.testing.assert_allclose(
        [one.mean, one.ci_low, one.t, one.p], [-other.mean, -other.ci_high, -other.t, other.p], atol=1e-12
    )


def test_rounding_is_a_tie():
    test = paired_t_test([0.1 + 0.2, 0.5, 0.6], [0.3, 0.4, 0.4])
    assert (test.wins, test.ties, test.losses) == (2, 1, 0)


@pytest.mark.parametrize("pairs, sentence", [(0, "no pairs are"), (1, "1 pair is"), (2, "2 pairs are")])
def test_fewer_than_three_pairs_give_a_sentence_and_no_number(pairs, sentence):
    test = paired_t_test([0.6, 0.7][:pairs], [0.5, 0.5][:pairs])
    assert test.note == f"{sentence} too few: a test needs at least 3."
    assert test.wins == pairs
    assert np.isnan([test.mean, test.ci_low, test.ci_high, test.t, test.p]).all()


def test_equal_differences_give_a_sentence_and_no_number():
    # In floating point 0.3 - 0.2, 0.4 - 0.3 and 0.7 - 0.6 differ in the last digit.
    test = paired_t_test([0.3, 0.4, 0.7], [0.2, 0.3, 0.6])
    assert "without variance" in test.note
    assert np.isnan([test.mean, test.t, test.p]).all()


@pytest.mark.parametrize("a, b", [([1.0, 2.0, 3.0], [1.0]), ([[1.0]], [[1.0]]), ([1.0, np.nan], [1.0, 2.0])])
def test_what_is_not_paired_finite_numbers_is_refused(a, b):
    with pytest.raises(ValueError, match="paired scores must be"):
        paired_t_test(a, b)


def test_sign_flip_test_on_darwins_maize():
    # Fisher (1935), The Design of Experiments, section 21: of the 32,768 patterns of signs 863 have a sum at least
    # as large as Darwin's 314 eighths of an inch, and as many one at least as small as -314.
    differences = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sum(differences) == 314
    assert sign_flip_test(differences, np.zeros(15)) == pytest.approx(2 * 863 / 2**15)


def test_sign_flip_test_of_six_wins_reaches_its_smallest_p():
    assert sign_flip_test([1, 2, 3, 4, 5, 6], np.zeros(6)) == pytest.approx(2 / 2**6)


def test_sign_flip_test_of_many_pairs_is_repeatable_and_near_the_t_test():
    differences = np.random.default_rng(1).normal(0.3, 1, 30)
    p = sign_flip_test(differences, np.zeros(30))
    assert p == sign_flip_test(differences, np.zeros(30))
    assert p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.02)


def test_holm_as_in_r():
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R 4
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_lies_between_the_p_and_bonferroni_and_keeps_their_order(p):
    adjusted = holm(p)
    assert np.all(adjusted >= p)
    assert np.all(adjusted <= np.minimum(1, np.array(p) * len(p)) + 1e-15) or len(p) == 0
    assert np.all(np.diff(adjusted[np.argsort(p)]) >= 0)


def test_correlation_on_anscombes_first_set():
    # Anscombe (1973): r = 0.816; the interval by Fisher's transformation in closed form.
    x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    result = correlation(x, y)
    assert result.r == pytest.approx(0.81642, abs=1e-5)
    half_width = 1.959964 / np.sqrt(11 - 3)
    assert result.ci_low == pytest.approx(np.tanh(np.arctanh(result.r) - half_width), abs=1e-6)
    assert result.ci_high == pytest.approx(np.tanh(np.arctanh(result.r) + half_width), abs=1e-6)


@pytest.mark.parametrize("x, y", [([1, 2], [2, 1]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [5, 5, 5])])
def test_correlation_without_enough_pairs_or_variance_is_a_sentence(x, y):
    result = correlation(x, y)
    assert result.note
    assert np.isnan(result.r)
