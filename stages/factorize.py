"""Factorise the user x song matrix into CF embeddings."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from hearlog import params
from hearlog.als.factorize import Factors, iterate
from hearlog.als.held_out import score_held_out
from hearlog.als.norms import norm_correlation
from hearlog.als.regularization import describe_fold_in
from hearlog.logs.interactions import Interactions, read_interactions
from hearlog.params import Params
from hearlog.util import arrays
from stages import paths, run


def main() -> None:
    """Fit ALS and write the factors of songs and users; before it a second fit is scored, if settings ask for one."""
    settings = params.load()
    songs = pq.read_table(paths.LOGS / "songs.parquet", columns=["song_id", "listeners"])
    paths.EMBEDDINGS.mkdir(parents=True, exist_ok=True)
    matrix = read_interactions(paths.LOGS)

    table, iterations, metrics = pd.DataFrame(), settings.als.iterations, {}
    if settings.als.held_out:
        held_out = score_held_out(
            matrix,
            settings.als,
            settings.seed,
            paths.EMBEDDINGS,
            lambda part, scratch: fit(part, settings, settings.als.iterations, scratch),
        )
        table, iterations, metrics = held_out.table, held_out.iterations, {"held_out": held_out.metrics}
    losses = []
    for factors in fit(matrix, settings, iterations, paths.EMBEDDINGS):
        losses += factors.losses

    arrays.save(paths.EMBEDDINGS / "songs.npy", factors.songs)
    arrays.save(paths.EMBEDDINGS / "users.npy", factors.users)
    pq.write_table(songs, paths.EMBEDDINGS / "songs.parquet")
    shutil.copyfile(paths.LOGS / "users.parquet", paths.EMBEDDINGS / "users.parquet")

    folded_in = describe_fold_in(matrix, settings.als)
    (paths.EMBEDDINGS / "fold_in.json").write_text(json.dumps(folded_in, indent=2) + "\n", encoding="utf-8")

    numbers = range(1 + iterations - len(losses), 1 + iterations)  # Spark gives the last loss alone
    curves = pd.DataFrame({"loss": losses}, pd.Index(numbers, name="iteration")).join(table, how="outer")
    curves.to_csv(paths.plot_path("als.tsv"), sep="\t", float_format="%.8g")
    listeners = songs["listeners"].to_numpy()
    paths.write_metrics(
        "als", {"iterations": iterations, "loss": losses[-1], **describe(factors, listeners), **metrics}
    )
    print(f"als: {summary(losses[-1], metrics)}; {len(songs)} songs, {settings.als.factors} dimensions")


def fit(matrix: Interactions, settings: Params, iterations: int, scratch: Path) -> Iterator[Factors]:
    """Fit with the engine of the settings: factors and loss of each iteration, from Spark of the last."""
    als = settings.als.model_copy(update={"iterations": iterations})
    if als.engine == "spark":
        from hearlog.als.spark import factorize_on_spark  # needs pyspark, which the others do without

        yield factorize_on_spark(matrix, als, settings.spark, settings.seed, scratch)
    else:
        yield from iterate(matrix, als, settings.seed, settings.runtime.threads, scratch, settings.runtime.device)


def describe(factors: Factors, listeners: np.ndarray) -> dict[str, float]:
    """Return the size of the songs' embeddings, and, where songs differ in popularity, how it goes with that."""
    norms = np.linalg.norm(factors.songs, axis=1)
    measured = {
        "song_rms": float(np.sqrt(np.mean(factors.songs**2))),
        "song_norm": float(norms.mean()),
        "norm_log_listeners_correlation": norm_correlation(norms, listeners),
    }
    return {name: value for name, value in measured.items() if not np.isnan(value)}  # JSON has no nan


def summary(loss: float, metrics: dict[str, Any]) -> str:
    """Say the loss and, where there are held-out scores, the first of them beside that of popularity."""
    if not metrics:
        return f"loss {loss:.5f}"
    scores = metrics["held_out"]
    ours, popular = (scores[name]["ndcg_at_10"] for name in ("als", "popularity"))
    return f"loss {loss:.5f}, held-out nDCG@10 {ours:.3f}, popularity {popular:.3f}"


if __name__ == "__main__":
    run(main)
