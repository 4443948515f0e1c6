"""A user's own task: a table of clips, read as written or refused by row."""

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearlog.corpora import splits
from hearlog.corpora.corpus import ITEM_COLUMNS
from hearlog.corpora.readers.registry import READERS
from hearlog.corpora.readers.table import read
from hearlog.util.errors import InputError

CSV = """item_id,path,split,group,artist,title,mood,energy
007,a/7.mp3,train,G1,Singer,Song,happy,4.5
07,a/07.ogg,valid,,None,,sad,3
NA,b/na.wav,test,G2,,,None,5.25
"""


def write(folder: Path, text: str) -> Path:
    (folder / "items.csv").write_text(text, encoding="utf-8", newline="")
    return folder


def with_targets(folder: Path, *values: str) -> Path:
    """A table of clips with the target ``y``."""
    return write(folder, "item_id,path,y\n" + "".join(f"c{k},{k}.wav,{value}\n" for k, value in enumerate(values)))


def write_parquet(folder: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), folder / "items.parquet")
    return folder


def test_classes_are_text_and_ids_keep_their_zeros(tmp_path: Path) -> None:
    items = read(write(tmp_path, CSV), "mood")
    assert list(items) == ITEM_COLUMNS
    assert items["item_id"].tolist() == ["007", "07", "NA"]
    assert items["path"].tolist() == ["a/7.mp3", "a/07.ogg", "b/na.wav"]
    assert items["target"].tolist() == ["happy", "sad", "None"]
    assert items["split"].tolist() == ["train", "valid", "test"]
    assert items["group"].isna().tolist() == [False, True, False]
    assert items["artist"].dropna().tolist() == ["Singer", "None"]
    assert items["title"].dropna().tolist() == ["Song"]
    assert items["fold"].isna().all()


def test_numbers_with_decimal_points_are_amounts(tmp_path: Path) -> None:
    target = read(write(tmp_path, CSV), "energy")["target"]
    assert target.dtype == "float64"
    assert target.tolist() == [4.5, 3.0, 5.25]


@pytest.mark.parametrize("target", ["mood", "energy"])
def test_parquet_and_csv_give_the_same_items(tmp_path: Path, target: str) -> None:
    from_csv = read(write(tmp_path, CSV), target)
    (tmp_path / "parquet").mkdir()
    table = pd.read_csv(
        tmp_path / "items.csv", dtype={"item_id": "str"}, keep_default_na=False, na_values={"group": ""}
    )
    table.to_parquet(tmp_path / "parquet/items.parquet", index=False)
    pd.testing.assert_frame_equal(read(tmp_path / "parquet", target), from_csv)


def test_two_columns_are_enough_beside_the_target(tmp_path: Path) -> None:
    items = read(with_targets(tmp_path, "happy", "sad"), "y")
    assert items[["split", "group", "artist", "title"]].isna().all(axis=None)


def test_other_columns_are_left_alone(tmp_path: Path) -> None:
    write_parquet(tmp_path, item_id=["a"], path=["1"], fold=["third"], tags=[["x", "y"]], mood=["sad"])
    assert read(tmp_path, "mood")["target"].tolist() == ["sad"]


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_spreadsheet_csv_is_read_with_its_byte_order_mark_and_line_ends(tmp_path: Path, bom: str, end: str) -> None:
    items = read(write(tmp_path, bom + CSV.replace("\n", end)), "mood")
    assert items["item_id"].tolist() == ["007", "07", "NA"]
    assert items["target"].tolist() == ["happy", "sad", "None"]


def test_spaces_after_commas_belong_to_no_value(tmp_path: Path) -> None:
    items = read(write(tmp_path, 'item_id, path, mood\na, "1, one.mp3", sad \nb, 2.mp3, sad\n'), "mood")
    assert items["path"].tolist() == ["1, one.mp3", "2.mp3"]
    assert items["target"].tolist() == ["sad", "sad"]


def test_a_comma_at_every_line_end_is_no_column(tmp_path: Path) -> None:
    assert read(write(tmp_path, "item_id,path,mood,\na,1.mp3,sad,\n"), "mood")["target"].tolist() == ["sad"]


@pytest.mark.parametrize(
    "header", ["item_id,path,mood,path", "item_id, path,mood, path", "\ufeffitem_id,path,mood,path"]
)
def test_two_columns_of_one_name_are_refused(tmp_path: Path, header: str) -> None:
    write(tmp_path, f"{header}\na,1.mp3,sad,2.mp3\n")
    with pytest.raises(InputError, match=r"items.csv: two columns are named path. Rename or remove one of them"):
        read(tmp_path, "mood")
    (tmp_path / "items.csv").unlink()
    table = pa.table([["a"], ["1.mp3"], ["sad"], ["2.mp3"]], names=["item_id", "path", "mood", "path"])
    pq.write_table(table, tmp_path / "items.parquet")
    with pytest.raises(InputError, match=r"items.parquet: two columns are named path"):
        read(tmp_path, "mood")


def test_columns_without_a_name_may_be_many(tmp_path: Path) -> None:
    assert read(write(tmp_path, "item_id,path,mood,,\na,1.mp3,sad,,\n"), "mood")["target"].tolist() == ["sad"]


def test_parquet_integer_ids_become_their_digits_and_categories_text(tmp_path: Path) -> None:
    moods = pa.array(["sad", "happy"]).dictionary_encode()
    items = read(write_parquet(tmp_path, item_id=[2**60, 2], path=["1", "2"], mood=moods), "mood")
    assert items["item_id"].tolist() == ["1152921504606846976", "2"]
    assert items["target"].tolist() == ["sad", "happy"]


def test_parquet_booleans_are_classes(tmp_path: Path) -> None:
    items = read(write_parquet(tmp_path, item_id=["a", "b"], path=["1", "2"], live=[True, False]), "live")
    assert items["target"].tolist() == ["true", "false"]


@pytest.mark.parametrize(
    "values",
    [pa.array([4.0, 3.0]), pa.array([4.0, 3.0], pa.float32()), pa.array([Decimal("4.0"), Decimal("3.0")])],
)
def test_parquet_floats_and_decimals_are_amounts_even_if_all_are_whole(tmp_path: Path, values: pa.Array) -> None:
    target = read(write_parquet(tmp_path, item_id=["a", "b"], path=["1", "2"], y=values), "y")["target"]
    assert target.dtype == "float64"
    assert target.tolist() == [4.0, 3.0]


@settings(max_examples=30)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_parquet_floats_are_read_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    ids = [str(number) for number in range(len(values))]
    folder = write_parquet(tmp_path_factory.mktemp("table"), item_id=ids, path=ids, y=values)
    assert read(folder, "y")["target"].tolist() == values


@pytest.mark.parametrize("kind", ["csv", "parquet integers", "parquet text"])
def test_whole_numbers_are_refused_as_they_may_be_classes_or_amounts(tmp_path: Path, kind: str) -> None:
    if kind == "csv":
        with_targets(tmp_path, "1", "2", "3")
    else:
        values = [1, 2, 3] if kind == "parquet integers" else ["1", "2", "3"]
        write_parquet(tmp_path, item_id=["a", "b", "c"], path=["1", "2", "3"], y=values)
    message = (
        r"column y holds whole numbers alone.*classes as words \(`class 1`\), amounts with a decimal point \(4\.0;"
    )
    with pytest.raises(InputError, match=message):
        read(tmp_path, "y")


@pytest.mark.parametrize("odd", ["n/a", "nan", "inf", "4;5", "-"])
def test_what_is_no_number_among_ratings_is_named_by_its_row(tmp_path: Path, odd: str) -> None:
    with pytest.raises(
        InputError, match=rf"items.csv, row 3: '{odd}' is no number such as 4.5, and most of column y are"
    ):
        read(with_targets(tmp_path, "4.5", "3", odd, "2.5"), "y")


def test_decimal_commas_are_refused_and_no_classes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 1: '4,5' is no number such as 4\.5"):
        read(with_targets(tmp_path, '"4,5"', '"3,25"', '"2,0"'), "y")


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_parquet_nan_and_infinity_are_no_ratings(tmp_path: Path, odd: float) -> None:
    write_parquet(tmp_path, item_id=["a", "b"], path=["1", "2"], y=pa.array([4.5, odd], from_pandas=False))
    with pytest.raises(InputError, match=rf"items.parquet, row 2: '{odd}' is no number"):
        read(tmp_path, "y")


def test_a_few_numbers_among_words_are_classes(tmp_path: Path) -> None:
    assert read(with_targets(tmp_path, "808", "kick", "snare"), "y")["target"].tolist() == ["808", "kick", "snare"]


def test_an_empty_target_is_refused_and_its_row_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"items.csv, row 2: this row has no y: complete or remove it"):
        read(with_targets(tmp_path, "happy", " ", "sad"), "y")
    (tmp_path / "items.csv").unlink()
    write_parquet(tmp_path, item_id=["a", "b"], path=["1", "2"], y=[4.5, None])
    with pytest.raises(InputError, match=r"items.parquet, row 2: this row has no y"):
        read(tmp_path, "y")


@pytest.mark.parametrize("target", ["moods", "split", "item_id", "fold"])
def test_a_target_that_is_none_names_those_of_the_table(tmp_path: Path, target: str) -> None:
    with pytest.raises(InputError, match=rf"items.csv: no column of targets '{target}'; there are: mood, energy\."):
        read(write(tmp_path, CSV), target)
    pd.read_csv(tmp_path / "items.csv").to_parquet(tmp_path / "items.parquet")
    (tmp_path / "items.csv").unlink()
    with pytest.raises(InputError, match=rf"items.parquet: no column of targets '{target}'; there are: mood, energy\."):
        read(tmp_path, target)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,1.mp3,train,sad\nb,2.mp3,train,sad\na,3.mp3,test,sad\n", r"row 3: 'a' stands twice"),
        ("a,1.mp3,train,sad\n,2.mp3,train,sad\n", r"row 2: this row has no id"),
        ("a,1.mp3,train,sad\nb,,train,sad\n", r"row 2: this row has no path"),
        ("a,1.mp3,train,sad\nb,/2.mp3,train,sad\n", r"row 2: '/2.mp3' must be relative to .* and stay within it"),
        ("a,x/../../2.mp3,train,sad\n", r"row 1: 'x/../../2.mp3' must be relative"),
        ("a,C:/2.mp3,train,sad\n", r"row 1: 'C:/2.mp3' must be relative"),
        ("a,1.mp3,training,sad\n", r"row 1: 'training' is no split: write train, valid, test or nothing"),
        ("a,1.mp3,train,sad\nb,2.mp3,test,sad,\n", r"items.csv: not readable as a UTF-8 table.*line 3"),
        (
            "a,1.mp3,train,sad,\nb,2.mp3,test,sad,\n",
            r"items.csv: its rows have more fields than its header. Name the col",
        ),
        ("", r"items.csv: holds no items"),
    ],
)
def test_faulty_row_is_refused_and_named(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(write(tmp_path, "item_id,path,split,mood\n" + rows), "mood")


def test_a_missing_column_a_broken_table_and_a_git_lfs_pointer_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"items.csv: no column item_id; its header names id, path, mood"):
        read(write(tmp_path, "id,path,mood\na,1.mp3,sad\n"), "mood")
    with pytest.raises(InputError, match=r"items.csv: this is a Git LFS pointer"):
        read(write(tmp_path, "version https://git-lfs.github.com/spec/v1\n"), "mood")
    (tmp_path / "items.csv").rename(tmp_path / "items.parquet")
    with pytest.raises(InputError, match=r"items.parquet: this is a Git LFS pointer"):
        read(tmp_path, "mood")
    (tmp_path / "items.parquet").write_text(CSV)
    with pytest.raises(InputError, match=r"items.parquet: not readable as a Parquet table"):
        read(tmp_path, "mood")
    with pytest.raises(InputError, match=r"items.parquet: no column path; it has item_id"):
        read(write_parquet(tmp_path, item_id=["a"]), "mood")


def test_a_folder_with_no_table_or_with_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected items.csv or items.parquet, found neither: put the table"):
        read(tmp_path, "mood")
    write(tmp_path, CSV)
    write_parquet(tmp_path, item_id=["a"], path=["1"], mood=["sad"])
    with pytest.raises(InputError, match=r"expected items.csv or items.parquet, found both: remove"):
        read(tmp_path, "mood")


def test_rows_without_a_split_stop_the_official_protocol_alone(tmp_path: Path) -> None:
    rows = "".join(
        f"c{k},{k}.wav,{'test' if k < 3 else ''},g{k // 2},{'sad' if k % 2 else 'happy'}\n" for k in range(12)
    )
    items = read(write(tmp_path, "item_id,path,split,group,mood\n" + rows), "mood")
    with pytest.raises(InputError, match=r"item c10 "):
        splits.split(items, "official", None, 0.2, seed=0)
    for protocol in set(READERS["table"].protocols) - {"official"}:
        table = splits.split(items, protocol, 3, 0.2, seed=0)
        assert table.loc[table["part"] == "test", "item_id"].is_unique
