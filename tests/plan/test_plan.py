import json
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from log_rows import pack

from hearlog import params
from hearlog.als.memory import reckon
from hearlog.plan import footprint, workload
from hearlog.plan.plan import Plan, Shortage, make_plan
from hearlog.plan.workload import LogSize
from hearlog.util.errors import InputError

ROOT = Path(__file__).parents[2]
TASKS = {
    "emomusic_genre": 744,
    "emomusic_valence": 744,
    "emomusic_arousal": 744,
    "gtzan": 1000,
    "extended_ballroom": 4180,
    "fma_small": 8000,
    "fma_medium": 25000,
    "dcase2016": 1560,
}
PAPER_CLIPS = {"songs": 244_975, **TASKS}
PAPER_LOGS = LogSize(991_000_000, 5_000_000, 2_500_000)


@pytest.fixture(scope="module")
def demo() -> params.Params:
    return params.load(ROOT / "presets/demo.yaml")


@pytest.fixture(scope="module")
def paper() -> params.Params:
    return params.load(ROOT / "presets/paper.yaml")


@pytest.fixture(scope="module")
def plan(demo) -> Plan:
    return make_plan(demo)


def with_tasks(settings: params.Params, **tasks: dict) -> params.Params:
    return params.Params.model_validate({**settings.model_dump(), "tasks": tasks})


def test_the_plan_counts_the_clips_of_the_embedded_data_set(demo, plan):
    assert plan.clips["songs"] == demo.demo.songs
    assert plan.clips["fma_small"] * 2 == plan.clips["fma_medium"] == demo.demo.fma
    assert list(plan.clips) == ["songs", *demo.tasks]


def test_what_the_machine_has_too_little_of_is_named_with_the_fix(plan):
    assert replace(plan, available=10**12, free=10**12).shortages() == []
    disk = {"bytes": {"crops and spectrograms": 9 * 10**9}, "free": 10**9, "kept": 10**9}
    poor = replace(plan, memory={"cropping": 2 * 10**9}, available=10**9, total=4 * 10**9, **disk)
    memory = "cropping takes about 2.0 GB of memory, 1.0 GB are free: lower runtime.threads"
    assert poor.shortages() == [
        Shortage(memory, certain=False),
        Shortage("7.0 GB of disk are missing: free them, or move DVC's cache (dvc cache dir)", certain=True),
    ]
    assert replace(poor, total=10**9).shortages()[0] == Shortage(memory, certain=True)


def test_what_is_only_bounded_by_the_size_of_the_logs_is_never_certain_to_be_missing(plan):
    memory = {"memory": {"ALS": 2 * 10**9}, "available": 10**9, "total": 10**9}
    disk = {"bytes": {"crops and spectrograms": 10**9, "matrix and embeddings": 10**9}, "kept": 0}
    assert [shortage.certain for shortage in replace(plan, **memory, **disk, free=10**9).shortages()] == [False, False]
    assert replace(plan, **memory, **disk, free=10**9 - 1).shortages()[1].certain


def test_training_takes_the_memory_of_a_gpu_where_there_is_one(plan):
    def with_gpu(free: int) -> Plan:
        speeds = replace(plan.speeds, gpu=free)
        return replace(plan, memory={"training": 2 * 10**9}, available=10**9, speeds=speeds, free=10**12)

    assert with_gpu(3 * 10**9).shortages() == []
    assert "of the GPU's memory, 1.0 GB are free" in with_gpu(10**9).shortages()[0].text


def test_the_plan_can_be_written_as_json(plan):
    assert json.loads(json.dumps(asdict(plan)))["figures"]["channels"] == 16


def test_disk_of_the_papers_run_counts_each_data_set_once(paper):
    clip = 480_000 * 2 + 96 * 1280 * 2
    assert footprint.clip_bytes(paper) == clip == 1_205_760
    disk = footprint.disk(paper, PAPER_CLIPS, PAPER_LOGS)
    assert disk["crops and spectrograms"] == (244_975 + 744 + 1000 + 4180 + 8000 + 25000 + 1560) * clip
    assert disk["matrix and embeddings"] == 991_000_000 * 4 + 7_500_000 * (40 * 4 + 40)
    assert "generated audio" not in disk


def test_memory_of_the_papers_run(paper):
    memory = footprint.memory(paper, PAPER_LOGS, 2, torch.bfloat16)
    assert memory["log ingestion"] == 8 * 10**9 + 200_000_000
    als = reckon(5_000_000, 2_500_000, 991_000_000, 40, counts=False).own
    assert memory["ALS"] == footprint.TORCH_PROCESS + als
    assert memory["cropping"] < 10**9
    maps = 96 * 1280 * 256
    assert 16 * maps * 12 < memory["training"] < 16 * maps * 20
    assert footprint.memory(paper, PAPER_LOGS, 2, torch.float32)["training"] > 1.5 * memory["training"]


def test_the_matrix_has_no_more_non_zeros_than_users_and_songs_allow(paper):
    few, many = (footprint.memory(paper, LogSize(rows, 1000, 500), 2, torch.float32)["ALS"] for rows in (10**6, 10**9))
    assert few == many == footprint.TORCH_PROCESS + reckon(1000, 500, 500_000, 40, counts=False).own
    assert footprint.disk(paper, {}, LogSize(10**9, 1000, 500))["matrix and embeddings"] == 4 * 500_000 + 1500 * 200


def with_values(settings: params.Params, values: str, **als: object) -> params.Params:
    logs = settings.logs.model_copy(update={"values": values})
    return settings.model_copy(update={"logs": logs, "als": settings.als.model_copy(update=als)})


def test_temporary_files_of_logs_and_matrix_are_counted_and_those_of_counts(paper):
    rows, size = 10**6, LogSize(10**6, 10**4, 10**4)
    disk = {values: footprint.disk(with_values(paper, values), {}, size) for values in ("binary", "counts")}
    assert disk["counts"]["matrix and embeddings"] - disk["binary"]["matrix and embeddings"] == 4 * rows
    for of_values in disk.values():
        assert of_values["temporary files of the logs"] == 56 * rows, "text, keys and pairs outweigh the transpose"
    assert footprint._factorisation_bytes(paper, size) == 4 * rows
    assert footprint._factorisation_bytes(with_values(paper, "counts", held_out=0.2), size) == 2 * 0.8 * 8 * rows
    assert footprint._factorisation_bytes(with_values(paper, "binary", engine="spark"), size) == 8 * rows


def test_a_gpu_evaluates_more_clips_at_once_than_the_cpu(demo):
    on_cpu, on_cuda, on_mps = (
        footprint.memory(demo, LogSize(0, 0, 0), 1, torch.bfloat16, device)["training"] - footprint.TRAINING_PROCESS
        for device in ("cpu", "cuda", "mps")
    )
    assert on_cuda == on_mps > 3 * on_cpu


def test_few_log_rows_do_not_fill_the_memory_that_they_may_take(demo):
    assert footprint.memory(demo, LogSize(1000, 10, 10), 2, torch.float32)["log ingestion"] < 300_000_000


def test_training_of_the_papers_run_counts_folds_methods_and_epochs(paper):
    songs = 244_975 * (0.764993 + 0.085033 / 3)
    held_out = 0.85 + 0.15 / 3
    folds = (3 * 619 + 9 * 1000 + 9 * 4180 + 1170) * held_out + (6400 + 800 / 3) + (19922 + 2505 / 3)
    assert workload.count_trained(paper, PAPER_CLIPS) == pytest.approx(100 * songs + 3 * 100 * folds)


def test_probes_pass_every_clip_through_two_networks_and_fit_every_representation(paper):
    clips = {"songs": 100, "gtzan": 1000}
    passed = [workload.passed_by_probes(paper, task, clips) for task in ("gtzan", "fma_small")]
    assert passed == [2 * 1000 + 100, 100], "a random network is normalised by songs, for each task"
    assert workload.fitted_by_probes(paper, "gtzan", clips) == pytest.approx(9 * 1000 * (0.85 + 0.15 / 3) * 11 * 6)


def test_published_folds_count_as_folds_and_lists_as_one_run(paper):
    task = {"path": "data/raw", "valid": 0.15}
    cv4 = {"dcase2016": {**task, "reader": "dcase2016", "target": "scene", "protocol": "dev_cv4"}}
    filtered = {"gtzan": {**task, "reader": "gtzan", "target": "genre", "protocol": "fault_filtered"}}
    own = {"mine": {**task, "reader": "table", "target": "mood", "protocol": "official"}}
    epochs = 3 * 100
    trained = workload.count_trained(with_tasks(paper, **cv4), {"dcase2016": 1560})
    assert trained == pytest.approx(3 * 1170 * 0.9 * epochs)
    assert workload.count_trained(with_tasks(paper, **cv4), {"dcase2016": 1170}) == trained
    trained = workload.count_trained(with_tasks(paper, **filtered), {"gtzan": 1000})
    assert trained == pytest.approx((443 + 197 / 3) * epochs)
    assert workload.count_trained(with_tasks(paper, **own), {"mine": 100}) == pytest.approx(75 * 0.9 * epochs)


def test_known_counts_are_taken_without_reading_the_data(paper, demo):
    assert workload.count_clips(paper, {"songs": 7, "gtzan": 9}) == {"songs": 7, "gtzan": 9}
    assert workload.count_clips(demo, {"gtzan": 9})["songs"] == demo.demo.songs
    with pytest.raises(InputError, match=r"catalog\.csv: no such file"):
        workload.count_clips(paper, None)


def write_logs(folder: Path, rows: int, kind: str) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"user_id": rng.integers(10**7, 10**8, rows), "song_id": rng.integers(10**5, 10**6, rows)})
    if kind == "parquet":
        table.to_parquet(folder / "a.parquet")
    else:
        text = table.to_csv(index=False).encode()
        pack(folder / f"a.{kind}", text)


@pytest.mark.parametrize(("kind", "tolerance"), [("csv", 0.01), ("csv.gz", 0.1), ("csv.bz2", 0.1), ("parquet", 0)])
def test_log_rows_are_estimated_from_the_size_of_the_files(paper, tmp_path, kind, tolerance):
    write_logs(tmp_path, 100_000, kind)
    logs = paper.logs.model_copy(update={"path": str(tmp_path)})
    size = workload.log_size(paper.model_copy(update={"logs": logs}))
    assert size.rows == pytest.approx(100_000, rel=tolerance)
    assert size.rows > size.users > size.songs > 0


@pytest.mark.parametrize("packed", ["", ".gz", ".bz2"])
@pytest.mark.parametrize("form", ["blanks", "commas", "Melon", "Spotify"])
def test_log_rows_of_lists_are_estimated_as_well(paper, tmp_path, form, packed):
    songs = np.random.default_rng(0).integers(10**5, 10**6, (5000, 20)).tolist()
    spotify = [{"pid": user, "tracks": [{"track_uri": song} for song in row]} for user, row in enumerate(songs)]
    name, content, changes = {
        "blanks": ("a.txt", "".join(f"{user} {' '.join(map(str, row))}\n" for user, row in enumerate(songs)), {}),
        "commas": ("a.csv", "".join(f"{user},{','.join(map(str, row))}\n" for user, row in enumerate(songs)), {}),
        "Melon": (
            "a.json",
            json.dumps([{"id": user, "songs": row} for user, row in enumerate(songs)]),
            {"song": "songs"},
        ),
        "Spotify": ("a.json", json.dumps({"playlists": spotify}, indent=1), {"song": "tracks.track_uri"}),
    }[form]
    text = content.encode()
    pack(tmp_path / (name + packed), text)
    logs = paper.logs.model_copy(
        update={
            "path": str(tmp_path),
            "format": "playlists" if changes else "song_lists",
            "delimiter": "," if form == "commas" else " ",
            "columns": paper.logs.columns.model_copy(update=changes),
        }
    )
    size = workload.log_size(paper.model_copy(update={"logs": logs}))
    assert size.rows == pytest.approx(100_000, rel=0.1)


def test_crops_of_the_same_form_are_there_already_and_others_are_not(paper, tmp_path):
    for name, samples in {
        "songs": 480_000,
        "gtzan": 120_000,
        "emomusic_genre": 480_000,
        "emomusic_valence": 480_000,
    }.items():
        (tmp_path / name / "crops").mkdir(parents=True)
        np.save(tmp_path / name / "crops/crops.npy", np.zeros((2, samples), np.int16))
    np.save(tmp_path / "songs/mel.npy", np.zeros((2, 96, 1280), np.float16))
    assert footprint.kept(paper, PAPER_CLIPS, tmp_path) == pytest.approx(2 * (2 * 960_000 + 245_760), rel=1e-3)


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY\x01\x00v\x00{'descr': '<i2", b"\x93NUMPY\x01\x00\x04\x00{'(\n", b"?"]
)
def test_a_torn_array_counts_as_not_there(paper, tmp_path, content):
    (tmp_path / "songs/crops").mkdir(parents=True)
    (tmp_path / "songs/crops/crops.npy").write_bytes(content)
    np.save(tmp_path / "songs/mel.npy", np.zeros((2, 96, 1280), np.float16))
    assert footprint.kept(paper, PAPER_CLIPS, tmp_path) == 2 * 96 * 1280 * 2
    torn = (tmp_path / "songs/mel.npy").read_bytes()[:1000]
    (tmp_path / "songs/mel.npy").write_bytes(torn)
    assert footprint.kept(paper, PAPER_CLIPS, tmp_path) == 0


def test_the_embedded_data_set_is_generated_once(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips, logs = {"songs": demo.demo.songs}, LogSize(1000, 10, 10)
    needed = footprint.disk(demo, clips, logs)["generated audio"]
    assert workload.to_generate(demo) == workload.generated_files(demo) > 1000
    assert footprint.kept(demo, clips, tmp_path) == 0
    (tmp_path / "data/demo/catalog").mkdir(parents=True)
    rows = "".join(f"{number},{number}.flac\n" for number in range(demo.demo.songs))
    (tmp_path / "data/demo/catalog/songs.csv").write_text(f"song_id,path\n{rows}")
    assert workload.to_generate(demo) == 0
    assert footprint.kept(demo, clips, tmp_path) == needed


def test_free_disk_is_that_of_dvcs_cache(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(path) or shutil._ntuple_diskusage(3, 2, 1))
    monkeypatch.chdir(tmp_path)
    assert footprint.free_disk() == 1
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    analytics = false\n[cache]\n    dir = ../elsewhere\n")
    footprint.free_disk()
    (tmp_path / "elsewhere").mkdir()
    footprint.free_disk()
    assert asked == [tmp_path, tmp_path, tmp_path / "elsewhere"]


def test_the_memory_of_training_is_as_measured(demo):
    code = """
import pathlib, re
import numpy as np, torch
from hearlog.runtime.backend import start_backend
from hearlog.estimator.train import embedding_objective
from hearlog.model.network import EmbeddingNetwork
from hearlog.training.optimisation import Optimisation
from hearlog.training.loop import Trainer
backend, rows = start_backend("cpu", "float32"), np.arange(64)
objective = embedding_objective(torch.ones(64, 40))
mels = np.zeros((64, 96, 320), np.float16)
trainer = Trainer(Optimisation(16, 1, 1, 0.001), backend)
trainer.fit(EmbeddingNetwork(16), objective, mels, rows[:16], rows, 0, "")
# ru_maxrss would be the tests' own, where that is more: a process takes it over from the one that starts it.
print(re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])
"""
    measured = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    estimate = footprint.memory(demo, LogSize(0, 0, 0), 2, torch.float32)["training"]
    assert estimate == pytest.approx(int(measured) * 1024, rel=0.3)
