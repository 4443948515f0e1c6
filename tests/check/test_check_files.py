import os

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_files import CROP, RATE, tone

from hearlog.audio.crop import UnusableAudioError
from hearlog.audio.decode import read_crop
from hearlog.check import files
from hearlog.check.audio import repeated, report_files
from hearlog.check.files import inspect_files, same_bytes
from hearlog.check.findings import Section

LOOK = {**CROP, "threads": 2, "description": "files"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files good and bad, each named by the reason to reject it."""
    root = tmp_path_factory.mktemp("audio")
    soundfile.write(root / "good.wav", tone(2), RATE)
    soundfile.write(root / "good.mp3", tone(2, 44100), 44100)
    soundfile.write(root / "good.ogg", np.stack([tone(3, 48000)] * 2, axis=1), 48000)
    soundfile.write(root / "short.flac", tone(0.4), RATE)
    soundfile.write(root / "sample rate.wav", tone(2, 44099), 44099)
    soundfile.write(root / "silent.wav", np.zeros(2 * RATE), RATE)
    soundfile.write(root / "not finite.wav", np.full(2 * RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    (root / "truncated.wav").write_bytes((root / "good.wav").read_bytes()[:9000])
    (root / "unreadable.wav").write_bytes(b"RIFF")
    (root / "cut.mp3").write_bytes((root / "good.mp3").read_bytes()[:3000])
    (root / "folder.wav").mkdir()
    return root


def look(folder, full: bool) -> pd.DataFrame:
    names = [*sorted(path.name for path in folder.iterdir()), "missing.wav"]
    return inspect_files(pd.Series(names, names), folder, **LOOK, full=full)


def test_headers_tell_length_sample_rate_and_channels(folder):
    found = look(folder, full=False).loc["good.ogg"]
    assert (found["seconds"], found["sample_rate"], found["channels"]) == (3, 48000, 2)
    assert found["bytes"] == (folder / "good.ogg").stat().st_size


def test_headers_tell_what_is_missing_unreadable_truncated_short_or_at_an_odd_rate(folder):
    reasons = look(folder, full=False)["reason"].dropna().to_dict()
    assert reasons == {
        "folder.wav": "missing",
        "missing.wav": "missing",
        "sample rate.wav": "sample rate",
        "short.flac": "short",
        "truncated.wav": "truncated",
        "unreadable.wav": "unreadable",
    }


def test_decoding_gives_the_very_reasons_of_the_crop(folder):
    found = look(folder, full=True)
    for name, row in found.iterrows():
        if pd.isna(row["reason"]):
            assert read_crop(folder / name, **CROP)[1].seconds == row["seconds"]
        else:
            with pytest.raises(UnusableAudioError) as unusable:
                read_crop(folder / name, **CROP)
            assert (row["reason"], row["detail"]) == (unusable.value.reason, unusable.value.detail)
    assert list(found.index[found["reason"].isna()]) == ["good.mp3", "good.ogg", "good.wav"]


def test_columns_have_their_types_even_without_files(folder):
    types = {"bytes": "Int64", "seconds": "float64", "sample_rate": "Int64", "channels": "Int64"}
    types |= {"reason": "str", "detail": "str"}
    for found in (look(folder, full=False), inspect_files(pd.Series([], dtype="str"), folder, **LOOK, full=False)):
        assert found.dtypes.astype("str").to_dict() == types


def test_a_song_without_a_path_is_missing(folder):
    found = inspect_files(pd.Series([None, "good.wav"], [7, 7], dtype="str"), folder, **LOOK, full=False)
    assert list(found.index) == [7, 7]
    assert list(found["reason"].fillna("")) == ["missing", ""] and found["bytes"].isna().tolist() == [True, False]


def test_neither_the_decoders_nor_the_bar_write_into_a_log(folder, capfd):
    look(folder, full=True)
    assert capfd.readouterr() == ("", "")


def partition(numbers: pd.Series) -> set[frozenset]:
    return {frozenset(group.index) for _, group in numbers.dropna().groupby(numbers)}


contents = st.one_of(
    st.binary(max_size=3),
    st.builds(
        lambda size, at: bytes(at % size) + b"x" + bytes(size - at % size - 1),
        st.sampled_from([1, 4096, 20000, 20001]),
        st.integers(0, 20001),
    ),
)


@settings(max_examples=60)
@given(st.lists(contents, max_size=12))
def test_files_are_the_same_if_and_only_if_all_their_bytes_are(tmp_path_factory, written):
    folder = tmp_path_factory.mktemp("files")
    for number, content in enumerate(written):
        (folder / str(number)).write_bytes(content)
    equal = {frozenset(at for at, other in enumerate(written) if other == content) for content in written}
    expected = {numbers for numbers in equal if len(numbers) > 1}
    found = same_bytes(pd.Series([str(folder / str(number)) for number in range(len(written))], dtype="str"))
    assert found.dtype == "Int64" and partition(found) == expected


def test_one_different_byte_anywhere_makes_another_file(tmp_path):
    content = np.random.default_rng(0).bytes(50_000)
    (tmp_path / "first").write_bytes(content)
    (tmp_path / "copy").write_bytes(content)
    for at in range(0, 50_000, 997):
        (tmp_path / f"{at}").write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    names = sorted(path.name for path in tmp_path.iterdir())
    found = same_bytes(pd.Series([str(tmp_path / name) for name in names], names))
    assert partition(found) == {frozenset({"first", "copy"})}


def test_a_path_given_twice_and_links_are_the_same_and_missing_files_are_not(tmp_path):
    (tmp_path / "a").write_bytes(b"sound")
    (tmp_path / "other").write_bytes(b"noise")
    (tmp_path / "symbolic").symlink_to("a")
    os.link(tmp_path / "a", tmp_path / "hard")
    names = ["a", "a", "symbolic", "hard", "other", "absent", "absent"]
    found = same_bytes(pd.Series([*(str(tmp_path / name) for name in names), None]))
    assert partition(found) == {frozenset(range(4))}


def test_little_is_read_of_files_that_differ(tmp_path, monkeypatch):
    read = []
    digest = files._digest
    monkeypatch.setattr(files, "_digest", lambda path, whole: (read.append((path, whole)), digest(path, whole))[1])
    for number in range(20):
        (tmp_path / f"size{number}").write_bytes(bytes(100 + number))
        (tmp_path / f"begin{number}").write_bytes(bytes([number]) + bytes(9999))
    (tmp_path / "copy").write_bytes((tmp_path / "begin0").read_bytes())
    paths = pd.Series(sorted(str(path) for path in tmp_path.iterdir()))
    assert paths[same_bytes(paths).notna()].str.endswith(("copy", "begin0")).sum() == 2
    assert {path for path, whole in read if whole} == {str(tmp_path / "copy"), str(tmp_path / "begin0")}
    assert not any("size" in path.removeprefix(str(tmp_path)) for path, _ in read)


def test_files_whose_likeness_does_not_matter_are_not_read_whole(tmp_path, monkeypatch):
    read = []
    digest = files._digest
    monkeypatch.setattr(files, "_digest", lambda path, whole: (read.append((path, whole)), digest(path, whole))[1])
    for name, content in {"a1": b"same", "a2": b"same", "b1": b"also the same", "b2": b"also the same"}.items():
        (tmp_path / name).write_bytes(content)
    names = ["a1", "a2", "b1", "b2"]
    found = same_bytes(pd.Series([str(tmp_path / name) for name in names], names), lambda labels: "a1" in labels)
    assert partition(found) == {frozenset({"a1", "a2"})}
    assert {path for path, _ in read} == {str(tmp_path / "a1"), str(tmp_path / "a2")}


def test_a_file_out_of_reach_hides_nothing_of_the_others(folder):
    names = ["good.wav", "a" * 300 + ".wav", "a\0.wav", os.fsdecode(b"\xff.wav")]
    found = inspect_files(pd.Series(names, dtype=object), folder, **LOOK, full=False)
    assert list(found["reason"].fillna("")) == ["", "unreadable", "missing", "missing"]
    assert found["bytes"].isna().tolist() == [False, True, True, True]
    assert same_bytes(pd.Series([str(folder / name) for name in names], dtype=object)).isna().all()


def test_a_length_that_only_decoding_tells_is_null_and_the_file_usable(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone(2), RATE)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21], content[22:26] = content[21] & 0xF0, bytes(4)  # no number of frames
    (tmp_path / "a.flac").write_bytes(content)
    paths = pd.Series(["a.flac"])
    quick, full = (inspect_files(paths, tmp_path, **LOOK, full=full) for full in (False, True))
    assert quick["reason"].isna().all() and quick["seconds"].isna().all() and quick["sample_rate"].item() == RATE
    assert full["reason"].isna().all() and full["seconds"].item() == 2
    section = Section("songs")
    report_files(section, quick.assign(item_id="a", path=paths))
    assert section.facts == {"audio": {"usable": 1}}


def items_of(reasons: dict[str, str | None]) -> pd.DataFrame:
    """Items by path, each with a reason not to be usable or None."""
    table = pd.DataFrame({"path": list(reasons), "reason": list(reasons.values())}, dtype="str")
    return table.assign(item_id=table["path"].str.removesuffix(".wav"), detail=table["reason"], seconds=2.0)


def texts(items: pd.DataFrame, damaged: set[str]) -> list[str]:
    section = Section("task")
    report_files(section, items, damaged)
    return [finding.text for finding in section.findings]


def test_a_damaged_file_is_left_out_where_others_of_its_folder_are_there(folder):
    items = items_of({"jazz/53.wav": None, "jazz/54.wav": "missing", "rock/1.wav": "unreadable"})
    left_out, other = texts(items, {"jazz/54"})
    assert "left out by the crop, as their published files are damaged: jazz/54" in left_out
    assert "rock/1" in other
    (left_out,) = texts(items, {"jazz/54", "rock/1"})
    assert "jazz/54" in left_out and "rock/1" in left_out


def test_a_damaged_file_of_a_folder_that_is_not_there_is_missing_like_the_others():
    items = items_of({"jazz/53.wav": "missing", "jazz/54.wav": "missing", "rock/1.wav": None})
    (missing,) = texts(items, {"jazz/54"})
    assert missing.startswith("2 files are not there")


def test_only_usable_files_repeat_one_another():
    items = items_of({"a.wav": None, "b.wav": "silent", "c.wav": "unreadable", "d.wav": None})
    repeats = repeated(items, pd.Series([1, 1, 1, 1]))
    assert list(repeats["item_id"]) == ["d"] and list(repeats["item_id_first"]) == ["a"]
