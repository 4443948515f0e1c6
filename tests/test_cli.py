import subprocess
import sys
from pathlib import Path

import pytest
from cell_files import write_cells, write_lock

from hearlog.cli import main

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_bytes((ROOT / "presets/demo.yaml").read_bytes())
    write_cells(tmp_path)
    write_lock(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_report_prints_the_last_run_from_its_files(run_folder, capsys):
    assert main(["report"]) == 0
    out = capsys.readouterr().out
    assert "Extended Ballroom" in out
    assert "kd - base    +3.5 points" in out
    assert out.startswith("Synthetic data")
    assert out.endswith("Figure 4: plots/figure4.png, plots/figure4.pdf\n")


def test_error_of_the_user_is_a_message_alone_and_status_1(run_folder, capsys):
    (run_folder / "metrics/transfer/gtzan/fix-x1.json").unlink()
    assert main(["report"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("hearlog: metrics/transfer/gtzan/fix-x1.json: no such file")
    assert "Traceback" not in captured.err


def test_scores_of_other_settings_are_not_printed_as_this_runs(run_folder, capsys):
    write_lock(run_folder, channels=32)
    assert main(["report"]) == 1
    assert "model.channels in params.yaml has changed since the last run. Run: dvc repro" in capsys.readouterr().err


def test_before_any_run_the_report_says_so(run_folder, capsys):
    (run_folder / "dvc.lock").unlink()
    assert main(["report"]) == 1
    assert "stage report has not run with these settings. Run: dvc repro" in capsys.readouterr().err


def test_outside_a_repository_the_missing_params_file_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 1
    assert "params.yaml: no such file" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["repor"], ["report", "extra"]])
def test_wrong_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: hearlog" in capsys.readouterr().err


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert "plan" in out
    assert "report" in out


def test_neither_start_nor_report_imports_torch(run_folder):
    code = """
import sys
import hearlog.cli
assert not {"numpy", "pandas", "pydantic", "torch"} & set(sys.modules)
assert hearlog.cli.main(["report"]) == 0
assert not {"torch", "matplotlib", "sklearn"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
