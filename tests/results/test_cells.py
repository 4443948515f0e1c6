"""The scores of cells and their spread: read whole, and never mixed from different runs."""

import json

import numpy as np
import pytest
from cell_files import CLASSIFICATION, REGRESSION, TASKS, write_cell, write_cells

from hearlog.results.cells import read_cells
from hearlog.results.folds import read_seed_spread, read_spread
from hearlog.transfer.methods import METHODS
from hearlog.util.errors import InputError


def cells_of(root, tasks=TASKS, divisors=(1,)):
    return read_cells(tasks, divisors, root / "metrics/transfer")


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
    assert len(cells) == len(CLASSIFICATION) * len(METHODS)


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
