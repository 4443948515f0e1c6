import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from hearlog.transfer import scores

LABELS = pd.DataFrame(
    {
        "seed": 0,
        "fold": [0, 0, 0, 1, 1, 1],
        "truth": ["a", "a", "a", "b", "b", "c"],
        "prediction": ["a", "a", "b", "b", "b", "b"],
    }
)
NUMBERS = pd.DataFrame({"seed": 0, "fold": 0, "truth": [1.0, 2.0, 3.0], "prediction": [1.0, 3.0, 5.0]})


def test_classification_by_hand():
    # f1: a = 2 * 1 * (2/3) / (5/3) = 0.8, b = 2 * 0.5 * 1 / 1.5 = 2/3, c = 0
    assert scores.score(LABELS) == pytest.approx({"accuracy": 4 / 6, "macro_f1": (0.8 + 2 / 3) / 3})


def test_regression_by_hand():
    # r2 = 1 - (0 + 1 + 4) / 2; the predictions lie on a line, so the correlation is 1
    assert scores.score(NUMBERS) == pytest.approx({"r2": -1.5, "squared_correlation": 1.0})


def test_constant_predictions_have_no_correlation():
    assert scores.score(NUMBERS.assign(prediction=2.0)) == {"r2": 0.0, "squared_correlation": 0.0}


def test_the_mean_score_pools_folds_and_averages_seeds():
    two_seeds = pd.concat([LABELS, LABELS.assign(seed=1, prediction=LABELS["truth"])])
    assert scores.mean_score(two_seeds)["accuracy"] == pytest.approx((4 / 6 + 1) / 2)


def test_scores_by_fold_have_a_row_each():
    table = scores.scores_by_fold(LABELS)
    assert table[["seed", "fold", "clips"]].to_numpy().tolist() == [[0, 0, 3], [0, 1, 3]]
    assert table["accuracy"].tolist() == pytest.approx([2 / 3, 2 / 3])


def test_per_class_scores_and_confusion():
    table = scores.per_class(LABELS).set_index("class")
    assert table.loc["b"].to_dict() == pytest.approx({"clips": 2, "precision": 0.5, "recall": 1.0, "f1": 2 / 3})
    assert scores.confusion(LABELS).loc["a"].to_dict() == {"a": 2, "b": 1, "c": 0}


def test_every_row_of_a_labelled_table_names_its_protocol():
    protocol = {"protocol": "artist_cv", "folds": 10}
    table = scores.label(scores.confusion(LABELS).reset_index(), protocol)
    assert list(table) == ["protocol", "folds", "truth", "a", "b", "c"]
    assert set(table["protocol"]) == {"artist_cv"} and set(table["folds"]) == {10}
    assert scores.label(LABELS, protocol)[list(LABELS)].equals(LABELS)


def test_reference_lines_by_hand():
    truth = pd.Series(["a", "a", "b", "b", "b", "a"])
    folds = [{"train": np.array([0, 1, 2]), "test": np.array([3, 4, 5])}]
    assert scores.reference_lines(truth, folds) == pytest.approx({"chance": 1 / 2, "majority": 1 / 3})


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=30))
def test_scores_of_labels_are_those_of_scikit_learn(pairs):
    table = pd.DataFrame(pairs, columns=["truth", "prediction"])
    truth, prediction, classes = table["truth"], table["prediction"], sorted(table["truth"].unique())
    f1 = metrics.f1_score(truth, prediction, labels=classes, average="macro", zero_division=0)
    expected = {"accuracy": metrics.accuracy_score(truth, prediction), "macro_f1": f1}
    assert scores.score(table) == pytest.approx(expected)
    of_classes = metrics.precision_recall_fscore_support(truth, prediction, labels=classes, zero_division=0)
    for name, column in zip(("precision", "recall", "f1", "clips"), of_classes, strict=True):
        assert scores.per_class(table)[name].to_numpy() == pytest.approx(column)
    assert scores.per_class(table)["class"].tolist() == classes
    named = sorted(set(truth) | set(prediction))
    assert np.array_equal(scores.confusion(table), metrics.confusion_matrix(truth, prediction, labels=named))


NUMBER = st.integers(-100, 100).map(lambda tenth: tenth / 10)


@given(st.lists(st.tuples(NUMBER, NUMBER), min_size=2, max_size=30))
def test_r2_is_that_of_scikit_learn(pairs):
    truth, prediction = np.array(pairs).T
    spread = np.square(truth - truth.mean()).sum()
    if truth.min() == truth.max() or spread > 1e-6:
        assert scores.r_squared(truth, prediction) == pytest.approx(metrics.r2_score(truth, prediction))
