"""Probe the frozen estimator of one capacity on one task, layer by layer, beside controls."""

from typing import Any

import numpy as np
import pandas as pd

from hearlog import params
from hearlog.corpora.corpus import Corpus
from hearlog.model import folder as model_folder
from hearlog.probing import fit as probe
from hearlog.probing import representations
from hearlog.runtime.backend import configured_backend
from hearlog.transfer import scores
from stages import paths, run


def main(task: str, divisor: int) -> None:
    """Fit linear models of ``task`` on every representation of its clips, those of the estimator of ``divisor``."""
    settings = params.load()
    asked = settings.task(task)
    corpus = Corpus(paths.CORPORA / task)
    clips, folds = corpus.read_splits()
    features = _represent(corpus, divisor, settings)
    classes = not pd.api.types.is_numeric_dtype(clips["target"])
    references = scores.reference_lines(clips["target"], folds) if classes else {}
    facts: dict[str, str | int] = {"protocol": asked.protocol, "folds": len(folds)}
    size = {"clips": sum(len(fold["test"]) for fold in folds), "channels": features["block1"].shape[1]}
    rows: list[dict[str, Any]] = []
    metrics: dict[str, Any] = facts | size
    for name, values in features.items():
        predictions, chosen = probe.probe(values, clips, folds, settings.probe.strengths, settings.probe.max_iterations)
        metrics[name] = scores.mean_score(predictions)
        found = {"representation": name, "dimensions": values.shape[1], **probe.summarise(predictions)}
        rows.append(found | {"strengths": " ".join(f"{strength:g}" for strength in chosen)})
    kind: dict[str, str | int] = {"kind": "classification" if classes else "regression"}
    table = pd.DataFrame(rows).assign(chance=references.get("chance"), majority=references.get("majority"))
    table = scores.label(table, facts | kind | size)
    table.to_csv(paths.plot_path(f"probe/{task}-div{divisor}.tsv"), sep="\t", index=False)
    paths.write_metrics(f"probe/{task}-div{divisor}", metrics | references)
    print(f"probe {task} div{divisor}: " + ", ".join(f"{row['representation']} {row['score']:.3f}" for row in rows))


def _represent(corpus: Corpus, divisor: int, settings: params.Params) -> dict[str, np.ndarray]:
    """Compute the representations of a task's clips; then one process is left, if there were several."""
    network, config = model_folder.load(paths.estimator(divisor))
    here, songs = configured_backend(settings.runtime), Corpus(paths.CORPORA / "songs")
    trained = songs.read_splits()[1][0]["train"]
    mels = np.load(songs.mel, mmap_mode="r")
    untrained = representations.draw_network(config.network, mels, trained, settings.seed, here)
    features = representations.represent(np.load(corpus.mel, mmap_mode="r"), network, untrained, here)
    here.processes.leave_to_first()
    return features


if __name__ == "__main__":
    run(main)
