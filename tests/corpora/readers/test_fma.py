import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from annotations import FIXTURES, OFFICIAL, edit, touch

from hearlog.corpora.readers.dataset import DataSet
from hearlog.corpora.readers.registry import READERS
from hearlog.util.errors import InputError

EXCERPT = FIXTURES / "fma"
SMALL, MEDIUM = READERS["fma_small"], READERS["fma_medium"]
POINTERS = ["version https://git-lfs.github.com/spec/v1\noid sha256:26f8ece8\nsize 9917056\n"]
TOP_GENRES = {"Blues", "Classical", "Country", "Easy Listening", "Electronic", "Experimental", "Folk", "Hip-Hop"} | {
    "Instrumental", "International", "Jazz", "Old-Time / Historic", "Pop", "Rock", "Soul-RnB", "Spoken",
}  # fmt: skip
if OFFICIAL.is_dir():
    POINTERS.append((OFFICIAL / "fma" / "tracks.csv.lfs-pointer").read_text("utf-8"))
    genres = pd.read_csv(OFFICIAL / "fma" / "genres.csv")
    TOP_GENRES = set(genres.loc[genres["parent"] == 0, "title"])


def test_fma_subsets_nest_and_large_is_left_out() -> None:
    small, medium = (data_set.read(EXCERPT, "genre") for data_set in (SMALL, MEDIUM))
    assert small["item_id"].tolist() == ["000002", "000005", "000010", "098565"]
    assert medium["item_id"].tolist() == ["000002", "000003", "000005", "000010", "000136", "098565", "155320"]


def test_fma_items_have_official_split_artist_and_path() -> None:
    items = MEDIUM.read(EXCERPT, "genre")
    assert items["split"].tolist() == ["train", "train", "valid", "test", "train", "test", "valid"]
    assert items["group"].tolist() == ["1", "1", "1", "6", "52", "52", "14"]
    assert items["target"][4] == "Old-Time / Historic"
    assert items["path"][6] == "fma_medium/155/155320.mp3"
    assert SMALL.read(EXCERPT, "genre")["path"][0] == "fma_small/000/000002.mp3"


def test_fma_artist_and_title_are_names_and_the_group_the_artists_id() -> None:
    """An artist who is called None is not taken for a missing value."""
    items = MEDIUM.read(EXCERPT, "genre").set_index("item_id")
    assert items.loc["000005", ["artist", "title", "group"]].tolist() == ["First Band", "This, and That", "1"]
    assert items.loc["000136", ["artist", "group"]].tolist() == ["None", "52"]
    assert items.loc["155320", ["artist", "title"]].isna().all()


def test_fma_needs_no_more_than_the_four_official_columns(tmp_path: Path) -> None:
    (tmp_path / "tracks.csv").write_text(
        "\n".join(
            [",artist,set,set,track", ",id,split,subset,genre_top", "track_id,,,,", "2,1,training,small,Hip-Hop"]
        ),
        encoding="utf-8",
    )
    items = SMALL.read(tmp_path, "genre")
    assert items[["item_id", "group", "split", "target"]].to_numpy().tolist() == [["000002", "1", "train", "Hip-Hop"]]
    assert items[["artist", "title"]].isna().all(axis=None)


def test_fma_published_counts() -> None:
    assert set(SMALL.classes.values()) == {1000}
    assert len(SMALL.classes) == 8
    assert sum(MEDIUM.classes.values()) == 25000
    assert set(SMALL.classes) < set(MEDIUM.classes) == TOP_GENRES
    assert SMALL.parts == {"official": {"train": 6400, "valid": 800, "test": 800}}
    assert MEDIUM.parts == {"official": {"train": 19922, "valid": 2505, "test": 2573}}


def test_fma_damaged_clips_are_named_as_in_the_official_list_of_known_issues() -> None:
    small = [98565, 98567, 98569, 99134, 108925, 133297]
    medium = [1486, 5574, 65753, 80391, *range(98558, 98561), *range(98565, 98570), 98571, 99134, 105247, 108924]
    medium += [108925, 126981, 127336, 133297, 143992]
    assert SMALL.damaged == {f"{track:06d}" for track in small}
    assert MEDIUM.damaged == {f"{track:06d}" for track in medium}
    assert len(MEDIUM.damaged) == 21


def test_fma_clip_that_holds_next_to_nothing_is_an_item() -> None:
    assert "098565" in set(SMALL.read(EXCERPT, "genre")["item_id"]) & SMALL.damaged


@pytest.mark.parametrize("pointer", POINTERS)
@pytest.mark.parametrize("data_set", [SMALL, MEDIUM], ids=["small", "medium"])
def test_fma_lfs_pointer_as_tracks_is_called_one(copy: Callable[[str], Path], data_set: DataSet, pointer: str) -> None:
    root = copy("fma")
    tracks = root / "fma_metadata" / "tracks.csv"
    tracks.write_text(pointer, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        data_set.read(root, "genre")
    assert str(refused.value) == (
        f"{tracks}: this is a Git LFS pointer, not the file. Run `git lfs pull` where it came from, "
        "or take the file from the data set's own archive"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("validation,small", "valid,small", "tracks.csv, track 5: 'valid' is none of training, validation, test"),
        ("Pop", "", "tracks.csv, track 10: '' is no label"),
        ("Pop", "Jazz", "track 10: 'Jazz' is no label of this data set: Electronic, .* Rock"),
        ("10,0,", "5,0,", "track 5: '000005' stands twice"),
        ("10,0,", "ten,0,", "track ten: 'ten' is no track id"),
        ("genre_top", "genres", r"two header rows lack \[\('track', 'genre_top'\)\]"),
        (
            "id,name",
            "id,id",
            r"two header rows name \[\('artist', 'id'\)\] twice. Take the official fma_metadata/tracks",
        ),
        ('and That"', "and That", "not readable as a UTF-8 table: .*EOF inside string"),
    ],
)
def test_fma_fault_is_refused_and_named(copy: Callable[[str], Path], old: str, new: str, message: str) -> None:
    root = copy("fma")
    edit(root / "fma_metadata" / "tracks.csv", old, new)
    with pytest.raises(InputError, match=message):
        SMALL.read(root, "genre")


# Where the clips lie


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        ("fma_small/fma_small/000/000002.mp3", "fma_small: its clips lie one folder too deep, in fma_small/fma_small"),
        ("000/000002.mp3", "the folders 000 to 155 of clips lie here themselves. Move them into .*fma_small"),
    ],
)
def test_fma_clips_in_another_folder_are_remarked_upon(tmp_path: Path, clip: str, message: str) -> None:
    (remark,) = SMALL.remarks(touch(tmp_path, clip))
    assert re.search(message, remark)


@pytest.mark.parametrize("clip", ["fma_small/000/000002.mp3", "fma_small/checksums"])
def test_fma_clips_in_their_place_or_nowhere_call_for_no_remark(tmp_path: Path, clip: str) -> None:
    assert SMALL.remarks(touch(tmp_path, clip)) == []
