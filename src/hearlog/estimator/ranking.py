"""How well scores rank songs for users, and the ranking of songs that users were not fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, vstack
from tqdm import tqdm

from hearlog.als.factorize import fold_in
from hearlog.als.regularization import regularization_of
from hearlog.logs.interactions import Interactions
from hearlog.params.log_blocks import Als
from hearlog.util.errors import InputError

MOST_USERS = 10_000  # the standard error of a mean is then below 0.005
CUTOFFS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
HEADLINE = (10, 50)  # the cutoffs among the metrics


def recall_at_k(scores: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """Recall of the k songs with the highest scores: hits / min(k, relevant songs).

    So that 1 can be reached, as in D. Liang, R. G. Krishnan, M. D. Hoffman, T. Jebara: "Variational autoencoders
    for collaborative filtering", WWW 2018, section 4.2. Songs whose tied scores straddle the cut count with
    their chance of being above it under a random order: equal scores get the recall of random guessing.

    Parameters
    ----------
    scores
        Finite numbers, (users, songs).
    relevant
        bool, (users, songs): what the users listened to.
    k
        Length of the list; all songs if there are fewer.

    Returns
    -------
    float64, (users,); NaN for a user without relevant songs.
    """
    k = min(k, scores.shape[1])
    cut = np.partition(scores, -k, axis=1)[:, [-k]]
    above, tied = scores > cut, scores == cut
    chance = (k - above.sum(axis=1)) / tied.sum(axis=1)
    hits = (above & relevant).sum(axis=1) + chance * (tied & relevant).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return hits / np.minimum(k, relevant.sum(axis=1))


def auc(scores: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Area under the ROC curve: the chance that a relevant song scores above another one, ties counting half.

    Parameters
    ----------
    scores
        Finite numbers, (users, songs).
    relevant
        bool, (users, songs).

    Returns
    -------
    float64, (users,); NaN for a user to whom no song or every song is relevant.
    """
    from scipy.stats import rankdata  # half a second to import, and only evaluation needs it

    positives = relevant.sum(axis=1)
    negatives = relevant.shape[1] - positives
    rank_sums = np.where(relevant, rankdata(scores, axis=1), 0).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (rank_sums - positives * (positives + 1) / 2) / (positives * negatives)


def rank_songs(
    user_songs: Interactions,
    song_factors: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    sources: Mapping[str, np.ndarray],
    settings: Als,
    threads: int = 0,
    batch_size: int = 512,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Rank test songs for users who are known by their train songs alone.

    Every user's factors are solved anew from the train songs, so that no play of a test song has a part in them.

    Parameters
    ----------
    user_songs
        All interactions, users x songs. Of more than `MOST_USERS` users who can be ranked for, so many are drawn.
    song_factors
        ALS factors of all songs, (songs, factors); only those of the train songs are read.
    train, test
        Numbers of the train and of the test songs: columns of ``user_songs``, rows of ``song_factors``.
    sources
        For each name, what to rank the test songs by: vectors (test songs, factors), scored by the dot product
        with the user's factors, or one score a song, (test songs,), for all users alike. Equal scores stand for
        random order.
    settings
        Those of the fit that gave the factors.
    threads
        0 for all cores.
    batch_size
        Users ranked at a time; takes about 40 bytes a user and test song.

    Returns
    -------
    metrics
        For each name the means over users of ``recall_at_10``, ``recall_at_50`` and ``auc``; and the numbers of
        users: ``users`` who were ranked for, of ``users_eligible`` who could be; ``users_without_train_plays``,
        ``users_without_test_plays``, and ``users_with_all_test_songs``, for whom every order is right.
    recall
        The mean recall of lists of 1, 2, 5, 10, ... 1000 songs, as long as there are more: one row a length, ``k``,
        and a column for each name.

    Raises
    ------
    InputError
        If no user remains.
    """
    columns = np.arange(user_songs.columns)
    n_known, n_wanted = (user_songs.count(np.isin(columns, part)) for part in (train, test))
    ranked = np.flatnonzero((n_known > 0) & (n_wanted > 0) & (n_wanted < len(test)))
    if not len(ranked):
        raise InputError("no user played both a train song and a test song: more logs, or other songs.split")
    eligible = len(ranked)
    if eligible > MOST_USERS:
        ranked = np.sort(np.random.default_rng(0).choice(ranked, MOST_USERS, replace=False))
    chosen = _rows(user_songs, ranked)
    wanted = chosen[:, test]
    known = chosen[:, train]
    regularization = regularization_of(np.diff(known.indptr), user_songs, settings)
    users = fold_in(known, song_factors[train], settings.alpha, regularization, threads)
    sums = {name: np.zeros(len(CUTOFFS) + 1) for name in sources}
    for start in tqdm(range(0, len(ranked), batch_size), desc="ranking", unit="batch", disable=None):
        batch = slice(start, start + batch_size)
        relevant = wanted[batch].toarray().astype(bool)
        for name, source in sources.items():
            scores = users[batch] @ source.T if source.ndim == 2 else np.broadcast_to(source, relevant.shape)
            sums[name] += [*(recall_at_k(scores, relevant, k).sum() for k in CUTOFFS), auc(scores, relevant).sum()]
    means = pd.DataFrame(sums, index=[*CUTOFFS, "auc"]) / len(ranked)
    names: dict[Any, str] = {k: f"recall_at_{k}" for k in HEADLINE} | {"auc": "auc"}
    metrics: dict[str, Any] = {
        **{str(name): of_name.loc[list(names)].rename(names).to_dict() for name, of_name in means.items()},
        "users": len(ranked),
        "users_eligible": eligible,
        "users_without_train_plays": int((n_known == 0).sum()),
        "users_without_test_plays": int((n_wanted == 0).sum()),
        "users_with_all_test_songs": int((n_wanted == len(test)).sum()),
    }
    lengths = [k for k in CUTOFFS if k < len(test)]
    return metrics, means.loc[lengths].rename_axis("k").reset_index()


def _rows(matrix: Interactions, rows: np.ndarray) -> csr_matrix:
    """Return some rows, ascending, for scipy."""
    mask = np.zeros(matrix.shape[0], dtype=bool)
    mask[rows] = True
    return vstack([matrix.block(block).select(mask[block]).to_csr() for block in matrix.blocks()], "csr")
