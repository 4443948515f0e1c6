"""The readers against the layouts, counts and traps of the six data sets.

Every fact is checked on the small excerpts in fixtures/; counts are checked on the official annotation files as well
where a checkout has them beside it.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from hearlog.corpora import READERS, gtzan
from hearlog.corpus import ITEM_COLUMNS
from hearlog.errors import InputError
from hearlog.tables import TargetError

FIXTURES = Path(__file__).parent / "fixtures"
OFFICIAL = Path(__file__).parents[2] / "shared" / "reference" / "official"
LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:26f8ece8\nsize 9917056\n"

TARGETS = {
    "dcase2016": ["scene"],
    "emomusic": ["genre", "valence", "arousal"],
    "extended_ballroom": ["style"],
    "fma_medium": ["genre"],
    "fma_small": ["genre"],
}
EMOMUSIC = [(FIXTURES / "emomusic", {"train": 3, "test": 2}, {"Blues": 2, "Jazz": 1, "Electronic": 1, "Rock": 1})]
BALLROOM = [(FIXTURES / "extended_ballroom", {"Waltz": 3, "Tango": 3, "Wcswing": 2})]
GTZAN_INDEX = [(FIXTURES / "gtzan" / "index.txt", 2, 2)]
if OFFICIAL.is_dir():
    EMOMUSIC.append(
        (
            OFFICIAL / "emomusic",
            {"train": 619, "test": 125},
            {"Classical": 116, "Country": 105, "Jazz": 105, "Blues": 100}
            | {"Electronic": 92, "Pop": 78, "Rock": 77, "Folk": 71},
        )
    )
    BALLROOM.append(
        (
            OFFICIAL / "extended_ballroom",
            {"Waltz": 529, "Foxtrot": 507, "Quickstep": 497, "Rumba": 470, "Samba": 468, "Tango": 464, "Chacha": 455}
            | {"Jive": 350, "Viennesewaltz": 252, "Slowwaltz": 65, "Pasodoble": 53, "Salsa": 47, "Wcswing": 23},
        )
    )
    # 272 entries in the column of artists, one of them the empty one of 17 unidentified clips.
    GTZAN_INDEX.append((OFFICIAL / "gtzan" / "index.txt", 271, 17))


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Path]:
    """Copies the excerpt of a data set, to be broken."""
    return lambda name: shutil.copytree(FIXTURES / name, tmp_path / name)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def folder_of(reader: str) -> Path:
    return FIXTURES / ("fma" if reader.startswith("fma") else reader)


# All readers


@pytest.mark.parametrize(("reader", "target"), [(reader, target) for reader in TARGETS for target in TARGETS[reader]])
def test_items_have_the_columns_and_types_of_a_corpus(reader: str, target: str) -> None:
    items = READERS[reader](folder_of(reader), target)
    assert list(items) == ITEM_COLUMNS
    assert (items.dtypes[["item_id", "path", "group", "split"]] == "str").all()
    assert items["target"].dtype == ("float64" if target in {"valence", "arousal"} else "str")
    assert items["item_id"].is_unique
    assert items["target"].notna().all()
    assert not items["path"].str.contains(r"^/|\\").any()


@pytest.mark.parametrize("reader", READERS)
def test_unknown_target_is_refused_and_the_allowed_ones_named(reader: str) -> None:
    with pytest.raises(TargetError, match=r"no target 'mood'; allowed: (genre|style|scene)"):
        READERS[reader](FIXTURES, "mood")


@pytest.mark.parametrize("reader", READERS)
def test_empty_folder_is_refused_and_named(reader: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        READERS[reader](tmp_path, TARGETS.get(reader, ["genre"])[0])


# GTZAN


@pytest.mark.parametrize(("folder", "extension"), [("genres", "au"), ("genres_original", "wav")])
@pytest.mark.parametrize(("index", "artists", "unidentified"), GTZAN_INDEX)
def test_gtzan_has_1000_items_in_either_layout(
    tmp_path: Path, folder: str, extension: str, index: Path, artists: int, unidentified: int
) -> None:
    names = [f"{folder}/{g}/{g}.{n:05d}.{extension}" for g in gtzan.GENRES for n in range(100)]
    shutil.copy(index, touch(tmp_path, *names))
    items = READERS["gtzan"](tmp_path, "genre")
    assert items["path"].tolist() == names
    assert items["target"].value_counts().to_dict() == dict.fromkeys(gtzan.GENRES, 100)
    assert items["split"].isna().all()
    assert items["group"].nunique() == artists
    listed = [line.split(".wav")[0] for line in index.read_text(encoding="utf-8").splitlines() if ".wav" in line]
    assert items.loc[items["item_id"].isin(listed), "group"].isna().sum() == unidentified


def test_gtzan_artist_is_the_group_and_null_where_nobody_knows_it(tmp_path: Path) -> None:
    clips = ["blues.00000", "blues.00001", "jazz.00000", "jazz.00001", "rock.00000", "rock.00001"]
    touch(tmp_path, *(f"genres/{clip.split('.')[0]}/{clip}.au" for clip in clips))
    shutil.copy(FIXTURES / "gtzan" / "index.txt", tmp_path)
    group = READERS["gtzan"](tmp_path, "genre").set_index("item_id")["group"]
    assert group.dropna().to_dict() == {
        "blues.00000": "First Singer",
        "blues.00001": "First Singer",
        "jazz.00001": "Somebody & Friends",
        "rock.00000": "Somebody & Friends",
    }


def test_gtzan_without_index_has_no_groups(tmp_path: Path) -> None:
    items = READERS["gtzan"](touch(tmp_path, "genres/blues/blues.00000.au"), "genre")
    assert items["group"].isna().all()
    assert items["group"].dtype == "str"


def test_gtzan_hidden_files_of_macos_are_no_items(tmp_path: Path) -> None:
    touch(tmp_path, "genres/blues/blues.00000.au", "genres/blues/._blues.00000.au", "genres/bextract_single.mf")
    assert READERS["gtzan"](tmp_path, "genre")["item_id"].tolist() == ["blues.00000"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["genres/polka/polka.00000.au"], r"file genres/polka/polka.00000.au: 'polka' is no label"),
        (["genres/blues/rock.00000.au"], r"file genres/blues/rock.00000.au: .* rename or remove"),
        (["genres/blues/blues.00000 (1).au"], r"rename or remove"),
        (["genres/rock/rock.00000.au", "genres_original/rock/rock.00000.wav"], r"'rock.00000' stands twice"),
    ],
)
def test_gtzan_file_out_of_place_is_refused_and_named(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        READERS["gtzan"](touch(tmp_path, *names), "genre")


def test_gtzan_broken_line_of_the_index_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "genres/blues/blues.00000.au")
    (tmp_path / "index.txt").write_text("## comment\n\nblues.00000.wav, Somebody\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"index.txt, line 3: .*blues.00000.wav, Somebody"):
        READERS["gtzan"](tmp_path, "genre")


# Extended Ballroom


@pytest.mark.parametrize(("root", "styles"), BALLROOM)
def test_ballroom_counts(root: Path, styles: dict[str, int]) -> None:
    items = READERS["extended_ballroom"](root, "style")
    assert items["target"].value_counts().to_dict() == styles
    assert (items["path"] == items["target"] + "/" + items["item_id"] + ".mp3").all()
    assert items["split"].isna().all()


def test_ballroom_versions_of_a_song_share_a_group_through_any_chain_of_links() -> None:
    items = READERS["extended_ballroom"](FIXTURES / "extended_ballroom", "style").set_index("item_id")
    assert items["group"].to_dict() == {
        "100102": "100102",
        "100103": "100102",
        "100205": "100102",
        "100104": "100104",
        "100201": "100201",
        "100202": "100201",
        "100301": "100301",
        "100302": "100301",
    }


def test_ballroom_truncated_xml_is_refused(copy: Callable[[str], Path]) -> None:
    root = copy("extended_ballroom")
    annotation = root / "extendedballroom_v1.1.xml"
    annotation.write_text(annotation.read_text(encoding="utf-8")[:700], encoding="utf-8")
    with pytest.raises(InputError, match=r"extendedballroom_v1.1.xml: broken or truncated XML.* Fetch the file again"):
        READERS["extended_ballroom"](root, "style")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Waltz>", "Polka>", "mismatched tag"),
        ('id="100104"', 'id="100103"', "song 100103: '100103' stands twice"),
        ('id="100104" ', "", "this row has no id"),
    ],
)
def test_ballroom_fault_is_refused_and_named(copy: Callable[[str], Path], old: str, new: str, message: str) -> None:
    root = copy("extended_ballroom")
    edit(root / "extendedballroom_v1.1.xml", old, new)
    with pytest.raises(InputError, match=message):
        READERS["extended_ballroom"](root, "style")


def test_ballroom_unknown_style_is_refused(copy: Callable[[str], Path]) -> None:
    root = copy("extended_ballroom")
    for tag in ("<Wcswing>", "</Wcswing>"):
        edit(root / "extendedballroom_v1.1.xml", tag, tag.replace("Wcswing", "Polka"))
    with pytest.raises(InputError, match="song 100301: 'Polka' is no label"):
        READERS["extended_ballroom"](root, "style")


# EmoMusic


@pytest.mark.parametrize(("root", "splits", "genres"), EMOMUSIC)
def test_emomusic_counts(root: Path, splits: dict[str, int], genres: dict[str, int]) -> None:
    items = READERS["emomusic"](root, "genre")
    assert items["split"].value_counts().to_dict() == splits
    assert items["target"].value_counts().to_dict() == genres
    for target in ("valence", "arousal"):
        ratings = READERS["emomusic"](root, target)
        pd.testing.assert_frame_equal(ratings.drop(columns="target"), items.drop(columns="target"))
        assert ratings["target"].between(1, 9).all()


def test_emomusic_stray_tabs_are_stripped() -> None:
    items = READERS["emomusic"](FIXTURES / "emomusic", "genre").set_index("item_id")
    assert items["target"].tolist() == ["Blues", "Blues", "Jazz", "Electronic", "Rock"]
    assert items["group"].dropna().to_dict() == {"2": "One Band", "3": "Other Band", "7": "One Band", "10": "Third"}


def test_emomusic_valence_and_arousal_are_not_mixed_up() -> None:
    first = {
        target: READERS["emomusic"](FIXTURES / "emomusic", target)["target"][0] for target in ("valence", "arousal")
    }
    assert first == {"valence": 3.0, "arousal": 3.1}


def test_emomusic_ratings_are_joined_by_id_and_not_by_position(copy: Callable[[str], Path]) -> None:
    root = copy("emomusic")
    table = pd.read_csv(root / "annotations" / "static_annotations.csv", dtype=str)
    table[::-1].to_csv(root / "annotations" / "static_annotations.csv", index=False)
    pd.testing.assert_frame_equal(
        READERS["emomusic"](root, "arousal"), READERS["emomusic"](FIXTURES / "emomusic", "arousal")
    )


@pytest.mark.parametrize("folder", ["clips_45sec", "clips_45seconds"])
def test_emomusic_audio_lies_in_either_folder(copy: Callable[[str], Path], folder: str) -> None:
    root = copy("emomusic")
    (root / folder).mkdir()
    assert READERS["emomusic"](root, "genre")["path"][0] == f"{folder}/2.mp3"


@pytest.mark.parametrize(
    ("file", "old", "new", "target", "message"),
    [
        ("songs_info", "Jazz", "Jass", "genre", "songs_info.csv, row 3: 'Jass' is no label"),
        ("songs_info", "Jazz", "", "genre", "songs_info.csv, row 3: '' is no label"),
        ("songs_info", "evaluation", "eval", "genre", "row 2: 'eval' is none of development, evaluation"),
        ("songs_info", "7,7.mp3", "3,7.mp3", "genre", "row 3: '3' stands twice"),
        ("songs_info", "Genre", "Style", "genre", "songs_info.csv: no column Genre; its header names song_id"),
        ("static_annotations", "\n7,", "\n8,", "valence", "songs_info.csv, row 3: '7' has no row in .*static_ann"),
        ("static_annotations", "1.4,5.5", "1.4,n/a", "valence", "row 3: 'n/a' is no mean_valence from 1 to 9"),
        ("static_annotations", "1.4,5.5", "1.4,0.5", "valence", "row 3: '0.5' is no mean_valence from 1 to 9"),
        ("static_annotations", "\n7,", "\n3,", "valence", "static_annotations.csv, row 3: '3' stands twice"),
    ],
)
def test_emomusic_fault_is_refused_and_named(
    copy: Callable[[str], Path], file: str, old: str, new: str, target: str, message: str
) -> None:
    root = copy("emomusic")
    edit(root / "annotations" / f"{file}.csv", old, new)
    with pytest.raises(InputError, match=message):
        READERS["emomusic"](root, target)


def test_emomusic_genre_needs_no_ratings(copy: Callable[[str], Path]) -> None:
    root = copy("emomusic")
    (root / "annotations" / "static_annotations.csv").unlink()
    assert len(READERS["emomusic"](root, "genre")) == 5
    with pytest.raises(InputError, match=r"static_annotations.csv: no such file"):
        READERS["emomusic"](root, "arousal")


# FMA


def test_fma_subsets_nest_and_large_is_left_out() -> None:
    small, medium = (READERS[f"fma_{subset}"](FIXTURES / "fma", "genre") for subset in ("small", "medium"))
    assert small["item_id"].tolist() == ["000002", "000005", "000010", "098565"]
    assert medium["item_id"].tolist() == ["000002", "000003", "000005", "000010", "000136", "098565", "155320"]


def test_fma_items_have_official_split_artist_and_path() -> None:
    items = READERS["fma_medium"](FIXTURES / "fma", "genre")
    assert items["split"].tolist() == ["train", "train", "valid", "test", "train", "test", "valid"]
    assert items["group"].tolist() == ["1", "1", "1", "6", "52", "52", "14"]
    assert items["target"][4] == "Old-Time / Historic"
    assert items["path"][6] == "fma_medium/155/155320.mp3"
    assert READERS["fma_small"](FIXTURES / "fma", "genre")["path"][0] == "fma_small/000/000002.mp3"


def test_fma_lfs_pointer_as_tracks_is_called_one(copy: Callable[[str], Path]) -> None:
    root = copy("fma")
    (root / "fma_metadata" / "tracks.csv").write_text(LFS_POINTER, encoding="utf-8")
    with pytest.raises(InputError, match=r"tracks.csv: this is a Git LFS pointer, not the file. Run `git lfs pull`"):
        READERS["fma_small"](root, "genre")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("5,0,,1,validation", "5,0,,1,valid", "tracks.csv, track 5: 'valid' is none of training, validation, test"),
        ("Pop", "", "tracks.csv, track 10: '' is no label"),
        ("10,0,", "5,0,", "track 5: '000005' stands twice"),
        ("10,0,", "ten,0,", "track ten: 'ten' is no track id"),
        ("genre_top", "genres", r"two header rows lack \[\('track', 'genre_top'\)\]"),
        ('two lines"', "two lines", "not readable as a UTF-8 table: .*EOF inside string"),
    ],
)
def test_fma_fault_is_refused_and_named(copy: Callable[[str], Path], old: str, new: str, message: str) -> None:
    root = copy("fma")
    edit(root / "fma_metadata" / "tracks.csv", old, new)
    with pytest.raises(InputError, match=message):
        READERS["fma_small"](root, "genre")


# DCASE2016


def test_dcase_development_is_train_and_evaluation_is_test() -> None:
    items = READERS["dcase2016"](FIXTURES / "dcase2016", "scene")
    assert items["split"].tolist() == ["train"] * 4 + ["test"] * 3
    assert items["path"][0] == "TUT-acoustic-scenes-2016-development/audio/a001_0_30.wav"
    assert items["path"][6] == "TUT-acoustic-scenes-2016-evaluation/audio/a011_0_30.wav"


def test_dcase_group_is_the_recording_and_cafe_restaurant_keeps_its_slash() -> None:
    items = READERS["dcase2016"](FIXTURES / "dcase2016", "scene").set_index("item_id")
    assert items.loc["development/a001_30_60", ["group", "target"]].tolist() == ["a001", "cafe/restaurant"]
    assert items["group"].tolist() == ["a001", "a001", "b020", "a003", "a010", "a010", "a011"]


def test_dcase_evaluation_labels_come_from_either_file(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    evaluation = root / "TUT-acoustic-scenes-2016-evaluation"
    (evaluation / "evaluation_setup" / "evaluate.txt").rename(evaluation / "meta.txt")
    pd.testing.assert_frame_equal(
        READERS["dcase2016"](root, "scene"), READERS["dcase2016"](FIXTURES / "dcase2016", "scene")
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("city_center", "city_centre", "development/meta.txt, row 3: 'city_centre' is no label"),
        ("\tcity_center", "", "development/meta.txt, row 3: '' is no label"),
        ("a001_30_60", "a001_0_30", "row 2: 'development/a001_0_30' stands twice"),
    ],
)
def test_dcase_fault_is_refused_and_named(copy: Callable[[str], Path], old: str, new: str, message: str) -> None:
    root = copy("dcase2016")
    edit(root / "TUT-acoustic-scenes-2016-development" / "meta.txt", old, new)
    with pytest.raises(InputError, match=message):
        READERS["dcase2016"](root, "scene")


def test_dcase_list_without_labels_is_refused(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    meta = root / "TUT-acoustic-scenes-2016-development" / "meta.txt"
    meta.write_text("audio/a001_0_30.wav\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 1: '' is no label"):
        READERS["dcase2016"](root, "scene")
