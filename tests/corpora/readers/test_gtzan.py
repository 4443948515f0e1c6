import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from annotations import FIXTURES, OFFICIAL, edit, touch

from hearlog.corpora.readers import gtzan
from hearlog.corpora.readers.registry import READERS
from hearlog.util.errors import InputError

GTZAN = READERS["gtzan"]
LISTS = FIXTURES.parents[1] / "src" / "hearlog" / "corpora" / "readers" / "gtzan_fault_filtered.csv"
SIZES = {"train": 443, "valid": 197, "test": 290}
ANCHORS = {
    "train": ["blues.00029", "jazz.00054", "rock.00099"],
    "valid": ["blues.00000", "reggae.00099", "rock.00085"],
    "test": ["blues.00012", "metal.00012", "rock.00090"],
}
# A file, its clips, its artists and its clips without one.
INDICES = [(FIXTURES / "gtzan" / "index.txt", 6, 2, 2)]
if OFFICIAL.is_dir():
    INDICES.append((OFFICIAL / "gtzan" / "index.txt", 1000, 271, 17))
    ANCHORS = {
        part: [Path(line).stem for line in (OFFICIAL / "gtzan" / f"gtzan_{part}.txt").read_text("utf-8").split()]
        for part in ANCHORS
    }


def names(folder: str = "genres_original", extension: str = "wav", without: tuple[str, ...] = ()) -> list[str]:
    clips = [clip for clip in gtzan.CLIPS if clip not in without]
    return [f"{folder}/{clip.split('.')[0]}/{clip}.{extension}" for clip in clips]


@pytest.mark.parametrize(("folder", "extension"), [("genres", "au"), ("genres_original", "wav")])
def test_gtzan_has_1000_items_in_either_layout(tmp_path: Path, folder: str, extension: str) -> None:
    touch(tmp_path, *names(folder, extension))
    items = GTZAN.read(tmp_path, "genre")
    assert items["path"].tolist() == names(folder, extension)
    assert items["target"].value_counts().to_dict() == GTZAN.classes == dict.fromkeys(gtzan.GENRES, 100)


@pytest.mark.parametrize(("index", "clips", "artists", "unidentified"), INDICES)
def test_gtzan_real_index_has_1000_clips_and_272_artists(
    tmp_path: Path, index: Path, clips: int, artists: int, unidentified: int
) -> None:
    """The column of artists has 272 distinct entries: 271 names, and the empty one of the unidentified clips."""
    lines = [line for line in index.read_text("utf-8").splitlines() if ":::" in line]
    listed = [line.split(".wav")[0] for line in lines]
    assert len(set(listed)) == clips
    assert len({line.split(":::")[1].strip() for line in lines}) == artists + 1
    touch(tmp_path, *names("genres", "au"))
    shutil.copy(index, tmp_path)
    items = GTZAN.read(tmp_path, "genre")
    items = items[items["item_id"].isin(listed)]
    assert len(items) == clips
    assert items["artist"].nunique() == items["group"].nunique() == artists
    assert items["artist"].isna().sum() == items["group"].isna().sum() == unidentified


def test_gtzan_artist_is_the_group_and_null_where_nobody_knows_it(tmp_path: Path) -> None:
    clips = ["blues.00000", "blues.00001", "jazz.00000", "jazz.00001", "rock.00000", "rock.00001"]
    touch(tmp_path, *(f"genres/{clip.split('.')[0]}/{clip}.au" for clip in clips))
    shutil.copy(FIXTURES / "gtzan" / "index.txt", tmp_path)
    items = GTZAN.read(tmp_path, "genre").set_index("item_id")
    assert items["artist"].dropna().to_dict() == {
        "blues.00000": "First Singer",
        "blues.00001": "First Singer",
        "jazz.00001": "Somebody & Friends",
        "rock.00000": "Somebody & Friends",
    }
    assert items["title"].dropna().to_dict() == {
        "blues.00000": "One, Two And Three",
        "blues.00001": "I'm A Title #2",
        "jazz.00001": "No Space Before",
    }
    pd.testing.assert_series_equal(items["group"], items["artist"], check_names=False)


def test_gtzan_without_index_has_no_groups_and_says_so(tmp_path: Path) -> None:
    touch(tmp_path, *names())
    items = GTZAN.read(tmp_path, "genre")
    assert items[["artist", "title", "group"]].isna().all(axis=None)
    (remark,) = GTZAN.remarks(tmp_path)
    assert remark.startswith(f"{tmp_path / 'index.txt'}: no such file, so no artist is known: protocol artist_cv")


def test_gtzan_clips_beyond_the_index_are_named(tmp_path: Path) -> None:
    touch(tmp_path, *names())
    (tmp_path / "index.txt").write_text("".join(f"{clip}.wav ::: A ::: B\n" for clip in gtzan.CLIPS[3:]), "utf-8")
    (remark,) = GTZAN.remarks(tmp_path)
    assert "does not list blues.00000, blues.00001, blues.00002: their artists are unknown" in remark


def test_gtzan_complete_copy_calls_for_no_remark(tmp_path: Path) -> None:
    touch(tmp_path, *names())
    # The index may list more than there is.
    (tmp_path / "index.txt").write_text("".join(f"{c}.wav ::: A ::: B\n" for c in (*gtzan.CLIPS, "x.00000")), "utf-8")
    assert GTZAN.remarks(tmp_path) == []


def test_gtzan_copy_with_999_files_is_read_and_the_missing_clip_named(tmp_path: Path) -> None:
    touch(tmp_path, *names(without=("jazz.00054",)))
    assert len(GTZAN.read(tmp_path, "genre")) == 999
    assert GTZAN.remarks(tmp_path)[0] == (
        f"{tmp_path}: 999 of GTZAN's 1000 clips, without jazz.00054. "
        "Its file in the common re-upload is damaged, and to leave it out is usual"
    )


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (gtzan.CLIPS[7:8], "999 of GTZAN's 1000 clips, without blues.00007. Unpack the data set again"),
        (gtzan.CLIPS[:12], "988 of GTZAN's 1000 clips, without blues.00000, .*blues.00009 and 2 more. Unpack"),
    ],
)
def test_gtzan_other_missing_clips_are_named_up_to_ten(tmp_path: Path, missing: tuple[str, ...], message: str) -> None:
    touch(tmp_path, *names(without=missing))
    (remark, _) = GTZAN.remarks(tmp_path)
    assert re.search(message, remark)


def test_gtzan_corrupt_jazz_00054_is_listed(tmp_path: Path) -> None:
    """It is an item of the data set; the crop goes on without it and says why."""
    from hearlog.corpora.crops import crop_items

    touch(tmp_path, "genres_original/jazz/jazz.00054.wav", "genres_original/blues/blues.00000.wav")
    noise = np.random.default_rng(0).normal(0, 0.1, (4, 2 * 22050))
    for number, samples in zip((52, 53, 55, 56), noise, strict=True):
        soundfile.write(tmp_path / f"genres_original/jazz/jazz.{number:05d}.wav", samples, 22050)
    soundfile.write(tmp_path / "genres_original/blues/blues.00000.wav", noise[0], 22050)
    (tmp_path / "genres_original/jazz/jazz.00054.wav").write_bytes(np.random.default_rng(1).bytes(4096))

    items = GTZAN.read(tmp_path, "genre")
    assert "jazz.00054" in set(items["item_id"])
    counts = crop_items(
        items,
        tmp_path,
        tmp_path / "crops",
        sample_rate=16000,
        seconds=1.5,
        min_seconds=1.0,
        max_rejected=0.5,
        threads=1,
    )
    assert counts == {"accepted": 5, "rejected": {"unreadable": 1}}
    rejected = pd.read_parquet(tmp_path / "crops" / "rejected.parquet")
    assert rejected[["item_id", "reason"]].to_numpy().tolist() == [["jazz.00054", "unreadable"]]
    assert set(rejected["item_id"]) == GTZAN.damaged


# The fault-filtered split


def test_gtzan_fault_filtered_lists_have_443_197_290_clips_and_none_twice() -> None:
    lists = pd.read_csv(LISTS, dtype=str)
    assert list(lists) == ["item_id", "part"]
    assert lists["item_id"].is_unique
    assert set(lists["item_id"]) < set(gtzan.CLIPS)
    assert lists["part"].value_counts().to_dict() == GTZAN.parts["fault_filtered"] == SIZES


@pytest.mark.parametrize("part", ANCHORS)
def test_gtzan_fault_filtered_lists_are_those_published(part: str) -> None:
    lists = pd.read_csv(LISTS, dtype=str)
    assert set(ANCHORS[part]) <= set(lists.loc[lists["part"] == part, "item_id"])


@pytest.mark.parametrize(("folder", "extension"), [("genres", "au"), ("genres_original", "wav")])
def test_gtzan_split_is_the_fault_filtered_one_and_null_for_70_clips(
    tmp_path: Path, folder: str, extension: str
) -> None:
    items = GTZAN.read(touch(tmp_path, *names(folder, extension)), "genre").set_index("item_id")
    assert items["split"].value_counts().to_dict() == SIZES
    assert items["split"].isna().sum() == 70
    assert items.loc["jazz.00054", "split"] == "train"
    assert items["fold"].isna().all()


# Copies that are not in order


def test_gtzan_hidden_files_of_macos_are_no_items(tmp_path: Path) -> None:
    touch(tmp_path, "genres/blues/blues.00000.au", "genres/blues/._blues.00000.au", "genres/bextract_single.mf")
    assert GTZAN.read(tmp_path, "genre")["item_id"].tolist() == ["blues.00000"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["genres/polka/polka.00000.au"], r"file genres/polka/polka.00000.au: 'polka' is no label"),
        (["genres/blues/rock.00000.au"], r"file genres/blues/rock.00000.au: .* rename or remove"),
        (["genres/blues/blues.00000 (1).au"], r"rename or remove"),
        (
            ["genres/rock/rock.00000.au", "genres_original/rock/rock.00000.wav"],
            r": genres/rock/rock.00000.au and genres_original/rock/rock.00000.wav are one clip: remove one of the fi",
        ),
        (
            [
                f"genres/{clip}.{extension}"
                for clip in ("pop/pop.00000", "rock/rock.00000")
                for extension in ("au", "WAV")
            ],
            r": genres/pop/pop.00000.WAV and genres/pop/pop.00000.au are one clip: .* \(1 more such clips\)$",
        ),
    ],
)
def test_gtzan_file_out_of_place_is_refused_and_named(tmp_path: Path, files: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GTZAN.read(touch(tmp_path, *files), "genre")


def test_gtzan_path_to_the_genres_themselves_is_refused_with_the_folder_to_name(tmp_path: Path) -> None:
    touch(tmp_path, "genres/blues/blues.00000.au")
    with pytest.raises(InputError, match=r"genres: the genres lie in this folder itself. Name the folder above it"):
        GTZAN.read(tmp_path / "genres", "genre")


@pytest.mark.parametrize("read", [lambda root: GTZAN.read(root, "genre"), GTZAN.remarks], ids=["read", "remarks"])
def test_gtzan_file_name_that_is_no_utf8_is_refused_and_named(tmp_path: Path, read: Callable[[Path], object]) -> None:
    touch(tmp_path, "genres/blues/blues.00000.au", "genres/blues/bl\udcfces.00001.au")
    with pytest.raises(InputError, match=r"^b'.*/genres/blues/bl\\xfces.00001.au': this name is not UTF-8. Rename"):
        read(tmp_path)


@pytest.mark.parametrize("extension", ["WAV", "Au"])
def test_gtzan_extension_may_be_in_capitals(tmp_path: Path, extension: str) -> None:
    items = GTZAN.read(touch(tmp_path, f"genres/blues/blues.00007.{extension}"), "genre")
    assert items[["item_id", "path"]].to_numpy().tolist() == [["blues.00007", f"genres/blues/blues.00007.{extension}"]]


@pytest.mark.parametrize("name", ["blues.00001", "blues.00001.wav", "blues.00001.MP3", "blues/blues.00001.au"])
def test_gtzan_index_names_files_with_or_without_folder_and_extension(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "genres/blues/blues.00000.au", "genres/blues/blues.00001.au")
    other = name.replace("00001", "00000")
    (tmp_path / "index.txt").write_text(f"{other} ::: A ::: B\n{name} ::: C ::: D\n", encoding="utf-8")
    items = GTZAN.read(tmp_path, "genre")
    assert items[["artist", "title"]].to_numpy().tolist() == [["A", "B"], ["C", "D"]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "blues.00001.wav ::: First Singer ::: ",
            "blues.00001.wav, Somebody ",
            'line 5: expected .* found "blues.00001.wav, Some',
        ),
        ("blues.00001.wav", "blues.00000.wav", "line 5: 'blues.00000' stands twice: remove one of its lines"),
    ],
)
def test_gtzan_broken_line_of_the_index_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    touch(tmp_path, "genres/blues/blues.00000.au")
    edit(Path(shutil.copy(FIXTURES / "gtzan" / "index.txt", tmp_path)), old, new)
    with pytest.raises(InputError, match=rf"index.txt, {message}"):
        GTZAN.read(tmp_path, "genre")


def test_gtzan_index_in_another_encoding_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "genres/blues/blues.00000.au")
    (tmp_path / "index.txt").write_bytes("blues.00000.wav ::: Motörhead ::: A".encode("latin-1"))
    with pytest.raises(InputError, match=r"index.txt: not readable as UTF-8"):
        GTZAN.read(tmp_path, "genre")
