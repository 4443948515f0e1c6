"""How clips are divided into folds and into train, valid and test.

Every function takes a table of clips (``item_id``, ``group``, ``split``, ``target``: see `hearlog.corpus.Corpus`) and
returns a table with ``fold`` (from 0), ``item_id`` and ``part``: one row a fold and clip, in their order. The result
depends on the seed and on which clips there are, not on the order they come in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hearlog.corpus import PARTS
from hearlog.errors import InputError
from hearlog.seeds import derive

QUANTILES = 10  # a numeric target is stratified by its deciles


def stratified_cv(clips: pd.DataFrame, folds: int, valid: float, seed: int) -> pd.DataFrame:
    """Cross-validate: every clip is test in exactly one fold, every class is spread over all of them.

    This is the paper's protocol for GTZAN and Extended Ballroom (section 3.2.2); it knows no groups. The
    validation part of a fold is taken out of its training clips, and does respect groups.

    Parameters
    ----------
    clips
        Table of clips.
    folds
        How many.
    valid
        Share of a fold's training clips to hold out for validation.
    seed
        Of the folds and of what is held out.

    Raises
    ------
    InputError
        If a class has fewer clips than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold  # 1 s to import, and the other protocols do without

    clips = clips.sort_values("item_id", ignore_index=True)
    strata = _strata(clips["target"])
    sizes = strata.value_counts()
    if sizes.min() < folds:
        raise InputError(
            f"class {sizes.idxmin()!r} has {sizes.min()} clips, fewer than the {folds} folds: "
            "lower folds, or complete the data set"
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=derive(seed, "folds") % 2**32)
    tables = []
    for fold, (_, test) in enumerate(splitter.split(clips, strata)):
        part = pd.Series("train", index=clips.index)
        part.iloc[test] = "test"
        tables.append(_table(clips, _hold_out(clips, part, valid, derive(seed, "valid", fold)), fold))
    return pd.concat(tables, ignore_index=True)


def official(clips: pd.DataFrame, valid: float, seed: int) -> pd.DataFrame:
    """Keep the data set's own parts; where it names no validation part, take one out of train.

    Parameters
    ----------
    clips
        Table of clips.
    valid
        Share of train to hold out if no clip is ``valid``.
    seed
        Of what is held out.

    Raises
    ------
    InputError
        If the data set has clips without a part, or no train or test clips.
    """
    clips = clips.sort_values("item_id", ignore_index=True)
    part = clips["split"]
    if not part.isin(PARTS).all():
        without = clips.loc[~part.isin(PARTS), "item_id"].iloc[0]
        raise InputError(f"item {without} has no official split: protocol stratified_cv needs none")
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
