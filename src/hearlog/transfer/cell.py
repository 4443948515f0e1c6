"""A cell: one method on one task at one capacity, run over all its folds and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pandas as pd

from hearlog.runtime.checkpoint import Checkpoint, Run
from hearlog.training.loop import Trainer
from hearlog.transfer.fold import Fold, Settings, Task, Teacher
from hearlog.transfer.methods import METHODS
from hearlog.transfer.targets import target_of
from hearlog.util import seeds


@dataclass(frozen=True)
class Cell:
    """One method on one task at one capacity.

    Attributes
    ----------
    method
        One of `hearlog.transfer.methods.METHODS`.
    task
        Clips, folds and spectrograms.
    teacher
        The estimator; None for a method that does not use it.
    settings
        Settings that all methods share.
    trainer
        How networks are trained.
    own
        The method's own settings, by name.
    """

    method: str
    task: Task
    teacher: Teacher | None
    settings: Settings
    trainer: Trainer
    own: Mapping[str, Any] = field(default_factory=dict)

    def run(self, repeats: list[int], saved: Run | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Train and test on every fold, once per seed; the same seed and fold start every method alike.

        Parameters
        ----------
        repeats
            Seeds.
        saved
            Finished folds and epochs of an interrupted run, from which this one resumes.

        Returns
        -------
        Predictions: ``seed``, ``fold``, ``item_id``, ``truth``, ``prediction`` of every test clip; and the curves:
        ``seed``, ``fold`` and the columns of the history that `hearlog.training.loop.Trainer.fit` returns.
        """
        tables: dict[str, list[pd.DataFrame]] = {"predictions": [], "curves": []}
        for seed, fold in product(repeats, range(len(self.task.folds))):
            for name, rows in self._recall_fold(seed, fold, saved).items():
                tables[name].append(pd.DataFrame({"seed": seed, "fold": fold} | rows))
        predictions, curves = (pd.concat(parts, ignore_index=True) for parts in tables.values())
        return predictions, curves

    def fold(self, seed: int, number: int, checkpoint: Checkpoint | None = None) -> Fold:
        """Prepare a fold, counted from 0, for the method."""
        parts = self.task.folds[number]
        return Fold(
            task=self.task,
            parts=parts,
            target=target_of(self.task.clips["target"], parts["train"]),
            teacher=self.teacher,
            settings=self.settings,
            trainer=self.trainer,
            seed=seeds.derive(seed, number),
            label=f"{self.method} fold {number + 1}/{len(self.task.folds)}",
            checkpoint=checkpoint,
        )

    def _recall_fold(self, seed: int, number: int, saved: Run | None) -> dict[str, Any]:
        """Run a fold, unless an interrupted run had finished it."""
        if saved is None:
            return self._run_fold(self.fold(seed, number))
        finished = saved.checkpoint(f"seed{seed}-fold{number}-finished")
        tables = self.trainer.backend.processes.from_first(finished.load)
        if tables is None:
            tables = self._run_fold(self.fold(seed, number, saved.checkpoint(f"seed{seed}-fold{number}")))
            if self.trainer.backend.processes.first:
                finished.save(tables)
        return tables

    def _run_fold(self, fold: Fold) -> dict[str, Any]:
        outputs, history = METHODS[self.method].run(fold, **self.own)
        tested = self.task.clips.iloc[fold.parts["test"]]
        decoded = fold.target.decode(outputs)
        predictions = {"item_id": tested["item_id"], "truth": tested["target"], "prediction": decoded}
        return {"predictions": pd.DataFrame(predictions).to_dict("list"), "curves": history.to_dict("list")}
