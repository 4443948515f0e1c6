"""Train the CF estimator of one capacity to predict songs' CF embeddings from their audio."""

import numpy as np
import pandas as pd

from hearlog import estimator, params, runtime
from hearlog.corpus import Corpus
from hearlog.training import Optimisation
from stages import paths, run


def main(width: int) -> None:
    """Train with ``width`` times ``model.channels`` channels."""
    settings = params.load()
    backend = runtime.start(settings.runtime.device, settings.runtime.precision, settings.runtime.threads)
    songs = Corpus(paths.CORPORA / "songs")
    clips = songs.read_clips()
    index = pd.Index(pd.read_parquet(paths.EMBEDDINGS / "songs.parquet")["song_id"])
    embeddings = np.load(paths.EMBEDDINGS / "songs.npy", mmap_mode="r")[index.get_indexer(clips["item_id"])]
    network, config, history = estimator.train(
        np.load(songs.mel, mmap_mode="r"),
        embeddings,
        songs.read_parts(clips)[0],
        estimator.EstimatorConfig(
            channels=settings.model.channels * width,
            factors=embeddings.shape[1],
            se_ratio=settings.model.se_ratio,
            audio=settings.audio.model_dump(include={"sample_rate", "seconds"}),
            mel=settings.mel.model_dump(),
        ),
        Optimisation(**settings.estimator.training.model_dump()),
        backend,
        settings.seed,
    )
    estimator.save(network, config, paths.estimator(width))
    history.to_csv(paths.plot_path(f"estimator/training-x{width}.tsv"), sep="\t", index=False)
    best = (history["valid_squared_error"] + history["valid_cosine"]).to_numpy().argmin()
    losses = ", ".join(f"{name} {value:.3f}" for name, value in history.filter(like="valid_").iloc[best].items())
    print(f"estimator x{width} ({config.channels} channels): best of {len(history)} epochs is {best + 1}: {losses}")


if __name__ == "__main__":
    run(main)
