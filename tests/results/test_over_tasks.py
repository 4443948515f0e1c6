"""Comparisons of methods over pairs and over tasks, against SciPy and by hand."""

import numpy as np
import pytest
from cell_files import CLASSIFICATION, REGRESSION, TASKS, compute, write_cell, write_cells
from scipy import stats

from hearlog.report.text import render
from hearlog.results.cells import read_cells
from hearlog.results.comparisons import find
from hearlog.results.over_tasks import compare_methods, correlate_gains, pair_scores

GAINS = np.arange(1.0, 7.0)  # of kd over base in points, one per classification task


def cells_of(root, tasks=TASKS, divisors=(1,)):
    return read_cells(tasks, divisors, root / "metrics/transfer")


def comparison(root, name, over="pairs", tasks=TASKS, divisors=(1,)):
    return find(compare_methods(cells_of(root, tasks, divisors), over), name)


def text_of(root, tasks=TASKS, divisors=(1,)):
    return render(compute(root, tasks, divisors))


def test_six_classification_tasks_at_two_capacities_are_twelve_pairs(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    row, expected = comparison(tmp_path, "kd-base", divisors=(1, 2)), stats.ttest_1samp(np.repeat(GAINS, 2), 0)
    test = row.test
    assert (test.pairs, test.wins, test.ties, test.losses) == (12, 12, 0, 0)
    assert test.mean == pytest.approx(3.5)
    assert (test.t, test.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert (test.ci_low, test.ci_high) == pytest.approx(tuple(expected.confidence_interval()))
    assert row.sign_flip is row.wilcoxon is None, "capacities of a task are no independent pairs"


def test_task_means_count_a_data_set_once(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    row = comparison(tmp_path, "kd-base", "tasks", divisors=(1, 2))
    expected = stats.ttest_1samp(GAINS, 0)
    assert row.test.pairs == 6
    assert row.test.p == pytest.approx(expected.pvalue)
    assert row.sign_flip.p == row.wilcoxon.p == pytest.approx(2 / 2**6)
    assert row.test.d_z == pytest.approx(GAINS.mean() / GAINS.std(ddof=1))


def test_tasks_that_mostly_tie_have_a_sentence_in_place_of_the_exact_tests(tmp_path):
    write_cells(tmp_path)
    for task in CLASSIFICATION[:4]:
        write_cell(tmp_path, task, "kd", 1, accuracy=0.5)
    row = comparison(tmp_path, "kd-base", "tasks")
    assert (row.note, row.note_exact) == ("", "2 tasks that differ are too few: a test needs at least 3.")
    assert np.isnan([row.test.p, row.sign_flip.p, row.wilcoxon.p]).tolist() == [False, True, True]
    text = text_of(tmp_path)
    assert "             Sign-flip and Wilcoxon: 2 tasks that differ are too few" in text
    assert "sign-flip p" not in text.split("kd - base    ")[1].split("init - base  ")[0]


def test_holm_counts_the_comparisons_that_could_be_tested(tmp_path):
    write_cells(tmp_path)
    rows = {row.name: row for row in compare_methods(cells_of(tmp_path), "pairs")}
    # init gains the same everywhere: no test. kd - base and fix - base have one p, kd - init a larger one.
    assert "without variance" in rows["init-base"].note
    assert np.isnan(rows["init-base"].p_adjusted)
    assert rows["kd-base"].p_adjusted == pytest.approx(3 * rows["kd-base"].test.p)
    assert rows["kd-init"].p_adjusted == pytest.approx(rows["kd-init"].test.p)


def test_regression_never_enters_a_test(tmp_path):
    write_cells(tmp_path)
    both, classification = cells_of(tmp_path), cells_of(tmp_path, CLASSIFICATION)
    assert compare_methods(both, "pairs") == compare_methods(classification, "pairs")
    assert compare_methods(both, "tasks") == compare_methods(classification, "tasks")
    assert correlate_gains(both) == correlate_gains(classification)
    only_regression = comparison(tmp_path, "kd-base", tasks=REGRESSION)
    assert (only_regression.test.pairs, only_regression.has_mean, only_regression.tested) == (0, False, False)
    assert pair_scores(cells_of(tmp_path, REGRESSION)).empty


def test_two_tasks_give_sentences_instead_of_tests(tmp_path):
    write_cells(tmp_path)
    two = ["gtzan", "fma_small"]
    row = comparison(tmp_path, "kd-base", tasks=two)
    assert (row.note, row.has_mean) == ("2 pairs are too few: a test needs at least 3.", False)
    assert correlate_gains(cells_of(tmp_path, two)).note == "2 tasks are too few: a test needs at least 3."
    assert "kd - base    2 tasks are too few" in text_of(tmp_path, two)


def test_equal_gains_keep_their_size_and_counts_beside_the_sentence(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    row, text = comparison(tmp_path, "init-base", divisors=(1, 2)), text_of(tmp_path, divisors=(1, 2))
    assert row.note == "+2.0 points in all 12 pairs: without variance there is no test."
    test = row.test
    assert [test.pairs, test.wins, test.ties, test.losses, test.mean] == pytest.approx([12, 12, 0, 0, 2])
    assert "init - base  +2.0 points in all 12 pairs: without variance" in text
    assert "init - base  +2.0 points in all 6 tasks: without variance" in text


def test_gain_of_kd_that_mirrors_the_gain_of_fix_correlates_to_minus_one(tmp_path):
    write_cells(tmp_path)
    found = correlate_gains(cells_of(tmp_path))
    assert found.pairs == 6
    assert found.r == pytest.approx(-1)
