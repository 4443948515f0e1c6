import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cell_files import (
    TASKS,
    compute,
    write_cells,
    write_curves,
    write_evaluation,
    write_params,
    write_pilot,
    write_probes,
)

from hearlog import params
from hearlog.params.synthetic import is_synthetic
from hearlog.report.text import render

ROOT = Path(__file__).parents[2]


def text_of(root, tasks=TASKS, divisors=(1,), synthetic=False):
    return render(replace(compute(root, tasks, divisors), synthetic=synthetic))


def test_a_claim_is_said_to_need_the_tests_over_pairs_and_over_tasks(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    text = text_of(tmp_path, divisors=(1, 2))
    assert "over (task, capacity) pairs" in text and "over the classification tasks, each the mean" in text
    assert "a claim needs both tests, over pairs and over tasks" in text


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
    assert next(line for line in r2.splitlines() if line.startswith("EmoMusic a")).split()[-5:] == [*"---3", "folds"]
    assert (
        "EmoMusic arousal, 128 channels: All 3 folds have the same difference: without variance there is no test."
    ) in " ".join(r2.split())


def test_every_table_within_tasks_says_once_what_its_tests_include(tmp_path):
    def endings():
        sections = [" ".join(s.split()) for s in text_of(tmp_path).split("\n\n") if s.startswith("Within tasks: ")]
        assert len(sections) == 8
        return {s[s.rindex("include the choice of test clips") :] for s in sections}

    noise = "training noise (another seed, rounding, another machine)."
    write_cells(tmp_path)
    assert endings() == {"include the choice of test clips and training noise."}
    write_cells(tmp_path, folds=1)
    assert endings() == {f"include the choice of test clips, not {noise}"}
    write_cells(tmp_path, ["gtzan", "emomusic_valence"])
    assert endings() == {f"include the choice of test clips, not {noise} Over folds they include both."}
    write_cells(tmp_path, folds=1, seeds=3)
    assert endings() == {"include the choice of test clips and training noise."}


def test_a_run_of_one_seed_says_first_what_it_cannot_say(tmp_path):
    write_cells(tmp_path)
    assert text_of(tmp_path).startswith("One seed: every network was trained once")
    assert "No test or interval includes that of the estimator" in " ".join(text_of(tmp_path).split())
    write_cells(tmp_path, seeds=3)
    assert "One seed: every network" not in text_of(tmp_path)


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
    assert "Networks that kept their last epoch" in done.stdout
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
