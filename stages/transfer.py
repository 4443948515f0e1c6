"""Train and test one method on one task at one capacity."""

from pathlib import Path

import numpy as np
import pandas as pd

from hearlog import estimator, params, runtime, scores, transfer
from hearlog.corpus import Corpus
from hearlog.training import Optimisation
from stages import paths, run


def main(task: str, method: str, width: int) -> None:
    """Run ``method`` (base, fix, init or kd) on ``task`` with ``width`` times ``model.channels`` channels."""
    settings = params.load()
    backend = runtime.start(settings.runtime.device, settings.runtime.precision, settings.runtime.threads)
    corpus = Corpus(paths.CORPORA / task)
    clips = corpus.read_clips()
    folds = corpus.read_parts(clips)
    teacher = None
    if method != "base":
        network, _ = estimator.load(paths.estimator(width))
        teacher = transfer.Teacher(network, np.load(corpus.embeddings(width)))
    labelled = transfer.Task(clips, folds, np.load(corpus.mel, mmap_mode="r"))
    experiment = transfer.Cell(method, labelled, teacher, _settings(settings, width), backend)
    predictions, curves = experiment.run(settings.transfer.seeds)
    cell = f"{task}/{method}-x{width}"
    protocol: dict[str, str | int] = {"protocol": settings.tasks[task].protocol, "folds": len(folds)}
    _write_tables(paths.CELLS / cell, predictions, protocol)
    scores.label(curves, protocol).to_csv(paths.plot_path(f"transfer/{cell}.tsv"), sep="\t", index=False)
    headline = scores.mean_score(predictions)
    if scores.is_classification(predictions):
        headline |= scores.reference_lines(clips["target"], folds)
    metrics = {
        **protocol,
        "seeds": len(settings.transfer.seeds),
        "clips": len(predictions) // len(settings.transfer.seeds),
        "channels": settings.model.channels * width,
    }
    paths.write_metrics(f"transfer/{cell}", metrics | headline)
    print(f"{cell}: " + ", ".join(f"{name} {value:.3f}" for name, value in headline.items()))


def _settings(settings: params.Params, width: int) -> transfer.Settings:
    return transfer.Settings(
        channels=settings.model.channels * width,
        factors=settings.als.factors,
        se_ratio=settings.model.se_ratio,
        optimisation=Optimisation(**settings.transfer.training.model_dump()),
        kd_weight=settings.transfer.kd.weight,
        fix_iterations=settings.transfer.fix.max_iterations,
    )


def _write_tables(folder: Path, predictions: pd.DataFrame, protocol: dict[str, str | int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    scores.label(predictions, protocol).to_parquet(folder / "predictions.parquet", index=False)
    tables = {"scores": scores.scores_by_fold(predictions)}
    if scores.is_classification(predictions):
        tables["per_class"] = scores.per_class(predictions)
        tables["confusion"] = scores.confusion(predictions).reset_index()
    for name, table in tables.items():
        scores.label(table, protocol).to_csv(folder / f"{name}.tsv", sep="\t", index=False)


if __name__ == "__main__":
    run(main)
