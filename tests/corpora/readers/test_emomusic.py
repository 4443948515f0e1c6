from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from annotations import FIXTURES, OFFICIAL, edit

from hearlog.corpora.readers.registry import READERS
from hearlog.util.errors import InputError

EMOMUSIC = READERS["emomusic"]
EXCERPT = FIXTURES / "emomusic"
SEGMENT = ["start of the segment (min.sec)", "end of the segment (min.sec)"]
COPIES = [(EXCERPT, {"train": 3, "test": 2}, {"Blues": 2, "Jazz": 1, "Electronic": 1, "Rock": 1})]
SONGS = [EXCERPT / "annotations" / "songs_info.csv"]
if OFFICIAL.is_dir():
    COPIES.append(
        (
            OFFICIAL / "emomusic",
            {"train": 619, "test": 125},
            {"Classical": 116, "Country": 105, "Jazz": 105, "Blues": 100}
            | {"Electronic": 92, "Pop": 78, "Rock": 77, "Folk": 71},
        )
    )
    SONGS.append(OFFICIAL / "emomusic" / "songs_info.csv")


@pytest.mark.parametrize(("root", "splits", "genres"), COPIES)
def test_emomusic_counts(root: Path, splits: dict[str, int], genres: dict[str, int]) -> None:
    items = EMOMUSIC.read(root, "genre")
    assert items["split"].value_counts().to_dict() == splits
    assert items["target"].value_counts().to_dict() == genres
    assert items["title"].notna().all()
    for target in ("valence", "arousal"):
        ratings = EMOMUSIC.read(root, target)
        pd.testing.assert_frame_equal(ratings.drop(columns="target"), items.drop(columns="target"))
        assert ratings["target"].between(1, 9).all()


def test_emomusic_has_744_songs_619_for_development_and_125_for_evaluation() -> None:
    assert sum(EMOMUSIC.classes.values()) == 744
    assert EMOMUSIC.parts == {"official": {"train": 619, "test": 125}}
    for root, splits, genres in COPIES:
        if OFFICIAL in root.parents:
            assert (splits, genres) == (EMOMUSIC.parts["official"], EMOMUSIC.classes)


def test_emomusic_stray_tabs_are_stripped() -> None:
    items = EMOMUSIC.read(EXCERPT, "genre").set_index("item_id")
    assert items["target"].tolist() == ["Blues", "Blues", "Jazz", "Electronic", "Rock"]
    assert items["artist"].dropna().to_dict() == {"2": "One Band", "3": "Other Band", "7": "One Band", "10": "Third"}
    assert items["title"].tolist() == ["Title, with a comma", "Second", "None", "Tenth", "Last"]
    pd.testing.assert_series_equal(items["group"], items["artist"], check_names=False)


def test_emomusic_stray_tab_inside_a_genre_is_removed(copy: Callable[[str], Path]) -> None:
    root = copy("emomusic")
    edit(root / "annotations" / "songs_info.csv", "Electronic", "Elec\ttronic")
    assert EMOMUSIC.read(root, "genre")["target"][3] == "Electronic"


def test_emomusic_valence_and_arousal_are_not_mixed_up() -> None:
    first = {target: EMOMUSIC.read(EXCERPT, target)["target"][0] for target in ("valence", "arousal")}
    assert first == {"valence": 3.0, "arousal": 3.1}


def test_emomusic_ratings_are_joined_by_id_and_not_by_position(copy: Callable[[str], Path]) -> None:
    root = copy("emomusic")
    table = pd.read_csv(root / "annotations" / "static_annotations.csv", dtype=str)
    table[::-1].to_csv(root / "annotations" / "static_annotations.csv", index=False)
    pd.testing.assert_frame_equal(EMOMUSIC.read(root, "arousal"), EMOMUSIC.read(EXCERPT, "arousal"))


@pytest.mark.parametrize("folder", ["clips_45sec", "clips_45seconds"])
def test_emomusic_audio_lies_in_either_folder(copy: Callable[[str], Path], folder: str) -> None:
    root = copy("emomusic")
    (root / folder).mkdir()
    assert EMOMUSIC.read(root, "genre")["path"][0] == f"{folder}/2.mp3"


# Minutes and seconds that look like decimals


def in_root(tmp_path: Path, songs: pd.DataFrame) -> Path:
    songs.to_csv(tmp_path / "songs_info.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("source", SONGS)
def test_emomusic_original_min_sec_calls_for_no_remark(tmp_path: Path, source: Path) -> None:
    """0.2 is 0:20, 1 is 1:00, and every segment has 45 s."""
    songs = pd.read_csv(source, dtype=str)
    assert songs[SEGMENT].isin(["0.2", "1", "1.1"]).any(axis=None)
    assert EMOMUSIC.remarks(in_root(tmp_path, songs)) == []


def test_emomusic_decimal_looking_min_sec_is_remarked_upon_and_read(copy: Callable[[str], Path]) -> None:
    root = copy("emomusic")
    edit(root / "annotations" / "songs_info.csv", "0.48,1.33", "0.8,1.55")
    assert len(EMOMUSIC.read(root, "genre")) == 5
    assert EMOMUSIC.remarks(root) == [
        f"{root / 'annotations' / 'songs_info.csv'}, row 1: from '0.8' to '1.55' is no segment of 45 s "
        "(1 of 5 rows). These columns are minutes.seconds, 0.2 is 0:20; this copy seems to have been through a "
        "program that took them for decimals. They are not used here, but the program may have changed more: take "
        "the original file"
    ]


@pytest.mark.parametrize("source", SONGS)
@pytest.mark.parametrize(
    "write",
    [
        lambda minutes, seconds: f"{minutes + seconds / 60:.4g}",
        lambda minutes, seconds: f"{minutes + seconds / 100:.1f}",
        lambda minutes, seconds: f"{60 * minutes + seconds:.1f}",
        lambda minutes, seconds: f"{minutes:02d}:{seconds:02d}",
    ],
    ids=["minutes", "rounded", "seconds", "clock"],
)
def test_emomusic_times_that_a_program_has_changed_are_remarked_upon(
    tmp_path: Path, source: Path, write: Callable[[int, int], str]
) -> None:
    songs = pd.read_csv(source, dtype=str)
    for column in SEGMENT:
        times = [time.partition(".") for time in songs[column]]
        songs[column] = [write(int(minutes), int(seconds.ljust(2, "0"))) for minutes, _, seconds in times]
    (remark,) = EMOMUSIC.remarks(in_root(tmp_path, songs))
    assert "is no segment of 45 s" in remark


@pytest.mark.parametrize(
    ("start", "end"), [("0.2", "1.05"), ("0.20", "1.050"), ("1", "1.45"), ("0.15", "1"), ("2.0", "2.45")]
)
def test_emomusic_trailing_zeros_change_no_time(copy: Callable[[str], Path], start: str, end: str) -> None:
    root = copy("emomusic")
    edit(root / "annotations" / "songs_info.csv", "0.48,1.33", f"{start},{end}")
    assert EMOMUSIC.remarks(root) == []


def test_emomusic_copy_without_segments_calls_for_no_remark(tmp_path: Path) -> None:
    songs = pd.read_csv(EXCERPT / "annotations" / "songs_info.csv", dtype=str)
    assert EMOMUSIC.remarks(in_root(tmp_path, songs.drop(columns=SEGMENT))) == []


# Faults


@pytest.mark.parametrize(
    ("file", "old", "new", "target", "message"),
    [
        ("songs_info", "Jazz", "Jass", "genre", "songs_info.csv, row 3: 'Jass' is no label"),
        ("songs_info", "Jazz", "", "genre", "songs_info.csv, row 3: '' is no label"),
        ("songs_info", "evaluation", "eval", "genre", "row 2: 'eval' is none of development, evaluation"),
        ("songs_info", "7,7.mp3", "3,7.mp3", "genre", "row 3: '3' stands twice"),
        (
            "songs_info",
            "7,7.mp3",
            "7.0,7.mp3",
            "genre",
            "songs_info.csv, row 3: '7.0' is no song id such as 2: take the",
        ),
        ("static_annotations", "\n7,", "\n7.0,", "valence", "static_annotations.csv, row 3: '7.0' is no song id such"),
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
        EMOMUSIC.read(root, target)


def test_emomusic_genre_needs_no_ratings(copy: Callable[[str], Path]) -> None:
    root = copy("emomusic")
    (root / "annotations" / "static_annotations.csv").unlink()
    assert len(EMOMUSIC.read(root, "genre")) == 5
    with pytest.raises(InputError, match=r"static_annotations.csv: no such file"):
        EMOMUSIC.read(root, "arousal")
