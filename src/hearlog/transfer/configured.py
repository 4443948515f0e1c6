"""The cell that params ask for, run so that it survives being killed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hearlog.model.folder import WEIGHTS, Network, load_weights
from hearlog.runtime.checkpoint import Run, open_run
from hearlog.training.configured import configured_trainer
from hearlog.transfer.cell import Cell
from hearlog.transfer.fold import Settings, Task, Teacher
from hearlog.transfer.methods import METHODS

if TYPE_CHECKING:
    from hearlog.corpora.corpus import Corpus
    from hearlog.params import Params


def run_cell(
    settings: Params,
    name: str,
    method: str,
    divisor: int,
    corpus: Corpus,
    clips: pd.DataFrame,
    folds: list[dict[str, np.ndarray]],
    labels: list[Path],
    model: Path,
) -> tuple[pd.DataFrame, pd.DataFrame, Run]:
    """Train and test a method on a task with ``model.channels`` / ``divisor`` channels.

    Parameters
    ----------
    settings
        All params.
    name
        Name of the cell, for its checkpoints.
    method
        One of `hearlog.transfer.methods.METHODS`.
    divisor
        Divisor of ``model.channels``.
    corpus
        Corpus with the spectrograms, and the estimator's outputs for a method with a teacher.
    clips, folds
        As in `hearlog.transfer.fold.Task`.
    labels
        Files that ``clips`` and ``folds`` were read from.
    model
        Folder of the estimator, read by a method with a teacher.

    Returns
    -------
    Predictions and curves, as returned by `hearlog.transfer.cell.Cell.run`, and the checkpoints of the run, to be
    cleared when the outputs are written.
    """
    kind, teacher = METHODS[method], None
    files = [*labels, corpus.mel] if kind.epochs else labels
    if kind.teacher:
        embeddings = corpus.embeddings(divisor)
        teacher = Teacher(load_weights(model), np.load(embeddings))
        files = [*files, model / WEIGHTS, embeddings]
    task = Task(clips, folds, np.load(corpus.mel, mmap_mode="r"))
    trainer = configured_trainer(settings, settings.transfer)
    shared = Settings(
        network=Network(**settings.network(divisor)),
        student=settings.transfer.student,
        test_windows=settings.transfer.test_windows,
    )
    own = settings.transfer.own(method)
    saved = open_run(name, {"settings": repr(shared), "own": own, "trainer": repr(trainer)}, files)
    predictions, curves = Cell(method, task, teacher, shared, trainer, own).run(settings.transfer.seeds, saved)
    trainer.backend.processes.leave_to_first()
    return predictions, curves, saved
