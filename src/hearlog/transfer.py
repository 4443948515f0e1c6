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

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hearlog import seeds
from hearlog.errors import InputError
from hearlog.losses import cosine_proximity, squared_error
from hearlog.network import EmbeddingNetwork, TaskNetwork
from hearlog.runtime import Backend
from hearlog.targets import ClassTarget, Target, target_of
from hearlog.training import Objective, Optimisation, fit, predict


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
    """The network's size, its training, and each method's own settings."""

    channels: int
    factors: int
    se_ratio: int
    optimisation: Optimisation
    kd_weight: float
    fix_iterations: int


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
    backend
        Device and precision.
    """

    method: str
    task: Task
    teacher: Teacher | None
    settings: Settings
    backend: Backend

    def run(self, repeats: list[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Train and test on every fold, once a seed; the same seed and fold start every method alike.

        Returns
        -------
        Predictions: ``seed``, ``fold``, ``item_id``, ``truth``, ``prediction`` of every test clip; and the curves:
        ``seed``, ``fold`` and the columns of `hearlog.training.fit`'s history.
        """
        predictions, curves = [], []
        for seed in repeats:
            for fold, parts in enumerate(self.task.folds):
                target = target_of(self.task.clips["target"], parts["train"])
                if self.method == "fix":
                    outputs, history = self._fit_output_layer(target, parts)
                else:
                    label = f"{self.method} fold {fold + 1}/{len(self.task.folds)}"
                    outputs, history = self._train_network(target, parts, seeds.derive(seed, fold), label)
                tested = self.task.clips.iloc[parts["test"]]
                rows = {"item_id": tested["item_id"], "truth": tested["target"], "prediction": target.decode(outputs)}
                predictions.append(pd.DataFrame({"seed": seed, "fold": fold, **rows}))
                history.insert(0, "seed", seed)
                history.insert(1, "fold", fold)
                curves.append(history)
        return pd.concat(predictions, ignore_index=True), pd.concat(curves, ignore_index=True)

    def _train_network(
        self, target: Target, parts: dict[str, np.ndarray], seed: int, label: str
    ) -> tuple[np.ndarray, pd.DataFrame]:
        torch.manual_seed(seeds.derive(seed, "weights"))
        network = self._build_network(target.outputs)
        history = fit(
            network,
            self._objective(target),
            self.task.mels,
            parts["train"],
            parts["valid"],
            self.settings.optimisation,
            self.backend,
            seeds.derive(seed, "order"),
            label,
        )
        outputs = predict(network, self.task.mels, parts["test"], self.backend, label, lambda output: output[1])
        return outputs, history

    def _build_network(self, outputs: int) -> TaskNetwork:
        backbone = EmbeddingNetwork(self.settings.channels, self.settings.factors, self.settings.se_ratio)
        network = TaskNetwork(backbone, outputs)
        if self.method == "init":
            assert self.teacher is not None
            backbone.load_state_dict(self.teacher.network.state_dict())
        return network

    def _objective(self, target: Target) -> Objective:
        encoded = self.backend.place(target.encode(self.task.clips["target"]))
        if self.method != "kd":
            return task_objective(target, encoded)
        assert self.teacher is not None
        embeddings = self.backend.place(torch.from_numpy(self.teacher.embeddings))
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


def fit_output_layer(
    target: Target, embeddings: np.ndarray, encoded: np.ndarray, iterations: int
) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """Fit an output layer on frozen embeddings to convergence: logistic or linear regression.

    Embeddings are standardised: at their raw scale a few hundred steps of Adam leave the layer untrained.

    Parameters
    ----------
    target
        What the layer is asked for.
    embeddings
        Of the training clips, clips x factors.
    encoded
        Their targets, as ``target.encode`` gives them.
    iterations
        Most that the logistic regression may take.

    Returns
    -------
    A function from embeddings to outputs as a network gives them, float32 clips x outputs, and the iterations taken.

    Raises
    ------
    InputError
        If the logistic regression does not converge.
    """
    if not isinstance(target, ClassTarget):
        linear = make_pipeline(StandardScaler(), LinearRegression()).fit(embeddings, encoded)
        return linear.predict, 1
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=iterations))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            logistic.fit(embeddings, encoded)
        except ConvergenceWarning:
            raise InputError(
                f"fix: the output layer did not converge in {iterations} iterations: raise transfer.fix.max_iterations"
            ) from None

    def logits(embeddings: np.ndarray) -> np.ndarray:
        # A class without training clips keeps the least float: it is never chosen, and its loss stays finite.
        outputs = np.full((len(embeddings), target.outputs), np.log(np.finfo(np.float32).tiny), np.float32)
        outputs[:, logistic.classes_] = logistic.predict_log_proba(embeddings)
        return outputs

    return logits, int(logistic[-1].n_iter_.max())
