"""Neighbours of songs, and where their audio is."""

import json
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from cell_files import write_evaluation
from page_world import SONGS, write_songs

from hearlog.als.neighbours import agreement, nearest
from hearlog.page.neighbours import audio_url, listening_panel
from hearlog.util.errors import InputError


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_evaluation(folder, songs=SONGS)
    write_songs(folder)
    return folder


def angles(*degrees):
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)


def panel_of(folder, **options):
    evaluation, items = folder / "data/evaluation/estimator-div1", folder / "data/corpora/songs/items.parquet"
    return listening_panel(evaluation, items, "data/raw/songs", **options)


def test_neighbours_are_those_of_greatest_cosine_without_the_song_itself():
    rows, cosines = nearest(angles(0, 10, 30, 180), np.array([0, 3]), 2)
    np.testing.assert_array_equal(rows, [[1, 2], [2, 1]])
    np.testing.assert_allclose(cosines[0], np.cos(np.radians([10, 30])))


def test_length_does_not_matter():
    embeddings = angles(0, 10, 30) * np.array([[1], [9], [0.1]])
    assert nearest(embeddings, np.array([0]), 1)[0] == [[1]]


def test_songs_of_the_same_embedding_are_neighbours_and_not_the_song_itself():
    rows, cosines = nearest(np.ones((9, 2)), np.arange(9), 3)
    assert all(query not in found and len(set(found)) == 3 for query, found in enumerate(rows))
    np.testing.assert_allclose(cosines, 1)


def test_a_song_alone_has_no_neighbours():
    rows, cosines = nearest(np.ones((1, 2)), np.array([0]), 0)
    assert rows.shape == cosines.shape == (1, 0)


def test_agreement_is_counted_beside_that_of_chance():
    found = agreement(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [5, 3]]), songs=9)
    assert found == {"shared": 1.5, "by_chance": 0.5}


def test_chance_is_that_of_random_lists():
    rng = np.random.default_rng(0)
    lists = [np.stack([rng.choice(20, 5, replace=False) for _ in range(4000)]) for _ in range(2)]
    found = agreement(*lists, songs=21)
    assert found["shared"] == pytest.approx(found["by_chance"], abs=0.05)


def test_every_song_can_be_picked_with_its_facts(world):
    panel = panel_of(world)
    assert len(panel["queries"]) == len(panel["songs"]) == panel["test_songs"] == SONGS
    assert panel["songs"][2]["title"] == "Title 02" and panel["songs"][1]["title"] is None
    assert panel["songs"][3]["genre"] is None
    cosines = [cosine for _, cosine in panel["queries"][0]["cf"]]
    assert len(cosines) == 5 and cosines == sorted(cosines, reverse=True)
    assert json.loads(json.dumps(panel)) == panel, "plain numbers"


def test_of_many_songs_some_are_drawn_and_neighbours_come_from_all(world):
    whole, drawn = panel_of(world), panel_of(world, queries=4)
    assert drawn["test_songs"] == SONGS and len(drawn["queries"]) == 4 and drawn == panel_of(world, queries=4)
    by_id = {whole["songs"][query["song"]]["id"]: query for query in whole["queries"]}
    for query in drawn["queries"]:
        same = by_id[drawn["songs"][query["song"]]["id"]]
        for name in ("cf", "estimate"):
            ids = [
                [panel["songs"][row]["id"] for row, _ in found[name]]
                for panel, found in ((drawn, query), (whole, same))
            ]
            assert ids[0] == ids[1]


def test_audio_is_linked_relative_to_the_page_and_percent_encoded():
    assert audio_url("data/raw", "a b#1?%20/ü.mp3") == "data/raw/a%20b%231%3F%2520/%C3%BC.mp3"
    assert unquote(audio_url("../songs", "x.mp3")) == "../songs/x.mp3"


def test_an_absolute_audio_root_becomes_a_file_uri():
    assert audio_url("/music/my songs", "x.mp3") == "file:///music/my%20songs/x.mp3"
    assert audio_url("data/raw", "/else/x.mp3") == "file:///else/x.mp3"


def test_songs_of_another_run_are_refused(world):
    items = world / "data/corpora/songs/items.parquet"
    pd.read_parquet(items).iloc[1:].to_parquet(items)
    with pytest.raises(InputError, match=r"song 0 is not in .*items\.parquet.*dvc repro"):
        panel_of(world)
    items.unlink()
    with pytest.raises(InputError, match=r"items\.parquet: no such file"):
        panel_of(world)
