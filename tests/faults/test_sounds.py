"""Sound files with every fault: cropped by the stage, and embedded by the command."""

import os
import shutil
from pathlib import Path

import children
import numpy as np
import pandas as pd
import pytest
import small_world
import soundfile
import yaml
from broken_sounds import FAULTS, FORMATS, write_as
from model_world import write_model
from sound_files import RATE
from verdicts import EXACT, STOPPED, assert_stops

from hearlog.audio.crop import UnusableAudioError
from hearlog.audio.decode import quiet_decoders, read_crop
from hearlog.features.table import read_features

LISTED = "finished, listed as {}"
CROP = 7.5  # seconds, of the small world


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A folder with a sound of each fault, as a corpus of user's own clips."""
    world = tmp_path_factory.mktemp("sounds") / "world"
    (world / "clips").mkdir(parents=True)
    for name, (_, make, _) in FAULTS.items():
        make(world / "clips" / name)
    params = small_world.make_params()
    params["audio"]["max_rejected"] = 0.99
    (world / "params.yaml").write_text(yaml.safe_dump(params))
    (world / "data/corpora/own").mkdir(parents=True)
    items = pd.DataFrame({"item_id": [f"i{number}" for number in range(len(FAULTS))], "path": list(FAULTS)})
    items.to_parquet(world / "data/corpora/own/items.parquet")
    return world


def test_sounds_with_faults_are_cropped_or_listed(clips, tmp_path, tried):
    ended = children.run(clips, "stages.crop_audio", "own")
    assert ended.status == 0, ended.said
    crops = clips / "data/corpora/own/crops"
    rejected = pd.read_parquet(crops / "rejected.parquet").set_index("path")["reason"]
    items = pd.read_parquet(clips / "data/corpora/own/items.parquet").set_index("item_id")["path"]
    found = dict(
        zip(items[pd.read_parquet(crops / "clips.parquet")["item_id"]], np.load(crops / "crops.npy"), strict=True)
    )
    assert rejected.to_dict() == {name: reason for name, (_, _, reason) in FAULTS.items() if reason}
    assert found.keys() == FAULTS.keys() - set(rejected.index)
    for name, (fault, _, reason) in FAULTS.items():
        if reason:
            outcome = LISTED.format(reason)
        elif fault == "192 kHz":  # what its crop sounds like is a matter of the resampler, see test_audio.py
            outcome = "finished, cropped"
        else:
            np.testing.assert_allclose(found[name], without_fault(clips / "clips" / name, tmp_path), atol=1)
            outcome = "finished, cropped like a sound without it"
        tried("crop_audio", fault, outcome)


def without_fault(path: Path, folder: Path) -> np.ndarray:
    """Crop the same sound in a file that is as usual: of one channel, with a short name that ends as it should."""
    usual = folder / f"a.{path.stem if path.stem in FORMATS else path.suffix[1:]}"
    values, rate = soundfile.read(path, always_2d=True)
    soundfile.write(usual, values[:, 0], rate) if values.shape[1] > 1 else shutil.copyfile(path, usual)
    with quiet_decoders():
        return read_crop(usual, RATE, CROP, CROP)[0]


@pytest.fixture
def embed(clips, tmp_path):
    """Embed the folder with a model of fresh weights."""
    write_model(tmp_path / "model")
    words = ("hearlog.cli", "embed", "clips", "--model", str(tmp_path / "model"), "--device", "cpu", "--out")
    return lambda out, largest=None: children.run(clips, *words, str(out), largest=largest)


def test_sounds_with_faults_are_embedded_or_listed(clips, embed, tmp_path, tried):
    ended = embed(tmp_path / "f.parquet")
    assert ended.status == 0, ended.said
    listed = pd.read_csv(tmp_path / "f.parquet.rejected.csv").set_index("path")["reason"]
    names = [path.name for path in (clips / "clips").iterdir() if not path.is_dir()]
    there = {f"clips/{name}": FAULTS[name] for name in names}
    assert listed.to_dict() == {path: reason for path, (_, _, reason) in there.items() if reason}
    table = read_features(tmp_path / "f.parquet")
    assert set(table.paths) == there.keys() - set(listed.index)
    assert np.isfinite(table.vectors).all() and table.vectors.any(axis=1).all()
    for fault, _, reason in there.values():
        tried("hearlog embed", fault, LISTED.format(reason) if reason else "finished, embedded")


def test_a_name_that_is_not_utf_8_is_listed(clips, embed, tmp_path, tried):
    path = clips / "clips" / os.fsdecode(b"not \xff utf-8.wav")
    path.touch()
    ended = embed(tmp_path / "f.parquet")
    path.unlink()
    assert ended.status == 0, ended.said
    listed = pd.read_csv(tmp_path / "f.parquet.rejected.csv")
    assert "rename the file" in listed.loc[listed["path"].str.contains("utf-8"), "detail"].item()
    tried("hearlog embed", "a name that is not UTF-8", LISTED.format("name"))


def test_a_table_without_room_stops_and_is_written_whole_by_the_next_run(embed, tmp_path, seed, tried):
    assert embed(tmp_path / "whole.csv").status == 0
    out = tmp_path / "broken.csv"
    room = int(np.random.default_rng(seed).integers((tmp_path / "whole.csv").stat().st_size))
    assert_stops(embed(out, largest=room), "room")
    assert not out.exists()
    assert embed(out).status == 0
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    tried("hearlog embed", "no room for an output", f"{STOPPED}, {EXACT}")


def test_a_folder_in_the_place_of_the_table_is_named(embed, tmp_path, tried):
    (tmp_path / "f.parquet").mkdir()
    assert_stops(embed(tmp_path / "f.parquet"), "f.parquet")
    tried("hearlog embed", "a folder in the place of an output", STOPPED)


def cut(content: bytes, random: np.random.Generator) -> bytes:
    return content[: random.integers(1, len(content))]


def flip(content: bytes, random: np.random.Generator) -> bytes:
    spoiled = bytearray(content)
    spoiled[random.integers(len(spoiled))] ^= 1 << random.integers(8)
    return bytes(spoiled)


def blank(content: bytes, random: np.random.Generator) -> bytes:
    begin = int(random.integers(len(content)))
    end = min(begin + 1024, len(content))
    return content[:begin] + bytes(end - begin) + content[end:]


DAMAGE = {"truncated": cut, "one bit flipped": flip, "a kilobyte of zeros": blank}
# A sample that has become another one is nothing that these formats could tell; of mp3 frames are passed over.
UNPROTECTED = ("wav", "aiff", "au", "mp3")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("fault", DAMAGE)
def test_damage_anywhere_is_refused_or_leaves_the_crop_as_it_is(tmp_path, kind, fault, seed, long_form, tried):
    path = tmp_path / f"a.{kind}"
    write_as(path, kind, FORMATS[kind])
    content, random = path.read_bytes(), np.random.default_rng([seed, *kind.encode()])
    with quiet_decoders():
        expected = read_crop(path, RATE, 2.0, 0.5)[0]
        for _ in range(20 if long_form else 2):
            path.write_bytes(DAMAGE[fault](content, random))
            tried(
                "audio files", f"{fault}, {kind}", judge(path, expected, kind in UNPROTECTED and fault != "truncated")
            )


def judge(path: Path, expected: np.ndarray, may_differ: bool) -> str:
    """Say what came of a damaged file, which must not be another crop without a word."""
    try:
        crop = read_crop(path, RATE, 2.0, 0.5)[0]
    except UnusableAudioError as unusable:
        return LISTED.format(unusable.reason)
    if np.array_equal(crop, expected):
        return "finished, the same crop"
    assert may_differ, "another crop, without a word"
    return "finished, other samples: the format has no checksum"
