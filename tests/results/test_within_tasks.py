import numpy as np
import pandas as pd
import pytest
from cell_files import CLASSIFICATION, REGRESSION, TASKS, write_cell, write_cells
from scipy import stats

from hearlog.results.cells import read_cells
from hearlog.results.files import read_table
from hearlog.results.within_tasks import compare_within, read_within
from hearlog.statistics.clips_and_seeds import crossed_t_test
from hearlog.statistics.paired_tests import holm, sign_flip_test
from hearlog.util.errors import InputError


def compare_cells(root, tasks=TASKS, divisors=(1,)):
    return compare_within(read_cells(tasks, divisors, root / "metrics/transfer"), root / "data/transfer")


def row_of(table, comparison, task):
    (row,) = table[(table["comparison"] == comparison) & (table["task"] == task)].itertuples()
    return row


def test_every_comparison_has_a_row_for_every_task_and_capacity_classification_first(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    table = compare_cells(tmp_path, divisors=(1, 2))
    assert len(table) == 4 * 8 * 2
    assert list(table["comparison"].unique()) == ["kd-base", "init-base", "fix-base", "kd-init"]
    first = table[table["comparison"] == "kd-base"]
    assert list(first["kind"]) == ["classification"] * 12 + ["regression"] * 4
    assert list(first["channels"][:4]) == [64, 128, 64, 128]


def test_folds_are_tested_by_nadeau_and_bengio_worked_by_hand(tmp_path):
    # On GTZAN kd gains 1, 2 and 3 points on three folds: mean 2, variance 1. Two thirds of the clips train, one
    # tests, so the mean's variance is 1/3 + 1/2; the 97.5 % quantile of t with 2 degrees of freedom is 4.302653.
    write_cells(tmp_path)
    row = row_of(compare_cells(tmp_path), "kd-base", "gtzan")
    assert (row.test, row.n, row.unit, row.wins, row.losses) == ("Nadeau-Bengio", 3, "folds", 3, 0)
    assert row.covers == "clips and training", "each fold trains networks of its own"
    t, half_width = 2 / np.sqrt(5 / 6), 4.302653 * np.sqrt(5 / 6)
    assert row.difference == pytest.approx(2)
    assert row.p == pytest.approx(1 - t / np.sqrt(2 + t**2))
    assert (row.ci_low, row.ci_high) == pytest.approx((2 - half_width, 2 + half_width))


def test_labels_of_one_test_part_are_tested_by_mcnemar(tmp_path):
    # On GTZAN base has the first 50 of 100 clips right, kd the 52 that follow the tenth: 10 and 12 are discordant.
    write_cells(tmp_path, folds=1)
    row = row_of(compare_cells(tmp_path), "kd-base", "gtzan")
    assert (row.test, row.n, row.unit, row.wins, row.ties, row.losses) == ("McNemar", 100, "clips", 12, 78, 10)
    assert row.difference == pytest.approx(2)
    assert row.p == pytest.approx(stats.binomtest(12, 22).pvalue)
    spread = 1.96 * np.sqrt((22 - 2**2 / 100) / 100**2) * 100  # of the bootstrap's multinomial, in points
    assert (row.ci_low, row.ci_high) == pytest.approx((2 - spread, 2 + spread), abs=1)


def test_numbers_of_one_test_part_are_tested_in_r2(tmp_path):
    write_cells(tmp_path, folds=1)
    row = row_of(compare_cells(tmp_path), "kd-base", "emomusic_valence")
    cells = {
        method: pd.read_parquet(tmp_path / f"data/transfer/emomusic_valence/{method}-div1/predictions.parquet")
        for method in ("kd", "base")
    }
    errors = {method: (cell["truth"] - cell["prediction"]) ** 2 for method, cell in cells.items()}
    assert (row.test, row.n, row.unit, row.kind) == ("sign-flip", 100, "clips", "regression")
    assert row.difference == pytest.approx(0.07)  # the truth has a variance of 1
    assert row.difference == pytest.approx(errors["base"].mean() - errors["kd"].mean())
    assert row.p == pytest.approx(sign_flip_test(errors["base"], errors["kd"]).p)
    assert row.ci_low < 0.07 < row.ci_high


def test_with_several_seeds_clips_and_seeds_are_crossed(tmp_path):
    # Seeds of base have 49, 50 and 51 clips right, those of kd 51, 52 and 53 after the tenth.
    write_cells(tmp_path, folds=1, seeds=3)
    row = row_of(compare_cells(tmp_path), "kd-base", "gtzan")
    clips = np.arange(100)[:, None]
    base, kd = clips < [49, 50, 51], (clips >= 10) & (clips < [61, 62, 63])
    test = crossed_t_test(kd.astype(float) - base)
    assert (row.test, row.n, row.unit, row.covers) == ("crossed t", 100, "clips", "clips and training")
    assert (row.wins, row.ties, row.losses) == (14, 76, 10), "of clips, by the share of seeds that are right"
    assert row.difference == pytest.approx(2)
    assert (row.ci_low, row.ci_high, row.p) == pytest.approx((100 * test.low, 100 * test.high, test.p))


def test_one_seed_covers_the_choice_of_clips_and_several_cover_training_as_well(tmp_path):
    write_cells(tmp_path, ["gtzan"])
    write_cells(tmp_path, ["fma_small", "emomusic_valence"], folds=1)
    table = compare_cells(tmp_path, ["gtzan", "fma_small", "emomusic_valence"])
    covers = dict(zip(table["task"], table["covers"], strict=True))
    assert covers == {"gtzan": "clips and training", "fma_small": "clips", "emomusic_valence": "clips"}
    write_cells(tmp_path, ["fma_small", "emomusic_valence"], folds=1, seeds=3)
    assert set(compare_cells(tmp_path, ["fma_small", "emomusic_valence"])["covers"]) == {"clips and training"}


def test_two_seeds_are_too_few_to_know_their_variance(tmp_path):
    write_cells(tmp_path, ["fma_small"], folds=1, seeds=2)
    row = row_of(compare_cells(tmp_path, ["fma_small"]), "kd-base", "fma_small")
    assert row.note == "2 seeds are too few: a test needs at least 3."
    assert np.isnan([row.ci_low, row.ci_high, row.p]).all() and np.isfinite(row.difference)


def test_with_several_seeds_folds_are_tested_on_the_means_of_seeds(tmp_path):
    write_cells(tmp_path)
    one = compare_cells(tmp_path)
    write_cells(tmp_path, seeds=3)  # which lie evenly about the one
    pd.testing.assert_frame_equal(compare_cells(tmp_path), one)


def test_holm_counts_the_rows_of_one_comparison_and_kind(tmp_path):
    write_cells(tmp_path)
    write_cells(tmp_path, ["fma_small", "fma_medium", *REGRESSION], folds=1)
    table = compare_cells(tmp_path)
    for _, family in table.groupby(["comparison", "kind"], observed=True):
        np.testing.assert_allclose(family["p_holm"], holm(family["p"]))
    assert row_of(table, "kd-base", "gtzan").p_holm > row_of(table, "kd-base", "gtzan").p


def test_what_cannot_be_tested_has_a_sentence_and_neither_interval_nor_p(tmp_path):
    write_cells(tmp_path)
    write_cells(tmp_path, ["gtzan"], folds=2)
    write_cells(tmp_path, ["fma_small"], folds=1)
    write_cell(tmp_path, "fma_small", "fix", 1, folds=1, accuracy=0.49)
    table = compare_cells(tmp_path)
    sentences = {
        ("init-base", "fma_medium"): "All 3 folds have the same difference: without variance there is no test.",
        ("kd-base", "gtzan"): "2 folds are too few: a test needs at least 3.",
        ("fix-base", "fma_small"): "1 clip that one alone has right is too few: a test needs at least 3.",
    }
    for cell, sentence in sentences.items():
        row = row_of(table, *cell)
        assert row.note == sentence
        assert np.isnan([row.ci_low, row.ci_high, row.p, row.p_holm]).all()
        assert np.isfinite(row.difference)
    assert (table["p"].isna() == (table["note"] != "")).all()


def test_regression_and_classification_share_no_family(tmp_path):
    write_cells(tmp_path)
    both = compare_cells(tmp_path)
    alone = compare_cells(tmp_path, CLASSIFICATION)
    classification = both[both["kind"] == "classification"].reset_index(drop=True)
    pd.testing.assert_frame_equal(classification, alone)


def test_methods_tested_on_different_clips_are_refused(tmp_path):
    write_cells(tmp_path, ["gtzan"], folds=1)
    path = tmp_path / "data/transfer/gtzan/kd-div1/predictions.parquet"
    pd.read_parquet(path).iloc[1:].to_parquet(path)
    with pytest.raises(InputError, match=r"gtzan/\*/predictions\.parquet: .*different clips.*dvc repro"):
        compare_cells(tmp_path, ["gtzan"])


def test_missing_predictions_are_named_with_the_remedy(tmp_path):
    write_cells(tmp_path, ["gtzan"], folds=1)
    (tmp_path / "data/transfer/gtzan/init-div1/predictions.parquet").unlink()
    with pytest.raises(InputError, match=r"gtzan/init-div1/predictions\.parquet: no such file.*dvc repro"):
        compare_cells(tmp_path, ["gtzan"])


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("predictions.parquet", b"PAR1", "not readable as a table"),
        ("scores.tsv", b"", "not readable as a table"),
        ("scores.tsv", b"\xff\xfe", "not readable as a table"),
        ("scores.tsv", b"seed\tfold\tclips\n0\t0\t100\n", "has no column accuracy"),
    ],
)
def test_broken_tables_are_named_with_the_remedy(tmp_path, file, content, message):
    write_cells(tmp_path, ["gtzan"], folds=1 if file == "predictions.parquet" else 3)
    (tmp_path / "data/transfer/gtzan/init-div1" / file).write_bytes(content)
    with pytest.raises(InputError, match=rf"gtzan/init-div1/{file}: {message}.* Run: dvc repro"):
        compare_cells(tmp_path, ["gtzan"])


def test_the_table_outlives_its_file(tmp_path):
    write_cells(tmp_path, folds=1)
    table = compare_cells(tmp_path)
    table.to_csv(tmp_path / "within_tasks.tsv", sep="\t", index=False)
    pd.testing.assert_frame_equal(read_within(tmp_path / "within_tasks.tsv"), table, check_exact=True)


def test_a_table_that_is_missing_or_half_merged_is_named(tmp_path):
    path = tmp_path / "within_tasks.tsv"
    with pytest.raises(InputError, match=r"within_tasks\.tsv: no such file\. Run: dvc repro"):
        read_table(path)
    path.write_text("")
    with pytest.raises(InputError, match=r"within_tasks\.tsv: not readable as a table .* Run: dvc repro"):
        read_table(path)
    path.write_text("task\ngtzan\n")
    with pytest.raises(InputError, match=r"within_tasks\.tsv: has no column p, note\. Run: dvc repro"):
        read_table(path, ["task", "p", "note"])
    path.write_text("comparison\ttask\n<<<<<<< HEAD\nkd-base\tgtzan\n=======\n")
    with pytest.raises(InputError, match=r"within_tasks\.tsv: a merge has left both versions"):
        read_table(path)
