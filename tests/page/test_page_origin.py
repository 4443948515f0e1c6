"""What ran: commit, settings, hashes of inputs, and the times of stages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from page_world import in_ascii

from hearlog.page.files import read_stages
from hearlog.page.provenance import git_state, input_table, preset_of
from hearlog.page.times import MARGIN, read_times, time_tables
from hearlog.page.words import duration
from hearlog.params import Params
from hearlog.util.plain_text import data_size

ROOT = Path(__file__).parents[2]


STAGES = {
    "ingest_logs": {"cmd": "python -m stages.ingest_logs", "outs": [{"path": "data/logs"}]},
    "scratch@gtzan-base-1": {
        "cmd": "python -m stages.transfer gtzan base 1",
        "outs": [{"path": "data/cell"}, {"path": "metrics/cell.json"}],
    },
}


def texts(table):
    return [[in_ascii(cell.text) for cell in row] for row in table.rows]


def git(folder, *words):
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_commit_and_changes_are_named_but_for_what_a_run_writes(tmp_path):
    assert git_state(tmp_path).startswith("no commit")
    (tmp_path / "metrics").mkdir()
    for name in ("code.py", "dvc.lock", "metrics/report.json"):
        (tmp_path / name).write_text("1")
    git(tmp_path, "init", "--quiet")
    assert git_state(tmp_path).startswith("no commit")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    (tmp_path / "metrics/report.json").write_text("2")
    (tmp_path / "dvc.lock").write_text("2")
    assert git_state(tmp_path).endswith("no uncommitted changes to code or settings")
    (tmp_path / "code.py").write_text("2")
    assert git_state(tmp_path).endswith(" and uncommitted changes: code.py")


def test_settings_are_those_of_a_preset_whatever_their_layout(tmp_path):
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets/small.yaml").write_text("a: {b: 1}  # a comment\n")
    params = tmp_path / "params.yaml"
    params.write_text("a:\n  b: 1\n")
    assert preset_of(params, tmp_path / "presets") == "those of presets/small.yaml"
    params.write_text("a:\n  b: 2\n")
    assert "no preset" in preset_of(params, tmp_path / "presets")


def test_inputs_have_the_hashes_of_the_lock_and_say_if_they_were_generated():
    def dep(path, md5, **facts):
        return {"path": path, "hash": "md5", "md5": md5, "size": 2500} | facts

    stages = {
        "ingest_logs": {"deps": [dep("data/demo/logs", "aa.dir", nfiles=4), dep("src/code.py", "bb")]},
        "select_songs": {"deps": [dep("data/raw/songs.csv", "cc"), dep("data/demo/songs", "old")]},
    }
    generator = {"make_demo": {"outs": [dep("data/demo/logs", "aa.dir"), dep("data/demo/songs", "new")]}}
    inputs = {"Logs": "data/demo/logs", "Catalogue": "data/raw/songs.csv", "Audio": "data/demo/songs", "Task": "data/x"}
    assert texts(input_table(inputs, stages, generator)) == [
        ["Logs", "data/demo/logs", "aa.dir", "4", "2.5 kB", "generated"],
        ["Catalogue", "data/raw/songs.csv", "cc", "1", "2.5 kB", "-"],
        ["Audio", "data/demo/songs", "old", "1", "2.5 kB", "-"],
        ["Task", "data/x", "-", "-", "-", "-"],
    ]


def test_a_file_of_a_generated_folder_is_generated():
    stages = {"select_songs": {"deps": [{"path": "data/demo/catalog/songs.csv", "md5": "aa", "size": 1}]}}
    generator = {"make_demo": {"outs": [{"path": "data/demo/catalog", "md5": "bb.dir"}]}}
    (row,) = texts(input_table({"Catalogue": "data/demo/catalog/songs.csv"}, stages, generator))
    assert row[-1] == "generated"


def test_stages_of_earlier_settings_are_left_out(tmp_path):
    stages = STAGES | {"scratch@old-base-1": {"cmd": "python -m stages.transfer old base 1"}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False))
    read = read_stages(tmp_path / "dvc.lock", {"gtzan", "base", "1"})
    assert list(read) == ["ingest_logs", "scratch@gtzan-base-1"]


def write_run(root, start=1000.0, seconds=20.0, written=1010.0):
    record = root / "data/times/transfer/gtzan-base-1.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"start": start, "seconds": seconds, "memory": 3 * 10**9, "device": "processor"}))
    for name in ("data/cell/scores.tsv", "metrics/cell.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
        os.utime(root / name, (written, written))


def seconds():
    return read_times(STAGES, Path("data/times")).set_index("stage")["seconds"].to_dict()


def test_a_stage_has_the_time_of_its_record_and_one_without_is_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path)
    kinds, stages = time_tables(read_times(STAGES, Path("data/times")))
    assert texts(kinds) == [["scratch", "1", "0", "20.0 s", "3.0 GB"]]
    assert kinds.notes[-1] == "From the cache altogether: ingest_logs."
    assert texts(stages)[0] == ["ingest_logs", "from the cache", "-", "-", "-"]
    assert texts(stages)[1] == ["scratch@gtzan-base-1", "20.0 s", "3.0 GB", "1970-01-01 00:16:40", "processor"]


def test_where_no_stage_ran_there_are_no_tables_of_times(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert time_tables(read_times(STAGES, Path("data/times"))) == []


def test_outputs_older_or_newer_than_the_record_are_of_another_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for written, of_this_run in ((999, False), (1000, True), (1020 + MARGIN, True), (1021 + MARGIN, False)):
        write_run(tmp_path, written=written)
        assert (seconds()["scratch@gtzan-base-1"] == 20) == of_this_run


def test_metrics_that_git_wrote_later_do_not_matter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path)
    os.utime("metrics/cell.json", (9e8, 9e8))
    assert seconds()["scratch@gtzan-base-1"] == 20


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"start": 1, "seconds": null}', '"x"'])
def test_a_broken_record_is_none(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path)
    Path("data/times/transfer/gtzan-base-1.json").write_text(content)
    assert seconds()["scratch@gtzan-base-1"] != 20


def test_the_page_is_made_anew_for_every_setting_but_those_of_the_machines():
    listed = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["page"]["params"]
    assert {*listed, "runtime", "spark"} == set(Params.model_fields)


STAGE = """
from stages import run

def main(name: str, divisor: int) -> None:
    if divisor == 0:
        from hearlog.util.errors import InputError
        raise InputError("divisor 0")

if __name__ == "__main__":
    run(main)
"""


ON_A_DEVICE = """
import torch
from stages import run

def main(device: str) -> None:
    torch.ones(1, device=device)

if __name__ == "__main__":
    run(main)
"""


def run_stage(folder, *arguments, program=STAGE):
    (folder / "tried.py").write_text(program)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "tried.py", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_stage_leaves_its_time_when_it_succeeds(tmp_path):
    assert run_stage(tmp_path, "gtzan", "1").returncode == 0
    (file,) = (tmp_path / "data/times").rglob("*.*")
    assert file.relative_to(tmp_path / "data/times").as_posix() == "tried/gtzan-1.json"
    record = json.loads(file.read_text())
    assert 0 < record["start_up_cpu_seconds"] <= record["cpu_seconds"]
    assert 0 < record["seconds"] < 60 and record["memory"] > 10**6 and record["device"] == ""


def test_the_record_names_the_device_that_was_used(tmp_path, device):
    run_stage(tmp_path, device, program=ON_A_DEVICE)
    record = json.loads((tmp_path / f"data/times/tried/{device}.json").read_text())
    assert record["device"] == {"cpu": "processor", "cuda": "CUDA", "mps": "MPS"}[device]


def test_a_stage_that_fails_leaves_none(tmp_path):
    assert run_stage(tmp_path, "gtzan", "0").returncode == 1
    assert not (tmp_path / "data").exists()


def test_a_time_that_cannot_be_written_stops_no_stage(tmp_path):
    (tmp_path / "data").write_text("no folder")
    done = run_stage(tmp_path, "gtzan", "1")
    assert (done.returncode, done.stderr) == (0, "")


def test_times_and_sizes_have_units():
    assert [duration(value) for value in (0.04, 59.9, 61, 3600, 7260)] == [
        "0.0 s",
        "59.9 s",
        "1 min 1 s",
        "1 h 0 min",
        "2 h 1 min",
    ]
    assert [data_size(value) for value in (5, 999, 1500, 2_600_000, 5 * 10**15)] == [
        "5 B",
        "999 B",
        "1.5 kB",
        "2.6 MB",
        "5000.0 TB",
    ]


def test_the_page_is_written_without_torch():
    heavy = "import sys, stages.page; sys.exit({'torch', 'matplotlib', 'duckdb'} & sys.modules.keys() != set())"
    assert subprocess.run([sys.executable, "-c", heavy], cwd=ROOT).returncode == 0
