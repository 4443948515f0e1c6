import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from benchmarks import als, demo, features, logs, measure, pandas_peer, paper_scale, peer, power_law, soak, soak_world
from benchmarks.hearlog_peer import ingest
from benchmarks.matrix_files import same_matrix
from benchmarks.networks import in_order_of_layers
from benchmarks.sounds import music_like
from benchmarks.stage_watch import Watched, watch
from benchmarks.step_clock import StepClock
from benchmarks.training import flop_per_clip, summarise
from hearlog.model.architecture import POOLS
from hearlog.model.network import EmbeddingNetwork

SUMMARY_KEYS = {
    "check": {"files_per_s", "seconds_8000", "ratio_to_plain_loop"},
    "audio": {"files_per_s", "ratio_to_librosa", "worst_sample_error"},
    "decoders": {"ratio_ffmpeg", "wrong_share_ffmpeg", "wrong_share_libsndfile"},
    "mel": {"clips_per_s", "ratio_to_librosa"},
    "training": {"ratio_to_keras_f16", "ratio_to_keras_f32", "fraction_of_peak_f64", "overhead_share"},
    "layout": {"least_chosen_to_other"},
    "demo": {"minutes", "cpu_minutes", "cpu_minutes_training"},
    "memory": {"peak_rss_gb_f256"},
    "startup": {"ratio_transfer", "ratio_nothing_to_do"},
    "jobs": {"cpu_seconds_per_stage", "ratio_to_dvc_repro"},
    "cuda": {f"{kind}_ratio_to_plain_f{width}" for kind in ("training", "inference") for width in (32, 64, 128, 256)}
    | {"als_ratio_to_cpu"},
    "logs": {"rows_per_s_parquet", "peak_rss_gb"}
    | {
        f"{kind}_to_{peer}"
        for kind in ("ratio", "memory")
        for peer in ("polars", "pandas", "polars_gzip", "polars_bzip2")
    },
    "als": {"ns_per_nnz_iteration", "ratio_to_spark", "growth_10m_to_50m"},
    "paper_scale": {"nnz", "seconds_per_iteration", "peak_rss_gb"},
    "features": {"files_per_s", "ratio_to_librosa_keras"},
    "inference": {"ratio_to_keras_f16", "ratio_to_keras_f64"},
    "soak": {
        "clips",
        "hours",
        "rounds",
        "peak_rss_gb",
        "peak_anonymous_gb",
        "growth_mb_per_hour",
        "growth_share",
        "end_to_start_throughput",
        "last_to_first_round",
    },
}


@pytest.mark.parametrize("path", sorted(measure.RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_committed_results_hold_machine_rows_and_summary(path: Path):
    result = json.loads(path.read_text(encoding="utf-8"))
    assert set(result) == {"machine", "rows", "summary"}
    assert set(result["summary"]) == SUMMARY_KEYS[path.stem.partition("-")[0]]
    assert all("repeats" in row for row in result["rows"])


def test_candidates_are_measured_in_turn():
    order = []
    seconds = measure.in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3
    assert set(seconds) == {"a", "b"}


def test_measurements_are_written_with_three_digits(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    measure.finish("name", [{"candidate": "a", "clips": 12345, "clips_per_s": 123.456}], {"ratio": 1.2345}, ["numpy"])
    result = json.loads((tmp_path / "name.json").read_text(encoding="utf-8"))
    assert result["rows"] == [{"candidate": "a", "clips": 12345, "clips_per_s": 123.0}]
    assert result["summary"] == {"ratio": 1.23}
    assert result["machine"]["numpy"] == np.__version__


def test_a_peer_answers_over_its_pipe_whatever_it_prints(monkeypatch):
    monkeypatch.setattr(peer, "PYTHON", Path(sys.executable))
    with peer.peer("tests.echo_peer") as ask:
        assert ask("repeat", word="ab", times=2) == "abab"
        assert ask("versions") == {"numpy": np.__version__}


def test_a_failing_peer_ends_the_benchmark_with_its_traceback(monkeypatch):
    monkeypatch.setattr(peer, "PYTHON", Path(sys.executable))
    with peer.peer("tests.echo_peer") as ask, pytest.raises(SystemExit, match="a peer's own mistake"):
        ask("fail")


def test_without_peers_the_benchmark_says_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setattr(peer, "PYTHON", tmp_path / "python")
    with pytest.raises(SystemExit, match="make peers"), peer.peer("tests.echo_peer"):
        pass


def test_the_clock_tells_the_parts_of_a_step_from_the_rest():
    network = torch.nn.Linear(4, 4)
    optimiser = torch.optim.Adam(network.parameters())
    inputs, other = torch.ones(2, 4), torch.ones(1000, 1000)
    backward = torch.Tensor.backward
    with StepClock(network) as clock:
        for _ in range(4):
            output = network(inputs)
            other @ other  # outside the three parts, and longer than them
            output.sum().backward()
            optimiser.step()
    assert torch.Tensor.backward is backward
    assert all(seconds > 0 for seconds in clock.parts.values())
    assert 0.5 < clock.overhead_share < 1


def test_operations_are_those_of_the_convolutions_and_linear_layers():
    channels, (bands, frames) = 16, (96, 320)
    products, inputs = 0, 1
    for pool in [*POOLS, (1, 1)]:
        products += 9 * (inputs + channels) * channels * bands * frames + 2 * channels * channels // 8
        inputs, bands, frames = channels, bands // pool[0], frames // pool[1]
    products += channels * 40
    assert flop_per_clip(channels, (96, 320)) == pytest.approx(3 * 2 * products, rel=1e-3)


def test_weights_leave_in_the_order_of_layers_without_counters():
    weights = in_order_of_layers(EmbeddingNetwork(16))
    assert list(weights) == sorted(weights)
    assert all(array.ndim for array in weights.values())
    assert sum(array.size for array in weights.values()) == 22420 + 2 * (1 + 9 * 16), "parameters, running statistics"


def test_the_faster_peer_counts():
    ours = {"candidate": "hearlog bfloat16", "gflop_per_s": 300.0, "peak_gflop_per_s": 400.0, "overhead_share": 0.01}
    rows = [
        {**ours, "channels": width, "clips_per_s": 90.0, "overhead_share": 0.01 / width} for width in (16, 32, 64)
    ] + [
        {"candidate": f"keras {name}", "channels": width, "clips_per_s": speed}
        for width in (16, 32, 64)
        for name, speed in (("float32", 30.0), ("mixed_bfloat16", 45.0))
    ]
    summary = summarise(pd.DataFrame(rows))
    assert set(summary) == SUMMARY_KEYS["training"]
    assert summary["ratio_to_keras_f16"] == 2
    assert summary["fraction_of_peak_f64"] == 0.75
    assert summary["overhead_share"] == 0.01 / 16


def test_a_sound_is_the_same_at_every_rate():
    fine, coarse = music_like(3, 48000, 1.0, channels=2), music_like(3, 16000, 1.0, channels=2)
    assert fine.dtype == np.float32
    np.testing.assert_allclose(fine[::3], coarse, atol=1e-6)
    assert 0.01 < np.abs(coarse).max() <= 1


@pytest.mark.parametrize("distinct", [True, False])
def test_a_log_has_its_rows_and_every_user_and_song(tmp_path, distinct):
    shape = power_law.Shape(users=300, songs=500, rows=6000, distinct=distinct)
    parquet, *packed = power_law.write_logs(tmp_path, shape, formats=["parquet", "csv.gz", "csv.bz2"])
    rows = pd.read_parquet(parquet)
    assert len(rows) == 6000
    assert list(rows.nunique()) == [300, 500]
    assert rows["user_id"].str.fullmatch("u0000[0-9]{3}").all()
    assert rows["song_id"].str.fullmatch("TR[0-9A-F]{16}").all()
    assert (not rows.duplicated().any()) == distinct
    assert not rows["user_id"].is_monotonic_increasing
    assert rows["song_id"].value_counts().max() > 5 * rows["song_id"].value_counts().median()
    for text in packed:
        pd.testing.assert_frame_equal(
            pd.concat(map(pd.read_csv, sorted(text.iterdir()))), rows.astype(object).astype("str")
        )


def test_a_log_of_a_seed_is_the_same_however_it_is_cut_into_files(tmp_path, monkeypatch):
    shape = power_law.Shape(users=300, songs=500, rows=6000)
    monkeypatch.setattr(power_law, "BLOCK", 1000)
    folders = [power_law.write_logs(tmp_path / name, shape, seed)[0] for name, seed in [("a", 1), ("b", 1), ("c", 2)]]
    monkeypatch.setattr(power_law, "FILE", 1000)
    files, again, other = (pd.read_parquet(folder) for folder in folders)
    pd.testing.assert_frame_equal(files, again)
    assert not files.equals(other)
    cut = power_law.write_logs(tmp_path / "d", shape, 1)[0]
    assert len(list(cut.iterdir())) == 6
    assert sorted(map(tuple, files.to_numpy())) == sorted(map(tuple, pd.read_parquet(cut).to_numpy()))


def test_a_log_already_written_is_left_as_it_is(tmp_path):
    shape = power_law.Shape(users=30, songs=50, rows=60)
    (folder,) = power_law.write_logs(tmp_path, shape)
    (file,) = folder.iterdir()
    before = file.stat().st_mtime_ns
    power_law.write_logs(tmp_path, shape)
    assert file.stat().st_mtime_ns == before


def test_a_log_of_too_few_rows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="too few rows"):
        power_law.write_logs(tmp_path, power_law.Shape(users=30, songs=20, rows=29))


def test_hearlog_and_a_peer_write_the_same_matrix_and_another_is_noticed(tmp_path):
    folders = [tmp_path / name for name in ("ours", "theirs", "text", "other")]
    shape = power_law.Shape(users=300, songs=500, rows=6000, distinct=False)
    parquet, text = map(str, power_law.write_logs(tmp_path / "a", shape, formats=["parquet", "csv.gz"]))
    (other,) = map(str, power_law.write_logs(tmp_path / "b", shape, seed=1))
    counts = ingest(parquet, str(folders[0]), "1GB")
    assert [counts[key] for key in ("rows", "users", "songs")] == [6000, 300, 500]
    for log, folder in zip([parquet, text, other], folders[1:], strict=True):
        pandas_peer.ingest(log, str(folder))
    assert same_matrix(folders[0], folders[1])
    assert same_matrix(folders[0], folders[2])
    assert not same_matrix(folders[0], folders[3])


def test_memory_of_a_peer_is_its_own():
    here = np.ones(30_000_000)
    with peer.peer("tests.echo_peer", peer.OWN) as ask:
        peaks = ask("peaks")
    assert 0 < peaks["peak_anonymous"] < peaks["peak_rss"] < here.nbytes


def test_a_small_paper_scale_falls_in_loss_and_is_not_done_again(tmp_path, monkeypatch):
    for name, value in {"USERS": 300, "SONGS": 500, "ENTRIES": 6000}.items():
        monkeypatch.setattr(paper_scale, name, value)
    row = paper_scale.measure_scale(1.0, 3, "1GB", tmp_path)
    assert [row[key] for key in ("users", "songs", "nnz", "iterations")] == [300, 500, 6000, 3]
    assert len(row["iteration_seconds"]) == len(row["losses"]) == 3
    assert set(paper_scale.summarise([row])) == SUMMARY_KEYS["paper_scale"]
    assert (tmp_path / "paper_scale.log").read_text().count("iteration ") == 3
    monkeypatch.setattr(paper_scale, "peer", None)
    assert paper_scale.measure_scale(1.0, 3, "1GB", tmp_path) == row


def test_logs_are_compared_with_the_peer_that_read_the_same_files():
    measured = {  # seconds and memory of hearlog and of the peer
        ("parquet", 100): {"hearlog": (10, 1), "polars": (30, 2)},
        ("csv.gz", 100): {"hearlog": (20, 1), "polars": (30, 4)},
        ("parquet", 10): {"hearlog": (1, 3), "pandas": (5, 4)},
        ("csv.bz2", 10): {"hearlog": (4, 1), "polars": (5, 5)},
    }
    rows = [
        {
            "candidate": name,
            "format": kind,
            "rows": size,
            "seconds": time,
            "rows_per_s": size / time,
            "peak_rss_gb": peak,
        }
        for (kind, size), candidates in measured.items()
        for name, (time, peak) in candidates.items()
    ]
    ratios = {"polars": 3, "pandas": 5, "polars_gzip": 1.5, "polars_bzip2": 1.25}
    shares = {"polars": 0.5, "pandas": 0.75, "polars_gzip": 0.25, "polars_bzip2": 0.2}
    summary = logs.summarise(pd.DataFrame(rows))
    assert summary == {
        "rows_per_s_parquet": 10,
        "peak_rss_gb": 1,
        **{f"ratio_to_{name}": ratio for name, ratio in ratios.items()},
        **{f"memory_to_{name}": share for name, share in shares.items()},
    }
    assert set(summary) == SUMMARY_KEYS["logs"]


def test_als_is_compared_on_the_middle_matrix():
    speeds = {1: (90, 500), 10: (100, 550), 50: (150, 600)}
    rows = [
        {"candidate": name, "nnz": size, "ns_per_nnz_iteration": speed}
        for size, pair in speeds.items()
        for name, speed in zip(["hearlog implicit", "spark"], pair, strict=True)
    ]
    summary = {"ns_per_nnz_iteration": 150, "ratio_to_spark": 5.5, "growth_10m_to_50m": 1.5}
    assert als.summarise(pd.DataFrame(rows)) == summary
    assert set(summary) == SUMMARY_KEYS["als"]


def test_features_are_compared_in_the_faster_precision_of_each():
    speeds = {"hearlog float32": 20, "hearlog bfloat16": 30, "librosa, keras float32": 15, "librosa, keras other": 10}
    rows = [{"candidate": name, "files_per_s": speed} for name, speed in speeds.items()]
    assert features.summarise(rows) == {"files_per_s": 30, "ratio_to_librosa_keras": 2}
    assert set(features.summarise(rows)) == SUMMARY_KEYS["features"]


def test_features_are_measured_on_whole_batches_of_long_sounds_that_are_not_silent(tmp_path):
    for number in range(18):
        sound = np.zeros(31 * 8000) if number == 3 else music_like(number, 8000, 31)
        soundfile.write(tmp_path / f"{number:02d}.wav", sound, 8000)
    soundfile.write(tmp_path / "00 short.wav", music_like(0, 8000, 29), 8000)
    names = [f"{number:02d}.wav" for number in range(18)]
    assert [path.name for path in features.choose(tmp_path, 64)] == [name for name in names if name != "03.wav"][:16]
    with pytest.raises(SystemExit, match="16 are needed"):
        features.choose(tmp_path, 15)


def test_shares_of_work_make_up_the_whole(tmp_path):
    torch.manual_seed(0)
    features.write_model(tmp_path, EmbeddingNetwork(16), features.AUDIO.model_copy(update={"seconds": 7.5}))
    soundfile.write(tmp_path / "a.flac", music_like(0, 44100, 8), 44100)
    shares = features.share_of_work(features.load(tmp_path, device="cpu"), [tmp_path / "a.flac"] * 2)
    assert set(shares) == {"decode_share", "mel_share", "network_share"}
    assert min(shares.values()) > 0 and sum(shares.values()) == pytest.approx(1)


def test_a_fiftieth_of_the_soak_is_damaged_in_all_ways_alike():
    songs = soak_world.plan(2000)
    assert songs["song_id"].is_unique and songs["path"].is_unique
    assert songs["damage"].value_counts().to_dict() == {"": 1960} | dict.fromkeys(soak_world.DAMAGE, 10)
    assert (songs["reason"] == "").equals(songs["damage"] == "")
    assert songs.loc[songs["damage"] == "", "source"].nunique() == soak_world.SOURCES


def test_the_soak_runs_stages_as_dvc_does_and_knows_what_they_write():
    words, written = soak_world.command_of("embed_songs")
    assert words == ["python", "-m", "stages.embed_clips", "songs", "1"]
    assert written == ["data/corpora/songs/embeddings-div1.npy"]
    assert "metrics/crops/songs.json" in soak_world.command_of("crop_songs")[1]


def test_a_soak_that_does_not_fit_on_the_disk_is_refused_before_it_writes(tmp_path, capsys):
    with pytest.raises(SystemExit, match="not enough disk"):
        soak_world.write_world(tmp_path / "soak", 10**9)
    assert "1000000000 clips need 1445760.2 GB of disk" in capsys.readouterr().out
    assert not list((tmp_path / "soak").iterdir())


def test_growth_and_pace_of_a_stage_are_those_of_its_work():
    seconds = np.arange(0, 110.5, 0.5)
    work = np.clip(seconds - 10, 0, 100)  # ten seconds of imports first
    done = (10 * work - 5 * np.maximum(work - 50, 0)).astype(int)  # half the pace in the second half
    used = 1_000_000_000 + 1_000_000 * seconds
    seen = Watched(
        marks=list(zip(seconds[20:], done[20:], strict=True)), memory=list(zip(seconds, 2 * used, used, strict=True))
    )
    first, last = seen.tenths()
    assert last / first == pytest.approx(0.5, rel=0.02)
    slope, share = seen.growth()
    assert slope == pytest.approx(1_000_000)
    assert share == pytest.approx(50e6 / 1.11e9, rel=0.01)
    assert seen.peaks() == (2 * used[-1], used[-1])


def test_a_stage_is_watched_on_a_terminal(tmp_path):
    code = """if True:
        import time, tqdm
        held = []
        for _ in tqdm.tqdm(range(5), "work", disable=None):
            held.append(b"x" * 10**7)
            time.sleep(0.12)
        print("all done")"""
    seen = watch([sys.executable, "-c", code], tmp_path, {}, "work")
    assert seen.said == "all done"
    assert [done for _, done in seen.marks] == sorted({done for _, done in seen.marks})
    assert seen.marks[-1][1] == 5
    assert seen.memory[-1][2] > seen.memory[0][2] + 2 * 10**7
    with pytest.raises(SystemExit, match=r"status 1:[\s\S]*ZeroDivisionError"):
        watch([sys.executable, "-c", "1 / 0"], tmp_path, {}, "work")


def test_the_soak_counts_the_worst_stage_in_its_middle_round_and_the_last_round_against_the_first():
    figures = {"peak_rss_gb": 2.0, "peak_anonymous_gb": 1.0, "growth_mb_per_hour": 5.0, "growth_share": 0.001}
    rows = [
        {"stage": stage, "clips_per_s": pace, "end_to_start": ratio, **figures}
        for stage, paces, ratios in [
            ("crop_songs", (40, 20, 30), (1.0, 0.1, 0.9)),
            ("mel_songs", (200, 200, 190), (1, 1, 1)),
        ]
        for pace, ratio in zip(paces, ratios, strict=True)
    ]
    summary = soak.summarise(pd.DataFrame(rows))
    assert set(summary) | {"clips", "hours", "rounds"} == SUMMARY_KEYS["soak"]
    assert summary["end_to_start_throughput"] == 0.9 and summary["last_to_first_round"] == 0.75


def test_the_cpu_time_of_a_demo_is_divided_without_rest():
    kinds = ["transfer", "transfer", "probe"]
    stages = pd.DataFrame({"kind": kinds, "cpu_seconds": [5.0, 7.0, 4.0], "start_up_cpu_seconds": [1.0, 2.0, 3.0]})
    seconds = {row["part"]: row["cpu_seconds"] for row in demo.summarise(stages, 20.0)}
    assert seconds == {"start of the stages' processes": 6, "training": 9, "probe": 1, "DVC and hearlog jobs": 4}
