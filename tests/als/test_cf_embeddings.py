"""What is read from CF embeddings: norms, popular songs, the nearest of them, and the figure of all that."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context

from hearlog.als.neighbours import nearest
from hearlog.als.norms import norm_correlation
from hearlog.als.reading import choose_queries, nearest_rows, read_embeddings
from hearlog.figures import cf_embeddings as figure_module
from hearlog.figures.song_map import coloured, place
from hearlog.figures.style import STYLE, fit_name, has_glyphs

ROOT = Path(__file__).parents[2]
TRAINING = pd.DataFrame({"iteration": [1, 2, 3], "loss": [0.3, 0.2, 0.15]})
COLUMNS = ["song_id", "path", "title", "artist", "genre"]


def draw_factors(songs, factors=6, seed=0):
    return np.random.default_rng(seed).normal(size=(songs, factors)).astype(np.float32)


def song_table(songs):
    """Ids with leading zeros; song 0 has the most listeners."""
    ids = pd.Series([f"{song:04}" for song in range(songs)], dtype="str")
    return pd.DataFrame({"song_id": ids, "listeners": np.arange(songs, 0, -1) * 10})


def catalogue(ids=(), titles=None, genres=None):
    facts = {"song_id": ids, "title": titles, "genre": genres}
    return pd.DataFrame(facts, dtype="str").reindex(columns=COLUMNS).astype("str")


def read(songs, genres=None, titles=None, factors=None):
    ids = song_table(songs)["song_id"]
    factors = draw_factors(songs) if factors is None else factors
    return read_embeddings(factors, song_table(songs), catalogue(ids, titles, genres))


def draw(reading, training=TRAINING, synthetic=False):
    return figure_module.cf_embeddings(reading, training, synthetic)


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left").startswith("(")]


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_nearest_songs_are_those_of_a_search_at_once_whatever_the_block(block, monkeypatch):
    monkeypatch.setattr("hearlog.als.reading.BLOCK", block)
    factors, queries = draw_factors(60), np.array([3, 59, 20])
    rows, cosines = nearest_rows(factors, queries, 5)
    reference, similar = nearest(factors, queries, 5)
    assert rows.tolist() == reference.tolist()
    assert cosines == pytest.approx(similar, abs=1e-6)


def test_equally_near_songs_stand_in_their_order_and_a_song_of_zeros_is_near_to_none():
    factors = np.repeat(np.eye(3, dtype=np.float32), 3, axis=0) * np.arange(1, 10, dtype=np.float32)[:, None]
    factors[5] = 0
    rows, cosines = nearest_rows(factors, np.array([1, 5]), 4)
    assert rows.tolist() == [[0, 2, 3, 4], [0, 1, 2, 3]]
    assert cosines.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0]]


def test_fewer_songs_than_neighbours_are_all_listed():
    assert nearest_rows(draw_factors(3), np.array([1]), 5)[0].shape == (1, 2)
    assert nearest_rows(draw_factors(1), np.array([0]), 5)[0].shape == (1, 0)


def test_songs_asked_for_are_the_most_listened_of_different_genres():
    assert choose_queries(pd.Series(["a", "a", None, "b", "b", "c", "d", "e"])).tolist() == [0, 3, 5, 6]
    assert choose_queries(pd.Series(["a", "a", None, "b", "a"])).tolist() == [0, 1, 2, 3]
    assert choose_queries(pd.Series([None] * 6, dtype="str")).tolist() == [0, 1, 2, 3]
    assert choose_queries(pd.Series(["a", "a"])).tolist() == [0, 1]


def test_the_table_names_songs_by_id_with_what_the_catalogue_knows():
    factors, songs = draw_factors(30), song_table(30).iloc[::-1].reset_index(drop=True)  # row 29 is song 0000
    facts = catalogue(["0000", "0007", "no plays"], ["Title", "Seven", "Never heard"], ["Rock", "Jazz", "Folk"])
    reading = read_embeddings(factors, songs, facts)
    table = reading.nearest
    assert list(table) == ["query", "rank", "song", "cosine", "listeners", "title", "artist", "genre"]
    assert table["query"].unique().tolist() == ["0000", "0001", "0002", "0007"], "two genres, then most listened"
    assert table["rank"].tolist() == [0, 1, 2, 3, 4, 5] * 4
    first = table.iloc[:6]
    assert first.iloc[0][["song", "cosine", "listeners", "title"]].tolist() == ["0000", 1, 300, "Title"]
    rows, cosines = nearest(factors, np.array([29]), 5)
    assert first["song"].iloc[1:].tolist() == songs["song_id"].iloc[rows[0]].tolist()
    assert first["cosine"].iloc[1:].tolist() == pytest.approx(cosines[0], abs=1e-4)
    assert first["listeners"].iloc[1:].tolist() == songs["listeners"].iloc[rows[0]].tolist()
    assert first["title"].iloc[1:].isin(["Seven", np.nan]).all() and table["artist"].isna().all()


def test_norms_and_popular_songs_are_of_all_songs(monkeypatch):
    monkeypatch.setattr("hearlog.als.reading.BLOCK", 8)
    monkeypatch.setattr("hearlog.als.reading.MAPPED", 12)
    factors = draw_factors(30)
    reading = read(30, factors=factors)
    assert reading.norms == pytest.approx(np.sqrt((factors**2).sum(axis=1)))
    assert reading.popular.tolist() == list(range(12))
    assert reading.directions == pytest.approx(factors[:12] / reading.norms[:12, None])
    assert texts(draw(reading).axes[3])[0].startswith("the 12 most listened of 30 songs")


def test_correlation_is_with_the_logarithm_and_there_is_none_of_equal_numbers():
    listeners = np.array([1, 10, 100, 1000])
    assert norm_correlation(np.array([1.0, 2, 3, 4]), listeners) == pytest.approx(1)
    assert np.isnan(norm_correlation(np.ones(4), listeners))
    assert np.isnan(norm_correlation(np.arange(4.0), np.ones(4, np.int64)))


def test_the_figure_has_four_parts_and_a_loss_of_every_iteration():
    figure = draw(read(40, ["Rock", "Jazz"] * 20), synthetic=True)
    assert titles(figure) == ["(a) Fit", "(b) Norm and popularity", "(c) Map of songs", "(d) Nearest songs by cosine"]
    assert figure.axes[0].lines[0].get_xydata().tolist() == TRAINING.to_numpy().tolist()
    assert figure.axes[1].collections[0].get_array().sum() == 40
    assert figure.get_suptitle() == "Synthetic data"


def test_scores_of_held_out_songs_are_drawn_where_there_are_any():
    none = TRAINING.assign(ndcg_at_10=np.nan)
    assert len(draw(read(12), none).axes) == len(draw(read(12)).axes)
    scored = draw(read(12), TRAINING.assign(recall_at_10=0.5, ndcg_at_10=[0.1, 0.2, 0.25]))
    assert scored.axes[1].get_ylabel() == "nDCG@10"
    assert scored.axes[1].lines[0].get_ydata().tolist() == [0.1, 0.2, 0.25]
    assert "held-out songs" in texts(scored.axes[0])[0]


def test_songs_asked_for_are_ringed_and_numbered_in_the_map_and_their_genres_have_a_look():
    genres = ["rare", "common", "other", "common"] + [f"genre {song % 9}" for song in range(60)]
    reading = read(64, genres)
    axes = draw(reading).axes[3]
    assert texts(axes)[1:] == ["1", "2", "3", "4"]
    rings = [line.get_xydata()[0] for line in axes.lines if line.get_markersize() == 6]
    assert np.array_equal(rings, [annotation.xy for annotation in axes.texts[1:]])
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"rare (1)", "common (2)", "other (1)"} < set(labels)
    assert labels[-1].startswith("5 other genres"), "seven of twelve have a look"
    assert coloured(reading.genres, ["rare"])[:2] == ["genre 0", "genre 1"], "the commonest come first"


def test_a_catalogue_of_other_songs_leaves_ids_and_no_genres():
    figure = draw(read_embeddings(draw_factors(20), song_table(20), catalogue(["x"], ["X"], ["Rock"])))
    assert "the catalogue names too few genres to compare" in texts(figure.axes[3])[0]
    assert {"0000", "0001", "0002", "0003"} < set(texts(figure.axes[4]))


@pytest.mark.parametrize("songs", [1, 2, 3, 9])
def test_few_songs_have_no_map_but_a_sentence(songs):
    figure = draw(read(songs))
    assert any("A map needs at least 10 songs." in texts(axes) for axes in figure.axes)
    assert "numbered" not in " ".join(texts(figure.axes[-1]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("factors", [np.ones((12, 4)), np.zeros((12, 4)), draw_factors(12, 1), np.eye(12)[:, :4]])
def test_embeddings_without_spread_are_drawn(factors):
    assert len(titles(draw(read(12, factors=factors.astype(np.float32))))) == 4


def test_songs_that_are_all_the_same_lie_on_one_point():
    assert not place(np.full((10, 4), 0.3, dtype=np.float32)).any()


def test_names_are_cut_by_their_width_on_paper():
    with rc_context(STYLE):
        assert fit_name("Short", 100, 6.5) == "Short"
        wide, thin = fit_name("W" * 999, 100, 6.5), fit_name("i" * 999, 100, 6.5)
        assert len(wide) < 20 < 40 < len(thin) and wide.endswith("W…") and thin.endswith("i…")
        assert fit_name(" a\tb\n$x^2$ <b>", 100, 6.5) == "a b $x^2$ <b>"
        assert fit_name("  ", 100, 6.5) == ""


def test_a_title_that_the_font_cannot_write_gives_way_to_the_id():
    assert has_glyphs("Ünï Жук") and not has_glyphs("音楽")
    axes = draw(read(12, titles=["音楽", "Ünï Жук"] * 6)).axes[4]
    names = set(texts(axes))
    assert {"0000", "0002", "Ünï Жук"} < names and "音楽" not in names


def test_the_stage_writes_figure_and_table_from_embeddings_and_catalogue_alone(tmp_path):
    (tmp_path / "params.yaml").write_bytes((ROOT / "presets/demo.yaml").read_bytes())
    for folder in ("data/embeddings", "data/demo/catalog", "plots"):
        (tmp_path / folder).mkdir(parents=True)
    np.save(tmp_path / "data/embeddings/songs.npy", draw_factors(12))
    song_table(12).to_parquet(tmp_path / "data/embeddings/songs.parquet")
    TRAINING.to_csv(tmp_path / "plots/als.tsv", sep="\t", index=False)
    rows = 'song_id,path,title\n0000,a.mp3,"Tab\tand ""quotes"""\n'
    (tmp_path / "data/demo/catalog/songs.csv").write_text(rows)
    subprocess.run(
        [sys.executable, "-m", "stages.read_embeddings"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(tmp_path)},
        check=True,
    )
    table = pd.read_csv(tmp_path / "plots/nearest_songs.tsv", sep="\t", dtype={"query": str, "song": str})
    assert table["query"].unique().tolist() == ["0000", "0001", "0002", "0003"]
    assert table["title"].iloc[0] == 'Tab\tand "quotes"'
    assert (tmp_path / "plots/cf_embeddings.png").stat().st_size > 10_000
    assert (tmp_path / "plots/cf_embeddings.pdf").read_bytes().startswith(b"%PDF")
