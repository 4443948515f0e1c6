"""Networks that kept their last epoch."""

import pytest
from cell_files import TASKS, write_cells, write_curves

from hearlog.params.blocks import Training
from hearlog.report.text import render_unfinished
from hearlog.results.cells import read_cells
from hearlog.results.curves import count_unfinished


def training(epochs: int, schedule: str = "constant") -> Training:
    return Training(
        batch_size=2, epochs=epochs, patience=1, learning_rate=1, schedule=schedule, weight_decay=0, accumulate=1
    )


@pytest.fixture
def curves(tmp_path):
    # Fold f trains f + 4 epochs and keeps the last but one: with a limit of 5, the third fold's best is the last.
    write_cells(tmp_path)
    write_curves(tmp_path)
    cells, folder = read_cells(TASKS, [1], tmp_path / "metrics/transfer"), tmp_path / "plots/transfer"
    for task in TASKS[:2]:
        path = folder / task / "kd-div1.tsv"
        path.write_text(path.read_text() + "0\t0\t5\t1.0\t0.1\n")
    return cells, folder


def test_networks_that_keep_the_last_epoch_allowed_are_counted_by_method(curves):
    unfinished = count_unfinished(*curves, 5)
    assert unfinished["networks"].to_dict() == {"base": 24, "init": 24, "kd": 24}, "fix has no epochs"
    assert unfinished["unfinished"].to_dict() == {"base": 8, "init": 8, "kd": 10}
    text = " ".join(render_unfinished(unfinished, training(5)).split())
    assert "The last of transfer.training.epochs (5) was the best of kd 10 of 24 networks, base 8 of 24" in text
    assert "No network kept the last of transfer" in render_unfinished(count_unfinished(*curves, 20), training(20))


def test_only_a_constant_rate_shows_that_more_epochs_would_lower_the_loss(curves):
    unfinished = count_unfinished(*curves, 5)
    assert "still improving" in render_unfinished(unfinished, training(5, "constant"))
    cosine = render_unfinished(unfinished, training(5, "cosine"))
    assert "still improving" not in cosine and "cosine schedule" in cosine
