"""A real run of a small world, in a temporary copy of the repository, and what a change re-runs."""

import json
import re

import pytest
from pipeline_world import Workspace, copy_of_smoke, smoke

from hearlog.pipeline.lock import cell_stage
from hearlog.results.pilot import SWITCHED_OFF


def cells(*methods: str, tasks: tuple[str, ...] = ("gtzan", "emomusic_valence"), divisor: int = 1) -> set[str]:
    return {cell_stage(task, method, divisor) for task in tasks for method in methods}


def estimator(divisor: int = 1) -> set[str]:
    embedded = {f"embed_clips@{task}-{divisor}" for task in ("gtzan", "emomusic_valence")}
    of_capacity = {f"{name}@{divisor}" for name in ("train_estimator", "evaluate_estimator", "describe_model")}
    return of_capacity | embedded


def probes(*tasks: str) -> set[str]:
    return {f"probe@{task}-1" for task in tasks or ("gtzan", "emomusic_valence")}


PILOT = {"embed_songs@1", "pilot_tags@1", "pilot_logs@1"}
ALL = ("base", "fix", "init", "kd")
LAST = {"report", "page"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return copy_of_smoke(tmp_path_factory.mktemp("clone"))


def test_a_second_repro_runs_nothing(workspace):
    stages = set(workspace.dvc("stage", "list", "--name-only").split())
    assert {"ingest_logs", "read_embeddings", "list_genres"} | LAST | estimator() | cells(*ALL) | PILOT <= stages
    assert workspace.repro() == set()


def test_every_stage_counts_what_it_left_out(workspace):
    assert sum(workspace.metrics("crops/gtzan")["rejected"].values()) == 1
    assert workspace.metrics("logs")["rejected"]
    assert workspace.metrics("songs")["left_out"]


def test_metrics_hold_no_lists(workspace):
    def assert_no_list(value: object) -> None:
        assert not isinstance(value, list)
        for child in value.values() if isinstance(value, dict) else ():
            assert_no_list(child)

    for path in (workspace.folder / "metrics").rglob("*.json"):
        assert_no_list(json.loads(path.read_text()))


def test_a_kd_weight_re_runs_the_kd_cells_and_the_report(workspace):
    assert workspace.outdated(transfer__kd__weight=0.5) == cells("kd") | {"page"}, "which shows the params"
    assert workspace.downstream("transfer@gtzan-kd-1") == LAST


def test_the_number_of_epochs_re_runs_what_trains_and_no_linear_classifier(workspace):
    trained = cells("base", "init", "kd") | {"pilot_tags@1"}
    assert workspace.outdated(transfer__training__epochs=3) == trained | LAST


def test_the_song_split_re_runs_the_estimator_and_what_follows(workspace):
    assert workspace.outdated(songs__split={"train": 0.7, "valid": 0.15, "test": 0.15}) == {"split_songs", "page"}
    followers = {"list_genres"} | LAST | estimator() | cells("fix", "init", "kd") | PILOT | probes()
    assert workspace.downstream("split_songs") == followers


def test_the_runtime_re_runs_nothing(workspace):
    assert workspace.outdated(runtime__threads=1) == set()


def test_a_second_capacity_adds_cells_and_touches_none(workspace):
    # `dvc status` compares settings without loading them: a stage would reject a half of 16 channels.
    assert workspace.outdated(sweep__divisors=[1, 2]) == LAST | estimator(2) | cells(*ALL, divisor=2)
    assert workspace.downstream("train_estimator@2") == LAST | estimator(2) - {"train_estimator@2"} | cells(
        "fix", "init", "kd", divisor=2
    )


def test_a_number_of_folds_re_runs_that_tasks_splits(workspace):
    assert workspace.repro_with("split_items@gtzan", tasks__gtzan__folds=2) == {"split_items@gtzan"}


def test_a_protocol_re_runs_that_tasks_splits_and_cells_which_all_name_it(workspace):
    assert workspace.downstream("split_items@gtzan") == LAST | cells(*ALL, tasks=("gtzan",)) | probes("gtzan")
    targets = {"scratch@gtzan-base-1", "frozen@gtzan-fix-1"}
    assert workspace.repro_with(*targets, tasks__gtzan__protocol="artist_cv") == {"split_items@gtzan"} | targets
    for table in ("scores", "per_class", "confusion"):
        header, *rows = (workspace.folder / f"data/transfer/gtzan/fix-div1/{table}.tsv").read_text().splitlines()
        assert header.startswith("protocol\tfolds\t")
        assert all(row.startswith("artist_cv\t3\t") for row in rows)
    changed = json.loads(workspace.dvc("metrics", "diff", "--json"))
    for name in ("splits/gtzan", "transfer/gtzan/base-div1", "transfer/gtzan/fix-div1"):
        assert changed[f"metrics/{name}.json"]["protocol"] == {"old": "stratified_cv", "new": "artist_cv"}


def test_without_the_pilot_the_report_alone_runs_and_says_so(workspace):
    assert workspace.repro_with("report", pilot__divisors=[]) == {"report"}
    assert workspace.metrics("pilot") == {"songs": 0, "note": SWITCHED_OFF}


def test_an_experiment_in_another_folder_runs_what_depends_on_capacity(workspace):
    workspace.write(smoke())
    assert workspace.repro() <= LAST, "every cell of the first run is in the run cache"
    workspace.commit()
    targets = {"scratch@gtzan-base-1", "embed_clips@gtzan-1"}
    output = workspace.dvc("exp", "run", "--temp", "--set-param", "model.channels=32", *targets)
    assert set(re.findall(r"Running stage '([^']+)'", output)) == {"train_estimator@1"} | targets
    (name,) = re.findall(r"Ran experiment\(s\): (\S+)", output)
    changed = json.loads(workspace.dvc("metrics", "diff", "HEAD", name, "--json"))
    scores = changed["metrics/transfer/gtzan/base-div1.json"]
    assert scores["channels"] == {"old": 16, "new": 32, "diff": 16}
