import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cell_files import (
    CLASSIFICATION,
    REGRESSION,
    TASKS,
    compute,
    write_cell,
    write_cells,
    write_curves,
    write_evaluation,
    write_params,
    write_pilot,
    write_probes,
)
from scipy import stats

from hearlog import params
from hearlog.corpora.protocols import PROTOCOLS, protocol_label
from hearlog.params.synthetic import is_synthetic
from hearlog.report.text import render, render_unfinished
from hearlog.results.cells import read_cells
from hearlog.results.comparisons import find, tabulate
from hearlog.results.curves import count_unfinished
from hearlog.results.folds import read_seed_spread, read_spread
from hearlog.results.over_tasks import compare_methods, correlate_gains, pair_scores
from hearlog.results.pilot import as_metrics
from hearlog.results.run import headline
from hearlog.transfer.methods import COMPARISONS, METHODS
from hearlog.util.errors import InputError

ROOT = Path(__file__).parents[2]
GAINS = np.arange(1.0, 7.0)  # of kd over base in points, one a classification task


def cells_of(root, tasks=TASKS, divisors=(1,)):
    return read_cells(tasks, divisors, root / "metrics/transfer")


def comparison(root, name, over="pairs", tasks=TASKS, divisors=(1,)):
    return find(compare_methods(cells_of(root, tasks, divisors), over), name)


def text_of(root, tasks=TASKS, divisors=(1,), synthetic=False):
    return render(replace(compute(root, tasks, divisors), synthetic=synthetic))


def test_cells_are_read_for_every_task_capacity_and_method_in_the_papers_order(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    cells = cells_of(tmp_path, reversed(TASKS), divisors=(2, 1))
    assert len(cells) == 8 * 2 * 4
    assert list(cells["title"].unique()) == [
        "EmoMusic genre",
        "GTZAN",
        "Extended Ballroom",
        "FMA small",
        "FMA medium",
        "EmoMusic valence",
        "EmoMusic arousal",
        "DCASE2016 scenes",
    ]
    assert set(cells.loc[cells["task"].isin(REGRESSION), "kind"]) == {"regression"}
    assert list(cells["method"][:4]) == list(METHODS)
    assert list(cells["channels"].unique()) == [64, 128]


def test_missing_cell_is_named_with_the_remedy(tmp_path):
    write_cells(tmp_path)
    (tmp_path / "metrics/transfer/gtzan/kd-div1.json").unlink()
    with pytest.raises(InputError, match=r"gtzan/kd-div1\.json: no such file.*dvc repro"):
        cells_of(tmp_path)


def test_cell_with_merge_conflict_is_named(tmp_path):
    write_cells(tmp_path)
    (tmp_path / "metrics/transfer/gtzan/kd-div1.json").write_text('<<<<<<< HEAD\n{"accuracy": 0.5}')
    with pytest.raises(InputError, match=r"gtzan/kd-div1\.json: not readable as JSON"):
        cells_of(tmp_path)


def test_files_of_a_larger_grid_are_not_read(tmp_path):
    write_cells(tmp_path, divisors=(1, 2, 4))
    cells = cells_of(tmp_path, CLASSIFICATION, divisors=(1,))
    assert set(cells["divisor"]) == {1}
    assert set(cells["task"]) == set(CLASSIFICATION)
    assert comparison(tmp_path, "kd-base", tasks=CLASSIFICATION).test.pairs == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folds": 10}, r"folds \(3, 10\)"),
        ({"protocol": "artist_cv"}, r"protocol \(stratified_cv, artist_cv\)"),
        ({"clips": 299}, r"clips \(300, 299\)"),
    ],
)
@pytest.mark.parametrize(("method", "divisor"), [("kd", 2), ("base", 1)])
def test_cells_of_a_task_that_differ_in_protocol_or_clips_are_not_compared(tmp_path, method, divisor, change, message):
    write_cells(tmp_path, divisors=(1, 2))
    write_cell(tmp_path, "gtzan", method, divisor, **change)
    with pytest.raises(InputError, match=rf"gtzan/\*\.json: the cells differ in {message}.* Run: dvc repro"):
        cells_of(tmp_path, divisors=(1, 2))


def test_a_capacity_that_was_run_by_another_protocol_is_refused(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    write_cells(tmp_path, ["gtzan"], divisors=(2,), protocol="artist_cv")
    with pytest.raises(InputError, match=r"gtzan/\*\.json: the cells differ in protocol"):
        cells_of(tmp_path, divisors=(1, 2))
    assert len(cells_of(tmp_path, divisors=(2,))) == 8 * 4


@pytest.mark.parametrize(("change", "field"), [({"seeds": 3}, "seeds"), ({"channels": 32}, r"model\.channels")])
def test_tasks_that_differ_in_a_setting_of_the_whole_run_are_not_reported_together(tmp_path, change, field):
    write_cells(tmp_path)
    write_cells(tmp_path, ["gtzan"], **change)
    with pytest.raises(InputError, match=rf"transfer/\*/\*\.json: the cells differ in {field}"):
        cells_of(tmp_path)


def test_every_protocol_has_a_name_in_print():
    names = {protocol: protocol_label(protocol, 4) for protocol in PROTOCOLS}
    assert names == {
        "stratified_cv": "stratified 4-fold CV",
        "grouped_cv": "grouped 4-fold CV",
        "artist_cv": "artist-grouped 4-fold CV",
        "official": "official split",
        "fault_filtered": "fault-filtered split",
        "dev_cv4": "4 published folds",
    }


def test_spread_is_the_standard_deviation_over_folds_and_nan_for_one(tmp_path):
    write_cells(tmp_path, ["gtzan", "emomusic_valence"])
    write_cells(tmp_path, ["fma_small"], folds=1)
    cells = cells_of(tmp_path, ["gtzan", "emomusic_valence", "fma_small"])
    spread = read_spread(cells, tmp_path / "data/transfer")
    assert spread[(cells["task"] != "fma_small") & (cells["method"] == "base")].to_numpy() == pytest.approx(0.02)
    assert spread[cells["task"] == "fma_small"].isna().all()


def test_spread_over_seeds_is_that_of_their_scores_and_nan_for_one(tmp_path):
    write_cells(tmp_path, ["gtzan", "emomusic_valence"], seeds=3)  # 0.01 apart, on folds 0.02 apart
    cells = cells_of(tmp_path, ["gtzan", "emomusic_valence"])
    assert read_seed_spread(cells, tmp_path / "data/transfer").to_numpy() == pytest.approx(0.01)
    write_cells(tmp_path, ["gtzan", "emomusic_valence"])
    assert read_seed_spread(cells, tmp_path / "data/transfer").isna().all()


def test_seeds_are_spread_by_the_scores_of_all_clips_however_folds_share_them(tmp_path):
    # Seed 0 has 50 of 50 and 50 of 150 clips right, which is half of all; seed 1 has 3 of 10 right on either.
    write_cells(tmp_path, ["gtzan"], folds=2)
    table = "seed\tfold\tclips\taccuracy\n0\t0\t50\t1.0\n0\t1\t150\t0.3333333333\n1\t0\t50\t0.3\n1\t1\t150\t0.3\n"
    for path in (tmp_path / "data/transfer/gtzan").glob("*/scores.tsv"):
        path.write_text(table)
    spread = read_seed_spread(cells_of(tmp_path, ["gtzan"]), tmp_path / "data/transfer")
    assert spread.to_numpy() == pytest.approx(np.std([0.5, 0.3], ddof=1))


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


def test_a_claim_is_said_to_need_the_tests_over_pairs_and_over_tasks(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    text = text_of(tmp_path, divisors=(1, 2))
    assert "over (task, capacity) pairs" in text and "over the classification tasks, each the mean" in text
    assert "a claim needs both tests, over pairs and over tasks" in text


def test_networks_that_keep_the_last_epoch_allowed_are_counted_by_method(tmp_path):
    # Fold f trains f + 4 epochs and keeps the last but one: with a limit of 5, the third fold's best is the last.
    write_cells(tmp_path)
    write_curves(tmp_path)
    cells, folder = cells_of(tmp_path), tmp_path / "plots/transfer"
    for task in TASKS[:2]:
        path = folder / task / "kd-div1.tsv"
        path.write_text(path.read_text() + "0\t0\t5\t1.0\t0.1\n")
    unfinished = count_unfinished(cells, folder, 5)
    assert unfinished["networks"].to_dict() == {"base": 24, "init": 24, "kd": 24}, "fix has no epochs"
    assert unfinished["unfinished"].to_dict() == {"base": 8, "init": 8, "kd": 10}
    text = " ".join(render_unfinished(unfinished, 5).split())
    assert "Stopped by transfer.training.epochs (5), still improving: kd 10 of 24 networks, base 8 of 24" in text
    assert "No network kept the last epoch" in render_unfinished(count_unfinished(cells, folder, 20), 20)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"accuracy": float("nan")}, "accuracy is nan"),
        ({"macro_f1": float("nan")}, "macro_f1 is nan"),
        ({"clips": "many"}, "clips is not a number: many"),
        ({"protocol": "loo"}, "a protocol that is unknown here: loo"),
    ],
)
def test_a_score_that_cannot_be_used_is_named_by_file_and_field(tmp_path, fields, message):
    write_cells(tmp_path)
    path = tmp_path / "metrics/transfer/gtzan/kd-div1.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with pytest.raises(InputError, match=rf"gtzan/kd-div1\.json: .*{message}\. Run: dvc repro"):
        cells_of(tmp_path)


def test_gain_of_kd_that_mirrors_the_gain_of_fix_correlates_to_minus_one(tmp_path):
    write_cells(tmp_path)
    found = correlate_gains(cells_of(tmp_path))
    assert found.pairs == 6
    assert found.r == pytest.approx(-1)


def test_metrics_hold_no_lists_and_no_nan(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))

    def leaves(node):
        return [leaf for child in node.values() for leaf in leaves(child)] if isinstance(node, dict) else [node]

    for tasks in (TASKS, REGRESSION, ["gtzan"]):
        results = compute(tmp_path, tasks, divisors=(1, 2))
        for metrics in (headline(results), as_metrics(results.pilot)):
            assert all(type(leaf) in (int, float, str) for leaf in leaves(metrics))
            json.dumps(metrics, allow_nan=False)


def test_text_gives_scores_with_protocol_and_reference_lines(tmp_path):
    write_cells(tmp_path)
    write_cells(tmp_path, ["fma_small"], folds=1)
    lines = text_of(tmp_path).splitlines()
    gtzan = next(line for line in lines if line.startswith("GTZAN"))
    assert gtzan.split()[:5] == ["GTZAN", "stratified", "3-fold", "CV", "128"]
    assert gtzan.split()[5:] == ["50.0", "46.0", "52.0", "52.0", "10.0", "12.5", "300"]
    valence = next(line for line in lines if line.startswith("EmoMusic valence"))
    assert valence.split()[5:] == ["128", "0.500", "0.360", "0.520", "0.570", "300"]


@pytest.fixture
def mixed(tmp_path):
    """A run whose tasks go by different protocols."""
    write_cells(tmp_path, divisors=(1, 2), folds=1)
    write_cells(tmp_path, ["gtzan"], (1, 2), 10, protocol="artist_cv")
    write_cells(tmp_path, ["extended_ballroom"], (1, 2), 10)
    return tmp_path


def test_every_table_names_the_protocol_of_every_task(mixed):
    text = text_of(mixed, divisors=(1, 2))
    tables = [section for section in text.split("\n\n") if "\ntask " in section]
    accuracy, macro_f1, r2, squared_correlation, *within = tables
    regression = [r2, squared_correlation, *(table for table in within if ", r2\n" in table)]
    for table in (accuracy, macro_f1, *(table for table in within if ", accuracy\n" in table)):
        assert "GTZAN             artist-grouped 10-fold CV 64 " in table
        assert "Extended Ballroom stratified 10-fold CV     64 " in table
        assert "FMA small         official split            64 " in table
    assert len(within) == 8
    assert len(regression) == 6
    assert all("EmoMusic valence official split 64 " in table for table in regression)


def test_headings_say_of_how_many_seeds_scores_are_the_mean(tmp_path):
    write_cells(tmp_path, seeds=3)
    text = text_of(tmp_path)
    assert all(heading in text for heading in ("Accuracy, %, mean of 3 seeds", "squared correlation, mean of 3 seeds"))
    write_cells(tmp_path)
    assert not any(words in text_of(tmp_path) for words in (", mean of", "standard deviation over"))


def test_text_gives_the_spread_over_seeds_where_there_are_several(tmp_path):
    write_cells(tmp_path, seeds=3)
    sections = text_of(tmp_path).split("\n\n")
    accuracy = next(s for s in sections if s.startswith("Accuracy, standard deviation over 3 seeds in points\n"))
    assert "GTZAN             stratified 3-fold CV 128        1.0   1.0   1.0   1.0    300" in accuracy
    r2 = next(s for s in sections if s.startswith("Regression, standard deviation of r2 over 3 seeds\n"))
    assert r2.splitlines()[-1].split()[-5:] == ["0.010", "0.010", "0.010", "0.010", "300"]


def test_text_gives_every_test_within_tasks_with_its_number_of_folds_or_clips(tmp_path):
    write_cells(tmp_path)
    write_cells(tmp_path, ["fma_small"], folds=1)
    sections = text_of(tmp_path).split("\n\n")
    accuracy = next(s for s in sections if s.startswith("Within tasks: kd - base, accuracy\n"))
    gtzan = next(line for line in accuracy.splitlines() if line.startswith("GTZAN"))
    assert gtzan.split()[5:] == ["+2.0", "[-1.9,", "5.9]", "0.160", "0.479", "3", "folds"]
    assert next(line for line in accuracy.splitlines() if line.startswith("FMA small")).endswith("100 clips")
    r2 = next(s for s in sections if s.startswith("Within tasks: init - base, r2\n"))
    assert r2.splitlines()[-5].split()[-5:] == ["-", "-", "-", "3", "folds"]
    assert " ".join(r2.split()).endswith(
        "EmoMusic arousal, 128 channels: All 3 folds have the same difference: without variance there is no test."
    )


def test_text_says_each_test_in_two_lines(tmp_path):
    write_cells(tmp_path)
    text = text_of(tmp_path)
    assert "kd - base    +3.5 points [1.5, 5.5], t(5) = 4.6, p = 0.006, 6 wins, 0 losses of 6 tasks" in text
    assert "             Holm p = 0.018, d_z = 1.87, sign-flip p = 0.031, Wilcoxon p = 0.031" in text
    assert "kd - init    +1.5 points [-0.5, 3.5], t(5) = 2.0, p = 0.107, 4 wins, 1 tie, 1 loss of 6 tasks" in text


def test_text_fits_100_columns(tmp_path):
    write_cells(tmp_path, divisors=(1, 2, 4, 8))
    write_cells(tmp_path, ["gtzan"], (1, 2, 4, 8), folds=10, protocol="artist_cv")  # the longest name
    write_cells(tmp_path, ["fma_medium"], (1, 2, 4, 8), folds=2)  # a sentence in place of a test
    text = text_of(tmp_path, divisors=(1, 2, 4, 8), synthetic=True)
    assert max(map(len, text.splitlines())) <= 100


def test_text_sets_the_papers_numbers_apart(tmp_path):
    write_cells(tmp_path)
    text = text_of(tmp_path)
    assert "The paper, not measured here" in text
    assert "+2.62" in text
    assert "+2.20" in text


def test_synthetic_run_says_so_and_what_it_cannot_resolve(tmp_path):
    write_cells(tmp_path)
    text = text_of(tmp_path, synthetic=True)
    assert text.startswith("Synthetic data")
    assert "2.6 points" in text
    assert "the intervals of a run say what it does resolve" in text
    assert "ynthetic" not in text_of(tmp_path)


def test_demo_preset_is_synthetic_and_paper_preset_with_own_data_is_not():
    demo = params.load(ROOT / "presets/demo.yaml")
    assert is_synthetic(demo)
    content = demo.model_dump()
    content["logs"]["path"] = "data/own/logs"
    content["songs"] |= {"catalog": "data/own/songs.csv", "audio_root": "data/own/songs"}
    tasks = content["tasks"]
    content["tasks"] = {name: task | {"path": "data/own/gtzan"} for name, task in tasks.items()}
    assert not is_synthetic(params.Params.model_validate(content))
    content["tasks"]["gtzan"]["path"] = "data/demo/gtzan"
    assert is_synthetic(params.Params.model_validate(content))


def test_stage_writes_summary_and_figure_and_prints_the_report(tmp_path):
    write_params(tmp_path)
    write_cells(tmp_path)
    write_cells(tmp_path, ["fma_small"], folds=1)
    write_curves(tmp_path)
    write_evaluation(tmp_path)
    write_pilot(tmp_path)
    write_probes(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "stages.report"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Networks that the limit of epochs stopped" in done.stdout
    assert done.stdout.endswith("Figures: plots/*.png and *.pdf\n")
    assert json.loads((tmp_path / "metrics/report.json").read_text())["gain"]["kd"] == 3.5
    assert len((tmp_path / "plots/tests.tsv").read_text().splitlines()) == 1 + 2 * 4
    for name in ("figure1", "figure4", "differences", "confusion", "curves", "estimator", "embedding_map", "probe"):
        assert (tmp_path / f"plots/{name}.png").stat().st_size > 10_000
        assert (tmp_path / f"plots/{name}.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((tmp_path / "metrics/pilot.json").read_text())["fix-base"]["test"] == "McNemar"
    assert len((tmp_path / "plots/figure1.tsv").read_text().splitlines()) == 1 + 3
    assert len((tmp_path / "plots/within_tasks.tsv").read_text().splitlines()) == 1 + 4 * 8
    assert len((tmp_path / "plots/figure4.tsv").read_text().splitlines()) == 1 + 4 * 8


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
