"""Whatever a file holds, its reader returns a result or names the file in an `InputError`, within bounded memory.

``make faults`` and ``make fuzz`` try many more inputs, and count them.
"""

import os
import resource
import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from fuzz_inputs import as_json, changed, damaged, npz, parquet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_rows import PACK, pack
from log_settings import logs
from model_world import write_model

from hearlog import params
from hearlog.corpora import catalogue
from hearlog.corpora.readers.registry import READERS
from hearlog.features.front_end import open_front_end
from hearlog.features.search import read_plays, recommend, similar
from hearlog.features.table import FeatureTable, read_features, write_features
from hearlog.logs.survey import survey
from hearlog.model import folder as model_folder
from hearlog.pipeline import lock
from hearlog.util.errors import InputError
from hearlog.util.terminal import printable

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/fixtures"
MEMORY = 3 * 2**30  # bytes that an input may take at most, beyond those of the libraries
SHORT = settings(max_examples=30, database=None, suppress_health_check=list(HealthCheck))


def tries(test):
    """Try few inputs, or as many as the profile of `make fuzz` says."""
    return test if settings.get_current_profile_name() == "fuzz" else SHORT(test)


@pytest.fixture(autouse=True)
def bounded_memory():
    """Let what takes too much memory fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + MEMORY, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


TRIED = Counter[tuple[str, str]]()


@pytest.fixture(autouse=True)
def counted(tried):
    TRIED.clear()
    yield
    for (name, outcome), count in TRIED.items():
        tried("random files", name, outcome, count)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def read(reader, path: Path, content: bytes):
    """Write a file and read it; None where it is refused, with its name and nothing that a terminal would obey."""
    path.write_bytes(content)
    try:
        found = reader(path)
    except InputError as error:
        TRIED[path.name, "refused by name"] += 1
        assert path.name in str(error) or str(path.parent) in str(error)
        assert printable(str(error)) == str(error)
        return None
    TRIED[path.name, "read"] += 1
    return found


# ---- settings

DEMO = (ROOT / "presets/demo.yaml").read_bytes()
SETTINGS = yaml.safe_load(DEMO)


@tries
@given(content=damaged(DEMO) | changed(SETTINGS).map(partial(yaml.safe_dump, allow_unicode=True)).map(str.encode))
def test_params_are_read_or_refused_by_name(folder, content):
    read(params.load, folder / "params.yaml", content)


@tries
@given(content=damaged((ROOT / "dvc.lock").read_bytes()[:4000]))
def test_what_dvc_recorded_is_read_or_refused_by_name(folder, content):
    read(lock.read_stages, folder / "dvc.lock", content)


# ---- models


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    model = tmp_path_factory.mktemp("model")
    write_model(model)
    return model


@tries
@given(data=st.data())
def test_configs_of_models_are_read_or_refused_by_name(model, data):
    config = model_folder.read_config(model).model_dump()
    content = data.draw(changed(config).map(as_json) | damaged(as_json(config)))
    other = shutil.copytree(model, model.with_name("other"), dirs_exist_ok=True)
    found = read(lambda path: model_folder.load(path.parent), other / model_folder.CONFIG, content)
    if found:
        try:
            open_front_end(found[1], other)
        except InputError as error:
            assert "config.json" in str(error)


@tries
@given(data=st.data())
def test_weights_of_models_are_read_or_refused_by_name(model, data):
    weights = (model / model_folder.WEIGHTS).read_bytes()
    head = 8 + int.from_bytes(weights[:8], "little")
    content = data.draw(damaged(weights[:head])) + weights[head:]
    other = shutil.copytree(model, model.with_name("other"), dirs_exist_ok=True)
    read(lambda path: model_folder.load(path.parent), other / model_folder.WEIGHTS, content)


# ---- labelled data sets and the catalogue

ANNOTATIONS = {
    "dcase2016": [
        "TUT-acoustic-scenes-2016-development/meta.txt",
        "TUT-acoustic-scenes-2016-development/evaluation_setup/fold1_train.txt",
        "TUT-acoustic-scenes-2016-development/evaluation_setup/fold2_evaluate.txt",
        "TUT-acoustic-scenes-2016-evaluation/evaluation_setup/evaluate.txt",
        "TUT-acoustic-scenes-2016-development/error.txt",
    ],
    "emomusic": ["annotations/songs_info.csv", "annotations/static_annotations.csv"],
    "extended_ballroom": ["extendedballroom_v1.1.xml"],
    "fma": ["fma_metadata/tracks.csv"],
    "gtzan": ["index.txt"],
}


def assert_inside(root: Path, items: pd.DataFrame) -> None:
    for path in items["path"].dropna():
        assert Path(os.path.normpath(root / path)).is_relative_to(root), path


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in ANNOTATIONS.items() for file in files])
@tries
@given(data=st.data())
def test_annotations_are_read_or_refused_by_name(folder, name, file, data):
    root = shutil.copytree(FIXTURES / name, folder / name, dirs_exist_ok=True)
    if name == "gtzan":
        (root / "genres/blues").mkdir(parents=True, exist_ok=True)
        (root / "genres/blues/blues.00000.au").touch()
    data_set = READERS.get(name, READERS["fma_small"])
    content = data.draw(damaged((FIXTURES / name / file).read_bytes()))
    target = data.draw(st.sampled_from(data_set.targets))

    def read_all(path):
        items = data_set.read(root, target)
        data_set.remarks(root)
        return items

    items = read(read_all, root / file, content)
    if items is not None:
        assert_inside(root, items)


CLIPS = (
    b"item_id,path,artist,split,mood,pace\n1,a/1.wav,A,train,sad,1.5\n2,b/2.wav,,test,glad,2.5\n3,3.wav,B,,sad,3.0\n"
)


@tries
@given(data=st.data())
def test_own_tables_are_read_or_refused_by_name(folder, data):
    root = folder / "table"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    kind, content = data.draw(
        st.tuples(st.just("csv"), damaged(CLIPS))
        | st.tuples(st.just("parquet"), parquet(["item_id", "path", "split", "mood"]))
    )
    target = data.draw(st.sampled_from(["mood", "pace"]))
    items = read(lambda path: READERS["table"].read(path.parent, target), root / f"items.{kind}", content)
    if items is not None:
        assert_inside(root, items)


SONGS = b"song_id,path,title,artist,genre\n1,a/1.mp3,One,A,rock\n02,b.mp3,,,\n3,,Three,B,jazz\n"


@tries
@given(data=st.data())
def test_catalogues_are_read_or_refused_by_name(folder, data):
    kind, content = data.draw(
        st.tuples(st.just("csv"), damaged(SONGS)) | st.tuples(st.just("parquet"), parquet([*catalogue.COLUMNS]))
    )
    songs = read(catalogue.read, folder / f"songs.{kind}", content)
    if songs is not None:
        assert_inside(folder, songs)


# ---- logs

ROWS = b'user,song,plays,time\nu,s,3,2018-01-02T12:00:00Z\nv,"a,b",1,1514764800\nw,s,2,20180101\n'
LISTS = b"0 1 2 3\n1 2\n2 3 5 8\n"
PLAYLISTS = b'[{"user": 1, "song": ["a", "b"]}, {"user": "x", "song": [2]}, {"user": 3, "song": []}]'
COLUMNS = {"user": "user", "song": "song"}
ALL_COLUMNS = COLUMNS | {"plays": "plays", "time": "time"}
LOGS = {
    "rows.csv": (damaged(ROWS), {"columns": ALL_COLUMNS}),
    "rows.tsv": (damaged(ROWS.replace(b",", b"\t")), {"columns": COLUMNS, "delimiter": "\t"}),
    "rows.txt": (damaged(ROWS), {"columns": {"user": 1, "song": 2, "plays": 3}, "header": False}),
    "rows.csv.gz": (st.just(ROWS * 50), {"columns": ALL_COLUMNS}),
    "rows.csv.bz2": (st.just(ROWS * 50), {"columns": ALL_COLUMNS}),
    "rows.csv.zst": (st.just(ROWS * 50), {"columns": ALL_COLUMNS}),
    "rows.parquet": (parquet(["user", "song", "plays", "time"]), {"columns": ALL_COLUMNS}),
    "lists.txt": (damaged(LISTS), {"format": "song_lists", "delimiter": " "}),
    "lists.json": (damaged(PLAYLISTS), {"format": "playlists", "columns": COLUMNS}),
}


@pytest.mark.parametrize("name", LOGS)
@tries
@given(data=st.data())
def test_logs_are_read_or_refused_by_name(folder, name, data):
    contents, changes = LOGS[name]
    content = data.draw(contents)
    if name.endswith(tuple(PACK)):
        content = data.draw(damaged(pack(folder / name, content).read_bytes()))
    read(lambda path: survey(logs(path, **changes), "1GB", 1, folder), folder / name, content)


# ---- features and listeners' logs

PATHS = np.array(["a", "b", "c"], object)
INDEX = FeatureTable(PATHS, None, np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32), {"layer": "block1"})


@pytest.mark.parametrize("kind", ["csv", "npz", "parquet"])
@tries
@given(data=st.data())
def test_tables_of_features_are_read_or_refused_by_name(folder, kind, data):
    path = folder / f"features.{kind}"
    write_features(INDEX, path)
    new = {"csv": st.nothing(), "npz": npz(), "parquet": parquet(["path", "start", "f0", "f1", "fx"])}
    content = data.draw(damaged(path.read_bytes()) | new[kind])
    found = read(read_features, path, content)
    if found:
        assert len(found.paths) == len(found.vectors) and np.isfinite(found.vectors).all()
        assert len(similar(np.ones(found.vectors.shape[1]), found, 2)) == min(2, len(found.paths))


@tries
@given(data=st.data())
def test_logs_of_a_listener_are_read_or_refused_by_name(folder, model, data):
    kind, content = data.draw(
        st.tuples(st.just("csv"), damaged(b"path,plays\na,3\nb,1\nelsewhere,2\n"))
        | st.tuples(st.just("parquet"), parquet(["path", "plays"]))
    )
    plays = read(read_plays, folder / f"plays.{kind}", content)
    if plays is not None and plays["path"].isin(PATHS).any():
        found = recommend(plays, INDEX, model_folder.read_config(model), 3)
        assert np.isfinite(found["score"]).all() and not set(found["path"]) & set(plays["path"])
