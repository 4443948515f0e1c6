import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cell_files import write_cell, write_cells, write_lock, write_params, write_report_tables
from check_world import World
from dvc.repo import Repo

from hearlog.cli import main
from hearlog.pipeline import estimates

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    write_params(tmp_path)
    write_cells(tmp_path)
    write_report_tables(tmp_path)
    write_lock(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_report_prints_the_last_run_from_its_files(run_folder, capsys):
    assert main(["report"]) == 0
    out = capsys.readouterr().out
    assert "Extended Ballroom" in out
    assert "kd - base    +3.5 points" in out
    assert "Tags 50.0 %, logs 83.3 % on 12 test songs" in out
    assert out.startswith("Synthetic data")
    assert "No network kept the last of transfer.training.epochs (8)." in out
    assert out.endswith("Figures: plots/*.png and *.pdf\n")


def test_a_short_report_is_a_sentence_and_a_table_and_names_the_page(run_folder, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    (run_folder / "report.html").write_text("")
    assert main(["report", "--short"]) == 0
    sentence, table, rest = capsys.readouterr().out.split("\n\n")
    assert sentence.startswith("Over 6 classification tasks, kd scored 3.5 points")
    assert max(map(len, sentence.splitlines())) <= 60
    assert "Extended Ballroom" in table
    assert rest.splitlines() == [
        "All tables and tests: hearlog report",
        f"With all figures, and songs to listen to, in a browser: {run_folder / 'report.html'}",
    ]


def test_a_plan_says_what_will_run_and_keeps_the_times_of_all_stages(tmp_path, monkeypatch, measured_once, capsys):
    Repo.init(str(tmp_path), no_scm=True).close()
    (tmp_path / ".dvc/config").write_text("[core]\nno_scm = true\n")
    (tmp_path / "data/demo").mkdir(parents=True)
    for source, target in {"presets/demo.yaml": "params.yaml", "dvc.yaml": "dvc.yaml"}.items():
        shutil.copy(ROOT / source, tmp_path / target)
    shutil.copy(ROOT / "data/demo/dvc.yaml", tmp_path / "data/demo/dvc.yaml")
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "--jobs", "2"]) == 0
    with Repo(str(tmp_path)) as repo:
        stages = {stage.addressing for stage in repo.index.stages}
    assert f"stages  all {len(stages)} will run, 2 at a time\ntime    about " in capsys.readouterr().out
    assert stages == estimates.read().keys()


def test_report_finds_the_run_from_a_folder_beneath(run_folder, monkeypatch, capsys):
    monkeypatch.chdir(run_folder / "metrics/transfer")
    assert main(["report"]) == 0
    assert Path.cwd() == run_folder / "metrics/transfer"
    monkeypatch.chdir(run_folder)
    out = capsys.readouterr().out
    assert main(["report"]) == 0
    assert out == capsys.readouterr().out


def test_report_refuses_tables_of_other_scores_than_the_cells(run_folder, capsys):
    write_cell(run_folder, "gtzan", "fix", 1, accuracy=0.9)
    assert main(["report"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert (
        "figure4.tsv: its scores are not those of metrics/transfer in 1 of 32 cells, such as gtzan/fix-div1"
        in captured.err
    )
    assert captured.err.endswith("Run: dvc repro\n")


def test_report_refuses_a_table_that_lacks_a_cell(run_folder, capsys):
    path = run_folder / "plots/figure4.tsv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert main(["report"]) == 1
    assert "in 1 of 32 cells, such as dcase2016/kd-div1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("dvc.lock", "", "stage report has not run with these settings"),
        ("dvc.lock", "schema: '2.0'\n", "stage report has not run with these settings"),
        ("dvc.lock", "- 1\n", "dvc.lock: the file is not as DVC writes it"),
        ("dvc.lock", "stages:\n  report: 1\n", "dvc.lock: stages.report is not as DVC writes it"),
        ("dvc.lock", "stages:\n<<<<<<< HEAD\n", "dvc.lock: not readable as YAML"),
        ("plots/figure4.tsv", "task\tmethod\n", "figure4.tsv: has no column divisor, score, spread"),
        ("plots/within_tasks.tsv", "", "within_tasks.tsv: not readable as a table"),
        ("plots/transfer/gtzan/kd-div1.tsv", "seed\tfold\n", "gtzan/kd-div1.tsv: has no column epoch, valid_task"),
        ("metrics/pilot.json", "{}", "metrics/pilot.json: has no songs, note"),
        ("metrics/pilot.json", "[]", "metrics/pilot.json: holds no summary"),
        ("metrics/transfer/gtzan/kd-div1.json", "[]", "gtzan/kd-div1.json: holds no scores"),
        ("metrics/transfer/gtzan/kd-div1.json", "{}", "gtzan/kd-div1.json: has no protocol, folds, clips, seeds, r2"),
    ],
)
def test_files_that_cannot_be_used_are_named_with_the_remedy(run_folder, capsys, file, content, message):
    (run_folder / file).write_text(content)
    assert main(["report"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.endswith("Run: dvc repro\n")


def test_error_of_the_user_is_a_message_alone_and_status_1(run_folder, capsys):
    (run_folder / "metrics/transfer/gtzan/fix-div1.json").unlink()
    assert main(["report"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("hearlog: metrics/transfer/gtzan/fix-div1.json: no such file")
    assert "Traceback" not in captured.err


def test_scores_of_other_settings_are_not_printed_as_this_runs(run_folder, capsys):
    write_lock(run_folder, channels=32)
    assert main(["report"]) == 1
    assert "model.channels in params.yaml has changed since the last run. Run: dvc repro" in capsys.readouterr().err


def test_scores_of_one_method_with_other_settings_are_not_printed_either(run_folder, capsys):
    file = run_folder / "params.yaml"
    lock = yaml.safe_load((run_folder / "dvc.lock").read_text())
    lock["stages"]["transfer@gtzan-kd-1"]["params"]["params.yaml"]["transfer.kd"] = {"weight": 1.0}
    (run_folder / "dvc.lock").write_text(yaml.safe_dump(lock))
    assert main(["report"]) == 0
    file.write_text(file.read_text().replace("kd: {weight: 1.0}", "kd: {weight: 3.0}"))
    assert main(["report"]) == 1
    assert "transfer.kd in params.yaml has changed since the last run. Run: dvc repro" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error(run_folder):
    command = [sys.executable, "-m", "hearlog.cli", "report"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as report:
        report.stdout.close()  # as `head` does, but before the first line: no race
        assert report.stderr.read() == ""
        assert report.wait() == 1


def test_closed_output_is_no_error(run_folder):
    command = [sys.executable, "-m", "hearlog.cli", "report"]
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], capture_output=True, text=True)
    assert (closed.returncode, closed.stdout, closed.stderr) == (0, "", "")


def test_a_folder_that_was_deleted_is_said(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'rmdir {gone}; exec "{sys.executable}" -m hearlog.cli report'
    said = subprocess.run(["sh", "-c", script], cwd=gone, capture_output=True, text=True).stderr
    assert said == "hearlog: the current folder has been deleted. Change to the pipeline's folder\n"


def test_text_that_the_terminal_cannot_show_is_escaped(world):
    world.write_sound("raw/songs/音楽.wav")
    command = [sys.executable, "-m", "hearlog.cli", "check"]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    found = subprocess.run(command, cwd=world.root, env=ascii_only, capture_output=True)
    assert rb"\u97f3\u697d.wav" in found.stdout
    assert found.stderr == b""


def test_before_any_run_the_report_says_so(run_folder, capsys):
    (run_folder / "dvc.lock").unlink()
    assert main(["report"]) == 1
    assert "stage report has not run with these settings. Run: dvc repro" in capsys.readouterr().err


def test_outside_a_repository_the_missing_params_file_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 1
    assert "params.yaml: no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["repor"], ["report", "extra"], ["check", "--quick", "--full"], ["check", "x"]]
)
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
    assert all(command in out for command in ("check", "plan", "report", "compare"))


@pytest.fixture
def world(tmp_path, monkeypatch, measured_once):
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path)
    world.save()
    return world


def test_check_of_data_that_will_work_is_status_0_and_ends_with_the_verdict(world, capsys):
    assert main(["check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("ready: 0 problems, ")
    assert max(map(len, lines)) <= 100
    sections = [line for line in lines if line and not line.startswith(" ")][1:-1]
    assert sections == ["logs", "songs", "gtzan", "own", "across", "run"]
    assert f"{'  items':17}found 12, published 1,000" in lines


def test_check_as_json_agrees_with_the_text_and_stands_alone_on_stdout(world, capsys):
    (world.root / "raw/table/clip-0.wav").unlink()
    world.settings["songs"]["sample"] = 13
    world.save()
    assert main(["check", "--quick"]) == 1
    text = capsys.readouterr().out
    assert main(["check", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["ready"], document["mode"]) == (False, "quick")
    counts = document["counts"]
    assert text.endswith(
        f"not ready: {counts['problem']} problem, {counts['warning']} warnings, {counts['note']} notes\n"
    )
    flat = " ".join(text.split())
    for section in document["sections"]:
        assert set(section) == {"name", "facts", "findings"}
        for finding in section["findings"]:
            assert f"{finding['level']} {' '.join(finding['text'].split())}" in flat


def test_problems_come_first_in_a_section(world, capsys):
    for number in range(4):
        (world.root / f"raw/table/clip-{number}.wav").unlink()
    assert main(["check"]) == 1
    own = capsys.readouterr().out.split("\nown\n")[1]
    assert own.index("  problem ") < own.index("  warning ")


def test_full_finds_what_headers_do_not_tell(world, capsys):
    world.write_sound("raw/songs/001.wav", silent=True)
    main(["check", "--full", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["mode"] == "full"
    assert document["sections"][1]["facts"]["audio"] == {"usable": 11, "silent": 1}


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_params_that_cannot_be_used_are_a_problem(world, capsys, options):
    world.write("params.yaml", "seed: -1\n")
    assert main(["check", *options]) == 1
    out = capsys.readouterr().out
    assert "params.yaml has settings that cannot be used" in out
    if options:
        assert json.loads(out)["sections"][0]["name"] == "params"
    else:
        assert out.endswith("not ready: 1 problem, 0 warnings, 0 notes\n")


def test_a_device_that_is_not_there_is_a_problem(world, capsys):
    world.settings["runtime"]["device"] = "cuda:9"
    world.save()
    assert main(["check"]) == 1
    assert f"{'  problem':17}runtime.device is cuda:9" in capsys.readouterr().out


def test_an_error_of_the_system_is_the_sections_own(world, capsys, monkeypatch):
    monkeypatch.setattr("hearlog.corpora.catalogue.read", lambda path: Path("raw/songs").read_text())
    assert main(["check", "--json"]) == 1
    sections = {section["name"]: section for section in json.loads(capsys.readouterr().out)["sections"]}
    assert list(sections) == ["logs", "songs", "gtzan", "own", "across", "run"]
    assert sections["songs"]["findings"][0] == {
        "level": "problem",
        "text": "raw/songs: Is a directory. Check its permissions, and the disk it is on",
    }
    assert sections["own"]["facts"]["audio"] == {"usable": 12}


def test_a_file_name_is_printed_as_it_is_written(world, capsys):
    name = "no\N{NO-BREAK SPACE}break.wav"
    world.write_sound(f"raw/songs/{name}")
    main(["check"])
    assert name in capsys.readouterr().out


def test_units_stand_in_the_names_of_facts(world, capsys):
    main(["check", "--json"])
    run = json.loads(capsys.readouterr().out)["sections"][-1]["facts"]
    assert run["clip length"] == world.settings["audio"]["seconds"]
    assert run["clip on disk"] > 100_000
    main(["check"])
    assert f"{'  clip length':17}{run['clip length']:g} s" in capsys.readouterr().out.splitlines()


def test_neither_start_nor_report_imports_torch(run_folder):
    code = """
import sys
import hearlog.cli
assert not {"numpy", "pandas", "pydantic", "torch", "dvc"} & set(sys.modules)
assert hearlog.cli.main(["report"]) == 0
assert not {"torch", "matplotlib", "sklearn", "dvc"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
