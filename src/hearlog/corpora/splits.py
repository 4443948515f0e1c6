"""How clips are divided into folds and into train, valid and test.

Every protocol takes a table of clips (``item_id``, ``group``, ``fold``, ``split``, ``target``: see
`hearlog.corpora.corpus.Corpus`) and returns a table with ``fold`` (from 0), ``item_id`` and ``part``: one row per fold
and clip, in their order. The result depends on the seed and on which clips there are, not on the order they come in.
`every_clip` puts it into the row order of the spectrograms.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hearlog.corpora.corpus import PARTS
from hearlog.corpora.protocols import DRAWN_FOLDS
from hearlog.util.errors import InputError
from hearlog.util.seeds import derive

QUANTILES = 10  # a numeric target is stratified by its deciles
_REJECTED = "complete the data set; what was rejected stands in crops/rejected.parquet beside the items"


def split(clips: pd.DataFrame, protocol: str, folds: int | None, valid: float, seed: int) -> pd.DataFrame:
    """Divide the clips of a task by its protocol.

    Parameters
    ----------
    clips
        Table of clips.
    protocol
        ``stratified_cv``, ``grouped_cv`` (``artist_cv`` where the groups are artists), ``official``,
        ``fault_filtered`` (the same by lists, which leave clips out) or ``dev_cv4`` (published folds).
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
    if protocol in DRAWN_FOLDS:
        assert folds is not None  # hearlog.params sees to it
        draw = stratified_cv if protocol == "stratified_cv" else grouped_cv
        return draw(clips, folds, valid, seed)
    if protocol == "dev_cv4":
        return published_cv(clips, valid, seed)
    listed = clips[clips["split"].notna()] if protocol == "fault_filtered" else clips
    return official(listed, valid, seed)


def every_clip(clips: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    """Give every fold a row for every clip.

    Parameters
    ----------
    clips
        ``item_id`` of every clip, and what else each row is to hold, in the order of the result.
    parts
        ``fold``, ``item_id`` and ``part``, as a protocol returns them.

    Returns
    -------
    ``fold``, the columns of ``clips`` and ``part``, which is null where the protocol leaves the clip out.
    """
    rows = parts[["fold"]].drop_duplicates().merge(clips, how="cross")
    return rows.merge(parts, on=["fold", "item_id"], how="left", validate="1:1")


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
    _refuse_small_strata(strata, folds)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=derive(seed, "folds") % 2**32)
    return _cross_validate(clips, [test for _, test in splitter.split(clips, strata)], valid, seed)


def grouped_cv(clips: pd.DataFrame, folds: int, valid: float, seed: int) -> pd.DataFrame:
    """Cross-validate by whole groups: no artist, recording or song stands on both sides of train and test.

    Every clip is test in exactly one fold, and every fold trains on every class. Classes are spread as evenly as
    their groups allow (scikit-learn's StratifiedGroupKFold): a fold tests no clip of a class that has fewer groups
    than there are folds, as GTZAN's blues with 9 artists. A clip without a group is a group of its own.

    Raises
    ------
    InputError
        If no clip has a group, there are too few groups, a class has fewer clips than there are folds, or all clips
        of a class are test in one fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    clips = clips.sort_values("item_id", ignore_index=True)
    if clips["group"].isna().all():
        raise InputError(
            "no clip names its group (artist, recording, version): complete the data set's annotations, "
            "or take protocol stratified_cv, which needs none"
        )
    strata, groups = _strata(clips["target"]), _group_numbers(clips["group"])
    _refuse_small_strata(strata, folds)
    if (count := len(np.unique(groups))) < folds:
        raise InputError(f"{count} groups (artists, recordings, versions) are too few for {folds} folds: lower folds")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=derive(seed, "folds") % 2**32)
    tests = [test for _, test in splitter.split(clips, strata, groups)]
    _refuse_untrained_class(clips["target"], groups, tests)
    return _cross_validate(clips, tests, valid, seed)


def published_cv(clips: pd.DataFrame, valid: float, seed: int) -> pd.DataFrame:
    """Cross-validate over the folds that the data set names; clips of no fold are left out.

    Raises
    ------
    InputError
        If the clips name fewer than two folds, or a fold has no test clips left.
    """
    clips = clips[clips["fold"].notna()].sort_values("item_id", ignore_index=True)
    published = clips["fold"].to_numpy(np.int64)
    tests = [np.flatnonzero(published == fold) for fold in range(published.max(initial=-1) + 1)]
    if len(tests) < 2:
        raise InputError(
            "the clips name no published folds: put the data set's lists of them beside its annotations, "
            "or take another protocol"
        )
    for fold, test in enumerate(tests):
        if len(test) == 0:
            raise InputError(f"no clip of published fold {fold + 1} of {len(tests)} is left: {_REJECTED}")
    return _cross_validate(clips, tests, valid, seed)


def official(clips: pd.DataFrame, valid: float, seed: int) -> pd.DataFrame:
    """Keep the data set's own parts; where it names no validation part, take one out of train.

    Published parts are kept even where a group stands in several: GTZAN's filtered lists have six artists in both
    train and test.

    Raises
    ------
    InputError
        If the data set has clips without a part, or no train or test clips.
    """
    clips = clips.sort_values("item_id", ignore_index=True)
    part = clips["split"]
    if not part.isin(PARTS).all():
        without = clips.loc[~part.isin(PARTS), "item_id"].iloc[0]
        raise InputError(f"item {without} is in no published part: a protocol that draws folds needs none")
    for needed in ("train", "test"):
        if needed not in set(part):
            raise InputError(f"no clip of the published {needed} part is left: {_REJECTED}")
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

    Groups come in random order. First those are taken whose clips fit into what their strata still have to give, then
    those that overshoot a stratum by less than it falls short, as long as all strata together fall short: a scene of
    few, long recordings is validated too. Every class stays in train; scikit-learn's StratifiedGroupKFold would take
    all of a class that is one group. A clip without a group is a group of its own: without groups the counts are
    exact.
    """
    rng = np.random.default_rng(seed)
    train = clips[part == "train"]
    group = _group_numbers(train["group"])
    # Groups are few beside clips: no more quantiles than groups to hold out, or none would fit.
    quantiles = min(QUANTILES, max(1, int(share * (group.max() + 1))))
    stratum, _ = pd.factorize(_strata(train["target"], quantiles), sort=True)
    counts = np.zeros((group.max() + 1, stratum.max() + 1), np.int64)
    np.add.at(counts, (group, stratum), 1)
    # Strata of equal size in random order: what is left over must not always go to the lowest decile.
    counts = counts[:, rng.permutation(counts.shape[1])]
    sizes = counts.sum(axis=0)
    spare = sizes - 1
    room = np.minimum(_apportion(round(share * len(train)), sizes), spare)
    held_out = np.zeros(len(counts), bool)
    for fits in (_within, _nearer):
        for number in rng.permutation(np.flatnonzero(~held_out)):
            if fits(room, counts[number]) and (counts[number] <= spare).all():
                room, spare = room - counts[number], spare - counts[number]
                held_out[number] = True
    if not held_out.any():
        raise InputError(
            f"valid: {share:g} of {len(train)} train clips leaves no validation part, as groups (artists, recordings) "
            "stay whole and every class stays in train: raise valid, or complete the data set"
        )
    part = part.copy()
    part[train.index[held_out[group]]] = "valid"
    return part


def _within(room: np.ndarray, counts: np.ndarray) -> bool:
    return bool((counts <= room).all())


def _nearer(room: np.ndarray, counts: np.ndarray) -> bool:
    return bool(counts.sum() <= room.sum() and ((room - counts) ** 2).sum() < (room**2).sum())


def _refuse_small_strata(strata: pd.Series, folds: int) -> None:
    sizes = strata.value_counts()
    if sizes.min() < folds:
        name = "a decile of the target" if pd.api.types.is_numeric_dtype(strata) else f"class {sizes.idxmin()!r}"
        raise InputError(
            f"{name} has {sizes.min()} clips, fewer than the {folds} folds: lower folds, or complete the data set"
        )


def _refuse_untrained_class(target: pd.Series, groups: np.ndarray, tests: list[np.ndarray]) -> None:
    """Make sure of what StratifiedGroupKFold does not promise: that no class is test as a whole."""
    if pd.api.types.is_numeric_dtype(target):
        return
    for fold, test in enumerate(tests):
        untrained = set(target) - set(target.drop(test))
        if untrained:
            label = min(untrained)
            count = len(np.unique(groups[target == label]))
            raise InputError(
                f"fold {fold + 1} of {len(tests)} tests every clip of class {label!r}, whose groups (artists, "
                f"recordings, versions) number {count}, and leaves none to train on: "
                + ("change folds or seed" if count > 1 else "take protocol stratified_cv, or leave that class out")
            )


def _group_numbers(group: pd.Series) -> np.ndarray:
    """Give every group a number from 0, and every clip without a group one of its own."""
    numbers, names = pd.factorize(group)
    alone = numbers < 0
    numbers[alone] = len(names) + np.arange(alone.sum())
    return numbers


def _strata(target: pd.Series, quantiles: int = QUANTILES) -> pd.Series:
    """Labels as they are; numbers as the decile, or other quantile, they fall in."""
    if pd.api.types.is_numeric_dtype(target):
        # Numbers that are all alike fall into none.
        return pd.qcut(target, quantiles, labels=False, duplicates="drop").fillna(0)
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
