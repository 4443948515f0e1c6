"""Times of stages, against counts worked out by hand."""

import itertools
from pathlib import Path

import pytest
from dvc.repo import Repo

from hearlog import params
from hearlog.pipeline.lock import cell_stage
from hearlog.plan import stages, workload
from hearlog.plan.measure import Speeds
from hearlog.plan.stages import MAKE_DEMO, stage_times
from hearlog.plan.workload import LogSize
from hearlog.transfer.methods import METHODS

ROOT = Path(__file__).parents[2]
CLIPS = {"songs": 800, "gtzan": 100, "fma_small": 160}
LOGS = LogSize(150_000, 2000, 800)
SPEEDS = Speeds(2.0, 0.01, 0.02, 0.001, {1: 0.01, 2: 0.004, 4: 0.002, 8: 0.001}, 2, "cpu", "float32", None)


@pytest.fixture(scope="module")
def demo() -> params.Params:
    return params.load(ROOT / "presets/demo.yaml")


def times(settings: params.Params, clips: dict[str, int] = CLIPS, cores: int = 4) -> dict[str, stages.StageTime]:
    return stage_times(settings, clips, LOGS, SPEEDS, cores)


@pytest.mark.parametrize("preset", ["demo", "paper"])
def test_every_stage_of_the_pipeline_has_a_time(preset):
    settings = params.load(ROOT / f"presets/{preset}.yaml")
    with Repo(str(ROOT), config={"core": {"no_scm": True}}) as repo:
        kinds = {stage.addressing.split("@")[0] for stage in repo.index.stages}
    found = times(settings, {})
    assert {name.split("@")[0] for name in found} == {kind.removeprefix(f"{ROOT}/") for kind in kinds}
    cells = {cell_stage(*cell) for cell in itertools.product(settings.tasks, METHODS, settings.sweep.divisors)}
    assert cells <= found.keys()


def test_training_takes_the_time_of_its_clips_and_epochs(demo):
    kd = times(demo)[cell_stage("gtzan", "kd", 1)]
    clips = 100 * (demo.tasks["gtzan"].folds - 1) * (0.85 + 0.15 / 3)
    assert kd.kind == "training"
    assert kd.start == stages.STARTS["transfer"] * SPEEDS.start
    assert kd.most == pytest.approx(0.01 * clips * demo.transfer.training.epochs)


def test_training_that_may_stop_early_takes_less_as_is_likely(demo):
    def cell(patience: int) -> stages.StageTime:
        training = demo.transfer.training.model_copy(update={"epochs": 10, "patience": patience})
        transfer = demo.transfer.model_copy(update={"training": training})
        return times(demo.model_copy(update={"transfer": transfer}))[cell_stage("gtzan", "base", 1)]

    assert cell(10).likely == cell(10).most == cell(2).most
    assert cell(2).likely == pytest.approx(stages.TYPICAL_EPOCHS * cell(2).most)


def test_the_fit_of_the_output_layer_has_no_epochs_and_several_seeds_train_as_often(demo):
    assert times(demo)[cell_stage("gtzan", "fix", 1)].most == 0
    seeds = demo.model_copy(update={"transfer": demo.transfer.model_copy(update={"seeds": [0, 1, 2]})})
    name = cell_stage("gtzan", "init", 1)
    assert times(seeds)[name].most == pytest.approx(3 * times(demo)[name].most)


def test_the_pilot_trains_one_network_on_all_songs_at_each_of_its_capacities(demo):
    several = demo.model_copy(update={"pilot": params.Pilot(divisors=[1, 4])})
    songs = workload.trained_songs(demo, CLIPS) * demo.transfer.training.epochs
    assert times(several)["pilot_tags@1"].most == pytest.approx(0.01 * songs)
    assert times(several)["pilot_tags@4"].most == pytest.approx(0.002 * songs)
    assert "pilot_tags@1" not in times(demo.model_copy(update={"pilot": params.Pilot(divisors=[])}))


def test_files_are_cropped_on_all_threads_of_a_job_and_generated_on_all_cores(demo):
    assert times(demo)["crop_audio@gtzan"].most == pytest.approx(100 * 0.02 / 2)
    assert times(demo)["compute_mel@gtzan"].most == pytest.approx(100 * 0.001)
    others = workload.generated_files(demo) - demo.demo.songs
    seconds = demo.demo.seconds * (demo.demo.songs + stages.OTHERS * others)
    assert times(demo, cores=4)[MAKE_DEMO].most == pytest.approx(0.01 * seconds / 4)


def test_a_second_fit_of_als_takes_as_long_again(demo):
    once = demo.model_copy(update={"als": demo.als.model_copy(update={"held_out": None})})
    assert times(demo)["factorize"].most == pytest.approx(2 * times(once)["factorize"].most)


def test_probes_take_longer_with_more_channels(demo):
    wide = demo.model_copy(update={"model": demo.model.model_copy(update={"channels": 32})})
    assert times(wide)["probe@gtzan-1"].most > times(demo)["probe@gtzan-1"].most > 0
