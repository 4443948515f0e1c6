import numpy as np
import pytest
import torch

from hearlog import runtime
from hearlog.errors import InputError
from hearlog.training import Objective, Optimisation, batches, fit, predict

BACKEND = runtime.start("cpu", "float32", 1)


class Linear(torch.nn.Module):
    """The smallest network: one weight a pixel."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(pixels, 1)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.layer(mel.flatten(1))


def regression_problem(clips: int = 64):
    random = np.random.default_rng(0)
    mels = random.normal(size=(clips, 2, 3)).astype(np.float16)
    targets = torch.from_numpy(mels.reshape(clips, 6).astype(np.float32) @ np.arange(6, dtype=np.float32))[:, None]

    def terms(output, rows):
        return {"error": torch.nn.functional.mse_loss(output, targets[rows])}

    return mels, targets, Objective(terms, {"error": 1.0}, ("error",))


def train(seed: int = 0, **changes):
    mels, _, objective = regression_problem()
    torch.manual_seed(0)
    network = Linear(6)
    options = {"batch_size": 8, "epochs": 60, "patience": 60, "learning_rate": 0.1} | changes
    rows = np.arange(64)
    history = fit(network, objective, mels, rows[:48], rows[48:], Optimisation(**options), BACKEND, seed, "test")
    return network, history


def test_a_linear_problem_is_solved():
    mels, targets, _ = regression_problem()
    network, _ = train()
    predicted = predict(network, mels, np.arange(64), BACKEND, "test")
    assert np.abs(predicted - targets.numpy()).max() < 0.02


def test_the_weights_of_the_best_epoch_are_kept():
    mels, targets, _ = regression_problem()
    network, history = train(learning_rate=1.5, epochs=11)
    predicted = predict(network, mels, np.arange(48, 64), BACKEND, "test")
    error = float(((predicted - targets.numpy()[48:]) ** 2).mean())
    assert history["valid_error"].idxmin() < len(history) - 1, "the example must get worse at its end"
    assert error == pytest.approx(history["valid_error"].min(), rel=1e-5)


def test_training_stops_when_patience_ends():
    _, history = train(learning_rate=1.5, epochs=500, patience=3)
    assert len(history) == history["valid_error"].idxmin() + 1 + 3 < 500


def test_same_seed_same_history_other_seed_other_history():
    assert train(seed=1)[1].equals(train(seed=1)[1])
    assert not train(seed=1)[1].equals(train(seed=2)[1])


def test_the_training_loss_is_the_weighted_sum_of_the_terms():
    mels, _, objective = regression_problem()
    rows = np.arange(64)

    def with_weight(weight: float) -> torch.Tensor:
        def terms(output, batch):
            return objective.terms(output, batch) | {"size": output.square().mean()}

        torch.manual_seed(0)
        network = Linear(6)
        weighted = Objective(terms, {"error": 1.0, "size": weight}, ("error",))
        fit(network, weighted, mels, rows, rows, Optimisation(64, 200, 200, 0.05), BACKEND, 0, "test")
        return network.layer.weight.detach()

    # minimising (y - wx)^2 + a (wx)^2 shrinks the solution by 1 / (1 + a)
    assert torch.allclose(with_weight(0.0), torch.arange(6.0), atol=0.15)
    assert torch.allclose(with_weight(1.0), torch.arange(6.0) / 2, atol=0.15)


def test_a_diverging_run_stops_and_names_the_setting():
    with pytest.raises(InputError, match="learning_rate"):
        train(learning_rate=1e20, epochs=50)


@pytest.mark.parametrize(("rows", "size", "lengths"), [(17, 16, [9, 8]), (32, 16, [16, 16]), (5, 16, [5])])
def test_batches_are_even(rows, size, lengths):
    parts = list(batches(np.arange(rows), size))
    assert [len(part) for part in parts] == lengths
    assert np.array_equal(np.concatenate(parts), np.arange(rows))
