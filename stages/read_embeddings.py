"""Draw what the CF embeddings say of songs, and list the nearest songs of a few popular ones."""

import numpy as np
import pandas as pd

from hearlog import params
from hearlog.als.reading import read_embeddings
from hearlog.corpora import catalogue
from hearlog.figures.cf_embeddings import cf_embeddings
from hearlog.figures.style import save
from hearlog.params.synthetic import is_generated
from hearlog.results.files import read_table
from stages import paths, run


def main() -> None:
    """Read embeddings, catalogue and training curve; write the figure and plots/nearest_songs.tsv."""
    settings = params.load()
    reading = read_embeddings(
        np.load(paths.EMBEDDINGS / "songs.npy", mmap_mode="r"),
        pd.read_parquet(paths.EMBEDDINGS / "songs.parquet"),
        catalogue.read(settings.songs.catalog),
    )
    reading.nearest.to_csv(paths.plot_path("nearest_songs.tsv"), sep="\t", index=False)
    training = read_table(paths.PLOTS / "als.tsv")
    synthetic = is_generated(settings.logs.path) or is_generated(settings.songs.catalog)
    save(cf_embeddings(reading, training, synthetic), paths.plot_path("cf_embeddings"))
    print(f"embeddings: {len(reading.queries)} popular songs with their nearest in plots/nearest_songs.tsv")


if __name__ == "__main__":
    run(main)
