"""Files that mean harm: what they carry is never run, fills neither memory nor terminal, and leads nowhere else."""

import io
import json
import os
import pickle
import shutil
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harmful import Harmful
from log_rows import pack
from log_settings import logs
from model_world import write_model

from hearlog import cli, params
from hearlog.audio.crop import UnusableAudioError
from hearlog.audio.decode import read_crop
from hearlog.corpora import tables
from hearlog.corpora.readers.registry import READERS
from hearlog.features.search import read_plays
from hearlog.features.table import FeatureTable, read_features, write_features
from hearlog.logs import unpacked
from hearlog.logs.survey import survey
from hearlog.model import folder as model_folder
from hearlog.pipeline import lock
from hearlog.util.errors import InputError
from hearlog.util.terminal import PrintableStream, printable

FIXTURES = Path(__file__).parents[1] / "fixtures"
REFUSED, SHOWN, NEVER_RUN = "refused by name", "shown, not obeyed", "never run"
LISTED = "listed as unusable, and not quoted"
ESCAPES = "\x1b[2J\x1b]0;title\x07\x9b31m\r\u202etxt.exe"


def assert_refused(read, path: Path, *words: str) -> None:
    with pytest.raises(InputError) as refusal:
        read(path)
    assert all(word in str(refusal.value) for word in (path.name, *words)), refusal.value


# ---- terminals


def test_what_a_terminal_would_obey_is_shown():
    assert printable("\x1b[31mred\x7f\x9b\r") == r"\x1b[31mred\x7f\x9b\x0d"
    assert printable("\u202egpj.\u2066 \ud800") == r"\u202egpj.\u2066 \ud800"
    assert printable(os.fsdecode(b"caf\xe9.wav")) == r"caf\xe9.wav"
    assert printable("a\tb\nc, 日本 é 🎵") == "a\tb\nc, 日本 é 🎵"


@pytest.mark.attack("escapes in messages and output", SHOWN)
def test_errors_and_everything_printed_are_without_control_characters():
    assert printable(ESCAPES) == str(InputError(ESCAPES))
    shown = io.StringIO()
    with redirect_stdout(PrintableStream(shown)):
        print(ESCAPES)
    assert shown.getvalue() == f"{printable(ESCAPES)}\n"


@pytest.mark.attack("escapes in names of files", SHOWN)
def test_commands_show_paths_of_an_index_and_never_obey_them(tmp_path, capsys):
    write_model(tmp_path / "model")
    vectors = np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32)
    write_features(FeatureTable(np.array(["a", ESCAPES, "c"], object), None, vectors, {}), tmp_path / "index.npz")
    (tmp_path / "plays.csv").write_text(f"path\na\n{ESCAPES.replace('2', '3')[:-8]}\n")
    options = ["--model", tmp_path / "model", "--index", tmp_path / "index.npz", "--user-log", tmp_path / "plays.csv"]
    assert cli.main(["recommend", *map(str, options)]) == 0
    assert cli.main(["recommend", *map(str, options[:-1]), str(tmp_path / f"{ESCAPES}.csv")]) == 1
    said = capsys.readouterr()
    assert r"\x1b[2J" in said.out and r"\x1b[3J" in said.err and r"\x1b[2J" in said.err
    assert printable(said.out + said.err) == said.out + said.err


# ---- paths


@pytest.mark.attack("a path that climbs out of its data set", REFUSED)
@pytest.mark.parametrize("path", ["../x.wav", "/etc/passwd", "a/../../x.wav", "C:/x.wav", "..\\x.wav", ".."])
def test_no_reader_takes_a_path_out_of_its_data_set(path, tmp_path):
    rows = pd.DataFrame({"item_id": ["1"], "path": [path], "target": ["a"]}, pd.RangeIndex(1, 2, name="row"))
    with pytest.raises(InputError, match=r"row 1: .* must be relative to the data set's folder and stay within it"):
        tables.items(tmp_path, rows)


@pytest.mark.attack("a path that climbs out of its data set", REFUSED)
@pytest.mark.parametrize(
    ("name", "file", "old", "new"),
    [
        ("dcase2016", "TUT-acoustic-scenes-2016-development/meta.txt", "audio/", "../../../audio/"),
        ("extended_ballroom", "extendedballroom_v1.1.xml", 'id="', 'id="../../'),
    ],
)
def test_annotations_cannot_name_files_elsewhere(name, file, old, new, tmp_path):
    root = shutil.copytree(FIXTURES / name, tmp_path / name)
    (root / file).write_text((root / file).read_text().replace(old, new, 1))
    with pytest.raises(InputError, match="stay within it"):
        READERS[name].read(root, READERS[name].targets[0])


@pytest.mark.attack("links to other files, to /dev/zero, and a pipe", LISTED)
def test_a_link_out_of_the_folder_gives_sound_or_nothing(tmp_path):
    """Links are followed, as collections lie on other disks: no table can make one, and what is no sound is listed."""
    (tmp_path / "secret").write_text("password")
    (tmp_path / "a.wav").symlink_to(tmp_path / "secret")
    (tmp_path / "endless.wav").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "waits.wav")
    for name, reason in (("a.wav", "unreadable"), ("endless.wav", "missing"), ("waits.wav", "missing")):
        with pytest.raises(UnusableAudioError) as unusable:
            read_crop(tmp_path / name, 16000, 7.5, 0.5)
        assert unusable.value.reason == reason and "password" not in str(unusable.value)


# ---- YAML

LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join(['*a' + str(i - 1)] * 9)}]\n" for i in range(1, 9))
YAML = {
    "a tag that runs code": ("seed: !!python/object/apply:os.system [touch done]", "constructor"),
    "aliases that multiply": (LAUGHS, "aliases stand for more than 1,000,000 values"),
    "merges that multiply": (LAUGHS.replace("[x, x]", "{x: 1}").replace("[", "{<<: [").replace("]", "]}"), "aliases"),
    "an alias within itself": ("seed: &a [*a]", "aliases"),
    "nesting without end": ("[" * 50_000 + "]" * 50_000, "nested too deeply"),
    "blocks without end": ("- " * 50_000, "nested too deeply"),
    "a date that is none": ("seed: 2001-99-99", "no timestamp: 2001-99-99"),
    "a truth that is none": ("seed: !!bool x", "no bool: x"),
    "a number of 5000 digits": (f"seed: {'9' * 5000}", "no int: 999"),
}


@pytest.mark.attack("YAML: tags, aliases and nesting without end, values that are none", REFUSED)
@pytest.mark.parametrize("read", [params.load, lock.read_stages], ids=["params", "dvc.lock"])
@pytest.mark.parametrize("kind", YAML)
def test_yaml_that_means_harm_is_refused(read, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, words = YAML[kind]
    (tmp_path / "some.yaml").write_text(text)
    assert_refused(read, tmp_path / "some.yaml", "not readable as YAML", words)
    assert list(tmp_path.iterdir()) == [tmp_path / "some.yaml"]


def test_a_setting_of_many_values_is_quoted_by_its_beginning(tmp_path):
    (tmp_path / "params.yaml").write_text(f"seed: {[[0] * 100] * 100}\ndemo: {'x' * 10_000}\n")
    with pytest.raises(InputError) as refusal:
        params.load(tmp_path / "params.yaml")
    assert "seed: given [[0, 0" in str(refusal.value) and len(str(refusal.value)) < 3000


# ---- models


@pytest.mark.attack("absurd sizes in a model's config", REFUSED)
@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"network": {"channels": 10**9}}, "network.channels: given 1000000000"),
        ({"network": {"channels": 4096, "factors": 4096}}, "weights of another network"),
        ({"mel": {"n_fft": 10**9}}, "mel.n_fft: given 1000000000"),
        ({"mel": {"n_mels": 48 * 10**9}}, "mel.n_mels"),
        ({"mel": {"n_fft": 2**16, "hop_length": 1}}, "crops of more than 67,108,864 numbers"),
        ({"audio": {"sample_rate": 384_000, "seconds": 3600}}, "crops of more than 67,108,864 numbers"),
        ({"audio": {"seconds": 1e308}}, "audio.seconds: given 1e+308"),
        ({"targets": {"scale": float("nan")}}, "targets.scale: given nan"),
    ],
)
def test_absurd_sizes_of_a_model_are_refused_before_memory_is_taken(block, words, tmp_path):
    write_model(tmp_path)
    config = json.loads((tmp_path / model_folder.CONFIG).read_text())
    for name, values in block.items():
        config[name] |= values
    (tmp_path / model_folder.CONFIG).write_text(json.dumps(config))
    with pytest.raises(InputError, match=words.replace("+", r"\+")):
        model_folder.load(tmp_path)


@pytest.mark.attack("JSON of endless nesting", REFUSED)
def test_a_config_of_endless_nesting_is_refused(tmp_path):
    (tmp_path / model_folder.CONFIG).write_text("[" * 100_000)
    with pytest.raises(InputError, match="not readable as JSON"):
        model_folder.read_config(tmp_path)


# ---- arrays and tables


@pytest.mark.attack("pickles in arrays and tables", NEVER_RUN)
def test_arrays_that_carry_pickles_are_refused_and_never_run(tmp_path):
    harm = Harmful(tmp_path / "done")
    np.savez(tmp_path / "a.npz", path=np.array([harm], object), features=np.ones((1, 3)), hearlog="{}")
    (tmp_path / "b.npz").write_bytes(pickle.dumps(harm))
    for name in ("a.npz", "b.npz"):
        assert_refused(read_features, tmp_path / name, "allow_pickle")
    assert not (tmp_path / "done").exists()


@pytest.mark.attack("pickles in arrays and tables", NEVER_RUN)
@pytest.mark.parametrize("read", [read_features, read_plays])
def test_a_type_of_parquet_that_once_was_a_pickle_is_never_run(read, tmp_path):
    metadata = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Harmful(tmp_path / "done")),
    }
    schema = pa.schema([pa.field("path", pa.string(), metadata=metadata), pa.field("f0", pa.float32())])
    pq.write_table(pa.table([["a"], [1.0]], schema=schema), tmp_path / "a.parquet")
    read(tmp_path / "a.parquet")
    assert not (tmp_path / "done").exists()


@pytest.mark.attack("packed arrays and tables, of any size", REFUSED)
def test_packed_arrays_are_refused_for_they_may_be_of_any_size(tmp_path):
    arrays = {"path": np.array(["a"]), "features": np.zeros((1, 10**6), np.float32), "hearlog": "{}"}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    assert (tmp_path / "a.npz").stat().st_size < 10**4
    assert_refused(read_features, tmp_path / "a.npz", "packed")


@pytest.mark.attack("tables of features in another form, or not finite", REFUSED)
@pytest.mark.parametrize(
    "arrays",
    [
        {"path": np.array(["a", "b"])},
        {"features": np.ones(2)},
        {"features": np.ones((0, 3)), "path": np.array([], str)},
        {"start": np.ones(3)},
        {"hearlog": "[]"},
        {"hearlog": '{"layer": []}'},
        {"hearlog": "[" * 100_000},
        {"features": np.full((1, 3), np.nan)},
        {"features": np.full((1, 3), 1j)},
    ],
)
def test_tables_of_features_in_another_form_are_refused(arrays, tmp_path):
    np.savez(tmp_path / "a.npz", **{"path": np.array(["a"]), "features": np.ones((1, 3)), "hearlog": "{}"} | arrays)
    assert_refused(read_features, tmp_path / "a.npz")


@pytest.mark.attack("plays that are no numbers", REFUSED)
@pytest.mark.parametrize("plays", ["inf", "nan", "1e300", "-1", "0.5", "", "\x1b[2J"])
def test_plays_of_a_listener_are_numbers_of_plays(plays, tmp_path):
    (tmp_path / "plays.csv").write_text(f"path,plays\na,1\nb,{plays}\n")
    assert_refused(read_plays, tmp_path / "plays.csv", "row 2", "no whole number of plays")


@pytest.mark.attack("NaN and infinity in targets", REFUSED)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_targets_that_are_not_finite_are_refused(value, tmp_path):
    (tmp_path / "items.csv").write_text(f"item_id,path,pace\n1,1.wav,1.5\n2,2.wav,2.5\n3,3.wav,{value}\n")
    with pytest.raises(InputError, match=r"row 3: .* is no number such as 4\.5"):
        READERS["table"].read(tmp_path, "pace")


@pytest.mark.attack("packed arrays and tables, of any size", REFUSED)
def test_a_table_that_is_packed_by_its_name_is_not_unpacked(tmp_path):
    packed = pack(tmp_path / "plays.csv.gz", "path\na\n")
    assert_refused(read_plays, packed, "not readable as a UTF-8 table")


# ---- logs

ROWS = "user_id,song_id\n" + "user,song\n" * 50_000


@pytest.mark.attack("packed logs that would fill the disk", REFUSED)
@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.bz2", "a.csv.zst"])
def test_packed_logs_that_would_fill_the_disk_are_refused(name, tmp_path, monkeypatch):
    pack(tmp_path / name, ROWS)
    assert survey(logs(tmp_path), "1GB", 1, tmp_path).rows == 50_000
    monkeypatch.setattr(unpacked, "ALWAYS_UNPACKED", 10**5)
    with pytest.raises(InputError, match=rf"{name}: holds more than 200 times its own size"):
        survey(logs(tmp_path), "1GB", 1, tmp_path)


@pytest.mark.attack("a line of 34 MB", REFUSED)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.bz2"])
def test_lines_that_duckdb_would_pass_over_are_refused(name, tmp_path):
    """DuckDB 2.0 lists a line of 3 MB as too long, and says nothing of one of 34 MB, beyond its buffer."""
    pack(tmp_path / name, f"user_id,song_id\nu,s\n{'0' * 3_000_000}\nv,s\n")
    found = survey(logs(tmp_path), "1GB", 1, tmp_path)
    assert (found.rows, [row["reason"] for row in found.rejected]) == (3, ["line_size_over_maximum"])
    pack(tmp_path / name, f"user_id,song_id\nu,s\n{'0' * 34_000_000}\nv,s\n")
    with pytest.raises(InputError, match=rf"{name}: has a line of more than 16,777,216 bytes"):
        survey(logs(tmp_path), "1GB", 1, tmp_path)


@pytest.mark.attack("JSON of endless nesting", REFUSED)
@pytest.mark.parametrize("song", [f"{'[' * 50_000}{']' * 50_000}", "9" * 5000], ids=["nesting", "digits"])
def test_playlists_that_python_cannot_read_are_named(song, tmp_path):
    (tmp_path / "a.json").write_text(f'{{"user": 1, "song": [{song}]}}')
    settings = logs(tmp_path, format="playlists", columns={"user": "user", "song": "song"})
    with pytest.raises(InputError, match=r"a\.json: an object that is no playlist"):
        survey(settings, "1GB", 1, tmp_path)
