"""What features are for: songs that sound alike, and songs for a listener that nobody has played yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.neighbors import NearestNeighbors

from hearlog.als.factorize import fold_in
from hearlog.corpora import tables
from hearlog.features.table import FeatureTable
from hearlog.model.folder import ModelConfig
from hearlog.util.errors import InputError

COLUMNS = ["path", "plays"]
MOST_PLAYS = 2**31 - 1


def similar(query: np.ndarray, index: FeatureTable, count: int = 10) -> pd.DataFrame:
    """Find the rows of an index of greatest cosine to a vector; each is compared, none is missed.

    Parameters
    ----------
    query
        float, (dimensions,).
    index
        Features of the same model and layer.
    count
        Rows to return, as long as there are so many.

    Returns
    -------
    ``path``, ``start`` where the index has windows, and ``cosine``, greatest first.

    Raises
    ------
    InputError
        If the two differ in length.
    """
    if len(query) != index.vectors.shape[1]:
        raise InputError(
            f"the query has {len(query)} dimensions, the index {index.vectors.shape[1]}: embed both by one model and "
            "layer"
        )
    count = min(count, len(index.paths))
    search = NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(index.vectors)
    distances, rows = (found[0] for found in search.kneighbors(query[None]))
    starts = {} if index.starts is None else {"start": index.starts[rows]}
    return pd.DataFrame({"path": index.paths[rows], **starts, "cosine": 1 - distances})


def recommend(plays: pd.DataFrame, index: FeatureTable, config: ModelConfig, count: int = 10) -> pd.DataFrame:
    """Rank songs for a listener by what audio tells of them: also those that nobody has played.

    The listener's factors are solved from the predicted factors of the songs that were played (Hu, Koren and Volinsky
    2008, equation 4), with alpha and regularisation of the fit that the model learned; the score is the dot product.

    Parameters
    ----------
    plays
        ``path``, as in the index, and optionally ``plays``, for models of logs whose entries are counts.
    index
        Features of layer ``embedding``, one row a song.
    config
        Of their model.
    count
        Songs to return, as long as there are so many.

    Returns
    -------
    ``path`` and ``score``, greatest first, without the songs that were played.

    Raises
    ------
    InputError
        If no song was played that the index has, or the index has other features or a song twice.
    """
    if index.starts is not None or index.vectors.shape[1] != config.network.factors:
        raise InputError("the index has windows or another layer: embed the songs without --hop, --layer embedding")
    songs = pd.Index(index.paths)
    if not songs.is_unique:
        raise InputError(f"the index has {songs[songs.duplicated()][0]} twice: embed each song once")
    rows = songs.get_indexer(pd.Index(plays["path"]))
    if not (rows >= 0).any():
        raise InputError(
            f"none of {len(plays)} played songs is in the index, such as {plays['path'].iloc[0]}; its paths are like "
            f"{songs[0]}"
        )
    counted = plays["plays"].to_numpy(np.float64) if "plays" in plays else np.ones(len(plays))
    listened = np.zeros(len(songs))
    np.add.at(listened, rows[rows >= 0], counted[rows >= 0])
    listened = listened.clip(max=MOST_PLAYS)
    targets = config.targets
    matrix = csr_matrix(listened[None].astype(np.int32) if targets.counts else listened[None] > 0)
    factors = index.vectors * np.float32(targets.scale)
    ridge = targets.regularization * (matrix.nnz if targets.weighted else 1)
    scores = factors @ fold_in(matrix, factors, targets.alpha, ridge)[0]
    scores[listened > 0] = -np.inf
    best = np.argsort(-scores, kind="stable")[: min(count, int((listened == 0).sum()))]
    return pd.DataFrame({"path": index.paths[best], "score": scores[best]})


def read_plays(path: Path) -> pd.DataFrame:
    """Read a listener's log: CSV or Parquet with a column ``path``, and optionally ``plays``.

    Raises
    ------
    InputError
        If it cannot be read, lacks the column or holds no plays, or a number of plays is no whole number from 1 to
        `MOST_PLAYS`.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file: give a table of what was played")
    parquet = path.suffix == ".parquet"
    table = tables.read_parquet(path, ["path"], COLUMNS) if parquet else tables.read_csv(path, ["path"])
    table = table[table["path"] != ""].reindex(columns=[name for name in COLUMNS if name in table])
    if table.empty:
        raise InputError(f"{path}: holds no plays: give a row for each song that was played")
    if "plays" in table:
        plays = pd.to_numeric(table["plays"], errors="coerce")
        wrong = ~(plays.between(1, MOST_PLAYS) & (plays % 1 == 0))
        tables.refuse(path, wrong, f"is no whole number of plays, 1 to {MOST_PLAYS:,}: mend the row", table["plays"])
        table["plays"] = plays
    return table.reset_index(drop=True)
