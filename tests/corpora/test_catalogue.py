"""Which songs the estimator learns from, and that none is left out in silence."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hearlog.corpora import catalogue
from hearlog.corpora.corpus import ITEM_COLUMNS
from hearlog.util.errors import InputError

CSV = """song_id,path,artist,genre,year
007,a/7.mp3,Singer,rock,1999
07,a/07.ogg,,jazz,1998
NA,b/na.wav,None,,2001
S4,,Band,rock,2002
"""


def write(folder: Path, text: str, name: str = "songs.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def songs(count: int, root: Path, without_audio: int = 0) -> pd.DataFrame:
    """Rows ``s000`` and on, the last ``without_audio`` without a file."""
    ids = pd.Series([f"s{number:03d}" for number in range(count)])
    for song in ids[: count - without_audio]:
        (root / f"{song}.mp3").touch()
    return pd.DataFrame({"song_id": ids, "path": ids + ".mp3", "title": None, "artist": "A" + ids, "genre": "rock"})


# read


def test_csv_ids_keep_their_zeros_and_words_stay_words(tmp_path: Path) -> None:
    table = catalogue.read(write(tmp_path, CSV))
    assert list(table) == catalogue.COLUMNS
    assert table["song_id"].tolist() == ["007", "07", "NA", "S4"]
    assert table["artist"].dropna().tolist() == ["Singer", "None", "Band"]
    assert table["title"].isna().all()
    assert table["genre"].isna().tolist() == [False, False, True, False]
    assert table["path"].isna().tolist() == [False, False, False, True]


def test_parquet_and_csv_give_the_same_table(tmp_path: Path) -> None:
    from_csv = catalogue.read(write(tmp_path, CSV))
    from_csv.drop(columns="title").assign(year=1).to_parquet(tmp_path / "songs.parquet")
    pd.testing.assert_frame_equal(catalogue.read(tmp_path / "songs.parquet"), from_csv)


def test_parquet_integer_ids_become_their_digits_and_categories_text(tmp_path: Path) -> None:
    artists = pa.array(["x", None, "x"]).dictionary_encode()
    pq.write_table(
        pa.table({"song_id": [2**60, 2, 3], "path": ["a", "b", "c"], "artist": artists}), tmp_path / "s.parquet"
    )
    table = catalogue.read(tmp_path / "s.parquet")
    assert table["song_id"].tolist() == ["1152921504606846976", "2", "3"]
    assert table["artist"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("song_id,path\na,1.mp3\nb,2.mp3\na,3.mp3\n", r"songs.csv, row 3: 'a' is the song_id of an earlier row"),
        ("song_id,path\na,1.mp3\n,2.mp3\n", r"songs.csv, row 2: this row has no song_id"),
        ("song,path\na,1.mp3\n", r"songs.csv: no column song_id; its header names song, path"),
        ("song_id,path\na,1.mp3,\n", r"songs.csv: its rows have more fields than its header"),
        ("", r"songs.csv: not readable as a UTF-8 table"),
        ("song_id,path\na,1.mp3\nb,/music/2.mp3\n", r"row 2: '/music/2.mp3' must be relative to songs.audio_root"),
        ("song_id,path\na,x/../../2.mp3\n", r"row 1: 'x/../../2.mp3' must be relative"),
        ("song_id,path\na,..\n", r"row 1: '..' must be relative"),
        ("song_id,path\na,C:/2.mp3\n", r"row 1: 'C:/2.mp3' must be relative"),
    ],
)
def test_faulty_catalogue_is_refused_and_the_row_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        catalogue.read(write(tmp_path, text))


def test_dots_within_a_name_are_no_way_out(tmp_path: Path) -> None:
    assert len(catalogue.read(write(tmp_path, "song_id,path\na,..a/b..mp3\nb,...mp3\n"))) == 2


def test_missing_catalogue_and_broken_parquet_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv: no such file.*songs.catalog"):
        catalogue.read(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"songs.parquet: not readable as a Parquet table"):
        catalogue.read(write(tmp_path, CSV, "songs.parquet"))
    pq.write_table(pa.table({"song_id": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"other.parquet: no column path"):
        catalogue.read(tmp_path / "other.parquet")


# select


def test_every_song_is_selected_or_left_out_with_its_reason(tmp_path: Path) -> None:
    table = songs(6, tmp_path, without_audio=2)
    embedded = pd.Series(["s005", "s000", "s001", "x", "s002"])
    items, left_out = catalogue.select(table, embedded, tmp_path, None, seed=0)
    assert items["item_id"].tolist() == ["s000", "s001", "s002"]
    assert dict(zip(left_out["song_id"], left_out["reason"], strict=True)) == {
        "s003": "no plays",
        "s004": "no plays",
        "s005": "no audio",
        "x": "not in catalogue",
    }
    assert set(left_out["reason"]) <= set(catalogue.REASONS)
    assert left_out["path"].isna().tolist() == [False, False, False, True]


def test_items_carry_artist_as_group_and_genre_as_target(tmp_path: Path) -> None:
    table = songs(2, tmp_path)
    table.loc[1, ["artist", "genre"]] = None
    items, _ = catalogue.select(table, table["song_id"], tmp_path, None, seed=0)
    assert list(items) == ITEM_COLUMNS
    assert (items.dtypes.drop("fold") == "str").all()
    assert items.loc[0, ["group", "target"]].tolist() == ["As000", "rock"]
    assert items.loc[1, ["group", "target"]].isna().all()
    assert items["split"].isna().all()


def test_a_folder_or_an_empty_path_is_no_audio(tmp_path: Path) -> None:
    table = songs(3, tmp_path)
    (tmp_path / "folder").mkdir()
    table.loc[:1, "path"] = ["folder", None]
    items, left_out = catalogue.select(table, table["song_id"], tmp_path, None, seed=0)
    assert items["item_id"].tolist() == ["s002"]
    assert left_out["reason"].tolist() == ["no audio", "no audio"]


def test_sample_depends_on_the_seed_and_not_on_the_order_of_the_catalogue(tmp_path: Path) -> None:
    table = songs(60, tmp_path, without_audio=5)
    drawn, left_out = catalogue.select(table, table["song_id"], tmp_path, 20, seed=3)
    shuffled, _ = catalogue.select(table.sample(frac=1, random_state=1), table["song_id"][::-1], tmp_path, 20, seed=3)
    other, _ = catalogue.select(table, table["song_id"], tmp_path, 20, seed=4)
    pd.testing.assert_frame_equal(drawn, shuffled)
    assert drawn["item_id"].tolist() != other["item_id"].tolist()
    assert left_out["reason"].value_counts().to_dict() == {"not sampled": 35, "no audio": 5}


def test_sample_larger_than_what_there_is_names_the_key(tmp_path: Path) -> None:
    table = songs(5, tmp_path, without_audio=2)
    with pytest.raises(InputError, match=r"songs.sample asks for 4 songs, but 3 have plays and audio"):
        catalogue.select(table, table["song_id"], tmp_path, 4, seed=0)


def test_no_song_with_plays_and_audio_says_how_many_lack_what(tmp_path: Path) -> None:
    table = songs(5, tmp_path, without_audio=2)
    with pytest.raises(InputError, match=r"of 5 in the catalogue 3 have no plays and 2 no file under"):
        catalogue.select(table, pd.Series(["s003", "s004"]), tmp_path, None, seed=0)
