from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression

from hearlog.model.folder import Network
from hearlog.model.network import EmbeddingNetwork, SeparableNetwork
from hearlog.runtime.backend import Backend, start_backend
from hearlog.runtime.checkpoint import Run
from hearlog.training.augmentation import Augmentation
from hearlog.training.inference import predict
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation
from hearlog.transfer.cell import Cell
from hearlog.transfer.fold import Settings, Task, Teacher
from hearlog.transfer.output_layer import fit_output_layer
from hearlog.transfer.targets import ClassTarget, NumberTarget, target_of
from hearlog.util.errors import InputError

CPU = start_backend("cpu", "float32", 1)
NETWORK = Network(channels=16, factors=8, se_ratio=8)


def trainer(backend: Backend, epochs: int = 25) -> Trainer:
    return Trainer(Optimisation(8, epochs, epochs, 0.01), backend)


OWN = {"base": {}, "fix": {"max_iterations": 5000}, "init": {}, "kd": {"weight": 1.0}}


def settings() -> Settings:
    return Settings(NETWORK)


@pytest.fixture(scope="module")
def task() -> Task:
    """Three classes of texture, plainly apart: noise over all bands, over the low ones, over every other frame."""
    random = np.random.default_rng(0)
    labels = np.array(["all", "low", "pulse"])[np.arange(36) % 3]
    mels = random.normal(0, 0.3, (36, 96, 320))
    mels[labels == "all"] += 1
    mels[labels == "low", :24] += 1
    mels[labels == "pulse", :, ::2] += 1
    clips = pd.DataFrame({"item_id": [f"c{i}" for i in range(36)], "target": labels})
    rows = np.arange(36)
    fold = {"train": rows[:18], "valid": rows[18:24], "test": rows[24:]}
    return Task(clips, [fold], mels.astype(np.float16))


@pytest.fixture(scope="module")
def teacher(task) -> Teacher:
    torch.manual_seed(1)
    centres = task.clips["target"].map({"all": 0.0, "low": 1.0, "pulse": 2.0}).to_numpy()[:, None]
    embeddings = np.random.default_rng(1).normal(centres, 1, (36, 8)).astype(np.float32)
    return Teacher(embeddings, NETWORK.build().state_dict())


def run(backend: Backend, method: str, task: Task, teacher: Teacher | None, epochs: int = 25, **changes):
    return Cell(method, task, teacher, settings(), trainer(backend, epochs), OWN[method] | changes).run([0])


@pytest.mark.parametrize("method", ["base", "init", "kd"])
def test_every_trained_method_learns_classes_that_are_plainly_apart(backend, task, teacher, method):
    predictions, curves = run(backend, method, task, teacher if method != "base" else None)
    assert (predictions["truth"] == predictions["prediction"]).all()
    assert list(predictions["item_id"]) == [f"c{i}" for i in range(24, 36)]
    assert curves["train_task"].iloc[-1] < curves["train_task"].iloc[0]


def test_kd_with_weight_zero_is_base(task, teacher):
    kd, kd_curves = run(CPU, "kd", task, teacher, weight=0.0, epochs=3)
    base, base_curves = run(CPU, "base", task, None, epochs=3)
    assert kd.equals(base)
    assert kd_curves["valid_task"].equals(base_curves["valid_task"])


def test_kd_pulls_the_penultimate_layer_to_the_teacher(backend, task, teacher):
    _, free = run(backend, "kd", task, teacher, weight=0.0)
    _, distilled = run(backend, "kd", task, teacher, weight=1.0)
    assert distilled["valid_distillation"].iloc[-1] < 0.7 * free["valid_distillation"].iloc[-1]


def test_init_starts_from_the_estimator(task, teacher):
    cell = Cell("init", task, teacher, settings(), trainer(CPU))
    started = cell.fold(0, 0).copy_of_estimator().backbone.state_dict()
    assert all(torch.equal(started[name], weight) for name, weight in teacher.weights.items())


@pytest.mark.parametrize("method", ["base", "kd"])
def test_a_student_of_another_structure_learns_as_well(backend, task, teacher, method):
    student = replace(settings(), student="separable")
    cell = Cell(method, task, teacher if method == "kd" else None, student, trainer(backend), OWN[method])
    assert isinstance(cell.fold(0, 0).student().backbone, SeparableNetwork)
    predictions, _ = cell.run([0])
    assert (predictions["truth"] == predictions["prediction"]).mean() > 0.9


def test_init_has_the_structure_of_the_estimator_whatever_the_student(task, teacher):
    cell = Cell("init", task, teacher, replace(settings(), student="separable"), trainer(CPU))
    assert isinstance(cell.fold(0, 0).copy_of_estimator().backbone, EmbeddingNetwork)


def test_an_augmented_student_imitates_the_teacher_s_embedding_of_the_clean_clip(task, teacher):
    augmented = Trainer(Optimisation(8, 1, 1, 0.01), CPU, Augmentation(mel_mask=8, time_mask=40, mixup=0.3))
    cell = Cell("kd", task, teacher, settings(), augmented, OWN["kd"])
    rows = np.array([3, 5])
    terms = cell.fold(0, 0).distillation().terms((torch.from_numpy(teacher.embeddings[rows]), torch.zeros(2, 3)), rows)
    assert terms["distillation"].item() == pytest.approx(0, abs=1e-6)
    _, curves = cell.run([0])
    assert np.isfinite(curves["train_distillation"]).all()


def test_outputs_of_several_windows_of_a_test_clip_are_averaged(backend, task):
    longer = Task(task.clips, task.folds, np.concatenate([task.mels, task.mels[::-1]], axis=2))
    windowed = Trainer(Optimisation(8, 2, 2, 0.01), backend, Augmentation(window=320))
    cell = Cell("base", longer, None, replace(settings(), test_windows=2), windowed)
    network = cell.fold(0, 0).student()
    rows = np.arange(4)
    both = predict(network, longer.mels, rows, backend, "", lambda output: output[1], 320, 2)
    halves = [
        predict(network, longer.mels[:, :, part], rows, backend, "", lambda output: output[1])
        for part in (slice(320), slice(320, None))
    ]
    assert np.allclose(both, np.mean(halves, axis=0), rtol=1e-3, atol=0)
    assert not np.allclose(halves[0], halves[1], rtol=0.05, atol=0)
    predictions, _ = cell.run([0])
    assert len(predictions) == 12


def test_init_leaves_the_estimator_as_it_was(task, teacher):
    before = {name: weight.clone() for name, weight in teacher.weights.items()}
    run(CPU, "init", task, teacher, epochs=1)
    assert all(torch.equal(before[name], weight) for name, weight in teacher.weights.items())


def test_fix_is_logistic_regression_on_standardised_embeddings(task, teacher):
    fold = task.folds[0]
    predictions, curves = run(CPU, "fix", task, teacher)
    train = teacher.embeddings[fold["train"]]
    standardised = (teacher.embeddings - train.mean(axis=0)) / train.std(axis=0)
    reference = LogisticRegression(max_iter=5000).fit(standardised[fold["train"]], task.clips["target"][fold["train"]])
    assert list(predictions["prediction"]) == list(reference.predict(standardised[fold["test"]]))
    probabilities = reference.predict_proba(standardised[fold["valid"]])
    truth = [list(reference.classes_).index(label) for label in task.clips["target"][fold["valid"]]]
    assert curves["valid_task"].item() == pytest.approx(-np.log(probabilities[range(6), truth]).mean(), rel=1e-2)


def test_regression_targets_are_standardised_on_train_and_predicted_in_their_units(task, teacher):
    numbers = pd.Series(np.linspace(1, 9, 36))
    regression = Task(task.clips.assign(target=numbers), task.folds, task.mels)
    predictions, _ = run(CPU, "fix", regression, teacher)
    fold = task.folds[0]
    reference = LinearRegression().fit(teacher.embeddings[fold["train"]], numbers[fold["train"]])
    assert np.allclose(predictions["prediction"], reference.predict(teacher.embeddings[fold["test"]]), atol=1e-3)
    assert np.allclose(predictions["truth"], numbers[fold["test"]])


def test_regression_trains_a_network(backend, task):
    numbers = pd.Series(np.where(task.clips["target"] == "low", 8.0, 2.0))
    regression = Task(task.clips.assign(target=numbers), task.folds, task.mels)
    predictions, _ = run(backend, "base", regression, None)
    assert np.abs(predictions["prediction"] - predictions["truth"]).mean() < 1


def test_every_seed_and_fold_is_tested(task, teacher):
    fold = task.folds[0]
    swapped = {"train": fold["train"], "valid": fold["test"], "test": fold["valid"]}
    cell = Cell("fix", Task(task.clips, [fold, swapped], task.mels), teacher, settings(), trainer(CPU), OWN["fix"])
    predictions, curves = cell.run([0, 1])
    assert predictions.groupby(["seed", "fold"]).size().to_dict() == {(0, 0): 12, (0, 1): 6, (1, 0): 12, (1, 1): 6}
    assert len(curves) == 4


def test_a_class_without_training_clips_is_never_predicted():
    target = ClassTarget(("a", "b", "c"))
    embeddings = np.random.default_rng(0).normal(size=(20, 4))
    outputs, _ = fit_output_layer(target, embeddings, np.array([0, 2] * 10), 5000)
    assert set(target.decode(outputs(embeddings))) == {"a", "c"}
    assert np.isfinite(outputs(embeddings)).all()


def test_an_output_layer_that_does_not_converge_names_the_setting():
    embeddings = np.random.default_rng(0).normal(size=(50, 4))
    with pytest.raises(InputError, match=r"transfer\.fix\.max_iterations"):
        fit_output_layer(ClassTarget(("a", "b")), embeddings, np.arange(50) % 2, 1)


def test_numbers_are_regressed_and_text_is_classified():
    assert target_of(pd.Series([1.0, 3.0, 100.0]), np.array([0, 1])) == NumberTarget(2.0, 1.0)
    assert target_of(pd.Series(["b", "a", "b"]), np.array([0])) == ClassTarget(("a", "b"))


def test_a_killed_cross_validation_goes_on_at_its_fold_and_epoch(task, teacher, tmp_path):
    fold = task.folds[0]
    two_folds = Task(task.clips, [fold, {**fold, "valid": fold["test"], "test": fold["valid"]}], task.mels)
    cell = Cell("kd", two_folds, teacher, settings(), trainer(CPU, epochs=3), OWN["kd"])
    predictions, curves = cell.run([0])

    killed = Run(tmp_path)
    cell._recall_fold(0, 0, killed)
    with pytest.raises(ZeroDivisionError):
        dying = Dies(trainer(CPU, 3).optimisation, CPU)
        Cell("kd", two_folds, teacher, settings(), dying, OWN["kd"]).run([0], killed)
    trained = []
    counting = replace(cell, trainer=Counts(trainer(CPU, 3).optimisation, CPU, trained=trained))
    resumed, resumed_curves = counting.run([0], killed)
    assert trained == ["kd fold 2/2"]
    assert resumed.equals(predictions)
    assert resumed_curves.equals(curves)


@dataclass(frozen=True)
class Dies(Trainer):
    """Is killed before it has trained."""

    def fit(self, *arguments):
        raise ZeroDivisionError


@dataclass(frozen=True)
class Counts(Trainer):
    """Notes the folds it trains."""

    trained: list = field(default_factory=list)

    def fit(self, *arguments):
        self.trained.append(arguments[6])
        return super().fit(*arguments)
