"""The protocols: what a fold must hold, whatever the clips."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from hearlog import params
from hearlog.corpora import protocols, splits
from hearlog.corpora.corpus import PARTS, Corpus
from hearlog.corpora.readers.registry import READERS
from hearlog.demo import dcase2016, emomusic, extended_ballroom, fma, gtzan
from hearlog.util.errors import InputError

PAPER_SHARES = {"train": 0.764993, "valid": 0.085033, "test": 0.149974}
FEW = settings(max_examples=20)
FEWER = settings(max_examples=8)  # of each protocol


@st.composite
def labelled(draw: st.DrawFn, smallest: int = 6, alone: tuple[float, ...] = (0.0, 0.5, 1.0)) -> pd.DataFrame:
    """Clips of a few classes of different sizes, all but a share in groups that may span classes, in any order."""
    sizes = draw(st.lists(st.integers(smallest, 40), min_size=2, max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    target = np.repeat([f"class {number}" for number in range(len(sizes))], sizes)
    group = pd.Series(
        rng.integers(0, draw(st.integers(len(target) // 4, len(target))), len(target)).astype(str), dtype="str"
    )
    group[rng.random(len(target)) < draw(st.sampled_from(alone))] = None
    clips = pd.DataFrame({"item_id": [f"c{n}" for n in range(len(target))], "group": group, "target": target})
    clips["split"] = np.where(rng.random(len(target)) < 0.2, "test", "train")
    # Each class is in both official parts, as in every data set.
    clips.loc[~clips["target"].duplicated(), "split"] = "test"
    clips.loc[~clips["target"].duplicated(keep="last"), "split"] = "train"
    return clips.iloc[rng.permutation(len(clips))].reset_index(drop=True)


@st.composite
def published(draw: st.DrawFn) -> pd.DataFrame:
    """Clips in groups whose published parts and folds respect them; one group is in neither."""
    clips = draw(labelled(smallest=12, alone=(0.0, 0.5)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    owner = clips["group"].fillna(clips["item_id"])
    names = rng.permutation(owner.unique())
    assume(len(names) > 6)
    parts = ["", "train", "test", draw(st.sampled_from(["train", "valid"]))]
    parts += rng.choice(parts[1:], len(names) - len(parts)).tolist()
    folds = [None, *(np.arange(len(names) - 1) % 4).tolist()]
    return clips.assign(
        split=owner.map(dict(zip(names, parts, strict=True))).replace("", None),
        fold=owner.map(dict(zip(names, folds, strict=True))).astype("Int64"),
    )


def ungrouped(target: list[str] | np.ndarray, split: str | None = None) -> pd.DataFrame:
    ids = [f"c{number:06d}" for number in range(len(target))]
    return pd.DataFrame({"item_id": ids, "group": None, "fold": None, "split": split, "target": target})


def groups_of(table: pd.DataFrame, clips: pd.DataFrame, part: str) -> set[str]:
    of_part = clips["item_id"].isin(table.loc[table["part"] == part, "item_id"])
    return set(clips.loc[of_part, "group"].dropna())


def split_or_reject(protocol: Callable[..., pd.DataFrame], *arguments: Any) -> pd.DataFrame:
    """Pass over the drawn clips whose groups are all too large to hold one out, or to leave a class in train."""
    try:
        return protocol(*arguments)
    except InputError as error:
        assert "leaves no validation part" in str(error) or "leaves none to train on" in str(error)
        reject()


def by_protocol(clips: pd.DataFrame, protocol: str, valid: float, seed: int) -> pd.DataFrame:
    folds = 3 if protocol in protocols.DRAWN_FOLDS else None
    clips = clips[clips["split"].notna()] if protocol == "official" else clips
    return split_or_reject(splits.split, clips, protocol, folds, valid, seed)


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
    table = splits.stratified_cv(clips, 5, 0.2, 0).merge(clips.drop(columns="fold"), on="item_id")
    decile = pd.qcut(table["target"], 10, labels=False)
    counts = pd.crosstab([table["fold"], table["part"]], decile)
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1


# Grouped cross-validation


@FEW
@given(labelled(12, alone=(0.0, 0.5)), st.integers(2, 6), st.floats(0.1, 0.5), st.integers(0, 2**40))
def test_grouped_folds_partition_the_clips_and_train_on_every_class(
    clips: pd.DataFrame, folds: int, valid: float, seed: int
) -> None:
    table = split_or_reject(splits.grouped_cv, clips, folds, valid, seed)
    assert len(table) == folds * len(clips)
    assert sorted(table.loc[table["part"] == "test", "item_id"]) == sorted(clips["item_id"])
    check_validation(table, clips)
    trained = table[table["part"] == "train"].merge(clips, on="item_id").groupby("fold")["target"].agg(set)
    assert (trained == [set(clips["target"])] * folds).all()


def in_groups(sizes: dict[str, list[int]]) -> pd.DataFrame:
    """Clips of each class in groups of the sizes given."""
    rows = [
        (label, f"{label} {n}")
        for label, of_label in sizes.items()
        for n in range(len(of_label))
        for _ in range(of_label[n])
    ]
    return ungrouped([label for label, _ in rows]).assign(group=[group for _, group in rows])


def test_ten_artist_folds_of_gtzans_nine_blues_artists_all_train_and_validate_on_blues() -> None:
    # The artists' clips as Sturm's index counts them, and another genre's as most have them.
    clips = in_groups({"blues": [17, 13, 12, 12, 12, 11, 11, 10, 2], "disco": [4] * 5 + [2] * 20 + [1] * 40})
    table = splits.split(clips, "artist_cv", 10, 0.15, 0).merge(clips[["item_id", "target"]], on="item_id")
    blues = pd.crosstab(table["fold"], table.loc[table["target"] == "blues", "part"])
    assert (blues["test"] == 0).sum() == 1
    assert blues["train"].min() > 60
    assert blues["valid"].min() > 0


def test_grouped_folds_give_each_a_share_of_a_class_of_23_clips() -> None:
    clips = in_groups({"Wcswing": [1] * 23, "Waltz": [2] * 80 + [1] * 360})
    table = splits.grouped_cv(clips, 10, 0.15, 0).merge(clips[["item_id", "target"]], on="item_id")
    wcswing = pd.crosstab(table["fold"], table.loc[table["target"] == "Wcswing", "part"])
    assert set(wcswing["test"]) == {2, 3}
    assert wcswing["valid"].tolist() == [3] * 10


def test_a_class_of_one_group_cannot_be_cross_validated_by_groups() -> None:
    clips = in_groups({"many": [2] * 10, "solo": [6]})
    with pytest.raises(InputError, match=r"every clip of class 'solo'.* number 1, .*take protocol stratified_cv"):
        splits.grouped_cv(clips, 3, 0.2, 0)


def test_a_class_whose_groups_all_fall_into_one_fold_is_named_with_the_fold() -> None:
    clips = ungrouped(["a", "a", "a", "a", "b", "b", "b"]).assign(group=["g1", "g1", "g2", "g2", "g2", "g3", "g3"])
    with pytest.raises(InputError, match=r"fold \d of 2 tests .* class 'b'.* number 2, .*change folds or seed"):
        splits.grouped_cv(clips, 2, 0.2, 859)


def test_grouped_folds_need_groups_and_enough_of_them() -> None:
    with pytest.raises(InputError, match=r"no clip names its group .* take protocol stratified_cv"):
        splits.grouped_cv(ungrouped(["a", "b"] * 10), 3, 0.2, 0)
    with pytest.raises(InputError, match=r"4 groups .* are too few for 5 folds: lower folds"):
        splits.grouped_cv(in_groups({"a": [5, 5], "b": [5, 5]}), 5, 0.2, 0)
    with pytest.raises(InputError, match=r"class 'b' has 3 clips, fewer than the 4 folds"):
        splits.grouped_cv(in_groups({"a": [5] * 4, "b": [1] * 3}), 4, 0.2, 0)


def test_grouped_folds_of_numbers_have_no_class_to_keep_in_train() -> None:
    clips = ungrouped(np.repeat(np.arange(20.0), 5)).assign(group=np.repeat([f"artist {n}" for n in range(20)], 5))
    table = splits.grouped_cv(clips, 5, 0.3, 0)
    assert (pd.crosstab(table["fold"], table["part"])["test"] == 20).all()
    with pytest.raises(InputError, match=r"a decile of the target has 10 clips, fewer than the 11 folds"):
        splits.grouped_cv(clips, 11, 0.3, 0)


def test_the_papers_plain_cv_does_share_groups_between_train_and_test() -> None:
    """Known of the paper's protocol, and kept: artists of GTZAN, versions of Extended Ballroom leak."""
    clips = in_groups({"blues": [10] * 5, "disco": [5] * 10})
    plain = splits.split(clips, "stratified_cv", 5, 0.3, 0)
    assert all(groups_of(fold, clips, "train") & groups_of(fold, clips, "test") for _, fold in plain.groupby("fold"))
    check_validation(plain, clips)


# Published folds and lists


def with_folds() -> pd.DataFrame:
    """As DCASE2016: a development set in four folds, 12 recordings of 5 clips a scene, and an evaluation set."""
    clips = in_groups({"bus": [5] * 12, "tram": [5] * 12, "park": [5] * 4})
    number = clips["group"].str.split().str[1].astype(int)
    return clips.assign(fold=(number % 4).where(clips["target"] != "park").astype("Int64"))


def test_published_folds_are_kept_and_other_clips_left_out() -> None:
    clips = with_folds()
    table = splits.split(clips, "dev_cv4", None, 0.2, 0)
    assert set(table["item_id"]) == set(clips.loc[clips["fold"].notna(), "item_id"])
    tested = table[table["part"] == "test"].set_index("item_id")["fold"]
    assert tested.to_dict() == clips.dropna(subset="fold").set_index("item_id")["fold"].to_dict()
    assert (pd.crosstab(table["fold"], table["part"]) == [30, 75, 15]).all(axis=None)
    check_validation(table, clips)


def test_a_published_fold_without_clips_is_named() -> None:
    clips = with_folds()
    with pytest.raises(InputError, match=r"no clip of published fold 3 of 4 is left: complete the data set"):
        splits.published_cv(clips[clips["fold"] != 2], 0.2, 0)
    with pytest.raises(InputError, match=r"the clips name no published folds: put the data set's lists"):
        splits.published_cv(clips.assign(fold=pd.array([None] * len(clips), "Int64")), 0.2, 0)


def test_fault_filtered_keeps_the_lists_and_leaves_unlisted_clips_out() -> None:
    lists = ["train"] * 443 + ["valid"] * 197 + ["test"] * 290 + [None] * 70
    clips = ungrouped([f"genre {n % 10}" for n in range(1000)]).assign(split=lists)
    table = splits.split(clips, "fault_filtered", None, 0.15, 0)
    assert table["part"].value_counts().to_dict() == {"train": 443, "test": 290, "valid": 197}
    kept = clips.dropna(subset="split").set_index("item_id")["split"]
    assert table.set_index("item_id")["part"].to_dict() == kept.to_dict()
    with pytest.raises(InputError, match=r"no clip of the published train part is left"):
        splits.split(clips.assign(split=None), "fault_filtered", None, 0.15, 0)


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
    with pytest.raises(InputError, match=r"no clip of the published test part is left"):
        splits.official(clips, 0.5, 0)
    with pytest.raises(InputError, match=r"item c000003 is in no published part"):
        splits.official(clips.assign(split=["train", "test", "train", None] * 2), 0.5, 0)


def test_numbers_that_are_all_alike_are_one_stratum() -> None:
    clips = ungrouped(np.array([5.0] * 20 + [7.0]), "train")
    clips.loc[20, "split"] = "test"
    assert splits.official(clips, 0.2, 0)["part"].value_counts()["valid"] == 4


def test_scenes_of_few_long_recordings_are_all_validated() -> None:
    # 15 % of the 80 clips that each scene has in train are 12: no two recordings of 8 fit, and no one of 16.
    clips = in_groups({"long": [16] * 6, "short": [8] * 11})
    clips["split"] = np.where(clips["group"].isin(["long 0", "short 0"]), "test", "train")
    table = splits.official(clips, 0.15, 0).merge(clips[["item_id", "target"]], on="item_id")
    assert table.loc[table["part"] == "valid", "target"].value_counts().to_dict() == {"long": 16, "short": 8}


@FEW
@given(st.floats(0.05, 3), st.integers(0, 2**40))
def test_validation_of_numbers_by_artists_who_keep_to_a_range_is_not_far_from_its_share(
    spread: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    artist = np.repeat(np.arange(24), 10)
    clips = ungrouped(rng.normal(rng.normal(0, 1, 24)[artist], spread), "train")
    clips = clips.assign(group=[f"artist {number}" for number in artist])
    clips.loc[artist >= 18, "split"] = "test"
    parts = splits.official(clips, 0.2, seed)["part"].value_counts()
    assert 20 <= parts["valid"] <= 36


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


@pytest.mark.parametrize("protocol", [name for name in protocols.PROTOCOLS if name != "stratified_cv"])
@FEWER
@given(clips=published(), valid=st.floats(0.2, 0.5), seed=st.integers(0, 2**40))
def test_no_split_of_any_other_protocol_shares_a_group_between_train_and_test(
    protocol: str, clips: pd.DataFrame, valid: float, seed: int
) -> None:
    for _, fold in by_protocol(clips, protocol, valid, seed).groupby("fold"):
        tested = groups_of(fold, clips, "test")
        assert not tested & (groups_of(fold, clips, "train") | groups_of(fold, clips, "valid"))


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
@FEWER
@given(clips=published(), valid=st.floats(0.2, 0.5), seed=st.integers(0, 2**40))
def test_no_split_of_any_protocol_shares_a_group_between_train_and_valid(
    protocol: str, clips: pd.DataFrame, valid: float, seed: int
) -> None:
    table = by_protocol(clips, protocol, valid, seed)
    for _, fold in table.groupby("fold"):
        assert set(fold["part"]) == set(PARTS)
        assert not fold["item_id"].duplicated().any()
        assert not groups_of(fold, clips, "train") & groups_of(fold, clips, "valid")


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
@FEWER
@given(clips=published(), seed=st.integers(0, 2**40))
def test_split_depends_on_the_seed_and_not_on_the_order_of_the_clips(
    protocol: str, clips: pd.DataFrame, seed: int
) -> None:
    table = by_protocol(clips, protocol, 0.4, seed)
    pd.testing.assert_frame_equal(table, by_protocol(clips.sample(frac=1, random_state=1), protocol, 0.4, seed))


def test_a_random_split_does_not_depend_on_the_order_of_the_clips() -> None:
    clips = pd.DataFrame({"item_id": np.arange(100).astype(str)})
    shuffled = clips.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(splits.random(clips, PAPER_SHARES, 5), splits.random(shuffled, PAPER_SHARES, 5))


def test_another_seed_gives_another_split() -> None:
    clips = ungrouped(["a", "b"] * 50, "train")
    clips.loc[:10, "split"] = "test"
    assert not splits.stratified_cv(clips, 5, 0.2, 0).equals(splits.stratified_cv(clips, 5, 0.2, 1))
    grouped = clips.assign(group=clips["item_id"].str[:-1])
    assert not splits.grouped_cv(grouped, 5, 0.2, 0).equals(splits.grouped_cv(grouped, 5, 0.2, 1))
    assert not splits.official(clips, 0.2, 0).equals(splits.official(clips, 0.2, 1))
    assert not splits.random(clips, PAPER_SHARES, 0).equals(splits.random(clips, PAPER_SHARES, 1))


# The embedded data sets


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded data sets with empty files for audio, as many as the demo has."""
    root = tmp_path_factory.mktemp("layouts")
    counts = params.load(Path(__file__).parents[2] / "presets/study.yaml").demo.model_dump()
    for planner in (dcase2016, emomusic, extended_ballroom, fma, gtzan):
        name = planner.__name__.rsplit(".", 1)[1]
        for recording in planner.plan(counts[name], root / name, 0, 8.0):
            recording.path.parent.mkdir(parents=True, exist_ok=True)
            recording.path.touch()
    return root


CASES = [
    (reader, protocol) for reader, data_set in READERS.items() if data_set.targets for protocol in data_set.protocols
]


@pytest.mark.parametrize(("reader", "protocol"), CASES)
def test_every_protocol_of_every_data_set_splits_its_embedded_copy(layouts: Path, reader: str, protocol: str) -> None:
    data_set = READERS[reader]
    for target in data_set.targets:
        clips = data_set.read(layouts / reader.removesuffix("_small").removesuffix("_medium"), target)
        table = splits.split(clips, protocol, 3 if protocol in protocols.DRAWN_FOLDS else None, 0.15, 0)
        assert table["fold"].nunique() == {"dev_cv4": 4, "official": 1, "fault_filtered": 1}.get(protocol, 3)
        for _, fold in table.groupby("fold"):
            train, valid, test = (groups_of(fold, clips, part) for part in PARTS)
            assert (fold["part"] == "valid").sum() > 0.1 * (fold["part"] != "test").sum()
            assert protocol == "fault_filtered" or not train & valid
            assert protocol not in ("grouped_cv", "artist_cv", "dev_cv4") or not (train | valid) & test


def test_splits_are_read_in_the_order_of_the_spectrograms_left_out_clips_among_them(tmp_path: Path) -> None:
    clips = pd.DataFrame({"item_id": ["d", "a", "c", "b"], "target": ["rock", "jazz", "folk", "jazz"]})
    parts = pd.DataFrame([(0, "a", "train"), (0, "b", "test"), (0, "d", "valid"), (1, "d", "train"), (1, "a", "test")])
    table = splits.every_clip(clips, parts.set_axis(["fold", "item_id", "part"], axis="columns"))
    corpus = Corpus(tmp_path)
    table.to_parquet(corpus.splits, index=False)
    read, (first, second) = corpus.read_splits()
    pd.testing.assert_frame_equal(read, clips)
    assert {part: rows.tolist() for part, rows in first.items()} == {"train": [1], "valid": [0], "test": [3]}
    assert {part: rows.tolist() for part, rows in second.items()} == {"train": [0], "valid": [], "test": [1]}
