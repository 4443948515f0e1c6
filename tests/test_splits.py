"""The protocols: what a fold must hold, whatever the clips."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from hearlog import splits
from hearlog.corpus import PARTS
from hearlog.errors import InputError

PAPER_SHARES = {"train": 0.764993, "valid": 0.085033, "test": 0.149974}
FEW = settings(max_examples=20, deadline=None)


@st.composite
def labelled(draw: st.DrawFn, smallest: int = 6) -> pd.DataFrame:
    """Clips of a few classes of different sizes, some in groups that may span classes, in any order."""
    sizes = draw(st.lists(st.integers(smallest, 40), min_size=2, max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    target = np.repeat([f"class {number}" for number in range(len(sizes))], sizes)
    group = pd.Series(
        rng.integers(0, draw(st.integers(len(target) // 4, len(target))), len(target)).astype(str), dtype="str"
    )
    group[rng.random(len(target)) < draw(st.sampled_from([0.0, 0.5, 1.0]))] = None
    clips = pd.DataFrame({"item_id": [f"c{n}" for n in range(len(target))], "group": group, "target": target})
    clips["split"] = np.where(rng.random(len(target)) < 0.2, "test", "train")
    # Each class is in both official parts, as in every data set.
    clips.loc[~clips["target"].duplicated(), "split"] = "test"
    clips.loc[~clips["target"].duplicated(keep="last"), "split"] = "train"
    return clips.iloc[rng.permutation(len(clips))].reset_index(drop=True)


def ungrouped(target: list[str] | np.ndarray, split: str | None = None) -> pd.DataFrame:
    ids = [f"c{number:06d}" for number in range(len(target))]
    return pd.DataFrame({"item_id": ids, "group": None, "split": split, "target": target})


def groups_of(table: pd.DataFrame, clips: pd.DataFrame, part: str) -> set[str]:
    joined = table[table["part"] == part].merge(clips, on="item_id")
    return set(joined["group"].dropna())


def split_or_reject(protocol: Callable[..., pd.DataFrame], *arguments: Any) -> pd.DataFrame:
    """Pass over the drawn clips whose groups are all too large to hold one out."""
    try:
        return protocol(*arguments)
    except InputError as error:
        assert "leaves no validation part" in str(error)
        reject()


def check_validation(table: pd.DataFrame, clips: pd.DataFrame) -> None:
    """No group on both sides of train and valid, and every class of theirs in train."""
    for _, fold in table.groupby("fold"):
        assert not groups_of(fold, clips, "train") & groups_of(fold, clips, "valid")
        target = fold.merge(clips, on="item_id").groupby("part")["target"].agg(set)
        assert target["valid"] <= target["train"]


# Stratified cross-validation


@FEW
@given(labelled(), st.integers(2, 6), st.floats(0.1, 0.5), st.integers(0, 2**40))
def test_cv_folds_partition_the_clips(clips: pd.DataFrame, folds: int, valid: float, seed: int) -> None:
    table = split_or_reject(splits.stratified_cv, clips, folds, valid, seed)
    assert list(table) == ["fold", "item_id", "part"]
    assert table["fold"].unique().tolist() == list(range(folds))
    assert not table.duplicated(["fold", "item_id"]).any()
    assert len(table) == folds * len(clips)
    assert sorted(table.loc[table["part"] == "test", "item_id"]) == sorted(clips["item_id"])
    check_validation(table, clips)


@FEW
@given(labelled(), st.integers(2, 6))
def test_cv_spreads_every_class_evenly_over_the_test_parts(clips: pd.DataFrame, folds: int) -> None:
    clips = clips.assign(group=None)
    table = splits.stratified_cv(clips, folds, 0.4, 0).merge(clips, on="item_id")
    counts = pd.crosstab(table["fold"], table["target"], values=table["part"] == "test", aggfunc="sum")
    assert (counts.max() - counts.min()).max() <= 1


def test_cv_of_gtzan_is_768_132_100_or_near_it() -> None:
    clips = ungrouped(np.repeat([f"g{number}" for number in range(10)], 100))
    table = splits.stratified_cv(clips, 10, 0.15, 0)
    counts = pd.crosstab(table["fold"], table["part"])
    assert (counts[PARTS] == [765, 135, 100]).all(axis=None)


def test_cv_refuses_a_class_smaller_than_the_folds_and_names_it() -> None:
    clips = ungrouped(["Waltz"] * 20 + ["Wcswing"] * 4)
    with pytest.raises(InputError, match=r"class 'Wcswing' has 4 clips, fewer than the 5 folds"):
        splits.stratified_cv(clips, 5, 0.15, 0)


def test_cv_of_numbers_spreads_their_deciles() -> None:
    clips = ungrouped(np.linspace(1, 9, 200))
    table = splits.stratified_cv(clips, 5, 0.2, 0).merge(clips, on="item_id")
    decile = pd.qcut(table["target"], 10, labels=False)
    counts = pd.crosstab([table["fold"], table["part"]], decile)
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1


# Official parts


@FEW
@given(labelled(), st.floats(0.1, 0.5), st.integers(0, 2**40))
def test_official_test_part_is_kept_and_validation_comes_out_of_train(
    clips: pd.DataFrame, valid: float, seed: int
) -> None:
    table = split_or_reject(splits.official, clips, valid, seed)
    parts = table.set_index("item_id")["part"]
    assert sorted(parts.index) == sorted(clips["item_id"])
    assert set(parts.index[parts == "test"]) == set(clips.loc[clips["split"] == "test", "item_id"])
    assert (parts == "valid").sum() <= round(valid * (clips["split"] == "train").sum())
    check_validation(table[table["part"] != "test"], clips)


def test_official_validation_part_is_kept() -> None:
    clips = ungrouped(["a", "b"] * 6)
    clips["split"] = ["train"] * 6 + ["valid"] * 2 + ["test"] * 4
    assert splits.official(clips, 0.5, 0)["part"].tolist() == clips["split"].tolist()


def test_official_validation_is_exact_and_stratified_without_groups() -> None:
    clips = ungrouped(["a"] * 100 + ["b"] * 60 + ["c"] * 41, "train")
    clips.loc[200, "split"] = "test"
    table = splits.official(clips, 0.15, 0).merge(clips, on="item_id")
    assert table.loc[table["part"] == "valid", "target"].value_counts().to_dict() == {"a": 15, "b": 9, "c": 6}


def test_official_validation_of_numbers_has_their_spread() -> None:
    clips = ungrouped(np.linspace(1, 9, 400), "train")
    clips.loc[::4, "split"] = "test"
    table = splits.official(clips, 0.2, 0).merge(clips, on="item_id")
    valid = table.loc[table["part"] == "valid", "target"]
    assert len(valid) == 60
    assert pd.cut(valid, np.linspace(1, 9, 11), include_lowest=True).value_counts().tolist() == [6] * 10


def test_a_class_of_one_artist_stays_in_train() -> None:
    clips = ungrouped(["solo"] * 20 + ["many"] * 100, "train")
    clips["group"] = ["one artist"] * 20 + [f"artist {number}" for number in range(100)]
    clips.loc[[0, 20], "split"] = "test"
    table = splits.official(clips, 0.3, 0).merge(clips, on="item_id")
    assert set(table.loc[table["part"] == "valid", "target"]) == {"many"}
    assert (table.loc[table["target"] == "solo", "part"] == "train").sum() == 19


def test_official_refuses_clips_without_a_part_and_parts_without_clips() -> None:
    clips = ungrouped(["a", "b"] * 4, "train")
    with pytest.raises(InputError, match=r"no clip of the official test part is left"):
        splits.official(clips, 0.5, 0)
    with pytest.raises(InputError, match=r"item c000003 has no official split"):
        splits.official(clips.assign(split=["train", "test", "train", None] * 2), 0.5, 0)


def test_no_room_for_validation_is_refused() -> None:
    clips = ungrouped(["a"] * 8, "train").assign(group="one artist")
    clips.loc[0, "split"] = "test"
    with pytest.raises(InputError, match=r"valid: 0.2 of 7 train clips leaves no validation part"):
        splits.official(clips, 0.2, 0)


# Random parts


def test_random_parts_of_the_paper_have_its_counts() -> None:
    clips = pd.DataFrame({"item_id": np.arange(244_975).astype(str)})
    sizes = splits.random(clips, PAPER_SHARES, 0)["part"].value_counts()
    assert sizes.to_dict() == {"train": 187_404, "test": 36_740, "valid": 20_831}


@FEW
@given(st.integers(30, 3000), st.floats(0.1, 0.8), st.floats(0.1, 0.9))
def test_random_counts_are_within_one_of_the_shares(count: int, train: float, rest: float) -> None:
    shares = {"train": train, "valid": (1 - train) * rest, "test": (1 - train) * (1 - rest)}
    clips = pd.DataFrame({"item_id": np.arange(count).astype(str)})
    try:
        table = splits.random(clips, shares, 0)
    except InputError as error:
        assert "a part would be empty" in str(error)
        return
    sizes = table["part"].value_counts()
    assert sizes.sum() == table["item_id"].nunique() == count
    assert all(abs(sizes[part] - shares[part] * count) < 1 + 1e-9 * count for part in PARTS)


def test_too_few_songs_for_three_parts_are_refused() -> None:
    with pytest.raises(InputError, match=r"2 clips are too few"):
        splits.random(pd.DataFrame({"item_id": ["a", "b"]}), PAPER_SHARES, 0)


# All of them


@FEW
@given(labelled(), st.integers(0, 2**40))
def test_split_depends_on_the_seed_and_not_on_the_order_of_the_clips(clips: pd.DataFrame, seed: int) -> None:
    shuffled = clips.sample(frac=1, random_state=1)
    protocols = {
        splits.stratified_cv: (3, 0.4, seed),
        splits.official: (0.4, seed),
        splits.random: (PAPER_SHARES, seed),
    }
    for protocol, arguments in protocols.items():
        table = split_or_reject(protocol, clips, *arguments)
        pd.testing.assert_frame_equal(table, protocol(shuffled, *arguments))


def test_another_seed_gives_another_split() -> None:
    clips = ungrouped(["a", "b"] * 50, "train")
    clips.loc[:10, "split"] = "test"
    assert not splits.stratified_cv(clips, 5, 0.2, 0).equals(splits.stratified_cv(clips, 5, 0.2, 1))
    assert not splits.official(clips, 0.2, 0).equals(splits.official(clips, 0.2, 1))
    assert not splits.random(clips, PAPER_SHARES, 0).equals(splits.random(clips, PAPER_SHARES, 1))
