"""``hearlog embed``: tables of all formats, files that cannot be used, and runs that were killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from filelock import FileLock
from model_world import write_model
from sound_files import RATE, make_sound, write_sounds

from hearlog import cli
from hearlog.audio import decode as audio
from hearlog.features import embed, front_end
from hearlog.features.extractor import FeatureExtractor
from hearlog.features.table import FeatureTable, read_features, write_features
from hearlog.util.errors import InputError
from hearlog.util.files import whole

SONGS = 18
AT_ONCE = 4  # files of a part
SILENT = "06.wav"
PATIENCE = 120  # seconds; only a failing test waits so long
RANDOM = np.random.default_rng()  # of no fixed seed: every run of this test kills at other moments
CHILD = f"""
import sys
from hearlog import cli
from hearlog.features import embed
embed.FILES_AT_ONCE = {AT_ONCE}
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model and short files, the seventh of which is silent."""
    folder = tmp_path_factory.mktemp("embed")
    write_model(folder / "model", channels=8)
    paths = write_sounds(folder / "sounds", SONGS, 0.6)
    soundfile.write(paths[6], np.zeros(RATE), RATE)
    return folder


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(embed, "FILES_AT_ONCE", AT_ONCE)


@pytest.fixture
def embedded(monkeypatch) -> list[str]:
    """Names of the files whose features were computed, as they are."""
    names = list[str]()
    stream = FeatureExtractor.stream

    def watched(self, sounds, **options):
        names.extend(Path(sound).name for sound in sounds)
        return stream(self, sounds, **options)

    monkeypatch.setattr(FeatureExtractor, "stream", watched)
    return names


def words(folder: Path, out: Path, *options: str) -> list[str]:
    """The command line."""
    return ["embed", str(folder / "sounds"), "--model", str(folder / "model"), "--out", str(out), *options]


def test_tables_of_all_formats_hold_the_same(folder, tmp_path, capsys):
    outs = [tmp_path / f"features.{suffix}" for suffix in ("parquet", "npz", "csv")]
    assert [cli.main(words(folder, out)) for out in outs] == [0, 0, 0]
    line = f"{outs[0]}: embedding of 17 files in 40 dimensions, 1 left out: {outs[0]}.rejected.csv says why"
    assert capsys.readouterr().out.splitlines()[0] == line
    parquet, npz, csv = map(read_features, outs)
    assert parquet.paths.tolist() == [str(folder / "sounds" / f"{i:02}.wav") for i in range(SONGS) if i != 6]
    assert parquet.vectors.shape == (17, 40) and parquet.vectors.dtype == np.float32 and parquet.starts is None
    for other in (npz, csv):
        assert other.paths.tolist() == parquet.paths.tolist()
        assert np.array_equal(other.vectors, parquet.vectors)
    assert npz.about == parquet.about
    assert {key: parquet.about[key] for key in ("layer", "hop")} == {"layer": "embedding", "hop": None}


def test_columns_of_features_are_taken_by_their_numbers(tmp_path):
    table = FeatureTable(np.array(["a"], object), None, np.arange(12, dtype=np.float32)[None], {})
    write_features(table, tmp_path / "f.csv")
    columns = pd.read_csv(tmp_path / "f.csv")
    columns[sorted(columns)].to_csv(tmp_path / "f.csv", index=False)  # f10 and f11 before f2
    assert read_features(tmp_path / "f.csv").vectors.tolist() == [[*range(12)]]
    columns.drop(columns="f3").to_csv(tmp_path / "f.csv", index=False)
    with pytest.raises(InputError, match="f3"):
        read_features(tmp_path / "f.csv")


def test_a_table_without_room_leaves_the_one_before(tmp_path):
    out = tmp_path / "f.csv"
    out.write_text("before")
    with pytest.raises(OSError, match="No space left") as found, whole(out) as partial:
        partial.write_text("half")
        Path("/dev/full").write_text("the rest")
    assert found.value.filename == str(out)
    assert [path.name for path in tmp_path.iterdir()] == ["f.csv"] and out.read_text() == "before"


def test_windows_of_all_formats_have_their_starts(folder, tmp_path):
    path = tmp_path / "long.wav"
    soundfile.write(path, make_sound(9), RATE)
    tables = []
    for suffix in ("parquet", "npz", "csv"):
        command = ["embed", str(path), "--model", str(folder / "model"), "--out", str(tmp_path / f"f.{suffix}")]
        assert cli.main([*command, "--hop", "0.5", "--layer", "block2"]) == 0
        tables.append(read_features(tmp_path / f"f.{suffix}"))
    for table in tables:
        assert table.paths.tolist() == [str(path)] * 4
        assert table.starts.tolist() == [0, 0.5, 1, 1.5]
        assert np.array_equal(table.vectors, tables[0].vectors)


def test_files_that_cannot_be_used_are_listed_and_left_out(folder, tmp_path):
    sounds = tmp_path / "sounds"
    good = write_sounds(sounds, 1, 0.6)
    (sounds / "empty.wav").touch()
    (sounds / "text.mp3").write_text("no sound")
    soundfile.write(sounds / "short.flac", make_sound(0.2), RATE)
    whole = good[0].read_bytes()
    (sounds / "cut.wav").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "f.parquet"
    command = ["embed", str(sounds), "--model", str(folder / "model"), "--out", str(out)]
    assert cli.main(command) == 0
    assert read_features(out).paths.tolist() == [str(good[0])]
    rejected = pd.read_csv(tmp_path / "f.parquet.rejected.csv")
    reasons = {Path(row.path).name: row.reason for row in rejected.itertuples()}
    assert reasons == {
        "cut.wav": "truncated",
        "empty.wav": "unreadable",
        "short.flac": "short",
        "text.mp3": "unreadable",
    }
    for name in reasons:
        (sounds / name).unlink()
    assert cli.main(command) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.parquet", "sounds"]


def test_nothing_usable_is_an_error_that_says_where_to_look(folder, tmp_path, capsys):
    (tmp_path / "empty.wav").touch()
    out = tmp_path / "f.npz"
    assert cli.main(["embed", str(tmp_path / "empty.wav"), "--model", str(folder / "model"), "--out", str(out)]) == 1
    assert "none of 1 files can be used" in capsys.readouterr().err
    assert not out.exists() and (tmp_path / "f.npz.rejected.csv").exists()


@pytest.mark.parametrize(
    ("place", "out", "said"),
    [
        ("sounds", "f.txt", ".parquet, .npz, .csv"),
        ("sounds", "nowhere/f.csv", "there is no folder"),
        ("nowhere", "f.csv", "no such file or folder"),
        ("model", "f.csv", "no sound files"),
        ("sounds", "folder.csv", "is a folder"),
    ],
)
def test_what_is_wrong_with_the_command_is_said(folder, tmp_path, capsys, place, out, said):
    (tmp_path / "folder.csv").mkdir()
    command = ["embed", str(folder / place), "--model", str(folder / "model"), "--out", str(tmp_path / out)]
    assert cli.main(command) == 1
    assert said in capsys.readouterr().err


@pytest.fixture
def stopped(folder, tmp_path, monkeypatch) -> Path:
    """The table of a run that was stopped, as by Ctrl-C, in its third part."""
    out = tmp_path / "f.npz"
    stream, left = FeatureExtractor.stream, iter(range(2 * AT_ONCE + 1))

    def stopping(self, sounds, **options):
        for found in stream(self, sounds, **options):
            if next(left, None) is None:
                raise KeyboardInterrupt
            yield found

    with monkeypatch.context() as patch:
        patch.setattr(FeatureExtractor, "stream", stopping)
        assert cli.main(words(folder, out)) == 130
    assert not out.exists() and len(list((tmp_path / ".f.npz.parts").glob("*.npz"))) == 2
    return out


def test_a_stopped_run_goes_on_with_the_part_it_was_in(folder, stopped, embedded):
    assert cli.main(words(folder, stopped)) == 0
    assert embedded == [SILENT, *(f"{row:02}.wav" for row in range(2 * AT_ONCE, SONGS))]
    assert [path.name for path in stopped.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("options", [["--layer", "block1"], ["--hop", "1"], ["--batch-size", "3"]])
def test_other_settings_take_nothing_from_a_stopped_run(folder, stopped, embedded, options):
    assert cli.main(words(folder, stopped, *options)) == 0
    assert len(embedded) == SONGS


def test_a_file_that_changed_is_read_again(folder, stopped, embedded):
    changed = folder / "sounds" / "01.wav"
    os.utime(changed)
    assert cli.main(words(folder, stopped)) == 0
    first = [f"{row:02}.wav" for row in range(AT_ONCE)]
    assert embedded == [SILENT, *first, *(f"{row:02}.wav" for row in range(2 * AT_ONCE, SONGS))]


def test_a_file_that_can_be_used_by_now_is_not_left_out_again(folder, stopped, embedded, monkeypatch):
    monkeypatch.setattr(front_end, "refuse_silence", lambda crop: crop)
    monkeypatch.setattr(audio, "refuse_silence", lambda crop: crop)
    assert cli.main(words(folder, stopped)) == 0
    assert len(read_features(stopped).paths) == SONGS
    assert embedded == [SILENT, *(f"{row:02}.wav" for row in range(AT_ONCE, SONGS))]


@pytest.mark.parametrize("size", [0, 100])
def test_a_damaged_part_is_done_again(folder, stopped, tmp_path, size):
    parts = list((tmp_path / ".f.npz.parts").glob("*.npz"))
    assert parts
    for part in parts:
        part.write_bytes(part.read_bytes()[:size])
    assert cli.main(words(folder, stopped)) == 0
    whole = tmp_path / "whole.npz"
    assert cli.main(words(folder, whole)) == 0
    assert whole.read_bytes() == stopped.read_bytes()


def test_two_runs_do_not_write_one_table(folder, tmp_path, capsys):
    (tmp_path / ".f.csv.parts").mkdir()
    with FileLock(tmp_path / ".f.csv.parts/lock"):
        assert cli.main(words(folder, tmp_path / "f.csv")) == 1
    assert "another run is writing it" in capsys.readouterr().err


def test_a_config_that_changed_is_another_model(folder, stopped, embedded, tmp_path, capsys):
    changed = shutil.copytree(folder / "model", tmp_path / "model")
    config = changed / "config.json"
    config.write_text(config.read_text().replace('"min_seconds": 0.5', '"min_seconds": 0.4'))
    command = ["embed", str(folder / "sounds"), "--model", str(changed), "--out", str(stopped)]
    assert cli.main(command) == 0
    assert len(embedded) == SONGS
    query = str(folder / "sounds/00.wav")
    assert cli.main(["similar", query, "--model", str(folder / "model"), "--index", str(stopped)]) == 1
    assert "features of another model" in capsys.readouterr().err


def test_a_name_that_is_not_utf8_is_listed(folder, tmp_path):
    sounds = tmp_path / "sounds"
    good = write_sounds(sounds, 2, 0.6)
    good[0].rename(os.fsdecode(os.fsencode(sounds) + b"/b\xffd.wav"))
    out = tmp_path / "f.parquet"
    assert cli.main(["embed", str(sounds), "--model", str(folder / "model"), "--out", str(out)]) == 0
    assert read_features(out).paths.tolist() == [str(good[1])]
    (row,) = pd.read_csv(f"{out}.rejected.csv").itertuples(index=False)
    assert row.path.endswith("b\\xffd.wav") and row.reason == "name" and "rename" in row.detail


def test_another_model_takes_nothing_from_a_stopped_run(folder, stopped, embedded, tmp_path):
    write_model(tmp_path / "model", seed=1, channels=8)
    command = ["embed", str(folder / "sounds"), "--model", str(tmp_path / "model"), "--out", str(stopped)]
    assert cli.main(command) == 0
    assert len(embedded) == SONGS


def kill_after(parts: int, command: list[str], folder: Path) -> None:
    """Run a command until it has kept so many parts in a folder, and kill it."""
    process = subprocess.Popen(command)
    end = time.monotonic() + PATIENCE
    while len({path for path in folder.glob("*.npz") if "partial" not in path.stem}) < parts:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < end, "it keeps nothing"
        time.sleep(0.001)
    time.sleep(RANDOM.uniform(0, 0.02))
    process.kill()
    assert process.wait() == -signal.SIGKILL


def test_a_killed_run_loses_no_file_and_ends_with_the_bytes_of_an_unbroken_one(folder, tmp_path):
    write_sounds(tmp_path / "sounds", 100, 0.6)
    (tmp_path / "sounds" / "50.wav").write_bytes(b"no sound")
    whole, broken = tmp_path / "whole.npz", tmp_path / "broken.npz"
    command = ["embed", str(tmp_path / "sounds"), "--model", str(folder / "model"), "--out"]
    assert cli.main([*command, str(whole)]) == 0
    child = [sys.executable, "-c", CHILD, *command, str(broken)]
    kill_after(int(RANDOM.integers(1, 10)), child, tmp_path / ".broken.npz.parts")
    assert not broken.exists()
    subprocess.run(child, check=True, capture_output=True)
    expected, found = read_features(whole), read_features(broken)
    assert found.paths.tolist() == expected.paths.tolist()
    assert len(set(found.paths)) == 99
    assert np.array_equal(found.vectors, expected.vectors)
    rejected = [path.with_name(f"{path.name}.rejected.csv").read_bytes() for path in (whole, broken)]
    assert rejected[0] == rejected[1]
    assert not (tmp_path / ".broken.npz.parts").exists()
