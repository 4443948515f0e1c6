import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hearlog.statistics.paired_tests import (
    corrected_t_test,
    correlation,
    holm,
    paired_t_test,
    sign_flip_test,
    wilcoxon_test,
)

# Student (1908), Table 1: additional hours of sleep by two drugs.
FIRST_DRUG = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND_DRUG = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
# Fisher (1935), The Design of Experiments, chapter III: Darwin's maize, crossed less self-fertilised, in eighths of
# an inch.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]

few = settings(max_examples=25)  # of exact tests, which count every pattern of signs
paired_scores = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=3, max_size=9)


def columns(pairs):
    return np.array(pairs).T / 1000


def test_paired_t_test_on_students_sleep_data():
    # Values as R's t.test(extra ~ group, data = sleep, paired = TRUE) gives.
    test = paired_t_test(SECOND_DRUG, FIRST_DRUG)
    assert (test.pairs, test.wins, test.ties, test.losses) == (10, 9, 1, 0)
    assert test.mean == pytest.approx(1.58)
    assert test.t == pytest.approx(4.0621, abs=1e-4)
    assert test.p == pytest.approx(0.002833, abs=1e-6)
    assert (test.ci_low, test.ci_high) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)


def test_cohens_d_z_of_students_sleep_data_is_t_by_the_root_of_the_pairs():
    # Lakens (2013): d_z = t / sqrt(n); here 4.0621 / sqrt(10).
    assert paired_t_test(SECOND_DRUG, FIRST_DRUG).d_z == pytest.approx(1.28456, abs=1e-5)


def test_interval_is_mean_plus_minus_t_quantile_times_standard_error():
    a, b = np.array([0.61, 0.55, 0.70, 0.48]), np.array([0.58, 0.56, 0.64, 0.47])
    half_width = 3.182446305 * (a - b).std(ddof=1) / np.sqrt(4)  # 97.5 % quantile of t with 3 degrees of freedom
    test = paired_t_test(a, b)
    assert test.ci_low == pytest.approx((a - b).mean() - half_width)
    assert test.ci_high == pytest.approx((a - b).mean() + half_width)


@given(paired_scores)
def test_paired_t_test_is_scipys(pairs):
    a, b = columns(pairs)
    test = paired_t_test(a, b)
    if not test.note:
        expected = stats.ttest_rel(a, b)
        assert (test.t, test.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_corrected_t_test_of_three_folds_worked_by_hand():
    # Nadeau and Bengio (2003): differences 1, 2 and 3 have a variance of 1; the mean of three folds, each testing half
    # as many clips as it trains on, has 1/3 + 1/2 = 5/6 of it. With 2 degrees of freedom, p = 1 - t/sqrt(2 + t^2).
    test = corrected_t_test([51, 52, 53], [50, 50, 50], test_clips=50, train_clips=100)
    t = 2 / np.sqrt(5 / 6)
    assert (test.pairs, test.wins, test.mean) == (3, 3, 2)
    assert test.t == pytest.approx(t)
    assert test.p == pytest.approx(1 - t / np.sqrt(2 + t**2))
    half_width = 4.3026527 * np.sqrt(5 / 6)  # 97.5 % quantile of t with 2 degrees of freedom
    assert (test.ci_low, test.ci_high) == pytest.approx((2 - half_width, 2 + half_width))


def test_corrected_t_test_of_ten_folds_is_students_by_the_root_of_19_ninths():
    # Bouckaert and Frank (2004), for cross-validation: t divides by sqrt(1 + k/(k - 1)).
    plain = paired_t_test(SECOND_DRUG, FIRST_DRUG)
    corrected = corrected_t_test(SECOND_DRUG, FIRST_DRUG, test_clips=10, train_clips=90)
    assert corrected.t == pytest.approx(4.0621277 / np.sqrt(19 / 9))
    assert corrected.p == pytest.approx(2 * stats.t(df=9).sf(corrected.t))
    assert corrected.ci_high - corrected.mean == pytest.approx((plain.ci_high - plain.mean) * np.sqrt(19 / 9))


def test_sign_flip_test_on_darwins_maize():
    # Fisher (1935), section 21: of the 32,768 patterns of signs 863 have a sum at least as large as Darwin's 314, and
    # as many one at least as small as -314.
    assert sum(DARWIN) == 314
    test = sign_flip_test(DARWIN, np.zeros(15))
    assert (test.pairs, test.p) == (15, pytest.approx(2 * 863 / 2**15))


def test_sign_flip_test_of_six_wins_reaches_its_smallest_p():
    assert sign_flip_test([1, 2, 3, 4, 5, 6], np.zeros(6)).p == pytest.approx(2 / 2**6)


def test_sign_flip_test_counts_the_pairs_that_differ():
    differences = [1, 2, 3, 4, 5, 6]
    assert sign_flip_test([*differences, 0, 0], np.zeros(8)) == sign_flip_test(differences, np.zeros(6))


def test_sign_flip_test_of_many_pairs_is_repeatable_and_near_the_t_test():
    differences = np.random.default_rng(1).normal(0.3, 1, 30)
    p = sign_flip_test(differences, np.zeros(30)).p
    assert p == sign_flip_test(differences, np.zeros(30)).p
    assert p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.02)


def test_wilcoxon_test_on_the_depression_scale_of_hollander_and_wolfe():
    # Hollander and Wolfe (1973), page 29, as in R's help of wilcox.test: V = 40, p = 0.01953 on one side.
    before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    test = wilcoxon_test(before, after)
    assert (test.pairs, test.p) == (9, pytest.approx(2 * 10 / 2**9))
    assert test.p == pytest.approx(2 * 0.01953, abs=1e-5)


def test_wilcoxon_test_leaves_ties_out_and_shares_ranks_exactly():
    # Student's sleep data without the tie: sizes 1.0, 1.2, 1.3, 1.3, 1.3, 1.4, 1.8, 2.4, 4.6; two made losses.
    differences = np.array([1.2, 2.4, 1.3, -1.3, 1.0, -1.8, 0.8, 4.6, 1.4])
    ranks = stats.rankdata(abs(differences))
    sums = [np.dot(signs, ranks) for signs in itertools.product([0, 1], repeat=9)]
    below = sum(value <= ranks[differences < 0].sum() for value in sums)
    test = wilcoxon_test([*differences, 0], np.zeros(10))
    assert (test.pairs, test.p) == (9, pytest.approx(2 * below / 2**9))


def test_wilcoxon_test_takes_sizes_that_differ_by_rounding_for_equal():
    exact = wilcoxon_test([2, 1, 1, -1, 3, 4], np.zeros(6))
    assert wilcoxon_test([0.5, 0.3, 0.4, 0.2, 0.7, 0.9], [0.3, 0.2, 0.3, 0.3, 0.4, 0.5]) == exact


@pytest.mark.parametrize("test", [paired_t_test, lambda a, b: corrected_t_test(a, b, 1, 2)])
@given(pairs=paired_scores)
def test_swapping_the_methods_swaps_wins_and_signs(test, pairs):
    a, b = columns(pairs)
    one, other = test(a, b), test(b, a)
    assert (one.wins, one.ties, one.losses) == (other.losses, other.ties, other.wins)
    assert one.wins + one.ties + one.losses == one.pairs == len(a)
    np.testing.assert_allclose(
        [one.mean, one.ci_low, one.t, one.p, one.d_z],
        [-other.mean, -other.ci_high, -other.t, other.p, -other.d_z],
        atol=1e-12,
    )


@pytest.mark.parametrize("test", [sign_flip_test, wilcoxon_test])
@few
@given(pairs=paired_scores)
def test_swapping_the_methods_keeps_p(test, pairs):
    a, b = columns(pairs)
    assert test(a, b).p == pytest.approx(test(b, a).p, nan_ok=True)


@pytest.mark.parametrize(
    "test", [paired_t_test, lambda a, b: corrected_t_test(a, b, 1, 2), sign_flip_test, wilcoxon_test]
)
@few
@given(pairs=paired_scores, random=st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(test, pairs, random):
    one, other = test(*columns(pairs)), test(*columns(random.sample(pairs, len(pairs))))
    assert (one.pairs, one.note) == (other.pairs, other.note)
    assert one.p == pytest.approx(other.p, nan_ok=True)


def test_rounding_is_a_tie():
    test = paired_t_test([0.1 + 0.2, 0.5, 0.6], [0.3, 0.4, 0.4])
    assert (test.wins, test.ties, test.losses) == (2, 1, 0)


@pytest.mark.parametrize("test", [paired_t_test, sign_flip_test, wilcoxon_test])
@pytest.mark.parametrize(
    "pairs, sentence", [(0, "there are no pairs"), (1, "1 pair is too few"), (2, "2 pairs are too few")]
)
def test_fewer_than_three_pairs_give_a_sentence_and_no_number(test, pairs, sentence):
    result = test([0.6, 0.8][:pairs], [0.5, 0.5][:pairs])
    assert result.note == f"{sentence}: a test needs at least 3."
    assert np.isnan(result.p)


def test_two_folds_give_a_sentence_and_no_number():
    test = corrected_t_test([0.6, 0.8], [0.5, 0.5], 1, 1)
    assert test.note == "2 folds are too few: a test needs at least 3."
    assert np.isnan([test.mean, test.ci_low, test.ci_high, test.t, test.p, test.d_z]).all()


@pytest.mark.parametrize(
    "test", [paired_t_test, lambda a, b: corrected_t_test(a, b, 1, 2), sign_flip_test, wilcoxon_test]
)
def test_equal_differences_give_a_sentence_and_no_number(test):
    # In floating point 0.3 - 0.2, 0.4 - 0.3 and 0.7 - 0.6 differ in the last digit.
    result = test([0.3, 0.4, 0.7], [0.2, 0.3, 0.6])
    assert "without variance" in result.note
    assert np.isnan(result.p)


def test_of_equal_differences_the_mean_and_the_counts_are_known():
    test = paired_t_test([0.3, 0.4, 0.7], [0.2, 0.3, 0.6], "task")
    assert (test.mean, test.wins, test.ties) == (pytest.approx(0.1), 3, 0)
    assert test.note == "All 3 tasks have the same difference: without variance there is no test."


def test_wilcoxon_test_of_ties_and_two_pairs_that_differ_is_a_sentence():
    test = wilcoxon_test([0.5, 0.5, 0.5, 0.6, 0.7], [0.5] * 5)
    assert test.note == "2 pairs that differ are too few: a test needs at least 3."
    assert np.isnan(test.p)


@pytest.mark.parametrize("test", [paired_t_test, sign_flip_test, wilcoxon_test])
@pytest.mark.parametrize("a, b", [([1.0, 2.0, 3.0], [1.0]), ([[1.0]], [[1.0]]), ([1.0, np.nan], [1.0, 2.0])])
def test_what_is_not_paired_finite_numbers_is_refused(test, a, b):
    with pytest.raises(ValueError, match="paired scores must be"):
        test(a, b)


def test_holm_as_in_r():
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R 4
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_holm_does_not_count_what_was_not_tested():
    np.testing.assert_allclose(holm([np.nan, 0.04, 0.01, np.nan]), [np.nan, 0.04, 0.02, np.nan])


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_lies_between_the_p_and_bonferroni_and_keeps_their_order(p):
    adjusted = holm(p)
    assert np.all(adjusted >= p)
    assert np.all(adjusted <= np.minimum(1, np.array(p) * len(p)) + 1e-15) or len(p) == 0
    assert np.all(np.diff(adjusted[np.argsort(p)]) >= 0)


@given(st.permutations([0.01, 0.04, 0.03, 0.005]))
def test_holm_of_permuted_comparisons_is_permuted(p):
    expected = {0.01: 0.03, 0.04: 0.06, 0.03: 0.06, 0.005: 0.02}
    np.testing.assert_allclose(holm(p), [expected[value] for value in p])


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
