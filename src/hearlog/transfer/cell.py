"""The four ways to train a task network (paper, section 3.2.2 and Figure 3).

``base``
    from scratch.
``fix``
    the estimator's embeddings are frozen, only the output layer is fitted.
``init``
    the estimator's weights are the start, all are trained.
``kd``
    ``base``, with a distillation loss between the penultimate activation and the estimator's embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch

from hearlog.model.losses import cosine_proximity, squared_error
from hearlog.model.network import EmbeddingNetwork, TaskNetwork, build_student
from hearlog.runtime.checkpoint import Checkpoint, Run
from hearlog.training.inference import predict
from hearlog.training.loop import Objective, Trainer
from hearlog.transfer.output_layer import fit_output_layer
from hearlog.transfer.targets import Target, target_of
from hearlog.util import seeds


@dataclass(frozen=True)
class Task:
    """A labelled data set.

    Attributes
    ----------
    clips
        ``item_id`` and ``target`` of every clip, in the row order of ``mels``.
    folds
        Rows of the parts train, valid and test, a dict a fold.
    mels
        float16 mel spectrograms, clips x bands x frames; may be memory-mapped.
    """

    clips: pd.DataFrame
    folds: list[dict[str, np.ndarray]]
    mels: np.ndarray


@dataclass(frozen=True)
class Teacher:
    """What the CF estimator gives to a task.

    Attributes
    ----------
    network
        The trained estimator: where ``init`` starts.
    embeddings
        Its output for every clip of the task, float32, clips x factors: what ``fix`` classifies and ``kd`` imitates.
    """

    network: EmbeddingNetwork
    embeddings: np.ndarray


@dataclass(frozen=True)
class Settings:
    """The network's size, and each method's own settings.

    Attributes
    ----------
    channels, factors, se_ratio
        As of `hearlog.model.network.EmbeddingNetwork`.
    kd_weight
        Of the distillation loss beside the task loss.
    fix_iterations
        Most iterations of the logistic regression.
    student
        Which of `hearlog.model.network.STUDENTS` ``base`` and ``kd`` train; ``init`` needs the estimator's own
        structure.
    test_windows
        Windows of each test clip whose outputs are averaged, of the length of the training's; 1 takes the whole clip.
    """

    channels: int
    factors: int
    se_ratio: int
    kd_weight: float
    fix_iterations: int
    student: str = "paper"
    test_windows: int = 1


def task_objective(target: Target, encoded: torch.Tensor) -> Objective:
    """Return the task's own loss (``base`` and ``init``)."""

    def terms(output: tuple[torch.Tensor, torch.Tensor], rows: np.ndarray) -> dict[str, torch.Tensor]:
        return {"task": target.loss(output[1], encoded[rows])}

    return Objective(terms, {"task": 1.0}, ("task",))


def distillation_objective(target: Target, encoded: torch.Tensor, embeddings: torch.Tensor, weight: float) -> Objective:
    """Task loss plus ``weight`` x distillation loss; the task loss alone chooses the epoch (``kd``).

    The distillation loss is squared error plus cosine proximity between the penultimate activation and the
    estimator's embedding of the same clip (section 3.2.2).
    """

    def terms(output: tuple[torch.Tensor, torch.Tensor], rows: np.ndarray) -> dict[str, torch.Tensor]:
        penultimate, outputs = output
        teacher = embeddings[rows]
        distillation = squared_error(penultimate, teacher) + cosine_proximity(penultimate, teacher)
        return {"task": target.loss(outputs, encoded[rows]), "distillation": distillation}

    return Objective(terms, {"task": 1.0, "distillation": weight}, ("task",))


@dataclass(frozen=True)
class Cell:
    """One method on one task at one capacity.

    Attributes
    ----------
    method
        ``base``, ``fix``, ``init`` or ``kd``.
    task
        Clips, folds and spectrograms.
    teacher
        None for ``base``, which knows nothing of the estimator.
    settings
        Of the network and the method.
    trainer
        How networks are trained.
    """

    method: str
    task: Task
    teacher: Teacher | None
    settings: Settings
    trainer: Trainer

    def run(self, repeats: list[int], saved: Run | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Train and test on every fold, once a seed; the same seed and fold start every method alike.

        Parameters
        ----------
        repeats
            The seeds.
        saved
            Where finished folds and epochs are kept, from which a killed run goes on.

        Returns
        -------
        Predictions: ``seed``, ``fold``, ``item_id``, ``truth``, ``prediction`` of every test clip; and the curves:
        ``seed``, ``fold`` and the columns of `hearlog.training.loop.Trainer.fit`'s history.
        """
        tables: dict[str, list[pd.DataFrame]] = {"predictions": [], "curves": []}
        for seed, fold in product(repeats, range(len(self.task.folds))):
            for name, rows in self._recall_fold(seed, fold, saved).items():
                tables[name].append(pd.DataFrame({"seed": seed, "fold": fold} | rows))
        predictions, curves = (pd.concat(parts, ignore_index=True) for parts in tables.values())
        return predictions, curves

    def _recall_fold(self, seed: int, fold: int, saved: Run | None) -> dict[str, Any]:
        """Run a fold, unless a killed run had finished it."""
        if saved is None:
            return self._run_fold(seed, fold, None)
        finished = saved.checkpoint(f"seed{seed}-fold{fold}-finished")
        tables = self.trainer.backend.processes.from_first(finished.load)
        if tables is None:
            tables = self._run_fold(seed, fold, saved.checkpoint(f"seed{seed}-fold{fold}"))
            if self.trainer.backend.processes.first:
                finished.save(tables)
        return tables

    def _run_fold(self, seed: int, fold: int, checkpoint: Checkpoint | None) -> dict[str, Any]:
        parts = self.task.folds[fold]
        target = target_of(self.task.clips["target"], parts["train"])
        if self.method == "fix":
            outputs, history = self._fit_output_layer(target, parts)
        else:
            label = f"{self.method} fold {fold + 1}/{len(self.task.folds)}"
            outputs, history = self._train_network(target, parts, seeds.derive(seed, fold), label, checkpoint)
        tested = self.task.clips.iloc[parts["test"]]
        predictions = {"item_id": tested["item_id"], "truth": tested["target"], "prediction": target.decode(outputs)}
        return {
            "predictions": pd.DataFrame(predictions).to_dict("list"),
            "curves": history.to_dict("list"),
        }

    def _train_network(
        self, target: Target, parts: dict[str, np.ndarray], seed: int, label: str, checkpoint: Checkpoint | None
    ) -> tuple[np.ndarray, pd.DataFrame]:
        torch.manual_seed(seeds.derive(seed, "weights"))
        network = self._build_network(target.outputs)
        history = self.trainer.fit(
            network,
            self._objective(target),
            self.task.mels,
            parts["train"],
            parts["valid"],
            seeds.derive(seed, "order"),
            label,
            checkpoint,
        )
        window, windows = self.trainer.augmentation.window, self.settings.test_windows
        outputs = predict(
            network,
            self.task.mels,
            parts["test"],
            self.trainer.backend,
            label,
            lambda output: output[1],
            window if windows > 1 else None,
            windows,
        )
        return outputs, history

    def _build_network(self, outputs: int) -> TaskNetwork:
        student = "paper" if self.method == "init" else self.settings.student
        size = (self.settings.channels, self.settings.factors, self.settings.se_ratio)
        backbone = build_student(student, *size)
        network = TaskNetwork(backbone, outputs)
        if self.method == "init":
            assert self.teacher is not None
            backbone.load_state_dict(self.teacher.network.state_dict())
        return network

    def _objective(self, target: Target) -> Objective:
        encoded = self.trainer.backend.place(target.encode(self.task.clips["target"]))
        if self.method != "kd":
            return task_objective(target, encoded)
        assert self.teacher is not None
        embeddings = self.trainer.backend.place(torch.from_numpy(self.teacher.embeddings))
        return distillation_objective(target, encoded, embeddings, self.settings.kd_weight)

    def _fit_output_layer(self, target: Target, parts: dict[str, np.ndarray]) -> tuple[np.ndarray, pd.DataFrame]:
        """Fit the output layer on frozen embeddings; the losses are those of its last iteration."""
        assert self.teacher is not None
        embeddings, encoded = self.teacher.embeddings, target.encode(self.task.clips["target"])
        train = parts["train"]
        predict_outputs, iterations = fit_output_layer(
            target, embeddings[train], encoded[train].numpy(), self.settings.fix_iterations
        )
        history: dict[str, float] = {"epoch": iterations}
        for part in ("train", "valid"):
            outputs = torch.from_numpy(predict_outputs(embeddings[parts[part]]))
            history[f"{part}_task"] = float(target.loss(outputs, encoded[parts[part]]))
        return predict_outputs(embeddings[parts["test"]]), pd.DataFrame([history])
