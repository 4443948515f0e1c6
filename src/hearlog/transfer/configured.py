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
        Corpus with the spectrograms for a method that trains a network, and the estimator's outputs for one with a
        teacher.
    clips, folds
        As in `hearlog.transfer.fold.Task`.
    labels
        Files that ``clips`` and ``folds`` were read from.
    model
        Folder of the estimator; its weights are read by a method with a teacher that trains a network.

    Returns
    -------
    Predictions and curves, as returned by `hearlog.transfer.cell.Cell.run`, and the checkpoints of the run, to be
    cleared when the outputs are written.
    """
    kind, embeddings, weights = METHODS[method], corpus.embeddings(divisor), model / WEIGHTS
    reads = {corpus.mel: kind.epochs, embeddings: kind.teacher, weights: kind.teacher and kind.epochs}
    task = Task(clips, folds, np.load(corpus.mel, mmap_mode="r") if reads[corpus.mel] else None)
    teacher = None
    if kind.teacher:
        teacher = Teacher(np.load(embeddings), load_weights(model) if reads[weights] else None)
    trainer = configured_trainer(settings, settings.transfer)
    shared = Settings(
        network=Network(**settings.network(divisor)),
        student=settings.transfer.student,
        test_windows=settings.transfer.test_windows,
    )
    own = settings.transfer.own(method)
    files = [*labels, *(path for path, is_read in reads.items() if is_read)]
    saved = open_run(name, {"settings": repr(shared), "own": own, "trainer": repr(trainer)}, files)
    predictions, curves = Cell(method, task, teacher, shared, trainer, own).run(settings.transfer.seeds, saved)
    trainer.backend.processes.leave_to_first()
    return predictions, curves, saved
