"""The results of a run: the same object, computed from all cells or read from the files in git."""

import json
import shutil
from dataclasses import fields

import pandas as pd
import pytest
from cell_files import REGRESSION, TASKS, compute, settings_of, write_cell, write_cells

from hearlog.results.comparisons import find, tabulate
from hearlog.results.pilot import as_metrics
from hearlog.results.run import headline, read_results, write_results
from hearlog.transfer.methods import COMPARISONS
from hearlog.util.errors import InputError

OWN = ["gtzan", "na", "nan", "null"]  # names that pandas reads as missing, unless it is told not to


def clone(root, tasks=TASKS, divisors=(1,)):
    """Compute and write the results of the cells on disk, and delete what git does not keep."""
    results = compute(root, tasks, divisors)
    write_results(results, root / "metrics", root / "plots")
    shutil.rmtree(root / "data")
    return results


def read(root, tasks=TASKS, divisors=(1,)):
    return read_results(settings_of(tasks, divisors), root / "metrics", root / "plots")


def assert_same(first, second):
    for field in fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if isinstance(a, pd.DataFrame):
            pd.testing.assert_frame_equal(a, b, check_exact=True)
        else:
            assert a == b, field.name


@pytest.mark.parametrize("folds", [1, 3])
@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize(("tasks", "divisors"), [(TASKS, (1, 2)), (["gtzan"], (1,)), (["emomusic_valence"], (1,))])
def test_results_read_from_their_files_are_those_that_were_computed(tmp_path, tasks, divisors, folds, seeds):
    write_cells(tmp_path, tasks, divisors, folds=folds, seeds=seeds)
    scores = {"r2": 1 / 3} if tasks[0] in REGRESSION else {"accuracy": 1 / 3}
    for divisor in divisors:
        write_cell(tmp_path, tasks[0], "kd", divisor, folds, seeds=seeds, **scores)
    assert_same(clone(tmp_path, tasks, divisors), read(tmp_path, tasks, divisors))


def test_tasks_may_be_called_like_missing_values(tmp_path):
    write_cells(tmp_path, ["gtzan"])
    for name in OWN[1:]:
        for part in ("metrics", "data"):
            shutil.copytree(tmp_path / part / "transfer/gtzan", tmp_path / part / f"transfer/{name}")
    results = clone(tmp_path, OWN)
    assert_same(results, read(tmp_path, OWN))
    assert set(results.within["title"]) == {"GTZAN", "na", "nan", "null"}


def test_files_of_other_cells_are_not_taken_for_these(tmp_path):
    write_cells(tmp_path)
    clone(tmp_path)
    write_cell(tmp_path, "gtzan", "fix", 1, accuracy=0.9)
    with pytest.raises(InputError, match=r"figure4\.tsv: its scores are not those of metrics/transfer in 1 of 32"):
        read(tmp_path)


def test_metrics_hold_no_lists_and_no_nan(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))

    def leaves(node):
        return [leaf for child in node.values() for leaf in leaves(child)] if isinstance(node, dict) else [node]

    for tasks in (TASKS, REGRESSION, ["gtzan"]):
        results = compute(tmp_path, tasks, divisors=(1, 2))
        for metrics in (headline(results), as_metrics(results.pilot)):
            assert all(type(leaf) in (int, float, str) for leaf in leaves(metrics))
            json.dumps(metrics, allow_nan=False)


def test_headline_is_a_few_numbers_for_a_diff_and_the_table_holds_the_tests(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    results = compute(tmp_path, divisors=(1, 2))
    numbers = headline(results)
    assert numbers["gain"] == {"fix": -7.0, "init": 2.0, "kd": 3.5}
    assert set(numbers["p_holm"]) < {f"{a}-{b}" for a, b in COMPARISONS}, "init is constant, and has no test"
    table = tabulate([*results.over_pairs, *results.over_tasks]).set_index(["over", "comparison"])
    assert table.loc[("pairs", "kd-base"), "pairs"] == 12
    kd = find(results.over_tasks, "kd-base")
    assert table.loc[("tasks", "kd-base"), ["p_holm", "p_sign_flip"]].tolist() == [kd.p_adjusted, kd.sign_flip.p]
    assert table.loc[("pairs", "init-base"), "note"].startswith("+2.0 points in all 12 pairs")


def test_headline_of_regression_alone_is_empty_not_an_error(tmp_path):
    write_cells(tmp_path, REGRESSION)
    assert headline(compute(tmp_path, REGRESSION)) == {"accuracy_mean": {}, "gain": {}, "p_holm": {}}
