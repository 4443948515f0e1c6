"""What all readers of published data sets have in common."""

import importlib
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from annotations import FIXTURES, touch

from hearlog.corpora.corpus import ITEM_COLUMNS
from hearlog.corpora.protocols import PROTOCOLS
from hearlog.corpora.readers.registry import READERS
from hearlog.util.errors import InputError

PUBLISHED = [name for name in READERS if name != "table"]
MODULES = ["dcase2016", "emomusic", "extended_ballroom", "fma", "gtzan"]
SIZES = {
    "dcase2016": (1560, 15),
    "emomusic": (744, 8),
    "extended_ballroom": (4180, 13),
    "fma_medium": (25000, 16),
    "fma_small": (8000, 8),
    "gtzan": (1000, 10),
}


@pytest.fixture
def excerpt(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Folder with an excerpt of the data set; GTZAN's annotations are its files."""
    folder = FIXTURES / re.sub("_(small|medium)$", "", request.param)
    if request.param != "gtzan":
        return folder
    shutil.copy(folder / "index.txt", tmp_path)
    return touch(tmp_path, "genres/blues/blues.00000.au", "genres/jazz/jazz.00054.au")


@pytest.mark.parametrize(
    ("excerpt", "reader", "target"),
    [(name, name, target) for name in PUBLISHED for target in READERS[name].targets],
    indirect=["excerpt"],
)
def test_items_have_the_columns_and_types_of_a_corpus(excerpt: Path, reader: str, target: str) -> None:
    items = READERS[reader].read(excerpt, target)
    assert list(items) == ITEM_COLUMNS
    assert (items.dtypes[["item_id", "path", "artist", "title", "group", "split"]] == "str").all()
    assert items["fold"].dtype == pd.Int64Dtype()
    assert items["target"].dtype == ("float64" if target in {"valence", "arousal"} else "str")
    assert items["item_id"].is_unique
    assert items["target"].notna().all()
    assert not items["path"].str.contains(r"^/|\\").any()
    assert items.index.equals(pd.RangeIndex(len(items)))


@pytest.mark.parametrize(("excerpt", "reader"), [(name, name) for name in PUBLISHED], indirect=["excerpt"])
def test_remarks_are_sentences_that_name_a_place_in_the_copy(excerpt: Path, reader: str) -> None:
    assert all(remark.startswith(str(excerpt)) for remark in READERS[reader].remarks(excerpt))


@pytest.mark.parametrize("reader", PUBLISHED)
def test_empty_folder_is_refused_and_named(reader: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        READERS[reader].read(tmp_path, READERS[reader].targets[0])


@pytest.mark.parametrize("reader", PUBLISHED)
def test_published_counts_agree_with_each_other(reader: str) -> None:
    data_set = READERS[reader]
    items, classes = SIZES[reader]
    assert sum(data_set.classes.values()) == items
    assert len(data_set.classes) == classes
    assert set(data_set.protocols) <= set(PROTOCOLS)
    assert set(data_set.parts) <= set(data_set.protocols)
    if "official" in data_set.parts:
        assert sum(data_set.parts["official"].values()) == items


@pytest.mark.parametrize("module", MODULES)
def test_module_says_what_the_data_set_is_and_where_it_comes_from_in_one_order(module: str) -> None:
    text = importlib.import_module(f"hearlog.corpora.readers.{module}").__doc__
    headings = ["Citation: ", "Source: ", "Licence: ", "Checksums: ", "Layout under the root: "]
    assert [part.split(": ")[0] + ": " for part in text.split("\n\n") if part.startswith(tuple(headings))] == headings
