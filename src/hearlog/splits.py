"""How clips are divided into folds and into train, valid and test.

Every function takes a table of clips (``item_id``, ``group``, ``fold``, ``split``, ``target``: see
`hearlog.corpus.Corpus`) and returns a table with ``fold`` (from 0), ``item_id`` and ``part``: one row a fold and clip,
in their order. The result depends on the seed and on which clips there are, not on the order they come in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hearlog.corpus import PARTS
from hearlog.errors import InputError
from hearlog.seeds import derive

DRAWN_FOLDS = ("stratified_cv", "grouped_cv", "artist_cv")  # protocols that take a number of folds
PUBLISHED = ("official", "fault_filtered", "dev_cv4")  # protocols whose test parts the data set names
PROTOCOLS = (*DRAWN_FOLDS, *PUBLISHED)
QUANTILES = 10  # a numeric target is stratified by its deciles


def split(clips: pd.DataFrame, protocol: str, folds: int | None, valid: float, seed: int) -> pd.DataFrame:
    """Divide the clips of a task by its protocol.

    Parameters
    ----------
    clips
        Table of clips.
    protocol
        ``stratified_cv``, ``grouped_cv`` (``artist_cv`` where the groups are artists), ``official``,
        ``fault_filtered`` (official, without the clips that the lists leave out) or ``dev_cv4`` (published folds).
    folds
        Of a protocol of `DRAWN_FOLDS`; None for the others.
    valid
        Share of a fold's training clips to hold out for validation, unless the data set names a validation part.
    seed
        Of the folds and of what is held out.

    Raises
    ------
    InputError
        If the clips cannot be divided so, with the reason.
    """
    if folds is not None:
        draw = stratified_cv if protocol == "stratified_cv" else grouped_cv
        return draw(clips, folds, valid, seed)
    if protocol == "dev_cv4":
        return published_cv(clips, valid, seed)
    listed = clips[clips["split"].notna()] if protocol == "fault_filtered" else clips
    return official(listed, valid, seed)


def stratified_cv(clips: pd.DataFrame, folds: int, valid: float, seed: int) -> pd.DataFrame:
    """Cross-validate: every clip is test in exactly one fold, every class is spread over all of them.

    This is the paper's protocol for GTZAN and Extended Ballroom (section 3.2.2); it knows no groups: artists and
    versions stand on both sides of train and test. The validation part of a fold does respect groups.

    Raises
    ------
    InputError
        If a class has fewer clips than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold  # 1 s to import, and the published protocols do without

    clips = clips.sort_values("item_id", ignore_index=True)
    strata = _strata(clips["target"])
    sizes = strata.value_counts()
    if sizes.min() < folds:
        raise InputError(
            f"class {sizes.idxmin()!r} has {sizes.min()} clips, fewer than the {folds} folds: "
            "lower folds, or complete the data set"
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=derive(seed, "folds") % 2**32)
    return _cross_validate(clips, [test for _, test in splitter.split(clips, strata)], valid, seed)


def grouped_cv(clips: pd.DataFrame, folds: int, valid: float, seed: int) -> pd.DataFrame:
    """Cross-validate by whole groups: no artist, recording or song stands on both sides of train and test.

    Every clip is test in exactly one fold. Classes are spread as evenly as their groups allow (scikit-learn's
    StratifiedGroupKFold), so a fold may test no clip of a class of few groups, but trains on every class. A clip
    without a group is a group of its own.

    Raises
    ------
    InputError
        If no clip has a group, or a class has a single one.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    clips = clips.sort_values("item_id", ignore_index=True)
    if clips["group"].isna().all():
        raise InputError("no clip names its group (artist, version): protocol stratified_cv needs none")
    strata, group = _strata(clips["target"]), pd.Series(_group_numbers(clips["group"]))
    groups = group.groupby(strata).nunique()
    if groups.min() < 2 or group.nunique() < folds:
        raise InputError(
            f"class {groups.idxmin()!r} has {groups.min()} groups, and there are {group.nunique()} in all for "
            f"{folds} folds: a class needs 2 groups, a fold one. Lower folds, or complete the data set"
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=derive(seed, "folds") % 2**32)
    return _cross_validate(clips, [test for _, test in splitter.split(clips, strata, group)], valid, seed)


def published_cv(clips: pd.DataFrame, valid: float, seed: int) -> pd.DataFrame:
    """Cross-validate over the folds that the data set names; clips of no fold are left out.

    Raises
    ------
    InputError
        If no clip has a fold, or a fold has no test clips left.
    """
    clips = clips[clips["fold"].notna()].sort_values("item_id", ignore_index=True)
    tests = [np.flatnonzero(clips["fold"] == fold) for fold in range(int(clips["fold"].max()) + 1 if len(clips) else 0)]
    if not tests or not all(map(len, tests)):
        raise InputError(
            "no clip of a published fold is left: put the data set's lists of folds beside its annotations"
        )
    return _cross_validate(clips, tests, valid, seed)


def official(clips: pd.DataFrame, valid: float, seed: int) -> pd.DataFrame:
    """Keep the data set's own parts; where it names no validation part, take one out of train.

    Raises
    ------
    InputError
        If the data set has clips without a part, or no train or test clips.
    """
    clips = clips.sort_values("item_id", ignore_index=True)
    part = clips["split"]
    if not part.isin(PARTS).all():
        without = clips.loc[~part.isin(PARTS), "item_id"].iloc[0]
        raise InputError(f"item {without} has no official split: a protocol that draws folds needs none")
    for needed in ("train", "test"):
        if needed not in set(part):
            raise InputError(
                f"no clip of the official {needed} part is left: see crops/rejected.parquet beside the items"
            )
    if "valid" not in set(part):
        part = _hold_out(clips, part, valid, derive(seed, "valid", 0))
    return _table(clips, part)


def random(clips: pd.DataFrame, shares: Mapping[str, float], seed: int) -> pd.DataFrame:
    """Draw the parts at random, as the paper does with the songs (section 3.1.1).

    Parameters
    ----------
    clips
        Table of clips; only ``item_id`` matters.
    shares
        Share of ``train``, ``valid`` and ``test``. The counts are exact, by largest remainder.
    seed
        Of the draw.

    Raises
    ------
    InputError
        If there are too few clips to give each part one.
    """
    clips = clips.sort_values("item_id", ignore_index=True)
    counts = _apportion(len(clips), np.array([shares[part] for part in PARTS]))
    if counts.min() == 0:
        raise InputError(f"{len(clips)} clips are too few for the shares {dict(shares)}: a part would be empty")
    parts = np.repeat(PARTS, counts)
    return _table(clips, pd.Series(np.random.default_rng(derive(seed, "split")).permutation(parts)))


def _cross_validate(clips: pd.DataFrame, tests: list[np.ndarray], valid: float, seed: int) -> pd.DataFrame:
    """Make a fold of each list of test rows, and hold out validation clips from the rest."""
    tables = []
    for fold, test in enumerate(tests):
        part = pd.Series("train", index=clips.index)
        part.iloc[test] = "test"
        tables.append(_table(clips, _hold_out(clips, part, valid, derive(seed, "valid", fold)), fold))
    return pd.concat(tables, ignore_index=True)


def _hold_out(clips: pd.DataFrame, part: pd.Series, share: float, seed: int) -> pd.Series:
    """Turn ``share`` of the train clips into valid ones, by stratum and by whole groups.

    Groups come in random order, and one is taken if its clips fit into what their strata still have to give. So
    every class stays in train, and the part falls short of ``share`` where a class consists of few, large groups;
    scikit-learn's StratifiedGroupKFold would take all of a class that is one group. A clip without a group is a
    group of its own: without groups the counts are exact.
    """
    rng = np.random.default_rng(seed)
    train = clips[part == "train"]
    group = pd.Series(_group_numbers(train["group"]), index=train.index)
    counts = pd.crosstab(group, _strata(train["target"])).to_numpy()
    # Strata of equal size in random order: what is left over must not always go to the lowest decile.
    counts = counts[:, rng.permutation(counts.shape[1])]
    sizes = counts.sum(axis=0)
    room = np.minimum(_apportion(round(share * len(train)), sizes), sizes - 1)
    held_out = np.zeros(len(counts), bool)
    for number in rng.permutation(len(counts)):
        if (counts[number] <= room).all():
            room -= counts[number]
            held_out[number] = True
    if not held_out.any():
        raise InputError(
            f"valid: {share:g} of {len(train)} train clips leaves no validation part, as groups (artists, recordings) "
            "stay whole and every class stays in train: raise valid, or complete the data set"
        )
    part = part.copy()
    part[train.index[held_out[group]]] = "valid"
    return part


def _group_numbers(group: pd.Series) -> np.ndarray:
    """Give every group a number from 0, and every clip without a group one of its own."""
    numbers, names = pd.factorize(group)
    alone = numbers < 0
    numbers[alone] = len(names) + np.arange(alone.sum())
    return numbers


def _strata(target: pd.Series) -> pd.Series:
    """Labels as they are; numbers as the decile they fall in."""
    if pd.api.types.is_numeric_dtype(target):
        return pd.qcut(target, QUANTILES, labels=False, duplicates="drop")
    return target


def _apportion(total: int, weights: np.ndarray) -> np.ndarray:
    """Divide ``total`` in proportion to ``weights``, in whole numbers, by largest remainder."""
    quotas = total * weights / weights.sum()
    counts = np.floor(quotas).astype(np.int64)
    largest = np.argsort(counts - quotas, kind="stable")[: total - counts.sum()]
    counts[largest] += 1
    return counts


def _table(clips: pd.DataFrame, part: pd.Series, fold: int = 0) -> pd.DataFrame:
    return pd.DataFrame({"fold": fold, "item_id": clips["item_id"], "part": part.astype("str")})
