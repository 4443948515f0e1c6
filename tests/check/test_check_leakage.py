import shutil

import pandas as pd
import pytest
from check_world import GENRES, World, findings, the
from hypothesis import given
from hypothesis import strategies as st

from hearlog.check.leakage import normalise, shared, songs


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return World(tmp_path)


def test_names_compare_whatever_their_case_punctuation_and_spaces():
    names = pd.Series(["Guns N' Roses", "guns  n roses", "GUNS N\u2019 ROSES", "Guns_N_Roses", "?!", None])
    assert normalise(names).tolist()[:4] == ["guns n roses"] * 4
    assert normalise(names).isna().tolist()[4:] == [True, True]


def test_an_accent_in_one_or_two_characters_is_the_same():
    assert normalise(pd.Series(["Beyonc\u00e9", "BEYONCE\u0301"])).tolist() == ["beyonc\u00e9"] * 2


def test_a_song_has_both_artist_and_title_and_they_are_not_confused():
    items = pd.DataFrame({"artist": ["a b", "a", None, "a"], "title": ["c", "b c", "x", None]})
    found = songs(items)
    assert found.nunique() == 2
    assert found.isna().tolist() == [False, False, True, True]


rows = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["train", "valid", "test"]), st.sampled_from(["x", "y", "z", None])),
    max_size=20,
)


@given(rows)
def test_shared_equals_a_look_at_every_pair(rows):
    items = [f"{fold}-{number}" for number, (fold, _, _) in enumerate(rows)]
    parts = pd.DataFrame({"fold": [row[0] for row in rows], "item_id": items, "part": [row[1] for row in rows]})
    keys = pd.Series([row[2] for row in rows], items, dtype="str")
    expected = {
        item
        for item, (fold, part, key) in zip(items, rows, strict=True)
        for other_fold, other_part, other_key in rows
        if part == "test" and other_part != "test" and fold == other_fold and key == other_key and key is not None
    }
    found = shared(keys, parts.astype({"item_id": "str", "part": "str"}))
    assert sorted(found["item_id"]) == sorted(expected)
    assert (found["other"].map(keys) == found["item_id"].map(keys)).all()


def test_nothing_shared_is_said_with_what_was_looked_for(world):
    world.table["artist"] = [f"artist {number}" for number in range(12)]
    own = world.check()["own"]
    assert own.facts["leakage"] == {
        "tested": 4,
        "file": 0,
        "group": "not known",
        "artist": 0,
        "artist and title": "not known",
    }
    assert own.findings == []


def test_a_file_on_both_sides_of_a_split_is_a_warning(world):
    shutil.copy("raw/table/clip-0.wav", "raw/table/clip-10.wav")
    own = world.check()["own"]
    assert the(
        own, "warning", "1 of 4 test clips (25.0%) shares the file with a clip of train or valid: clip-10 and clip-0"
    )
    assert own.facts["leakage"]["file"] == 1


def test_artist_title_and_group_on_both_sides_are_told_apart(world):
    world.table["group"] = [*"abcdefgh", *"abij"]
    world.table["artist"] = ["The Band", "Solo"] + ["x"] * 6 + ["the band!", "other", "other", "other"]
    world.table["title"] = ["Song", "Song"] + ["y"] * 6 + ["SONG", "Song", "z", "z"]
    own = world.check()["own"]
    assert own.facts["leakage"] == {"tested": 4, "file": 0, "group": 2, "artist": 1, "artist and title": 1}
    found = the(own, "warning", "2 of 4 test clips (50.0%) share the group")
    assert "clip-8 and clip-0, clip-9 and clip-1" in found
    assert found.endswith("say so beside them, or take grouped_cv, which keeps each group on one side")


def write_index(world, artists):
    """Give the six clips of each genre these artists."""
    lines = [f"{genre}.{n:05d}.au ::: {genre} {artists[n]} ::: title {n}" for genre in GENRES for n in range(6)]
    world.write("raw/gtzan/index.txt", "\n".join(lines))


def test_cross_validation_counts_each_clip_in_the_fold_that_tests_it(world):
    write_index(world, "AAAABC")  # three clips of a genre are test in a fold, so each fold has A on both sides
    gtzan = world.check()["gtzan"]
    assert gtzan.facts["leakage"] == {"tested": 12, "file": 0, "artist": 8, "artist and title": 0}
    found = the(gtzan, "warning", "8 of 12 test clips (66.7%) share the artist")
    assert "The paper's protocol, stratified_cv, allows it" in found
    assert found.endswith("or take artist_cv, which keeps each artist on one side")


def test_the_protocol_that_keeps_groups_whole_leaves_nothing_to_warn_of(world):
    write_index(world, "AABCDE")
    world.settings["tasks"]["gtzan"]["protocol"] = "artist_cv"
    gtzan = world.check()["gtzan"]
    assert gtzan.facts["protocol"] == "artist-grouped 2-fold CV"
    assert gtzan.facts["leakage"] == {"tested": 12, "file": 0, "artist": 0, "artist and title": 0}
    assert not [text for text in findings(gtzan, "warning") if "share" in text]
