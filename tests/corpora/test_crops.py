import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_files import CROP, RATE, tone

from hearlog.corpora import catalogue
from hearlog.corpora.crops import crop_items
from hearlog.util.arrays import RowWriter
from hearlog.util.errors import InputError


def items_with_damage(tmp_path, good: int) -> pd.DataFrame:
    for i in range(good):
        soundfile.write(tmp_path / f"{i}.wav", tone(2) * (i + 1) / good, RATE)
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    paths = [f"{i}.wav" for i in range(good)]
    paths[1:1] = ["bad.wav", "absent.wav"]
    return pd.DataFrame({"item_id": [p.removesuffix(".wav") for p in paths], "path": paths})


def test_damaged_files_are_left_out_and_listed(tmp_path):
    items = items_with_damage(tmp_path, good=6)
    counts = crop_items(items, tmp_path, tmp_path / "out", **CROP, max_rejected=0.25, threads=2)
    crops = np.load(tmp_path / "out" / "crops.npy", mmap_mode="r")
    clips = pd.read_parquet(tmp_path / "out" / "clips.parquet")
    rejected = pd.read_parquet(tmp_path / "out" / "rejected.parquet")
    assert counts == {"accepted": 6, "rejected": {"missing": 1, "unreadable": 1}}
    assert crops.shape == (6, RATE) and list(clips["item_id"]) == list("012345")
    assert np.all(np.diff(np.abs(crops).max(axis=1)) > 0), "row i of crops.npy is row i of clips.parquet"
    assert list(rejected["item_id"]) == ["bad", "absent"] and list(rejected["path"]) == ["bad.wav", "absent.wav"]


def test_a_file_that_cannot_be_reached_is_listed_as_well(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(2), RATE)
    items = pd.DataFrame({"item_id": ["a", "long"], "path": ["a.wav", "b" * 300 + ".wav"]})
    counts = crop_items(items, tmp_path, tmp_path / "out", **CROP, max_rejected=0.5, threads=2)
    assert counts == {"accepted": 1, "rejected": {"unreadable": 1}}
    assert pd.read_parquet(tmp_path / "out" / "rejected.parquet")["detail"].item() == "file name too long"


def test_too_many_damaged_files_stop_the_stage_and_name_them(tmp_path):
    items = items_with_damage(tmp_path, good=6)
    with pytest.raises(InputError, match=r"2 of 8 files.*audio.max_rejected = 0.2[\s\S]*bad.wav: unreadable") as error:
        crop_items(items, tmp_path, tmp_path / "out", **CROP, max_rejected=0.2, threads=2)
    assert "absent.wav: missing" in str(error.value)


def test_the_decoder_does_not_clutter_the_terminal(tmp_path, capfd):
    music = sum(tone(9, 44100) * np.sin(np.arange(9 * 44100) / k) for k in (7, 900, 70000))
    for i in range(8):
        soundfile.write(tmp_path / f"{i}.mp3", music[i * 5000 :] / 3, 44100, compression_level=0.9)
    items = pd.DataFrame({"item_id": list("01234567"), "path": [f"{i}.mp3" for i in range(8)]})
    crop_items(items, tmp_path, tmp_path / "out", **CROP, max_rejected=0, threads=2)
    assert "mpg123" not in capfd.readouterr().err


@settings(max_examples=20)
@given(st.integers(0, 3), st.integers(1, 2000))
def test_an_array_written_row_by_row_reads_back(tmp_path_factory, rows, divisor):
    path = tmp_path_factory.mktemp("rows") / "a.npy"
    expected = torch.arange(rows * divisor).reshape(rows, divisor).numpy().astype(np.int16)
    with RowWriter(path, (divisor,), np.int16) as writer:
        for row in expected:
            writer.append(row)
    assert np.array_equal(np.load(path, mmap_mode="r"), expected)


def test_a_song_whose_file_cannot_be_reached_is_chosen_so_that_the_crop_lists_it(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(2), RATE)
    songs = pd.DataFrame({"song_id": ["1", "2", "3"], "path": ["a.wav", "b" * 300 + ".wav", "absent.wav"]}, dtype="str")
    songs = songs.reindex(columns=catalogue.COLUMNS).astype("str")
    items, left_out = catalogue.select(songs, songs["song_id"], tmp_path, None, seed=0)
    assert list(items["item_id"]) == ["1", "2"] and left_out["reason"].tolist() == ["no audio"]
    counts = crop_items(items, tmp_path, tmp_path / "out", **CROP, max_rejected=0.5, threads=2)
    assert counts == {"accepted": 1, "rejected": {"unreadable": 1}}
