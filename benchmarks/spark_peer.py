"""Spark's ALS for implicit feedback on the cores of this machine; run by `benchmarks.peer`."""

from __future__ import annotations

import time

from pyspark.ml.recommendation import ALS
from pyspark.sql import SparkSession

from benchmarks.peer import serve


def fit(
    path: str, cores: int, memory: str, iterations: list[int], factors: int, alpha: float, regularization: float
) -> list[float]:
    """Fit the triples of a Parquet file once for each number of iterations; return the seconds of each fit."""
    session = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.driver.memory", memory)
        .config("spark.sql.shuffle.partitions", 2 * cores)
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    triples = session.read.parquet(path).cache()
    triples.count()
    seconds = []
    for number in iterations:
        als = ALS(
            userCol="user",
            itemCol="song",
            ratingCol="rating",
            implicitPrefs=True,
            rank=factors,
            alpha=alpha,
            regParam=regularization,
            maxIter=number,
            numUserBlocks=cores,
            numItemBlocks=cores,
            seed=0,
        )
        begin = time.perf_counter()
        als.fit(triples)
        seconds.append(time.perf_counter() - begin)
    triples.unpersist()
    return seconds


if __name__ == "__main__":
    serve({"fit": fit}, ["pyspark"])
