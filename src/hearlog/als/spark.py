"""ALS on Spark, by ``pyspark.ml.recommendation.ALS``; matrix and factors are exchanged as Parquet files.

X. Meng et al.: "MLlib: Machine learning in Apache Spark", JMLR 17, 2016. It solves each half-step exactly. Its
confidence, 1 + alpha * rating, is that of `hearlog.als.confidence`. Its regularisation is not: Spark multiplies
``regParam`` by the number of songs of a user, and of users of a song (Y. Zhou et al.: "Large-scale parallel
collaborative filtering for the Netflix Prize", AAIM 2008, ALS-WR), where Hu et al. take one number for all.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hearlog.als.factorize import Factors
from hearlog.als.loss import loss, refuse_diverged
from hearlog.als.regularization import weighted_regularization
from hearlog.logs.interactions import Interactions
from hearlog.params.log_blocks import Als, Spark
from hearlog.runtime.spark_session import file_url, spark_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Spark's initial factors and sums follow its blocks of users and songs, so that their number is of the matrix, not of
# the cluster. A block must fit the memory of an executor; many small ones cost more time than they share out.
FEWEST_BLOCKS, BLOCK_ENTRIES = 4, 4_000_000


def factorize_on_spark(matrix: Interactions, settings: Als, spark: Spark, seed: int, scratch: Path) -> Factors:
    """Fit song and user factors on Spark; ``losses`` has that of the last iteration alone.

    Parameters
    ----------
    matrix
        Users x songs. One without entries has factors of zeros.
    settings
        Dimensions, alpha, regularisation and iterations.
    spark
        Where Spark runs.
    seed
        Of the initial factors, which are not those of the other engines.
    scratch
        Existing folder, which a cluster's workers must see under the same path. Takes about 8 bytes an entry.

    Raises
    ------
    InputError
        If Spark cannot be used, memory does not suffice, or the factors diverge.
    """
    with spark_session(spark, scratch) as session:
        return fit(session, matrix, settings, seed, scratch)


def fit(session: SparkSession, matrix: Interactions, settings: Als, seed: int, scratch: Path) -> Factors:
    """Fit as `factorize_on_spark` does, in a running session."""
    from pyspark.ml.recommendation import ALS

    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        _write_ratings(matrix, folder)
        session.sparkContext.setCheckpointDir(file_url(folder / "checkpoints"))  # or the plan grows with iterations
        blocks = max(FEWEST_BLOCKS, matrix.entries // BLOCK_ENTRIES)
        als = ALS(
            rank=settings.factors,
            maxIter=settings.iterations,
            regParam=weighted_regularization(*matrix.shape, matrix.entries, settings.regularization),
            alpha=settings.alpha,
            implicitPrefs=True,
            seed=seed,
            numUserBlocks=blocks,
            numItemBlocks=blocks,
            userCol="song",  # Spark solves its items first; the other engines solve users first
            itemCol="user",
            ratingCol="rating",
        )
        model = als.fit(session.read.parquet(file_url(folder / "ratings")))
        users, songs = (
            _read_factors(frame, shape, folder / kind)
            for kind, frame, shape in (
                ("users", model.itemFactors, (matrix.shape[0], settings.factors)),
                ("songs", model.userFactors, (matrix.shape[1], settings.factors)),
            )
        )
    last = loss(matrix, users, songs, settings)
    refuse_diverged(last)
    return Factors(songs, users, [last])


def _write_ratings(matrix: Interactions, folder: Path) -> None:
    """Write the entries to ``ratings``, a file a block of rows: user, song and rating."""
    (folder / "ratings").mkdir()
    for rows in matrix.blocks():
        block = matrix.block(rows)
        users = np.repeat(np.arange(rows.start, rows.stop, dtype=np.int32), np.diff(block.indptr))
        ratings = np.ones(block.entries, np.float32) if block.plays is None else np.log2(np.float32(1) + block.plays)
        table = pa.table({"user": users, "song": block.indices, "rating": ratings.astype(np.float32)})
        pq.write_table(table, folder / "ratings" / f"{rows.start}.parquet")


def _read_factors(frame: DataFrame, shape: tuple[int, int], folder: Path) -> np.ndarray:
    """Take a model's factors, float32, (rows, factors); zeros for a row without entries."""
    frame.write.parquet(file_url(folder))
    found = np.zeros(shape, dtype=np.float32)
    for file in folder.glob("*.parquet"):
        for batch in pq.ParquetFile(file).iter_batches():
            found[batch["id"].to_numpy()] = batch["features"].flatten().to_numpy().reshape(-1, shape[1])
    return found
