import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from annotations import FIXTURES, edit

from hearlog.corpora.readers.registry import READERS
from hearlog.corpora.splits import split
from hearlog.util.errors import InputError

DCASE = READERS["dcase2016"]
EXCERPT = FIXTURES / "dcase2016"
DEVELOPMENT = "TUT-acoustic-scenes-2016-development"
EVALUATION = "TUT-acoustic-scenes-2016-evaluation"
META = f"{DEVELOPMENT}/meta.txt"
SETUP = f"{DEVELOPMENT}/evaluation_setup"
SCENES = {"bus", "cafe/restaurant", "car", "city_center", "forest_path", "grocery_store", "home", "beach"} | {
    "library", "metro_station", "office", "residential_area", "train", "tram", "park",
}  # fmt: skip


def test_dcase_development_is_train_and_evaluation_is_test() -> None:
    items = DCASE.read(EXCERPT, "scene")
    assert items["split"].tolist() == ["train"] * 5 + ["test"] * 3
    assert items["path"][0] == f"{DEVELOPMENT}/audio/a001_0_30.wav"
    assert items["path"][7] == f"{EVALUATION}/audio/10.wav"
    assert items["item_id"][7] == "evaluation/10"


def test_dcase_group_is_the_recording_and_cafe_restaurant_keeps_its_slash() -> None:
    items = DCASE.read(EXCERPT, "scene").set_index("item_id")
    assert items.loc["development/a001_30_60", ["group", "target"]].tolist() == ["a001", "cafe/restaurant"]
    assert items["group"].tolist() == ["a001", "a001", "b020", "a003", "a004", "a010", "a010", "a011"]


def test_dcase_evaluation_clips_that_keep_their_names_have_their_recording(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    shutil.rmtree(root / EVALUATION / "evaluation_setup")
    (root / EVALUATION / "meta.txt").write_text("audio/a010_0_30.wav\tpark\naudio/a010_30_60.wav\tpark\n", "utf-8")
    items = DCASE.read(root, "scene")
    assert items["item_id"].tolist()[5:] == ["evaluation/a010_0_30", "evaluation/a010_30_60"]
    assert items["group"].tolist()[5:] == ["a010", "a010"]


def test_dcase_evaluation_labels_come_from_either_file(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    (root / EVALUATION / "evaluation_setup" / "evaluate.txt").rename(root / EVALUATION / "meta.txt")
    pd.testing.assert_frame_equal(DCASE.read(root, "scene"), DCASE.read(EXCERPT, "scene"))


def test_dcase_published_counts() -> None:
    assert dict(DCASE.classes) == dict.fromkeys(SCENES, 104)
    assert DCASE.parts == {"official": {"train": 1170, "test": 390}}


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
    edit(root / META, old, new)
    with pytest.raises(InputError, match=message):
        DCASE.read(root, "scene")


def test_dcase_list_without_labels_is_refused(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    (root / META).write_text("audio/a001_0_30.wav\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 1: '' is no label"):
        DCASE.read(root, "scene")


def test_dcase_evaluation_folder_without_labels_is_refused(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    (root / EVALUATION / "evaluation_setup" / "evaluate.txt").rename(
        root / EVALUATION / "evaluation_setup" / "test.txt"
    )
    with pytest.raises(InputError, match=r"evaluation_setup/evaluate.txt: no such file \(nor meta.txt\)"):
        DCASE.read(root, "scene")


# Published folds


def test_dcase_folds_are_those_whose_test_list_names_the_clip() -> None:
    items = DCASE.read(EXCERPT, "scene")
    assert items["fold"].tolist()[:5] == [0, 0, 1, 2, 3]
    assert items["fold"][5:].isna().all()


@pytest.mark.parametrize("missing", ["evaluate", "test", "train"])
def test_dcase_folds_need_no_more_than_one_test_list_each(copy: Callable[[str], Path], missing: str) -> None:
    root = copy("dcase2016")
    for path in (root / SETUP).glob(f"fold*_{missing}.txt"):
        path.unlink()
    pd.testing.assert_frame_equal(DCASE.read(root, "scene"), DCASE.read(EXCERPT, "scene"))


def test_dcase_without_lists_of_folds_official_works_and_dev_cv4_refuses(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    shutil.rmtree(root / SETUP)
    with (root / META).open("a", encoding="utf-8") as file:
        file.write("audio/a005_0_30.wav\tpark\naudio/a006_0_30.wav\tpark\n")
    items = DCASE.read(root, "scene")
    assert items["fold"].isna().all()
    assert items["fold"].dtype == pd.Int64Dtype()
    assert set(split(items, "official", None, 0.4, 0)["part"]) == {"train", "valid", "test"}
    with pytest.raises(InputError, match="folds"):
        split(items, "dev_cv4", None, 0.2, 0)
    assert any("no lists of folds, so protocol dev_cv4 cannot be had" in remark for remark in DCASE.remarks(root))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("fold2_evaluate", "audio/a009_0_30.wav\tpark",
         "fold2_evaluate.txt, row 1: 'a009_0_30' is no clip of .*meta.txt: fetch the lists again"),
        ("fold2_evaluate", "audio/b020_90_120.wav\tcity_center\naudio/a001_0_30.wav\tbus",
         "fold2_evaluate.txt, row 2: 'a001_0_30' is a test clip already, of this fold or another: fetch the lists"),
        ("fold3_evaluate", "audio/a003_0_30.wav\tpark\naudio/a003_0_30.wav\tpark",
         "fold3_evaluate.txt, row 2: 'a003_0_30' is a test clip already"),
        ("fold1_train", "audio/a003_0_30.wav\tpark\naudio/a001_0_30.wav\tcafe/restaurant",
         "fold1_train.txt, row 2: 'a001_0_30' is a test clip of this fold as well: fetch the lists again"),
        ("fold1_train", "audio/b020_90_120.wav\tcity_center\naudio/a003_0_30.wav\tpark",
         "meta.txt, row 5: 'a004_30_60' is neither a test clip of the fold nor in .*fold1_train.txt"),
        ("fold4_train", "audio/a009_0_30.wav\tpark", "fold4_train.txt, row 1: 'a009_0_30' is no clip of .*meta.txt"),
    ],
)  # fmt: skip
def test_dcase_fold_that_does_not_divide_the_development_set_is_refused(
    copy: Callable[[str], Path], file: str, content: str, message: str
) -> None:
    root = copy("dcase2016")
    (root / SETUP / f"{file}.txt").write_text(content + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        DCASE.read(root, "scene")


def test_dcase_clip_that_no_fold_tests_is_named(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    for path in (root / SETUP).glob("fold?_train.txt"):
        path.unlink()
    edit(root / SETUP / "fold1_evaluate.txt", "audio/a001_30_60.wav\tcafe/restaurant\n", "")
    with pytest.raises(InputError, match=r"meta.txt, row 2: 'a001_30_60' is a test clip of no fold: fetch the lists"):
        DCASE.read(root, "scene")


def test_dcase_missing_fold_is_named(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    for path in (root / SETUP).glob("fold3_*.txt"):
        path.unlink()
    with pytest.raises(InputError, match=r"fold3_evaluate.txt: no such file \(nor evaluation_setup/fold3_test.txt\)"):
        DCASE.read(root, "scene")


# What a copy lacks


def test_dcase_without_the_evaluation_folder_is_the_development_set(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    shutil.rmtree(root / EVALUATION)
    pd.testing.assert_frame_equal(DCASE.read(root, "scene"), DCASE.read(EXCERPT, "scene")[:5])
    assert DCASE.remarks(root)[0].startswith(f"{root / EVALUATION}: no such folder, so the items are those of the dev")


def test_dcase_without_the_development_folder_is_refused(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    shutil.rmtree(root / DEVELOPMENT)
    with pytest.raises(InputError, match=r"2016-development/meta.txt: no such file"):
        DCASE.read(root, "scene")


def test_dcase_clips_with_disturbed_seconds_are_counted(copy: Callable[[str], Path]) -> None:
    assert DCASE.remarks(EXCERPT) == [
        f"{EXCERPT / DEVELOPMENT / 'error.txt'}: 2 of the clips hold disturbed seconds; they are used as they are"
    ]


@pytest.mark.parametrize("content", ["a.wav\t1\nb.wav\t1\t2\t3\n", "a.wav\tg\u00e9ant\n", " \n\n"])
def test_dcase_errors_that_cannot_be_read_are_remarked_upon(copy: Callable[[str], Path], content: str) -> None:
    root = copy("dcase2016")
    (root / DEVELOPMENT / "error.txt").write_text(content, encoding="latin-1")
    assert len(DCASE.read(root, "scene")) == 8
    (remark,) = DCASE.remarks(root)
    assert remark.startswith(f"{root / DEVELOPMENT / 'error.txt'}: not readable as a UTF-8 table")
    assert remark.endswith("Without it nobody knows how many clips hold disturbed seconds; all are used as they are")


def test_dcase_quote_characters_in_a_list_are_text(copy: Callable[[str], Path]) -> None:
    root = copy("dcase2016")
    edit(root / META, "audio/a001_0_30.wav", '"audio/a001_0_30.wav')
    items = DCASE.read(root, "scene")
    assert len(items) == 8
    assert items["path"][0] == f'{DEVELOPMENT}/"audio/a001_0_30.wav'


@pytest.mark.parametrize("content", [None, ""])
def test_dcase_copy_without_errors_calls_for_no_remark(copy: Callable[[str], Path], content: str | None) -> None:
    root = copy("dcase2016")
    errors = root / DEVELOPMENT / "error.txt"
    errors.unlink() if content is None else errors.write_text(content, encoding="utf-8")
    assert DCASE.remarks(root) == []
