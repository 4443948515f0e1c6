import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression

from hearlog import estimator, runtime
from hearlog.errors import InputError
from hearlog.targets import ClassTarget, NumberTarget, target_of
from hearlog.training import Optimisation
from hearlog.transfer import Cell, Settings, Task, Teacher, fit_output_layer

BACKEND = runtime.start("cpu", "float32", 1)
CONFIG = estimator.EstimatorConfig(channels=16, factors=8, se_ratio=8, audio={}, mel={})


def settings(epochs: int = 25, kd_weight: float = 1.0) -> Settings:
    return Settings(16, 8, 8, Optimisation(8, epochs, epochs, 0.01), kd_weight, 5000)


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
    return Teacher(CONFIG.build(), embeddings)


def run(method: str, task: Task, teacher: Teacher | None, **changes):
    return Cell(method, task, teacher, settings(**changes), BACKEND).run([0])


@pytest.mark.parametrize("method", ["base", "init", "kd"])
def test_every_trained_method_learns_classes_that_are_plainly_apart(task, teacher, method):
    predictions, curves = run(method, task, teacher if method != "base" else None)
    assert (predictions["truth"] == predictions["prediction"]).all()
    assert list(predictions["item_id"]) == [f"c{i}" for i in range(24, 36)]
    assert curves["train_task"].iloc[-1] < curves["train_task"].iloc[0]


def test_kd_with_weight_zero_is_base(task, teacher):
    kd, kd_curves = run("kd", task, teacher, kd_weight=0.0, epochs=3)
    base, base_curves = run("base", task, None, epochs=3)
    assert kd.equals(base)
    assert kd_curves["valid_task"].equals(base_curves["valid_task"])


def test_kd_pulls_the_penultimate_layer_to_the_teacher(task, teacher):
    _, free = run("kd", task, teacher, kd_weight=0.0)
    _, distilled = run("kd", task, teacher, kd_weight=1.0)
    assert distilled["valid_distillation"].iloc[-1] < 0.7 * free["valid_distillation"].iloc[-1]


def test_init_starts_from_the_estimator(task, teacher):
    cell = Cell("init", task, teacher, settings(), BACKEND)
    started = cell._build_network(3).backbone.state_dict()
    assert all(torch.equal(started[name], weight) for name, weight in teacher.network.state_dict().items())


def test_init_leaves_the_estimator_as_it_was(task, teacher):
    before = {name: weight.clone() for name, weight in teacher.network.state_dict().items()}
    run("init", task, teacher, epochs=1)
    assert all(torch.equal(before[name], weight) for name, weight in teacher.network.state_dict().items())


def test_fix_is_logistic_regression_on_standardised_embeddings(task, teacher):
    fold = task.folds[0]
    predictions, curves = run("fix", task, teacher)
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
    predictions, _ = run("fix", regression, teacher)
    fold = task.folds[0]
    reference = LinearRegression().fit(teacher.embeddings[fold["train"]], numbers[fold["train"]])
    assert np.allclose(predictions["prediction"], reference.predict(teacher.embeddings[fold["test"]]), atol=1e-3)
    assert np.allclose(predictions["truth"], numbers[fold["test"]])


def test_regression_trains_a_network(task):
    numbers = pd.Series(np.where(task.clips["target"] == "low", 8.0, 2.0))
    predictions, _ = run("base", Task(task.clips.assign(target=numbers), task.folds, task.mels), None)
    assert np.abs(predictions["prediction"] - predictions["truth"]).mean() < 1


def test_every_seed_and_fold_is_tested(task, teacher):
    fold = task.folds[0]
    swapped = {"train": fold["train"], "valid": fold["test"], "test": fold["valid"]}
    cell = Cell("fix", Task(task.clips, [fold, swapped], task.mels), teacher, settings(), BACKEND)
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
