"""The page of a known run: what it says, and that what users bring along is text and nothing else."""

import base64
import hashlib
import html
import json
import os
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib import image
from page_world import HOSTILE, SONGS, TAG, in_ascii, write_world

from hearlog.page import figures, protocols, results, strip, words
from hearlog.results.comparisons import Comparison
from hearlog.statistics.paired_tests import Correlation, PairedTest
from hearlog.util.errors import InputError
from stages import page

SIX = {"pairs": 6, "wins": 5, "ties": 0, "losses": 1, "mean": 3.5, "ci_low": 1.5, "ci_high": 5.5, "d_z": 1.87}


def made_in(folder, monkeypatch):
    monkeypatch.chdir(folder)
    page.main()
    return (folder / "report.html").read_text(encoding="utf-8")


def kd_and_base(over="tasks", note="", **numbers):
    """Kd compared with base by a test with these numbers, or without one for the reason in the note."""
    found = {"pairs": 2, "wins": 1, "ties": 0, "losses": 1, "note": note} if note else SIX | numbers
    adjusted = found.pop("p_adjusted", np.nan)
    return Comparison(method="kd", against="base", over=over, test=PairedTest(**found), p_adjusted=adjusted)


def answer_to(capacities=1, tasks=None, seeds=3, **test):
    def table(over, **numbers):
        row = kd_and_base(over, **numbers)
        return [row, replace(row, method="init"), replace(kd_and_base(over, note="too few"), method="fix")]

    over_pairs = table("pairs", **test, **({"pairs": 24, "wins": 20, "losses": 4} if capacities > 1 else {}))
    answer = words.answer(over_pairs, table("tasks", **test | (tasks or {})), capacities, seeds)
    return words.Answer(in_ascii(answer.verdict), in_ascii(answer.figure), list(map(in_ascii, answer.reading)))


def test_of_one_seed_nothing_is_claimed_without_saying_so():
    one, several = answer_to(seeds=1, p=0.01, p_adjusted=0.02), answer_to(p=0.01, p_adjusted=0.02)
    assert one.verdict.startswith("With one seed, distillation (kd) scores above training from scratch (base): +3.5")
    assert "before you claim that one method is better" in one.reading[-1]
    assert one.reading[:-1] == several.reading
    assert "the training noise of the task networks" in several.reading[-1]


def rows_of(text, name):
    """Cells of a table's body, as text."""
    (table,) = re.findall(rf'<table id="{name}".*?</table>', text, re.DOTALL)
    body = table.split("<tbody>")[1]
    return [
        [
            in_ascii(html.unescape(re.sub(r"<[^>]+>", "", cell)))
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        for row in body.split("</tr>")[:-1]
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_world(folder)
    return folder


@pytest.fixture(scope="module")
def known(world):
    with pytest.MonkeyPatch.context() as patch:
        return made_in(world, patch)


@pytest.fixture
def copy(world, tmp_path):
    return shutil.copytree(world, tmp_path / "copy", copy_function=os.link)


def test_significant_after_holm_is_said_to_score_above():
    answer = answer_to(p=0.01, p_adjusted=0.02)
    assert answer.verdict == (
        "Distillation (kd) scores above training from scratch (base): +3.5 points of accuracy on average over 6 tasks "
        "at one capacity (95 % interval [1.5, 5.5], p = 0.010, after Holm's correction p = 0.020; 5 wins, 1 loss)."
    )
    assert answer.figure == "+3.5"


def test_significant_over_pairs_and_tasks_is_claimed_with_both_tests():
    answer = answer_to(
        4, {"p": 0.004, "p_adjusted": 0.012}, mean=-3.5, ci_low=-5.5, ci_high=-1.5, p=0.0001, p_adjusted=0.0002
    )
    assert answer.verdict == (
        "Distillation (kd) scores below training from scratch (base): -3.5 points of accuracy on average over 24 "
        "(task, capacity) pairs (20 wins, 4 losses)."
    )
    assert answer.reading[0] == (
        "Over the 24 (task, capacity) pairs, which takes capacities as independent: 95 % interval [-5.5, -1.5], "
        "p < 0.001, after Holm's correction p < 0.001, significant; over the 6 tasks themselves, each the mean of its "
        "capacities: 95 % interval [-5.5, -1.5], p = 0.004, after Holm's correction p = 0.012, significant."
    )


PAIRS_ALONE = {"p": 0.0015, "p_adjusted": 0.003}


def test_significant_over_pairs_alone_is_not_claimed():
    answer = answer_to(4, {"ci_low": -1.5, "ci_high": 8.5, "p": 0.153, "p_adjusted": 0.507}, **PAIRS_ALONE)
    assert answer.verdict.startswith("No significant difference") and "over pairs and over tasks:" in answer.verdict
    assert "p = 0.003, significant; over the 6 tasks themselves" in answer.reading[0]
    assert answer.reading[0].endswith("p = 0.507, not significant.")
    assert answer.reading[1].startswith("The interval over tasks contains zero")
    assert "these 6 tasks differ among themselves, a mean difference below 5.0 points" in answer.reading[2]


def test_significant_over_tasks_alone_is_not_claimed():
    answer = answer_to(4, {"p": 0.01, "p_adjusted": 0.02}, ci_low=-0.5, ci_high=7.5, p=0.08, p_adjusted=0.16)
    assert answer.verdict.startswith("No significant difference")
    assert "p = 0.160, not significant; over" in answer.reading[0]


def test_pairs_of_too_few_tasks_are_not_claimed():
    answer = answer_to(4, {"note": "2 tasks are too few"}, **PAIRS_ALONE)
    assert answer.verdict.startswith("No significant difference")
    assert "over the tasks themselves there is no test, so no difference can be claimed." in answer.reading[0]
    assert answer.reading[0].endswith("2 tasks are too few.") and len(answer.reading) == 2


def test_significant_but_for_holm_is_not_significant_and_says_why():
    answer = answer_to(p=0.04, p_adjusted=0.08)
    assert answer.verdict.startswith("No significant difference")
    assert "after Holm's correction for 2 comparisons it is not" in answer.reading[0], "one was not tested"


def test_an_interval_with_zero_shows_neither_a_gain_nor_its_absence():
    answer = answer_to(ci_low=-1.5, ci_high=8.5, p=0.3, p_adjusted=0.6)
    assert answer.verdict.startswith("No significant difference")
    assert "neither a gain nor its absence" in answer.reading[0]
    assert "a mean difference below 5.0 points" in answer.reading[1], "half of the interval"


def test_too_few_pairs_are_no_answer():
    none = kd_and_base(note="2 pairs: a t-test needs three")
    answer = words.answer([none], [none], 1, 3)
    assert answer.verdict.endswith("2 pairs: a t-test needs three.") and answer.figure == ""
    assert strip.draw(pd.DataFrame(), none) is None


def test_the_answer_is_that_of_the_run_and_the_papers_stands_apart(known):
    run, paper = known.split('<aside class="card paper"')
    assert "+3.5 points of accuracy on average over 6 tasks" in run and "2.62" not in run.split("<main")[1]
    assert "The paper, not measured here" in paper and "+2.62" in paper


def test_embedded_data_are_called_synthetic(known):
    assert "<strong>Synthetic data.</strong> These numbers come from the embedded" in known
    assert "too small to" in known


def test_scores_stand_in_tables_by_unit(known):
    accuracy, r2 = rows_of(known, "scores-accuracy"), rows_of(known, "scores-r2")
    assert accuracy[0][0] == "EmoMusic genre stratified 3-fold CV"
    assert accuracy[0][1:5] == ["50.0 ±2.0", "48.0 ±2.0", "52.0 ±2.0", "51.0 ±3.0"]
    assert accuracy[0][5:] == ["10.0", "12.5", "300", "3", "1"], "chance, majority, clips, folds, seeds"
    assert len(accuracy) == 6 and [row[0][:16] for row in r2] == ["EmoMusic valence", "EmoMusic arousal"]
    assert r2[0][1:5] == ["0.500 ±0.020", "0.360 ±0.020", "0.520 ±0.020", "0.570 ±0.030"]


def test_the_tests_are_those_of_the_report(known):
    rows = {row[0]: row[1:] for row in rows_of(known, "tests-tasks")}
    # Gains of 1 to 6 points: mean 3.5, standard deviation 1.871, t(5) = 4.583, p = 0.0059 (Student's table);
    # Holm multiplies by the three comparisons that could be tested.
    assert rows["kd - base"][:6] == ["+3.5", "[1.5, 5.5]", "4.58", "0.006", "0.018", "1.87"]
    assert rows["init - base"] == ["-"] * 10
    assert "init - base: " in in_ascii(known), "the note that says why"


def test_holms_p_within_tasks_is_of_the_rows_of_one_comparison(known):
    rows = rows_of(known, "within-classification")
    comparisons = [row[0] for row in rows]
    assert all(comparisons.count(name) == 6 for name in comparisons) and len(set(comparisons)) == 4
    assert "Holm's p adjusted for the rows of one comparison" in " ".join(html.unescape(known).split())


def test_tables_within_tasks_say_what_their_tests_include(tmp_path, monkeypatch, known):
    folds = "Intervals and p include the choice of test clips and training noise."
    assert known.count(f'<p class="note">{folds}</p>') == 2, "one for labels, one for numbers"
    assert "One seed: every network was trained once" in known
    write_world(tmp_path, folds=1)
    clips = "One seed: over clips, intervals and p include the choice of test clips, not training noise"
    text = made_in(tmp_path, monkeypatch)
    assert text.count(f'<p class="note">{clips}') == 2
    assert "the 95 % interval (without) over test clips, without training noise" in html.unescape(text)


def test_several_capacities_have_a_column_and_the_papers_test_over_pairs(tmp_path, monkeypatch):
    write_world(tmp_path, divisors=(1, 2))
    text = made_in(tmp_path, monkeypatch)
    assert [row[1] for row in rows_of(text, "scores-accuracy")[:2]] == ["64", "128"]
    assert "over 12 (task, capacity) pairs" in text
    assert "over the 6 tasks themselves" in text and "the mean over tasks and its 95 % interval" in text
    assert rows_of(text, "tests-pairs")[0][8] == "12" and rows_of(text, "tests-tasks")[0][8] == "6"


def test_what_was_left_out_is_counted_with_examples(known):
    rows = {row[0]: row[1:] for row in reversed(rows_of(known, "left-out"))}
    assert rows["Listening logs"] == ["7", "rows of 1,000", "empty song id logs.csv, line 12: a,; and 6 more"]
    found = "no audio song x0 (.mp3); song x1 (.mp3); song x2 (.mp3); and 2 more"
    assert rows["Catalogue"] == ["5", "songs", found]
    assert rows["GTZAN, audio"] == ["1", "files", "short 9.au (1 s)"]
    assert rows["FMA small, split"] == ["3", "clips", "in no part of the protocol"]
    assert "Every audio file could be used: Songs, EmoMusic genre" in known


def test_groups_on_both_sides_of_a_split_are_counted():
    items = pd.DataFrame({"item_id": list("abcde"), "group": ["A", "A", "B", "C", None]})
    splits = pd.DataFrame({"fold": 0, "item_id": list("abcde"), "part": ["train", "test", "test", "valid", "test"]})
    assert protocols.shared_groups(items, splits) == {"groups": 2, "shared": 1}
    # A group that is trained on in one fold and tested in another is not shared.
    folds = pd.concat([splits[splits["item_id"] == "c"], splits[splits["item_id"] == "c"].assign(fold=1, part="train")])
    assert protocols.shared_groups(items, folds) == {"groups": 1, "shared": 0}
    # A clip that the protocol leaves out is on no side.
    left_out = splits.assign(part=splits["part"].where(splits["part"] == "test"))
    assert protocols.shared_groups(items, left_out) == {"groups": 2, "shared": 0}


def test_the_protocol_of_a_task_says_who_stands_on_both_sides(known):
    row = next(row for row in rows_of(known, "protocols") if row[0].startswith("GTZAN"))
    assert row[1].startswith("stratified 3-fold CV: drawn folds") and row[3:7] == ["3", "2", "1", "1"]
    assert row[7] == "1 of 1 artist"


def test_labels_of_users_are_text(tmp_path, monkeypatch):
    write_world(tmp_path, tag=HOSTILE)
    text = made_in(tmp_path, monkeypatch)
    assert TAG not in text and html.escape(TAG) in text
    assert "{{ 7 * 7 }}" in text, "names are no templates"
    (data,) = re.findall(r'<script type="application/json" id="songs-data">(.*?)</script>', text, re.DOTALL)
    assert "<" not in data
    assert json.loads(data)["songs"][0]["title"] == f"Title 00{HOSTILE}"
    assert rows_of(text, "within-classification")[0][1].startswith(f"EmoMusic genre{HOSTILE}")


def test_the_page_fetches_nothing_and_runs_its_own_script_alone(known):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', known)
    policy = html.unescape(policy)
    assert policy.startswith("default-src 'none';")
    for tag in ("style", "script"):
        (source,) = re.findall(rf"<{tag}>(.*?)</{tag}>", known, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.findall(r'(?:src|href)="(?!#|data:)', known)
    assert " style=" not in known and " onclick=" not in known


def test_figures_are_numbered_captioned_and_carried_along(known):
    pictures = re.findall(r'<img src="data:image/png;base64,[^"]+" width="60" height="30" alt="[^"]+">', known)
    assert len(pictures) == len(figures.CAPTIONS)
    assert "<b>Figure 1. Scores of the methods (the paper's Figure 4).</b> Synthetic data." in html.unescape(known)
    assert "<code>plots/figure4.png</code>, <code>plots/figure4.pdf</code>" in known
    assert f"On {SONGS} test songs" in known and "at 128 channels" in known


def test_a_missing_figure_is_named(tmp_path):
    with pytest.raises(InputError, match=r"figure4\.png: no such file"):
        figures.read_figures(tmp_path, {})
    (tmp_path / "figure4.png").write_text("version https://git-lfs")
    with pytest.raises(InputError, match=r"figure4\.png: not a whole PNG"):
        figures.read_figures(tmp_path, {})
    image.imsave(tmp_path / "whole.png", np.ones((30, 60, 3)))
    (tmp_path / "figure4.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-9])
    with pytest.raises(InputError, match=r"figure4\.png: not a whole PNG"):
        figures.read_figures(tmp_path, {})


def test_a_table_of_scores_that_lacks_some_is_refused(copy, monkeypatch):
    path = copy / "plots/figure4.tsv"
    lines = path.read_text().splitlines(keepends=True)
    path.unlink()  # it is a link
    path.write_text("".join(lines[:-1]))
    with pytest.raises(InputError, match=r"figure4\.tsv: its scores are not those of metrics/transfer in 1 of 32"):
        made_in(copy, monkeypatch)


@pytest.mark.parametrize("name", ["metrics/pilot.json", "plots/figure4.tsv", "data/logs/rejected.parquet", "dvc.lock"])
def test_a_missing_file_is_named_with_the_fix(name, copy, monkeypatch):
    (copy / name).unlink()
    with pytest.raises(InputError, match=rf"^{name}: no such file. Run: dvc repro$"):
        made_in(copy, monkeypatch)


def test_kd_follows_fix_is_a_number_or_a_note():
    found = Correlation(6, r=-0.5, ci_low=-0.95, ci_high=0.6)
    assert "r = -0.50, 95 % interval [-0.95, 0.60]" in in_ascii(results.kd_follows_fix(found))
    assert results.kd_follows_fix(Correlation(2, note="too few tasks")) == "too few tasks"


def test_the_strip_places_dots_and_interval_on_one_axis(known):
    cells = pd.DataFrame(
        [
            {"kind": "classification", "title": title, "channels": 16, "method": method, "score": score}
            for title, gain in (("a", 0.0), ("b", 0.1))
            for method, score in (("base", 0.5), ("kd", 0.5 + gain))
        ]
    )
    drawn = strip.draw(cells, kd_and_base(mean=5.0, ci_low=0.0, ci_high=10.0))
    assert drawn["zero"] == drawn["ci_low"] == drawn["dots"][0][0] == strip.MARGIN
    assert drawn["dots"][1] == (strip.WIDTH - strip.MARGIN, "b, 16 channels: +10.0 points")
    assert drawn["points"] == np.mean([drawn["ci_low"], drawn["ci_high"]])


def test_a_broken_metrics_file_is_named(copy, monkeypatch):
    (copy / "metrics/logs.json").unlink()
    (copy / "metrics/logs.json").write_text("{")
    with pytest.raises(InputError, match=r"^metrics/logs\.json: not readable as JSON \(.*\)\. Run: dvc repro$"):
        made_in(copy, monkeypatch)


def test_a_run_on_real_data_is_not_called_synthetic(copy, monkeypatch):
    settings = (copy / "params.yaml").read_text()
    (copy / "params.yaml").unlink()
    (copy / "params.yaml").write_text(settings.replace("data/demo", "data/raw"))
    assert "synthetic" not in made_in(copy, monkeypatch).split("</style>")[1].lower()
