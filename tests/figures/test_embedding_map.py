"""The map of test songs: who are neighbours, which genres have a colour, and what is said beside it."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from hearlog.figures.embedding_map import embedding_map
from hearlog.figures.song_map import same_genre
from hearlog.figures.style import save
from hearlog.util.errors import InputError


def write_songs(root, genres, seed=0):
    """One direction a genre and a little noise, so that neighbours share theirs; the estimate is the truth."""
    folder = root / "evaluation/estimator-div2"
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    names = sorted({str(genre) for genre in genres})
    directions = np.eye(len(names) + 2, dtype=np.float32)[[names.index(str(genre)) for genre in genres]]
    embeddings = directions + rng.normal(0, 0.01, directions.shape).astype(np.float32)
    ids = [f"{song:05}" for song in range(len(genres))]
    pd.DataFrame({"song_id": ids}).to_parquet(folder / "songs.parquet")
    np.save(folder / "true.npy", embeddings)
    np.save(folder / "predicted.npy", embeddings)
    items = pd.DataFrame({"item_id": ids, "target": pd.Series(genres, dtype="str")})
    items.iloc[::-1].to_parquet(root / "items.parquet")  # rows of their own order


def draw(root, genres, synthetic=False):
    write_songs(root, genres)
    return embedding_map(2, 32, root / "evaluation", root / "items.parquet", synthetic)


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def remarks(axes):
    return axes.texts[0].get_text().split("\n")


def test_share_of_the_same_genre_is_that_of_the_five_nearest_by_cosine():
    angles = np.repeat([0.0, 1.0], 6) + np.tile(np.arange(6) / 1000, 2)
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.arange(1, 13)[:, None]  # length is no matter
    genres = pd.Series(["rock"] * 6 + ["jazz"] * 6)
    assert same_genre(embeddings, genres) == (1, pytest.approx(5 / 11))
    genres[0] = "jazz"  # wrong for its five neighbours, and they for it
    share, _ = same_genre(embeddings, genres)
    assert share == pytest.approx((60 - 10) / 60)


def test_songs_without_a_genre_neither_ask_nor_answer():
    embeddings = np.random.default_rng(0).normal(size=(20, 4))
    genres = pd.Series(["rock", "jazz"] * 5 + [None] * 10)
    assert same_genre(embeddings, genres) == same_genre(embeddings[:10], genres[:10])
    assert np.isnan(same_genre(embeddings, pd.Series([None] * 20))).all()


def test_numbers_beside_the_maps_are_of_both_embeddings_and_of_chance(tmp_path):
    first, second = draw(tmp_path, ["rock"] * 20 + ["jazz"] * 20).axes
    assert remarks(first)[1] == "5 nearest songs: 100 % of the same genre (chance 49 %)"
    assert remarks(second) == [remarks(first)[1], "100 % the same songs as in (a) (chance 13 %)"]
    assert second.get_title(loc="left") == "(b) Audio estimate, 16 channels"


def test_seven_genres_have_a_look_each_and_the_rest_is_one_grey(tmp_path):
    genres = [f"genre {number}" for number in range(9) for _ in range(12 - number)] + [None] * 3
    figure = draw(tmp_path, genres)
    assert labels(figure) == [f"genre {n} ({12 - n})" for n in range(7)] + ["2 other genres (9)", "genre unknown (3)"]
    for axes in figure.axes:
        assert [len(line.get_xdata()) for line in axes.lines] == [3, 9, 12, 11, 10, 9, 8, 7, 6]
    looks = [[(line.get_color(), line.get_marker()) for line in axes.lines] for axes in figure.axes]
    assert looks[0] == looks[1]
    assert len(set(looks[0][2:])) == len({marker for _, marker in looks[0][2:]}) == 7


def test_axes_of_the_map_have_no_ticks_and_one_scale(tmp_path):
    for axes in draw(tmp_path, ["rock", "jazz"] * 10).axes:
        assert not len(axes.get_xticks()) and not len(axes.get_yticks())
        assert axes.get_aspect() == 1


def test_a_catalogue_without_genres_has_a_map_and_says_so(tmp_path):
    figure = draw(tmp_path, [None] * 30)
    assert labels(figure) == ["genre unknown (30)"]
    assert remarks(figure.axes[0])[1] == "the catalogue names too few genres to compare"


def test_too_few_songs_are_a_sentence(tmp_path):
    figure = draw(tmp_path, ["rock"] * 9)
    assert [text.get_text() for text in figure.texts] == ["9 test songs are too few for a map: it needs at least 10."]


def test_no_more_songs_are_drawn_than_a_map_can_hold_and_the_title_says_of_how_many(tmp_path, monkeypatch):
    monkeypatch.setattr("hearlog.figures.embedding_map.SONGS", 20)
    figure = draw(tmp_path, ["rock", "jazz"] * 20)
    assert sum(len(line.get_xdata()) for line in figure.axes[0].lines) == 20
    assert figure.get_suptitle().startswith("20 of 40 test songs")


def test_the_same_songs_are_the_same_bytes(tmp_path):
    first, second = (save(draw(tmp_path, ["rock", "jazz"] * 20, True), tmp_path / name) for name in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert "Synthetic" in draw(tmp_path, ["rock", "jazz"] * 20, True).get_suptitle()


def test_a_missing_file_is_named(tmp_path):
    write_songs(tmp_path, ["rock"] * 20)
    (tmp_path / "evaluation/estimator-div2/true.npy").unlink()
    with pytest.raises(InputError, match=r"true\.npy: no such file"):
        embedding_map(2, 32, tmp_path / "evaluation", tmp_path / "items.parquet", False)


def test_the_report_stage_needs_no_torch():
    code = "import sys, stages.report, sklearn.manifold, sklearn.neighbors; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
