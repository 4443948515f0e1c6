"""The pilot experiment: which songs it can use, what it learns, what it compares, and its Figure 1."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from cell_files import CHANNELS, PILOT, write_pilot
from matplotlib.text import Text
from model_world import write_model

from hearlog.corpora.corpus import Corpus
from hearlog.corpora.genres import REASONS, as_task, count_songs, label_songs
from hearlog.figures.pilot import figure1
from hearlog.figures.style import MINUS, save
from hearlog.report.text import render_pilot
from hearlog.results.pilot import (
    NO_GENRES,
    SWITCHED_OFF,
    Pilot,
    as_metrics,
    read_answers,
    read_pilot,
    score_genres,
    summarise,
)
from hearlog.util.errors import InputError
from stages import list_genres, pilot

ROOT = Path(__file__).parents[2]


def label(*songs):
    """Label songs given as (genre, part)."""
    genres, names = zip(*songs, strict=True)
    clips = pd.DataFrame(
        {"item_id": [f"{row:03}" for row in range(len(songs))], "target": pd.Series(genres, dtype="str")}
    )
    return label_songs(clips, {part: np.flatnonzero(np.array(names) == part) for part in ("train", "valid", "test")})


COMPLETE = [(genre, part) for genre in ("jazz", "rock") for part in ("train", "valid", "test")]


def test_songs_of_genres_in_train_and_test_are_used():
    songs = label(*COMPLETE, ("rock", "train"))
    assert songs["left_out"].isna().all()
    assert count_songs(songs)["left_out"] == dict.fromkeys((reason.replace(" ", "_") for reason in REASONS), 0)


@pytest.mark.parametrize(
    ("songs", "reason"),
    [
        ([(None, "train"), (None, "test")], "no genre"),
        ([("polka", "test"), ("polka", "valid")], "genre not in train"),
        ([("polka", "train"), ("polka", "valid")], "genre not in test"),
    ],
)
def test_a_song_without_a_genre_that_can_be_learned_and_tested_is_left_out_and_counted(songs, reason):
    labelled = label(*COMPLETE, *songs)
    assert list(labelled["left_out"].iloc[6:]) == [reason] * 2
    counts = count_songs(labelled)
    assert (counts["songs"], counts["used"], counts["genres"]) == (8, 6, 2)
    assert (counts["train"], counts["valid"], counts["test"]) == (2, 2, 2)
    assert counts["left_out"][reason.replace(" ", "_")] == sum(counts["left_out"].values()) == 2


@pytest.mark.parametrize(
    ("songs", "reason"),
    [
        ([(None, part) for part in ("train", "valid", "test")], "no genre"),
        (COMPLETE[:3], "no second genre"),
        ([song for song in COMPLETE if song[1] != "valid"], "no genre in valid"),
    ],
)
def test_where_nothing_can_be_learned_all_songs_are_left_out_with_the_reason(songs, reason):
    labelled = label(*songs)
    assert set(labelled["left_out"]) == {reason}
    assert count_songs(labelled)["used"] == 0
    assert as_task(labelled)[1] == []


def test_songs_left_out_are_in_no_part_and_make_no_class():
    clips, (parts,) = as_task(label(("polka", "train"), (None, "test"), *COMPLETE))
    assert set(clips["target"]) == {"jazz", "rock"}
    assert {part: list(rows) for part, rows in parts.items()} == {"train": [2, 5], "valid": [3, 6], "test": [4, 7]}
    assert list(clips["target"].iloc[2:]) == [genre for genre, _ in COMPLETE]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Twenty-four songs of two genres, which spectrograms and embeddings tell apart, and two without a genre."""
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load((ROOT / "presets/demo.yaml").read_text())
    settings["transfer"]["training"]["epochs"] = 1
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    corpus, rng = Corpus(tmp_path / "data/corpora/songs"), np.random.default_rng(0)
    corpus.crops.mkdir(parents=True)
    loud = np.arange(26) % 2
    items = pd.DataFrame({"item_id": [f"{song:02}" for song in range(26)], "target": np.where(loud, "rock", "jazz")})
    items.loc[24:, "target"] = None
    items.astype("str").to_parquet(corpus.items)
    items[["item_id"]].to_parquet(corpus.crops / "clips.parquet")
    parts = np.repeat(["train", "valid", "test"], [14, 4, 8])
    pd.DataFrame({"fold": 0, "item_id": items["item_id"], "part": parts}).to_parquet(corpus.splits)
    np.save(corpus.mel, (rng.normal(size=(26, 96, 320)) - 40 * loud[:, None, None]).astype(np.float16))
    np.save(corpus.embeddings(1), (rng.normal(size=(26, 40)) + 9 * loud[:, None]).astype(np.float32))
    write_model(tmp_path / "models/estimator-div1")
    return tmp_path


def read_metrics(root, name):
    return json.loads((root / f"metrics/pilot/{name}.json").read_text())


def test_both_models_are_tested_on_the_same_songs_and_tell_what_can_be_told(world):
    list_genres.main()
    assert read_metrics(world, "songs")["left_out"]["no_genre"] == 2
    for method in ("base", "fix"):
        pilot.main(method, 1)
        metrics = read_metrics(world, f"{method}-div1")
        assert (metrics["songs"], metrics["genres"], metrics["channels"]) == (6, 2, 16)
        assert metrics["chance"] == metrics["majority"] == 0.5
        folder = world / f"data/pilot/{method}-div1"
        assert {path.name for path in folder.iterdir()} == {
            "predictions.parquet",
            "scores.tsv",
            "per_class.tsv",
            "confusion.tsv",
        }
        assert len(pd.read_csv(world / f"plots/pilot/{method}-div1.tsv", sep="\t")) == 1
    assert read_metrics(world, "fix-div1")["accuracy"] == 1
    answers = read_answers([1], world / "data/pilot")
    assert list(answers.index) == [(0, 0, f"{song:02}") for song in range(18, 24)]


def test_a_catalogue_without_genres_stops_nothing_and_every_page_says_so(world):
    corpus = Corpus(world / "data/corpora/songs")
    items = pd.read_parquet(corpus.items).assign(target=pd.Series(None, index=range(26), dtype="str"))
    items.to_parquet(corpus.items)
    list_genres.main()
    assert read_metrics(world, "songs")["left_out"]["no_genre"] == 26
    for method in ("base", "fix"):
        pilot.main(method, 1)
        metrics = read_metrics(world, f"{method}-div1")
        assert (metrics["songs"], metrics["genres"]) == (0, 0)
        assert "accuracy" not in metrics
    answers = read_answers([1], world / "data/pilot")
    summary = summarise(answers, [1], 16)
    assert summary == Pilot(note=NO_GENRES)
    assert render_pilot(summary).endswith(NO_GENRES)
    (text,) = figure1(score_genres(answers), summary, synthetic=True).texts
    assert text.get_text().replace("\n", " ") == NO_GENRES


def compare(root, divisors=(1,), **settings):
    write_pilot(root, divisors=divisors, **settings)
    answers = read_answers(divisors, root / "data/pilot")
    return score_genres(answers), summarise(answers, divisors, CHANNELS)


def draw(root, synthetic=False, **settings):
    genres, summary = compare(root, **settings)
    return figure1(genres, summary, synthetic)


def test_without_capacities_the_pilot_is_said_not_to_have_run(tmp_path):
    answers = read_answers([], tmp_path)
    assert as_metrics(summarise(answers, [], 16)) == {"songs": 0, "note": SWITCHED_OFF}
    assert score_genres(answers).empty


def test_the_largest_capacity_is_compared(tmp_path):
    write_pilot(tmp_path, {"jazz": (0, 1, 0, 0)}, divisors=(1,))
    _, summary = compare(tmp_path, divisors=(2, 4))
    assert (summary.channels, summary.songs) == (64, 12)


def test_recall_of_a_genre_is_the_share_of_its_songs_told_right(tmp_path):
    genres = compare(tmp_path)[0].set_index("genre")
    assert list(genres["songs"]) == [4, 4, 4]
    assert list(genres["base"]) == [1 / 4, 3 / 4, 2 / 4]
    assert list(genres["fix"]) == [4 / 4, 2 / 4, 4 / 4]


def test_all_songs_are_compared_by_mcnemars_exact_test(tmp_path):
    summary = compare(tmp_path)[1]
    assert summary.accuracy == {"base": 50, "fix": pytest.approx(1000 / 12)}
    assert summary.right == {"both": 5, "base_alone": 1, "fix_alone": 5, "none": 1}
    assert summary.points == pytest.approx(400 / 12)
    assert summary.ci_low < 400 / 12 < summary.ci_high
    assert summary.test == "McNemar"
    assert summary.p == pytest.approx(2 * (1 + 6) / 2**6), "two-sided binomial of 1 in 6"


def test_seeds_do_not_multiply_songs(tmp_path):
    genres, once = compare(tmp_path)
    again, thrice = compare(tmp_path, seeds=3)
    pd.testing.assert_frame_equal(genres, again)
    assert thrice.ci_high - thrice.ci_low > once.ci_high - once.ci_low
    for field in ("accuracy", "accuracy_low", "accuracy_high", "right", "points"):
        assert getattr(thrice, field) == pytest.approx(getattr(once, field))
    assert (thrice.seeds, thrice.songs, thrice.test) == (3, 12, "crossed t")


def test_seeds_that_differ_widen_the_intervals(tmp_path):
    write_pilot(tmp_path, seeds=3)
    path = tmp_path / "data/pilot/base-div1/predictions.parquet"
    answers = pd.read_parquet(path)
    answers.loc[answers["seed"] == 1, "prediction"] = "polka"  # nothing right
    answers.loc[answers["seed"] == 2, "prediction"] = answers["truth"]  # all right
    answers.to_parquet(path)
    once, thrice = compare(tmp_path / "once")[1], summarise(read_answers([1], tmp_path / "data/pilot"), [1], CHANNELS)
    assert thrice.points == pytest.approx(once.points)
    assert thrice.ci_high - thrice.ci_low > 2 * (once.ci_high - once.ci_low)
    assert thrice.accuracy_high["base"] - thrice.accuracy_low["base"] > 80
    assert thrice.accuracy_high["fix"] == pytest.approx(once.accuracy_high["fix"]), "fix has no training of its own"


def test_models_tested_on_different_songs_are_refused(tmp_path):
    write_pilot(tmp_path)
    path = tmp_path / "data/pilot/fix-div1/predictions.parquet"
    pd.read_parquet(path).iloc[1:].to_parquet(path)
    with pytest.raises(InputError, match=r"different clips, .* different runs and cannot be compared"):
        read_answers([1], tmp_path / "data/pilot")


def test_a_missing_cell_is_named(tmp_path):
    with pytest.raises(InputError, match=r"base-div1/predictions\.parquet: no such file, but params\.yaml asks for"):
        read_answers([1], tmp_path)


def test_what_the_report_found_is_read_again_or_named(tmp_path):
    path = tmp_path / "pilot.json"
    with pytest.raises(InputError, match=r"pilot\.json: no such file\. Run: dvc repro"):
        read_pilot(path)
    path.write_text("<<<<<<< HEAD\n{}")
    with pytest.raises(InputError, match=r"pilot\.json: not readable as JSON"):
        read_pilot(path)
    path.write_text('{"songs": 12, "channels": 16}')
    with pytest.raises(
        InputError, match=r"pilot\.json: has no genres, seeds, accuracy, .*right, fix-base\. Run: dvc repro"
    ):
        read_pilot(path)
    whole = as_metrics(compare(tmp_path)[1])
    path.write_text(json.dumps(whole | {"fix-base": {"q": 1}}))
    with pytest.raises(InputError, match=r"pilot\.json: not a summary of the pilot experiment \(.*'q'\)\. Run"):
        read_pilot(path)
    for genres in (PILOT, {"jazz": (0, 0, 1, 0)}, {}):
        summary = compare(tmp_path, genres=genres)[1] if genres else Pilot(note=SWITCHED_OFF)
        path.write_text(json.dumps(as_metrics(summary), allow_nan=False))
        assert read_pilot(path) == summary


def test_text_gives_both_models_their_test_and_who_was_right(tmp_path):
    text = render_pilot(compare(tmp_path)[1]).replace("\n", " ")
    assert "Tags 50.0 %, logs 83.3 % on 12 test songs of 3 genres at 128 channels." in text
    assert "Right by both 5, by tags alone 1, by logs alone 5, by none 1" in text
    assert "fix - base +33.3 points [" in text
    assert "McNemar p = 0.219. One seed: intervals and p include the choice of test songs, not training noise" in text


def test_too_few_songs_get_a_sentence_instead_of_a_test(tmp_path):
    genres = {"jazz": (0, 0, 1, 0), "rock": (0, 1, 0, 0)}
    text = render_pilot(compare(tmp_path, genres=genres)[1])
    assert "too few" in text and "p =" not in text
    assert "at least 3). One seed" in text.replace("\n", " ") and ".." not in text
    assert max(map(len, text.splitlines())) <= 100


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text)]


def test_figure1_lists_genres_by_what_logs_add_with_all_songs_above(tmp_path):
    (axes,) = draw(tmp_path).axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["All genres", "blues", "metal", "jazz"]
    assert [text.get_text() for text in axes.texts[:4]] == ["12", "4", "4", "4"]
    base, fix = (line.get_xdata() for line in axes.lines[:2])
    assert list(base) == [50, 25, 50, 75]
    assert list(fix) == pytest.approx([1000 / 12, 100, 100, 50])
    assert "recall" in axes.get_xlabel()


def test_intervals_contain_their_score_and_chance_is_one_of_the_genres(tmp_path):
    (axes,) = draw(tmp_path).axes
    for scores, intervals in zip(axes.lines, axes.collections, strict=False):
        ends = np.array([segment[:, 0] for segment in intervals.get_segments()])
        assert (ends[:, 0] - 1e-9 <= scores.get_xdata()).all() and (scores.get_xdata() <= ends[:, 1] + 1e-9).all()
    assert axes.lines[2].get_xdata()[0] == pytest.approx(100 / 3)


def test_the_commonest_genre_stands_beside_all_songs(tmp_path):
    (axes,) = draw(tmp_path, genres={"jazz": (1, 0, 2, 0), "rock": (0, 1, 0, 0)}).axes
    majority = next(line for line in axes.lines if line.is_dashed())
    assert majority.get_xdata() == pytest.approx([75, 75])
    assert np.abs(majority.get_ydata()).max() < 0.5, "on the line of all songs alone"


def test_figure1_names_capacity_and_paired_difference(tmp_path):
    words = draw(tmp_path, divisors=(1, 4)).get_suptitle()
    assert words.startswith(f"3 genres, 128 channels\nlogs {MINUS} tags +33.3 points [")
    assert words.endswith("], McNemar p = 0.219\none seed: intervals leave out training noise")
    assert draw(tmp_path, seeds=3).get_suptitle().endswith("\nmean of 3 seeds")


def test_only_synthetic_data_is_called_so(tmp_path):
    assert draw(tmp_path, synthetic=True).get_suptitle().startswith("Synthetic data")
    assert "Synthetic" not in draw(tmp_path).get_suptitle()


@pytest.mark.parametrize(
    "names", [["blues", "metal", "jazz"], ["music of a region far away", "b" * 60], [str(n) for n in range(99)]]
)
def test_figure1_fits_a_column_whatever_genres_are_called(tmp_path, names):
    figure = draw(tmp_path, genres=dict.fromkeys(names, (1, 1, 2, 1)), synthetic=True)
    figure.draw_without_rendering()
    assert figure.get_figwidth() == pytest.approx(3.5)
    assert figure.get_figheight() < 9
    drawn, page = figure.get_tightbbox(), figure.bbox_inches
    assert page.x0 <= drawn.x0 < drawn.x1 <= page.x1
    assert page.y0 <= drawn.y0 < drawn.y1 <= page.y1


def test_of_many_genres_those_with_most_songs_are_shown_and_counted(tmp_path):
    genres = {f"{n:02}": (1, 0, n, 0) for n in range(50)}
    figure = draw(tmp_path, genres=genres)
    shown = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert sorted(shown[1:]) == [f"{n:02}" for n in range(10, 50)]
    assert figure.axes[0].texts[0].get_text() == f"{sum(range(50)) + 50:,}"
    assert "50 genres (40 with most test songs shown)" in figure.get_suptitle()


def test_the_same_figure_is_the_same_bytes(tmp_path):
    first, second = (save(draw(tmp_path), tmp_path / name) for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
