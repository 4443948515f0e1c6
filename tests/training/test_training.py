import numpy as np
import pytest
import torch

from hearlog.runtime.backend import Backend
from hearlog.runtime.checkpoint import Checkpoint
from hearlog.runtime.processes import Processes
from hearlog.training.augmentation import Augmentation
from hearlog.training.inference import predict
from hearlog.training.loader import batches, cut, stream
from hearlog.training.loop import Objective, Trainer, mixed_terms
from hearlog.training.optimisation import Optimisation, adam, set_learning_rate
from hearlog.util.errors import InputError

NOTHING = Augmentation()


class Linear(torch.nn.Module):
    """The smallest network: one weight a pixel."""

    def __init__(self, pixels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = torch.nn.Dropout(dropout)
        self.layer = torch.nn.Linear(pixels, 1)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.layer(self.dropout(mel.flatten(1)))


def regression_problem(device, clips: int = 64):
    random = np.random.default_rng(0)
    mels = random.normal(size=(clips, 2, 3)).astype(np.float16)
    targets = torch.from_numpy(mels.reshape(clips, 6).astype(np.float32) @ np.arange(6, dtype=np.float32))[:, None]

    on_device = targets.to(device)

    def terms(output, rows):
        return {"error": torch.nn.functional.mse_loss(output, on_device[rows])}

    return mels, targets, Objective(terms, {"error": 1.0}, ("error",))


def train(backend: Backend, seed: int = 0, checkpoint=None, augmentation=NOTHING, dropout: float = 0.0, **changes):
    mels, _, objective = regression_problem(backend.device)
    torch.manual_seed(0)
    network = Linear(6, dropout)
    torch.manual_seed(seed)
    options = {"batch_size": 8, "epochs": 60, "patience": 60, "learning_rate": 0.1} | changes
    rows = np.arange(64)
    trainer = Trainer(Optimisation(**options), backend, augmentation)
    history = trainer.fit(network, objective, mels, rows[:48], rows[48:], seed, "test", checkpoint)
    return network, history


def test_a_linear_problem_is_solved(backend):
    mels, targets, _ = regression_problem(backend.device)
    network, _ = train(backend)
    predicted = predict(network, mels, np.arange(64), backend, "test")
    assert np.abs(predicted - targets.numpy()).max() < 0.02


def test_the_weights_of_the_best_epoch_are_kept(backend):
    mels, targets, _ = regression_problem(backend.device)
    network, history = train(backend, learning_rate=1.5, epochs=11)
    predicted = predict(network, mels, np.arange(48, 64), backend, "test")
    error = float(((predicted - targets.numpy()[48:]) ** 2).mean())
    assert history["valid_error"].idxmin() < len(history) - 1, "the example must get worse at its end"
    assert error == pytest.approx(history["valid_error"].min(), rel=1e-5)


def test_training_stops_when_patience_ends(backend):
    _, history = train(backend, learning_rate=1.5, epochs=500, patience=3)
    assert len(history) == history["valid_error"].idxmin() + 1 + 3 < 500


def test_same_seed_same_history_other_seed_other_history(backend):
    assert train(backend, seed=1)[1].equals(train(backend, seed=1)[1])
    assert not train(backend, seed=1)[1].equals(train(backend, seed=2)[1])


def test_the_training_loss_is_the_weighted_sum_of_the_terms(backend):
    mels, _, objective = regression_problem(backend.device)
    rows = np.arange(64)

    def with_weight(weight: float) -> torch.Tensor:
        def terms(output, batch):
            return objective.terms(output, batch) | {"size": output.square().mean()}

        torch.manual_seed(0)
        network = Linear(6)
        weighted = Objective(terms, {"error": 1.0, "size": weight}, ("error",))
        trainer = Trainer(Optimisation(64, 200, 200, 0.05), backend)
        trainer.fit(network, weighted, mels, rows, rows, 0, "test")
        return network.layer.weight.detach().cpu()

    # minimising (y - wx)^2 + a (wx)^2 shrinks the solution by 1 / (1 + a)
    assert torch.allclose(with_weight(0.0), torch.arange(6.0), atol=0.15)
    assert torch.allclose(with_weight(1.0), torch.arange(6.0) / 2, atol=0.15)


def test_a_diverging_run_stops_and_names_the_setting(backend):
    with pytest.raises(InputError, match="learning_rate"):
        train(backend, learning_rate=1e20, epochs=50)


@pytest.mark.parametrize(("rows", "size", "lengths"), [(17, 16, [9, 8]), (32, 16, [16, 16]), (5, 16, [5])])
def test_batches_are_even(rows, size, lengths):
    parts = list(batches(np.arange(rows), size))
    assert [len(part) for part in parts] == lengths
    assert np.array_equal(np.concatenate(parts), np.arange(rows))


class KilledError(Exception):
    """Stands for SIGKILL between two epochs."""


class Mortal(Checkpoint):
    """Kills the run after it has saved an epoch."""

    def save(self, state):
        super().save(state)
        if state["progress"]["epoch"] == 5:
            raise KilledError


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"patience": 3, "learning_rate": 1.5},
        {"schedule": "cosine", "weight_decay": 0.1, "accumulate": 2},
        {"augmentation": Augmentation(mel_mask=1, time_mask=1, mixup=0.5)},
        {"dropout": 0.3},
    ],
)
def test_a_killed_run_goes_on_and_ends_bit_for_bit_as_one_that_was_not(tmp_path, backend, changes):
    whole, history = train(backend, epochs=12, **changes)
    with pytest.raises(KilledError):
        train(backend, epochs=12, checkpoint=Mortal(tmp_path / "a.pt"), **changes)
    torch.rand(1, device=backend.device)  # as another process has drawn other numbers
    resumed, resumed_history = train(backend, epochs=12, checkpoint=Checkpoint(tmp_path / "a.pt"), **changes)
    assert resumed_history.equals(history)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_a_run_that_was_killed_after_its_last_epoch_trains_no_more(tmp_path, backend):
    saved = Checkpoint(tmp_path / "a.pt")
    _, history = train(backend, epochs=4, checkpoint=saved)
    before = saved.path.stat().st_mtime_ns
    _, again = train(backend, epochs=4, checkpoint=saved)
    assert again.equals(history)
    assert saved.path.stat().st_mtime_ns == before


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_a_batch_in_parts_has_the_gradients_of_the_whole(backend, parts):
    whole, _ = train(backend, epochs=3, batch_size=8)
    in_parts, _ = train(backend, epochs=3, batch_size=8, accumulate=parts)
    assert torch.allclose(whole.layer.weight, in_parts.layer.weight, atol=1e-6)


def test_the_cosine_schedule_ends_near_zero():
    assert learning_rates("cosine") == pytest.approx([0.1, 0.1 * (2 + 2**0.5) / 4, 0.05, 0.1 * (2 - 2**0.5) / 4])
    assert learning_rates("constant") == [0.1] * 4


def learning_rates(schedule):
    optimisation = Optimisation(8, 4, 4, 0.1, schedule)
    optimiser = adam(Linear(6), optimisation)
    rates = []
    for epoch in range(4):
        set_learning_rate(optimiser, optimisation, epoch)
        rates += {group["lr"] for group in optimiser.param_groups}
    return rates


def test_without_decay_the_optimiser_is_adam(device):
    networks = [Linear(6).to(device), Linear(6).to(device)]
    networks[1].load_state_dict(networks[0].state_dict())
    ours = adam(networks[0], Optimisation(8, 4, 4, 0.1))
    reference = torch.optim.Adam(networks[1].parameters(), lr=0.1)
    for _ in range(5):
        for network, optimiser in zip(networks, (ours, reference), strict=True):
            optimiser.zero_grad()
            network(torch.arange(6.0, device=device)[None]).square().sum().backward()
            optimiser.step()
    assert torch.allclose(networks[0].layer.weight, networks[1].layer.weight, atol=1e-7)


def test_decay_shrinks_weights_and_leaves_biases():
    network = Linear(6)
    weight, bias = network.layer.weight.detach().clone(), network.layer.bias.detach().clone()
    optimiser = adam(network, Optimisation(8, 4, 4, 0.1, weight_decay=0.5))
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert torch.allclose(network.layer.weight, weight * (1 - 0.1 * 0.5))
    assert torch.equal(network.layer.bias, bias)


def test_mixed_clips_learn_both_targets_by_their_shares():
    _, targets, objective = regression_problem("cpu")
    output, rows = torch.zeros(4, 1), np.arange(4)
    mixed = mixed_terms(objective, output, rows, 0.75)["error"]
    expected = 0.75 * targets[:4].square() + 0.25 * targets[:4].roll(1).square()
    assert mixed.item() == pytest.approx(expected.mean().item())


def test_windows_of_a_clip_are_averaged(backend):
    mels = np.random.default_rng(0).normal(size=(3, 2, 6)).astype(np.float16)
    network = Linear(6)
    averaged = predict(network, mels, np.arange(3), backend, "", window=3, count=2)
    halves = [predict(network, mels[:, :, half], np.arange(3), backend, "") for half in (slice(0, 3), slice(3, 6))]
    assert np.allclose(averaged, np.mean(halves, axis=0), atol=1e-6)


def test_memory_that_runs_out_names_the_options(backend):
    mels, _, objective = regression_problem(backend.device)

    class Greedy(Linear):
        def forward(self, mel):
            return torch.empty(2**50, device=mel.device)

    rows = np.arange(64)
    with pytest.raises(InputError, match="Raise accumulate"):
        Trainer(Optimisation(8, 1, 1, 0.1), backend).fit(Greedy(6), objective, mels, rows, rows, 0, "test")


@pytest.mark.parametrize("clips", [1, 7, 300])
def test_batches_arrive_in_order_however_they_are_read(backend, clips):
    mels = np.arange(600, dtype=np.float16).reshape(300, 1, 2)
    rows = np.random.default_rng(0).permutation(300)[:clips]
    parts = batches(rows, 4)
    read = list(stream(mels, parts, backend))
    assert [len(batch) for batch in read] == [len(part) for part in parts]
    assert np.array_equal(torch.cat(read).cpu().numpy(), mels[rows].astype(np.float32))


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("parts", [1, 2, 4, 8])
@pytest.mark.parametrize("clips", [4, 9, 16])
def test_parts_of_a_batch_leave_no_process_a_lone_clip_where_that_can_be(clips, parts, processes):
    cuts = cut(clips, parts, processes)
    assert np.concatenate(cuts).tolist() == list(range(clips))
    shares = [Processes(processes, rank).share(part) for part in cuts for rank in range(processes)]
    assert min(map(len, shares)) >= (2 if clips >= 2 * processes else 1)
    assert len(cuts) <= parts


def test_more_processes_than_clips_are_refused():
    with pytest.raises(InputError, match=r"a batch of 2 clips is too small for 3 processes: lower runtime\.devices"):
        cut(2, 1, 3)
