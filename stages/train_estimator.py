"""Train the CF estimator of one capacity to predict songs' CF embeddings from their audio."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from hearlog import checkpoint, estimator, params
from hearlog.corpus import Corpus
from stages import paths, run, trainers


def main(width: int) -> None:
    """Train with ``width`` times ``model.channels`` channels."""
    settings = params.load()
    songs = Corpus(paths.CORPORA / "songs")
    clips = songs.read_clips()
    index = pd.Index(pd.read_parquet(paths.EMBEDDINGS / "songs.parquet")["song_id"])
    embeddings = np.load(paths.EMBEDDINGS / "songs.npy", mmap_mode="r")[index.get_indexer(clips["item_id"])]
    config = estimator.EstimatorConfig(
        channels=settings.model.channels * width,
        factors=embeddings.shape[1],
        se_ratio=settings.model.se_ratio,
        audio=settings.audio.model_dump(include={"sample_rate", "seconds"}),
        mel=settings.mel.model_dump(),
    )
    trainer = trainers.trainer(settings, settings.estimator)
    asked = {"config": asdict(config), "trainer": repr(trainer), "seed": settings.seed}
    factors = [paths.EMBEDDINGS / "songs.npy", paths.EMBEDDINGS / "songs.parquet"]
    files = [*factors, songs.items, songs.crops / "clips.parquet", songs.mel, songs.splits]
    saved = checkpoint.open_run(f"estimator-x{width}", asked, files)
    mels, parts = np.load(songs.mel, mmap_mode="r"), songs.read_parts(clips)[0]
    network, config, history = estimator.train(
        mels, embeddings, parts, config, trainer, settings.seed, saved.checkpoint("estimator")
    )
    trainer.backend.processes.leave_to_first()
    estimator.save(network, config, paths.estimator(width))
    history.to_csv(paths.plot_path(f"estimator/training-x{width}.tsv"), sep="\t", index=False)
    saved.clear()
    best = (history["valid_squared_error"] + history["valid_cosine"]).to_numpy().argmin()
    losses = ", ".join(f"{name} {value:.3f}" for name, value in history.filter(like="valid_").iloc[best].items())
    print(f"estimator x{width} ({config.channels} channels): best of {len(history)} epochs is {best + 1}: {losses}")


if __name__ == "__main__":
    run(main)
