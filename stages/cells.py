"""What the stages that train one method at one capacity have in common."""

from pathlib import Path

import numpy as np
import pandas as pd

from hearlog import params
from hearlog.corpora.corpus import Corpus
from hearlog.model import folder as model_folder
from hearlog.runtime import checkpoint
from hearlog.transfer import cell as transfer
from hearlog.transfer import scores
from stages import paths, trainers


def run_cell(
    settings: params.Params,
    name: str,
    method: str,
    divisor: int,
    corpus: Corpus,
    clips: pd.DataFrame,
    folds: list[dict[str, np.ndarray]],
    labels: list[Path],
) -> tuple[pd.DataFrame, pd.DataFrame, checkpoint.Run]:
    """Train and test ``method`` with ``model.channels`` / ``divisor`` channels.

    ``labels`` are the files that ``clips`` and ``folds`` were read from.

    Returns
    -------
    Predictions and curves, as of `hearlog.transfer.cell.Cell.run`, and what a killed run would go on from: to be
    cleared when the outputs are written.
    """
    files = labels if method == "fix" else [*labels, corpus.mel]
    teacher = None
    if method != "base":
        network, _ = model_folder.load(paths.estimator(divisor))
        teacher = transfer.Teacher(network, np.load(corpus.embeddings(divisor)))
        files = [*files, paths.estimator(divisor) / "model.safetensors", corpus.embeddings(divisor)]
    task = transfer.Task(clips, folds, np.load(corpus.mel, mmap_mode="r"))
    trainer, asked = trainers.trainer(settings, settings.transfer), _settings(settings, divisor)
    saved = checkpoint.open_run(name, {"settings": repr(asked), "trainer": repr(trainer)}, files)
    predictions, curves = transfer.Cell(method, task, teacher, asked, trainer).run(settings.transfer.seeds, saved)
    trainer.backend.processes.leave_to_first()
    return predictions, curves, saved


def _settings(settings: params.Params, divisor: int) -> transfer.Settings:
    return transfer.Settings(
        channels=settings.model.channels // divisor,
        factors=settings.als.factors,
        se_ratio=settings.model.se_ratio,
        kd_weight=settings.transfer.kd.weight,
        fix_iterations=settings.transfer.fix.max_iterations,
        student=settings.transfer.student,
        test_windows=settings.transfer.test_windows,
    )


def write_tables(folder: Path, predictions: pd.DataFrame, protocol: dict[str, str | int]) -> None:
    """Write a cell's predictions, its scores by fold and, for classes, its scores by class and its confusions."""
    folder.mkdir(parents=True, exist_ok=True)
    scores.label(predictions, protocol).to_parquet(folder / "predictions.parquet", index=False)
    tables = {"scores": scores.scores_by_fold(predictions)}
    if scores.is_classification(predictions):
        tables["per_class"] = scores.per_class(predictions)
        tables["confusion"] = scores.confusion(predictions).reset_index()
    for name, table in tables.items():
        scores.label(table, protocol).to_csv(folder / f"{name}.tsv", sep="\t", index=False)
