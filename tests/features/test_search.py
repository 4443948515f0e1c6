"""Neighbours and recommendations, against what their equations give."""

import numpy as np
import pandas as pd
import pytest
from model_world import write_model
from sound_files import write_sounds

from hearlog import cli
from hearlog.features.embed import identify
from hearlog.features.search import read_plays, recommend, similar
from hearlog.features.table import FeatureTable, write_features
from hearlog.util.errors import InputError

RANDOM = np.random.default_rng(0)
SONGS = np.array([f"song {row}" for row in range(60)], object)
INDEX = FeatureTable(SONGS, None, RANDOM.normal(size=(60, 40)).astype(np.float32), {})
PLAYS = pd.DataFrame({"path": SONGS[[3, 14, 15]], "plays": [1, 20, 6]})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    write_model(folder / "model")
    write_model(folder / "other", seed=1)
    return folder


@pytest.fixture(scope="module")
def config(folder):
    return write_model(folder / "model")


def with_targets(config, **targets):
    return config.model_copy(update={"targets": config.targets.model_copy(update=targets)})


def reference_scores(config, rows, plays) -> np.ndarray:
    """Equation 4: x = (Y'CY + lambda I)^-1 Y'Cp, with c = 1 + alpha, times log2(1 + plays) where these are counted."""
    targets = config.targets
    factors = INDEX.vectors.astype(float) * targets.scale
    confidence = np.ones(len(factors))
    confidence[rows] += targets.alpha * (np.log2(1 + plays) if targets.counts else 1)
    ridge = targets.regularization * (len(rows) if targets.weighted else 1)
    preferred = np.isin(np.arange(len(factors)), rows)
    gram = factors.T @ (confidence[:, None] * factors) + ridge * np.eye(40)
    return factors @ np.linalg.solve(gram, factors.T @ (confidence * preferred))


def test_similar_songs_are_those_of_greatest_cosine():
    query = RANDOM.normal(size=40)
    lengths = np.linalg.norm(INDEX.vectors, axis=1) * np.linalg.norm(query)
    cosines = INDEX.vectors @ query / lengths
    best = np.argsort(-cosines)[:7]
    found = similar(query, INDEX, 7)
    assert found["path"].tolist() == SONGS[best].tolist()
    assert np.allclose(found["cosine"], cosines[best], atol=1e-6)


def test_windows_are_found_with_their_starts_and_no_more_rows_than_there_are():
    index = FeatureTable(SONGS[:3], np.array([0, 2.5, 5]), INDEX.vectors[:3], {})
    found = similar(INDEX.vectors[1], index, 10)
    assert len(found) == 3
    assert found.iloc[0].tolist() == ["song 1", 2.5, pytest.approx(1)]


def test_a_query_of_other_dimensions_is_refused():
    with pytest.raises(InputError, match="16 dimensions, the index 40"):
        similar(np.ones(16), INDEX)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("counts", [False, True])
def test_a_listener_is_folded_in_as_equation_4_says(config, counts, weighted):
    config = with_targets(config, counts=counts, weighted=weighted, regularization=0.5)
    rows = [3, 14, 15]
    scores = reference_scores(config, rows, PLAYS["plays"].to_numpy())
    unheard = np.setdiff1d(np.argsort(-scores), rows, assume_unique=True)
    found = recommend(PLAYS, INDEX, config, 9)
    assert found["path"].tolist() == SONGS[unheard[:9]].tolist()
    assert np.allclose(found["score"], scores[unheard[:9]], atol=1e-5)


def test_plays_of_one_song_are_added_and_songs_without_features_left_out(config):
    config = with_targets(config, counts=True)
    log = pd.DataFrame({"path": [*SONGS[[3, 3, 14]], "of no index"], "plays": [2, 3, 1, 9]})
    same = pd.DataFrame({"path": SONGS[[3, 14]], "plays": [5, 1]})
    pd.testing.assert_frame_equal(recommend(log, INDEX, config), recommend(same, INDEX, config))


def test_without_plays_each_song_counts_once(config):
    alone = recommend(PLAYS[["path"]], INDEX, config)
    pd.testing.assert_frame_equal(alone, recommend(PLAYS, INDEX, config))


def test_songs_that_were_played_are_never_recommended(config):
    found = recommend(PLAYS, INDEX, config, 100)
    assert len(found) == 57 and not set(found["path"]) & set(PLAYS["path"])


def test_an_index_that_cannot_serve_is_refused(config):
    windows = FeatureTable(SONGS, np.zeros(60), INDEX.vectors, {})
    with pytest.raises(InputError, match="--hop"):
        recommend(PLAYS, windows, config)
    with pytest.raises(InputError, match="--layer embedding"):
        recommend(PLAYS, FeatureTable(SONGS, None, INDEX.vectors[:, :16], {}), config)
    with pytest.raises(InputError, match="none of 1 played songs is in the index, such as elsewhere"):
        recommend(pd.DataFrame({"path": ["elsewhere"]}), INDEX, config)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_logs_are_read_from_both_formats(tmp_path, suffix):
    path = tmp_path / f"plays.{suffix}"
    PLAYS.to_csv(path, index=False) if suffix == "csv" else PLAYS.to_parquet(path)
    pd.testing.assert_frame_equal(read_plays(path), PLAYS, check_dtype=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("song,plays\na,1\n", "no column path"),
        ("path,plays\na,-1\n", "row 1: .*no whole number of plays, 1 to"),
        ("path,plays\na,x\n", "row 1: .*no whole number of plays, 1 to"),
        ("path,plays\na,0.5\n", "row 1: .*no whole number of plays, 1 to"),
    ],
)
def test_faulty_logs_are_refused(tmp_path, text, words):
    (tmp_path / "plays.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_plays(tmp_path / "plays.csv")
    with pytest.raises(InputError, match="no such file"):
        read_plays(tmp_path / "nowhere.csv")


def index_of(folder, model: str, **about) -> str:
    path = folder / f"of-{model}.parquet"
    about = {"model": identify(folder / model), "layer": "embedding"} | about
    write_features(FeatureTable(SONGS, None, INDEX.vectors, about), path)
    return str(path)


def test_commands_print_what_the_functions_return(folder, config, capsys):
    [song] = write_sounds(folder / "sounds", 1)
    options = ["--model", str(folder / "model"), "--index", index_of(folder, "model"), "-k", "2"]
    assert cli.main(["similar", str(song), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "path\tcosine" and len(lines) == 3
    PLAYS.to_csv(folder / "plays.csv", index=False)
    assert cli.main(["recommend", "--user-log", str(folder / "plays.csv"), *options]) == 0
    found = recommend(PLAYS, INDEX, config, 2)
    expected = [f"{path}\t{score:.4f}" for path, score in found.itertuples(index=False)]
    assert capsys.readouterr().out.splitlines() == ["path\tscore", *expected]


def test_notes_stand_apart_from_the_table(folder, capsys):
    options = ["--model", str(folder / "model"), "--index", index_of(folder, "model"), "-k", "2"]
    plays = pd.concat([PLAYS, pd.DataFrame({"path": ["elsewhere.mp3"], "plays": [1]})])
    plays.to_csv(folder / "plays.csv", index=False)
    assert cli.main(["recommend", "--user-log", str(folder / "plays.csv"), *options]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3
    assert "plays are not counted" in said.err
    assert "1 of 4 played songs are not in the index, such as elsewhere" in said.err
    pd.DataFrame({"path": SONGS}).to_csv(folder / "plays.csv", index=False)
    assert cli.main(["recommend", "--user-log", str(folder / "plays.csv"), *options]) == 0
    said = capsys.readouterr()
    assert said.out == "path\tscore\n" and "every song of" in said.err


def test_an_index_in_csv_has_the_layer_it_is_said_to_have(folder, capsys):
    [song] = write_sounds(folder / "sounds", 1)
    table = FeatureTable(SONGS, None, INDEX.vectors[:, :16], {})
    write_features(table, folder / "blocks.csv")
    words = ["similar", str(song), "--model", str(folder / "model"), "--index", str(folder / "blocks.csv")]
    assert cli.main([*words, "--layer", "block2"]) == 0
    assert "blocks.csv does not say which model" in capsys.readouterr().err
    assert cli.main(words) == 1
    words[-1] = index_of(folder, "model")
    assert cli.main([*words, "--layer", "block2"]) == 1
    assert "features of layer embedding, not block2" in capsys.readouterr().err


def test_a_folder_without_a_model_is_named(folder, tmp_path, capsys):
    assert cli.main(["similar", "song.wav", "--model", str(tmp_path), "--index", index_of(folder, "model")]) == 1
    assert f"{tmp_path}: not a model folder: it has no model.safetensors and no config.json" in capsys.readouterr().err


def test_an_index_of_another_model_is_refused(folder, capsys):
    options = ["--model", str(folder / "model"), "--index", index_of(folder, "other")]
    assert cli.main(["similar", "song.wav", *options]) == 1
    assert "features of another model" in capsys.readouterr().err
