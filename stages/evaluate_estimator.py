"""Score the CF estimator on test songs: predicted embeddings, and songs ranked for users who never heard them."""

from typing import Any

import numpy as np
import pandas as pd

from hearlog import params
from hearlog.corpora.corpus import Corpus
from hearlog.estimator import evaluation, ranking
from hearlog.logs.interactions import read_interactions
from hearlog.model import folder as model_folder
from hearlog.runtime.backend import configured_backend, count_threads
from hearlog.training.inference import predict
from hearlog.util import arrays
from stages import paths, run


def main(divisor: int) -> None:
    """Evaluate the estimator of ``divisor``."""
    settings = params.load()
    songs = Corpus(paths.CORPORA / "songs")
    clips, (parts,) = songs.read_splits()
    table = pd.read_parquet(paths.EMBEDDINGS / "songs.parquet")
    rows = pd.Index(table["song_id"]).get_indexer(pd.Index(clips["item_id"]))
    factors = np.load(paths.EMBEDDINGS / "songs.npy", mmap_mode="r")
    network, config = model_folder.load(paths.estimator(divisor))
    scale = np.float32(config.targets.scale)

    known, unheard = rows[parts["train"]], rows[parts["test"]]
    here = configured_backend(settings.runtime)
    predicted = predict(network, np.load(songs.mel, mmap_mode="r"), parts["test"], here, "embed test songs")
    here.processes.leave_to_first()
    mean = evaluation.mean_embedding(factors[known] / scale, len(unheard))
    truth = factors[unheard] / scale
    metrics: dict[str, Any] = {
        "test_songs": len(unheard),
        **evaluation.embedding_scores(predicted, truth),
        "mean_embedding": evaluation.embedding_scores(mean, truth),
    }
    sources = {
        "estimator": predicted * scale,
        "ceiling_als_factors": factors[unheard],
        "oracle_popularity": table["listeners"].to_numpy(np.float32)[unheard],
        "random": np.zeros(len(unheard), np.float32),  # equal scores count as random order
    }
    interactions, threads = read_interactions(paths.LOGS), count_threads(settings.runtime.threads)
    metrics["ranking"], recall = ranking.rank_songs(
        interactions, factors, known, unheard, sources, settings.als, threads
    )
    paths.write_metrics(f"estimator-div{divisor}", metrics)
    _write(divisor, table.loc[unheard, ["song_id", "listeners"]], predicted, truth, mean)
    recall.to_csv(paths.plot_path(f"estimator/recall-div{divisor}.tsv"), sep="\t", index=False)
    print(
        f"estimator div{divisor}: cosine {metrics['cosine']:.3f} on {len(unheard)} test songs, "
        f"the mean embedding {metrics['mean_embedding']['cosine']:.3f}"
    )


def _write(divisor: int, songs: pd.DataFrame, predicted: np.ndarray, truth: np.ndarray, mean: np.ndarray) -> None:
    """Write what figures and the page show of each test song, of pairs of them and of each dimension."""
    folder = paths.EVALUATION / f"estimator-div{divisor}"
    folder.mkdir(parents=True, exist_ok=True)
    of_songs = {"cosine": evaluation.cosines(predicted, truth), "mean_embedding": evaluation.cosines(mean, truth)}
    songs.assign(**of_songs).to_parquet(folder / "songs.parquet", index=False)
    arrays.save(folder / "predicted.npy", predicted)
    arrays.save(folder / "true.npy", truth)
    evaluation.similar_songs(predicted, truth).to_parquet(folder / "pairs.parquet", index=False)
    dimensions = evaluation.scores_by_dimension(predicted, truth)
    dimensions.to_csv(paths.plot_path(f"estimator/dimensions-div{divisor}.tsv"), sep="\t", index=False)


if __name__ == "__main__":
    run(main)
