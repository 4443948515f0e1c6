"""Factorise the user x song matrix into CF embeddings."""

import shutil

import numpy as np
import pyarrow.parquet as pq

from hearlog import params
from hearlog.als.factorize import factorize
from hearlog.interactions import read_interactions
from stages import paths, run


def main() -> None:
    """Fit ALS and write the factors of songs and users."""
    settings = params.load()
    songs = pq.read_table(paths.LOGS / "songs.parquet", columns=["song_id", "listeners"])
    paths.EMBEDDINGS.mkdir(parents=True, exist_ok=True)
    matrix = read_interactions(paths.LOGS)
    factors = factorize(matrix, settings.als, settings.seed, settings.runtime.threads, paths.EMBEDDINGS)

    np.save(paths.EMBEDDINGS / "songs.npy", factors.songs)
    np.save(paths.EMBEDDINGS / "users.npy", factors.users)
    pq.write_table(songs, paths.EMBEDDINGS / "songs.parquet")
    shutil.copyfile(paths.LOGS / "users.parquet", paths.EMBEDDINGS / "users.parquet")

    losses = [f"{iteration}\t{loss:.8g}\n" for iteration, loss in enumerate(factors.losses, start=1)]
    paths.plot_path("als.tsv").write_text("iteration\tloss\n" + "".join(losses))
    norms = np.linalg.norm(factors.songs, axis=1)
    popularity = np.log(songs["listeners"].to_numpy())
    paths.write_metrics(
        "als",
        {
            "iterations": len(factors.losses),
            "loss": factors.losses[-1],
            "song_rms": float(np.sqrt(np.mean(factors.songs**2))),
            "song_norm": float(norms.mean()),
            "norm_log_listeners_correlation": float(np.corrcoef(norms, popularity)[0, 1]),
        },
    )
    print(f"als: loss {factors.losses[-1]:.5f}; {len(songs)} songs, {settings.als.factors} dimensions")


if __name__ == "__main__":
    run(main)
