from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import r2_score

from hearlog.statistics.paired_clips import accuracy_interval, mcnemar_test, r2_interval
from hearlog.statistics.paired_tests import sign_flip_test

answers = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=9)


def answers_of(both, first, second, neither):
    """Whether two methods are right, on so many clips each."""
    a = np.repeat([True, True, False, False], [both, first, second, neither])
    b = np.repeat([True, False, True, False], [both, first, second, neither])
    return a, b


# Agresti (2002), Categorical Data Analysis, Table 10.1: approval of the prime minister in two surveys of 1600 voters.
APPROVAL = answers_of(both=794, first=150, second=86, neither=570)


def test_mcnemar_test_on_the_example_of_exact2x2():
    # Fay (2010), vignette of the R package exact2x2: 9 and 2 discordant pairs of 44, p = 0.06543; by hand, twice the
    # 1 + 11 + 55 of 2^11 patterns with at most 2.
    test = mcnemar_test(*answers_of(both=21, first=9, second=2, neither=12))
    assert (test.pairs, test.p) == (11, pytest.approx(2 * (1 + 11 + 55) / 2**11))
    assert test.p == pytest.approx(0.06543, abs=1e-5)


def test_mcnemar_test_on_agrestis_approval_ratings():
    # Agresti's chi-squared is 17.36, p = 3.1e-5; the exact p by hand from the binomial distribution.
    test = mcnemar_test(*APPROVAL)
    assert test.pairs == 236
    assert test.p == pytest.approx(2 * sum(comb(236, k) for k in range(87)) / 2**236)
    assert test.p == pytest.approx(stats.chi2.sf(17.36, 1), rel=0.3)


def test_accuracy_interval_on_agrestis_approval_ratings():
    # Agresti (2002), section 10.1.2: 0.59 - 0.55, by the normal distribution from 0.02 to 0.06, standard error 0.0095.
    interval = accuracy_interval(*APPROVAL)
    assert (interval.low, interval.high) == pytest.approx((0.04 - 1.96 * 0.0095, 0.04 + 1.96 * 0.0095), abs=0.001)


def test_accuracy_interval_of_wins_alone_has_binomial_quantiles():
    # With 30 wins and 70 ties the wins of a resample are binomial(100, 0.3): 95 % of it lies from 21 to 39.
    interval = accuracy_interval(*answers_of(both=40, first=30, second=0, neither=30))
    assert tuple(stats.binom(100, 0.3).ppf([0.025, 0.975])) == (21, 39)
    assert (interval.low, interval.high) == pytest.approx((0.21, 0.39))


def test_r2_interval_is_that_of_resampled_r2_scores():
    rng = np.random.default_rng(3)
    truth = rng.normal(5, 1, 120)
    a, b = truth + rng.normal(0, 0.5, 120), truth + rng.normal(0, 0.8, 120)
    resamples = rng.integers(0, 120, (1500, 120))
    scores = [r2_score(truth[rows], a[rows]) - r2_score(truth[rows], b[rows]) for rows in resamples]
    interval = r2_interval(truth, (truth - a) ** 2, (truth - b) ** 2)
    assert (interval.low, interval.high) == pytest.approx(np.percentile(scores, [2.5, 97.5]), abs=0.03)
    assert interval.low > 0  # a errs less


@given(answers)
def test_mcnemar_test_is_the_sign_flip_test_of_right_and_wrong(pairs):
    a, b = np.array(pairs).T
    test, flips = mcnemar_test(a, b), sign_flip_test(a, b)
    if not test.note and not flips.note:
        assert (test.pairs, test.p) == (flips.pairs, pytest.approx(flips.p))


@given(answers, st.randoms(use_true_random=False))
def test_mcnemar_test_knows_no_order_of_methods_or_clips(pairs, random):
    a, b = np.array(pairs).T
    shuffled = np.array(random.sample(pairs, len(pairs))).T
    expected = mcnemar_test(a, b)
    for other in (mcnemar_test(b, a), mcnemar_test(*shuffled)):
        assert (other.pairs, other.note) == (expected.pairs, expected.note)
        assert other.p == pytest.approx(expected.p, nan_ok=True)


@pytest.mark.parametrize("seed", range(3))
def test_swapping_the_methods_mirrors_the_intervals(seed):
    rng = np.random.default_rng(seed)
    a, b, truth = rng.random((3, 60))
    for one, other in [
        (accuracy_interval(a, b), accuracy_interval(b, a)),
        (r2_interval(truth, a, b), r2_interval(truth, b, a)),
    ]:
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_intervals_are_repeatable_and_hold_the_difference():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 80)) < [[0.7], [0.6]]
    interval = accuracy_interval(a, b)
    assert interval == accuracy_interval(a, b)
    assert interval.low < a.mean() - b.mean() < interval.high


@pytest.mark.parametrize(
    ("discordant", "sentence"),
    [(0, "there are no clips that one alone has right"), (1, "1 clip that one alone has right is too few")],
)
def test_too_few_discordant_clips_give_a_sentence_and_no_number(discordant, sentence):
    test = mcnemar_test(*answers_of(both=50, first=discordant, second=0, neither=50))
    assert test.note == f"{sentence}: a test needs at least 3."
    assert test.pairs == discordant
    assert np.isnan(test.p)


def test_intervals_without_enough_clips_or_variance_are_sentences():
    few = accuracy_interval([True, False], [False, False])
    assert few.note == "2 clips are too few: a test needs at least 3."
    same = accuracy_interval([True] * 5, [False] * 5)
    assert "All 5 clips have the same difference" in same.note
    errors = r2_interval([1.0, 2.0, 3.0, 4.0], [0.5] * 4, [0.25] * 4)
    assert "without variance" in errors.note
    # One resample in nine takes one clip three times; its truth has no variance to divide by.
    one_truth = r2_interval([1.0, 2.0, 3.0], [0.1, 0.2, 0.3], [0.5, 0.4, 0.6])
    assert one_truth.note == "3 clips are too few to resample: some resamples have one truth alone."
    assert np.isnan(
        [value for interval in (few, same, errors, one_truth) for value in (interval.low, interval.high)]
    ).all()
