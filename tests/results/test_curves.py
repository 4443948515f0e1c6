"""Networks that the limit of epochs stopped."""

from cell_files import TASKS, write_cells, write_curves

from hearlog.report.text import render_unfinished
from hearlog.results.cells import read_cells
from hearlog.results.curves import count_unfinished


def test_networks_that_keep_the_last_epoch_allowed_are_counted_by_method(tmp_path):
    # Fold f trains f + 4 epochs and keeps the last but one: with a limit of 5, the third fold's best is the last.
    write_cells(tmp_path)
    write_curves(tmp_path)
    cells, folder = read_cells(TASKS, [1], tmp_path / "metrics/transfer"), tmp_path / "plots/transfer"
    for task in TASKS[:2]:
        path = folder / task / "kd-div1.tsv"
        path.write_text(path.read_text() + "0\t0\t5\t1.0\t0.1\n")
    unfinished = count_unfinished(cells, folder, 5)
    assert unfinished["networks"].to_dict() == {"base": 24, "init": 24, "kd": 24}, "fix has no epochs"
    assert unfinished["unfinished"].to_dict() == {"base": 8, "init": 8, "kd": 10}
    text = " ".join(render_unfinished(unfinished, 5).split())
    assert "Stopped by transfer.training.epochs (5), still improving: kd 10 of 24 networks, base 8 of 24" in text
    assert "No network kept the last epoch" in render_unfinished(count_unfinished(cells, folder, 20), 20)
