"""How good CF embeddings are: a second fit on a part of each user's songs, scored on those held out.

Every song is ranked for a user but those of the user's part that was fitted on. With R relevant (held-out) songs, of
which the list of the k highest scores has some at places 1 to k, the means over users are

``recall_at_k``
    Relevant songs in the list, divided by min(k, R), so that 1 can be reached; as in `hearlog.estimator.ranking`.
``ndcg_at_k``
    The sum of 1 / log2(place + 1) over relevant songs, divided by that of a list that starts with them.
``map_at_k``
    The mean average precision: precision at the place of each relevant song in the list, summed, over min(k, R).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix

from hearlog.als.factorize import Factors
from hearlog.als.memory import SCORES
from hearlog.als.split import Split, split
from hearlog.logs.interactions import Interactions
from hearlog.params.log_blocks import Als

CUTOFFS = (10, 50)
WATCHED = "ndcg_at_10"  # what patience is about

Fit = Callable[[Interactions, Path], Iterator[Factors]]


@dataclass(frozen=True)
class HeldOut:
    """Scores of a second fit.

    Attributes
    ----------
    table
        Indexed by iteration: one column a score, such as ``ndcg_at_10``.
    iterations
        How many the fit on all interactions should do.
    metrics
        Numbers of users and interactions, and under ``als`` (after so many iterations), ``popularity`` and
        ``random`` the scores.
    """

    table: pd.DataFrame
    iterations: int
    metrics: dict[str, Any]


def score_held_out(matrix: Interactions, settings: Als, seed: int, scratch: Path, fit: Fit) -> HeldOut:
    """Fit on a part of the interactions and score each iteration on the rest.

    Parameters
    ----------
    matrix
        Users x songs.
    settings
        ``held_out`` is the share; with ``patience`` the fit stops when `WATCHED` has not grown for so many iterations,
        and the best number of iterations is advised, else ``iterations``.
    seed
        Of the split.
    scratch
        Existing folder for what is fitted on, which is removed at the end.
    fit
        Fits a matrix, with a folder for temporary files, and gives the factors after each iteration.

    Raises
    ------
    InputError
        If nothing can be held out.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        parts = split(matrix, settings.held_out or 0.0, seed, Path(folder))
        rows: list[dict[str, float]] = []
        for fitted in fit(parts.train, Path(folder)):
            rows.append(score(rank(fitted.users[parts.users], fitted.songs, parts.known), parts.relevant))
            since_best = len(rows) - 1 - int(np.argmax([row[WATCHED] for row in rows]))
            if settings.patience and since_best >= settings.patience:
                break
        # Without patience all iterations were done, of which Spark gives the last alone.
        first = 1 if settings.patience else 1 + settings.iterations - len(rows)
        table = pd.DataFrame(rows, index=pd.RangeIndex(first, first + len(rows), name="iteration"))
        best, done = first + int(table[WATCHED].argmax()), first + len(rows) - 1
        iterations = best if settings.patience else done
        metrics: dict[str, Any] = _counts(parts, matrix) | {"iterations": done, "best_iteration": best}
        scores = {"als": table.loc[iterations].to_dict(), **_baselines(parts)}
        return HeldOut(table, iterations, metrics | scores)


def rank(users: np.ndarray, songs: np.ndarray, known: csr_matrix) -> np.ndarray:
    """Return the numbers of the songs with the highest scores for each user, best first, int64, (users, at most 50).

    Parameters
    ----------
    users, songs
        float32, (users, factors) and (songs, factors): a score is their dot product.
    known
        (users, songs): entries are not ranked, or last where there are too few others.
    """
    length, batch = min(max(CUTOFFS), len(songs)), max(SCORES // len(songs), 1)
    ranked = []
    for start in range(0, len(users), batch):
        scores = torch.from_numpy(users[start : start + batch]) @ torch.from_numpy(songs).T
        left_out = known[start : start + batch].tocoo()
        scores[torch.from_numpy(left_out.row).long(), torch.from_numpy(left_out.col).long()] = -torch.inf
        ranked.append(scores.topk(length).indices.numpy())
    return np.concatenate(ranked)


def score(ranked: np.ndarray, relevant: csr_matrix) -> dict[str, float]:
    """Compute the means over users of `CUTOFFS`' recall, nDCG and MAP; see the module's docstring.

    Parameters
    ----------
    ranked
        Numbers of songs, best first, (users, at most 50); fewer than a cutoff only where there are no more songs.
    relevant
        bool, (users, songs); each user has one at least.
    """
    places = np.arange(1, ranked.shape[1] + 1)
    of_users = np.repeat(np.arange(len(ranked)), ranked.shape[1])
    hits = np.asarray(relevant[of_users, ranked.ravel()], dtype=float).reshape(ranked.shape)
    return _means(hits, hits * np.cumsum(hits, axis=1) / places, np.diff(relevant.indptr))


def _means(hits: np.ndarray, precisions: np.ndarray, relevant: np.ndarray) -> dict[str, float]:
    """Turn hits and precisions at hits by place, (users, places), into means over users."""
    discounts = 1 / np.log2(np.arange(2, max(CUTOFFS) + 2))
    means = {}
    for k in CUTOFFS:
        attainable = np.minimum(k, relevant)
        found, gained = hits[:, :k], (hits[:, :k] * discounts[: hits.shape[1]][:k]).sum(axis=1)
        means[f"recall_at_{k}"] = (found.sum(axis=1) / attainable).mean()
        means[f"ndcg_at_{k}"] = (gained / np.cumsum(discounts)[attainable - 1]).mean()
        means[f"map_at_{k}"] = (precisions[:, :k].sum(axis=1) / attainable).mean()
    return {name: float(mean) for name, mean in means.items()}


def _baselines(parts: Split) -> dict[str, dict[str, float]]:
    """Score the songs' numbers of listeners among what was fitted on, and a random order."""
    listeners = np.zeros(parts.train.columns, dtype=np.float32)
    for block in parts.train.blocks():
        listeners += np.bincount(parts.train.block(block).indices, minlength=len(listeners))
    popular = rank(np.ones((len(parts.users), 1), np.float32), listeners[:, None], parts.known)
    return {"popularity": score(popular, parts.relevant), "random": expect_random(parts.known, parts.relevant)}


def expect_random(known: csr_matrix, relevant: csr_matrix) -> dict[str, float]:
    """Return the scores that a random order of the songs that a user does not know has on average, without drawing."""
    wanted, songs = np.diff(relevant.indptr)[:, None], (known.shape[1] - np.diff(known.indptr))[:, None]
    places = np.arange(1, min(max(CUTOFFS), known.shape[1]) + 1)
    hits = np.where(places <= songs, wanted / songs, 0.0)
    before = (places - 1) * (wanted - 1) / np.maximum(songs - 1, 1)  # relevant ones before a relevant song
    return _means(hits, hits * (1 + before) / places, wanted[:, 0])


def _counts(parts: Split, matrix: Interactions) -> dict[str, int]:
    return {
        "users": len(parts.users),
        "users_with_too_few_songs": parts.users_with_too_few_songs,
        "interactions": matrix.entries - parts.train.entries,
    }
