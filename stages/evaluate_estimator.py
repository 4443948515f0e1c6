"""Score the CF estimator on test songs: predicted embeddings, and songs ranked for users who never heard them."""

import numpy as np
import pandas as pd

from hearlog import estimator, evaluation, logs, params, ranking, runtime
from hearlog.corpus import Corpus
from hearlog.training import predict
from stages import paths, run


def main(width: int) -> None:
    """Evaluate the estimator of ``width``."""
    settings = params.load()
    backend = runtime.start(settings.runtime.device, settings.runtime.precision, settings.runtime.threads)
    songs = Corpus(paths.CORPORA / "songs")
    clips = songs.read_clips()
    parts = songs.read_parts(clips)[0]
    table = pd.read_parquet(paths.EMBEDDINGS / "songs.parquet")
    columns = pd.Index(table["song_id"]).get_indexer(pd.Index(clips["item_id"]))
    factors = np.load(paths.EMBEDDINGS / "songs.npy", mmap_mode="r")
    network, config = estimator.load(paths.estimator(width))
    predicted = predict(network, np.load(songs.mel, mmap_mode="r"), parts["test"], backend, "embed test songs")
    truth = factors[columns] / np.float32(config.target_scale)
    mean = evaluation.mean_embedding(truth[parts["train"]], len(parts["test"]))
    metrics = {
        "test_songs": len(parts["test"]),
        **evaluation.embedding_scores(predicted, truth[parts["test"]]),
        "mean_embedding": evaluation.embedding_scores(mean, truth[parts["test"]]),
    }
    test_columns = columns[parts["test"]]
    listeners = table["listeners"].to_numpy()[test_columns]
    sources = {
        "estimator": predicted * np.float32(config.target_scale),
        "ceiling_als_factors": factors[test_columns],
        "mean_embedding": mean * np.float32(config.target_scale),
        "oracle_popularity": listeners.astype(np.float32),
        "random": np.zeros(len(test_columns), np.float32),
    }
    metrics["ranking"] = ranking.rank_songs(
        logs.read_interactions(paths.LOGS),
        factors,
        columns[np.concatenate([parts["train"], parts["valid"]])],
        test_columns,
        sources,
        settings.als,
        runtime.threads(settings.runtime.threads),
    )
    paths.write_metrics(f"estimator-x{width}", metrics)
    by_dimension = evaluation.scores_by_dimension(predicted, truth[parts["test"]])
    by_dimension.to_csv(paths.plot_path(f"estimator/dimensions-x{width}.tsv"), sep="\t", index=False)
    print(
        f"estimator x{width}: cosine {metrics['cosine']:.3f} on {metrics['test_songs']} test songs, "
        f"the mean embedding {metrics['mean_embedding']['cosine']:.3f}"
    )


if __name__ == "__main__":
    run(main)
