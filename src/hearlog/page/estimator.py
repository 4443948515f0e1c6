"""Tables of the estimator: its predictions, its rankings, and linear probes of its layers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from hearlog.corpora.protocols import protocol_label
from hearlog.page.tables import Column, Table, number, numeric, text
from hearlog.results.probes import REPRESENTATIONS, largest
from hearlog.util.plain_text import counted

_SOURCES = {
    "ceiling_als_factors": "the songs' own ALS factors, which have seen these plays (ceiling)",
    "estimator": "estimator, from audio",
    "oracle_popularity": "popularity of the test songs (oracle)",
    "random": "random",
}


def estimator_tables(metrics: dict[int, dict[str, Any]]) -> list[Table]:
    """Tabulate how well the CF estimator predicts embeddings and ranks songs.

    Parameters
    ----------
    metrics
        For each number of channels what the evaluation measured: ``metrics/estimator-divN.json``.
    """
    columns = [Column("Predictor"), *numeric("Channels", "Cosine", "Squared error", "r²", "Test songs")]
    quality, ranks = [], []
    for channels, found in metrics.items():
        for name, scores in (("estimator, from audio", found), ("mean embedding", found["mean_embedding"])):
            row = [text(name), number(channels), *(number(scores[key], 3) for key in ("cosine", "squared_error", "r2"))]
            quality.append([*row, number(found["test_songs"])])
        ranking = found["ranking"]
        for source, name in _SOURCES.items():
            values = [number(ranking[source][key], 3) for key in ("recall_at_10", "recall_at_50", "auc")]
            ranks.append([text(name), number(channels), *values])
    users = "; ".join(
        f"{channels} channels: {found['ranking']['users']:,} of {counted(found['ranking']['users_eligible'], 'user')} "
        f"ranked, {found['ranking']['users_without_test_plays']:,} without plays of test songs"
        for channels, found in metrics.items()
    )
    return [
        Table(
            "estimator-quality",
            "Predicted embeddings of test songs, against their own",
            columns,
            quality,
            ["The mean embedding of the training songs hears nothing: its direction is that of popularity."],
        ),
        Table(
            "estimator-ranking",
            "Test songs ranked for users who were not fitted on them",
            [Column("Ranked by"), *numeric("Channels", "Recall@10", "Recall@50", "AUC")],
            ranks,
            [
                f"Means over users. {users}.",
                "Popularity is that of the test songs themselves, which no estimator knows.",
            ],
        ),
    ]


def probe_tables(probes: pd.DataFrame) -> list[Table]:
    """Tabulate the scores of linear probes at the largest capacity, one row per task, one column per representation.

    Parameters
    ----------
    probes
        Scores as returned by `hearlog.results.probes.read_probes`.
    """
    captions = {"classification": ("Accuracy, %", 100, 1), "regression": ("r²", 1, 3)}
    tables = []
    for kind, of_kind in largest(probes).groupby("kind", sort=True):
        score, percent, decimals = captions[str(kind)]
        rows = []
        for _, task in of_kind.groupby("task", sort=False):
            first, values = task.iloc[0], task.set_index("representation")["score"]
            name = text(first["title"], protocol_label(first["protocol"], first["folds"]))
            scores = [number(values[key] * percent, decimals) for key in REPRESENTATIONS]
            rows.append([name, *scores, number(first["clips"])])
        caption = f"{score} of linear models on frozen features, at {of_kind['channels'].iloc[0]} channels"
        names = [name[0].upper() + name[1:] for name in REPRESENTATIONS.values()]
        columns = [Column("Task"), *numeric(*names, "Clips")]
        tables.append(Table(f"probes-{kind}", caption, columns, rows))
    return tables
