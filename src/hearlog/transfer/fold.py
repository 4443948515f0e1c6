"""One fold of a task: the steps that `hearlog.transfer.methods` are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from hearlog.model.folder import Network
from hearlog.model.losses import cosine_proximity, squared_error
from hearlog.model.network import TaskNetwork
from hearlog.runtime.checkpoint import Checkpoint
from hearlog.training.inference import predict
from hearlog.training.loop import Objective, Trainer
from hearlog.transfer.targets import Target
from hearlog.util import seeds

# What a method leaves of a fold: the outputs for its test clips, float32, clips x outputs, and the losses by epoch.
Outcome = tuple[np.ndarray, pd.DataFrame]
_TRAINS_NONE = "the table of methods says that this one trains no network"


@dataclass(frozen=True)
class Task:
    """A labelled data set.

    Attributes
    ----------
    clips
        ``item_id`` and ``target`` of every clip, in the row order of ``mels``.
    folds
        Rows of the parts train, valid and test, one dict per fold.
    mels
        float16 mel spectrograms, clips x bands x frames; may be memory-mapped. None where no network is trained.
    """

    clips: pd.DataFrame
    folds: list[dict[str, np.ndarray]]
    mels: np.ndarray | None


@dataclass(frozen=True)
class Teacher:
    """What the CF estimator gives to a task.

    Attributes
    ----------
    embeddings
        Output of the trained estimator for every clip of the task, float32, clips x factors.
    weights
        Its weights, those of an `hearlog.model.network.EmbeddingNetwork`, by name. None where no network is
        trained.
    """

    embeddings: np.ndarray
    weights: dict[str, torch.Tensor] | None


@dataclass(frozen=True)
class Settings:
    """Settings of task networks that all methods share.

    Attributes
    ----------
    network
        Size of the network below the output layer.
    student
        Which of `hearlog.model.architecture.STUDENTS` is trained from scratch.
    test_windows
        Windows of each test clip whose outputs are averaged, of the length of the training's; 1 takes the whole clip.
    """

    network: Network
    student: str = "paper"
    test_windows: int = 1


@dataclass(frozen=True)
class Fold:
    """One fold of a task and one seed, ready for a method.

    Attributes
    ----------
    task
        Clips, folds and spectrograms.
    parts
        Rows of the parts of this fold.
    target
        Encoding and loss of the task's labels or numbers.
    teacher
        The estimator; None where the method does not use it.
    settings, trainer
        Network size, and how networks are trained.
    seed
        Seed of weights and order; the same for every method.
    label
        Text next to the progress bar.
    checkpoint
        State of the training after each epoch; None keeps none.
    """

    task: Task
    parts: dict[str, np.ndarray]
    target: Target
    teacher: Teacher | None
    settings: Settings
    trainer: Trainer
    seed: int
    label: str = ""
    checkpoint: Checkpoint | None = None

    def student(self) -> TaskNetwork:
        """Build a task network with fresh weights."""
        return self._build(self.settings.student)

    def copy_of_estimator(self) -> TaskNetwork:
        """Build a task network with the weights of the estimator, and a fresh output layer."""
        network, weights = self._build("paper"), self._teacher.weights
        assert weights is not None, _TRAINS_NONE
        network.backbone.load_state_dict(weights)
        return network

    def task_loss(self) -> Objective:
        """Return the loss of the task itself, which also chooses the epoch."""
        encoded = self.trainer.backend.place(self.target.encode(self.task.clips["target"]))

        def terms(output: tuple[torch.Tensor, torch.Tensor], rows: np.ndarray) -> dict[str, torch.Tensor]:
            return {"task": self.target.loss(output[1], encoded[rows])}

        return Objective(terms, {"task": 1.0}, ("task",))

    def distillation(self) -> Objective:
        """Return the distillation loss (section 3.2.2).

        It is the squared error plus the cosine proximity between the penultimate activation and the estimator's
        embedding of the same clip. It does not take part in the choice of the epoch.
        """
        embeddings = self.trainer.backend.place(torch.from_numpy(self._teacher.embeddings))

        def terms(output: tuple[torch.Tensor, torch.Tensor], rows: np.ndarray) -> dict[str, torch.Tensor]:
            penultimate, teacher = output[0], embeddings[rows]
            return {"distillation": squared_error(penultimate, teacher) + cosine_proximity(penultimate, teacher)}

        return Objective(terms, {"distillation": 1.0}, ())

    def train(self, network: TaskNetwork, objective: Objective) -> Outcome:
        """Train a network on the fold and predict its test clips."""
        mels = self.task.mels
        assert mels is not None, _TRAINS_NONE
        history = self.trainer.fit(
            network,
            objective,
            mels,
            self.parts["train"],
            self.parts["valid"],
            seeds.derive(self.seed, "order"),
            self.label,
            self.checkpoint,
        )
        window, windows = self.trainer.augmentation.window, self.settings.test_windows
        outputs = predict(
            network,
            mels,
            self.parts["test"],
            self.trainer.backend,
            self.label,
            lambda output: output[1],
            window if windows > 1 else None,
            windows,
        )
        return outputs, history

    def fit_output_layer(self, max_iterations: int) -> Outcome:
        """Fit an output layer on the estimator's embeddings; the losses are those of its last iteration."""
        from hearlog.transfer.output_layer import fit_output_layer  # scikit-learn takes a second to import

        embeddings, encoded = self._teacher.embeddings, self.target.encode(self.task.clips["target"])
        train = self.parts["train"]
        predict_outputs, iterations = fit_output_layer(
            self.target, embeddings[train], encoded[train].numpy(), max_iterations
        )
        history: dict[str, float] = {"epoch": iterations}
        for part in ("train", "valid"):
            outputs = torch.from_numpy(predict_outputs(embeddings[self.parts[part]]))
            history[f"{part}_task"] = float(self.target.loss(outputs, encoded[self.parts[part]]))
        return predict_outputs(embeddings[self.parts["test"]]), pd.DataFrame([history])

    @property
    def _teacher(self) -> Teacher:
        assert self.teacher is not None, "the table of methods says that this one does without the estimator"
        return self.teacher

    def _build(self, student: str) -> TaskNetwork:
        torch.manual_seed(seeds.derive(self.seed, "weights"))
        return TaskNetwork(self.settings.network.build_student(student), self.target.outputs)
