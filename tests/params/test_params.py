from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from hearlog import params
from hearlog.corpora.protocols import DRAWN_FOLDS, PROTOCOLS
from hearlog.corpora.readers.registry import READERS
from hearlog.corpora.splits import random
from hearlog.util.errors import InputError

PRESETS = Path(__file__).parents[2] / "presets"


@pytest.fixture
def edit(tmp_path):
    """Write the demo preset with one key changed, and load it."""

    def load(key: str, value: object, preset: str = "demo") -> params.Params:
        content = yaml.safe_load((PRESETS / f"{preset}.yaml").read_text())
        *blocks, last = key.split(".")
        block = content
        for name in blocks:
            block = block[name]
        block[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(content))
        return params.load(path)

    return load


@pytest.mark.parametrize("preset", ["demo", "paper", "smoke", "study"])
def test_every_preset_loads(preset):
    assert params.load(PRESETS / f"{preset}.yaml")


def test_the_paper_preset_holds_the_values_of_the_paper():
    paper = params.load(PRESETS / "paper.yaml")
    assert paper.als.factors == 40
    assert paper.songs.sample == 244_975
    assert (paper.audio.sample_rate, paper.audio.seconds, paper.audio.samples) == (16_000, 30, 480_000)
    assert (paper.mel.n_fft, paper.mel.hop_length, paper.mel.n_mels) == (512, 375, 96)
    assert [paper.model.channels // divisor for divisor in paper.sweep.divisors] == [256, 128, 64, 32]
    assert [paper.model.channels // divisor for divisor in paper.pilot.divisors] == [32]
    assert [paper.model.channels // divisor for divisor in paper.probe.divisors] == [32]
    assert paper.model.se_ratio == 8
    assert paper.estimator.training.learning_rate == paper.transfer.training.learning_rate == 0.001
    assert len(paper.tasks) == 8
    folds = {name: task.folds for name, task in paper.tasks.items() if task.folds}
    assert folds == {"gtzan": 10, "extended_ballroom": 10}


def test_the_paper_split_gives_the_counts_of_the_paper():
    import pandas as pd

    paper = params.load(PRESETS / "paper.yaml")
    songs = pd.DataFrame({"item_id": [f"{i:06}" for i in range(244_975)]})
    songs[["group", "split", "target"]] = None
    counts = random(songs, paper.songs.split.model_dump(), seed=0)["part"].value_counts()
    assert counts.to_dict() == {"train": 187_404, "valid": 20_831, "test": 36_740}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model.chanels", 3, r"model\.chanels: unknown key; did you mean channels\?"),
        ("tasks.gtzan.fold", 3, r"tasks\.gtzan\.fold: unknown key; did you mean folds\?"),
        ("model.channels", 20, r"model\.channels: given 20; allowed: a multiple of 8"),
        ("model.channels", 8, r"model\.channels: given 8; allowed: greater than or equal to 16"),
        ("model.channels", True, r"model\.channels: given True; allowed: a valid integer"),
        ("model.channels", "32", r"model\.channels: given '32'; allowed: a valid integer"),
        ("tasks." + "x" * 65, {}, r"tasks\.x{65}\..*at most 64"),
        ("transfer.kd.weight", 1e300, r"transfer\.kd\.weight: given 1e\+300; allowed: less than or equal to 1000000"),
        ("transfer.kd.weight", -1, r"transfer\.kd\.weight: given -1; allowed: greater than or equal to 0"),
        ("als.alpha", "much", r"als\.alpha: given 'much'; allowed: a valid number"),
        ("als.alpha", None, r"als\.alpha: given None"),
        ("tasks.gtzan.reader", "gtza", r"tasks\.gtzan\.reader: given 'gtza'; allowed: dcase.*; did you mean gtzan\?"),
        ("tasks.gtzan.target", "mood", r"tasks\.gtzan\.target: given 'mood'; allowed: genre$"),
        ("tasks.fma_small.protocol", "artist_cv", r"fma_small\.protocol: given 'artist_cv'; allowed: official$"),
        ("tasks.gtzan.protocol", "fault_filterd", r"protocol: .*, artist_cv; did you mean fault_filtered\?"),
        ("tasks.gtzan.protocol", "fault_filtered", r"gtzan\.folds: given 3, but .* published parts: set it to null"),
        ("tasks.gtzan.folds", None, r"tasks\.gtzan\.folds: missing; protocol stratified_cv draws a number of folds"),
        ("tasks.gtzan.folds", 1, r"tasks\.gtzan\.folds: given 1; allowed: greater than or equal to 2"),
        ("tasks.dcase2016.folds", 4, r"dcase2016\.folds: given 4, but protocol official has published parts"),
        ("tasks", {}, r"tasks: given \{\}"),
        ("tasks.GTZAN", {}, r"tasks\.GTZAN"),
        ("songs.split.train", 0.5, r"songs\.split: train \+ valid \+ test is 0\.735"),
        ("audio.seconds", 7.0, r"audio\.seconds 7 .* multiple of 320 x mel\.hop_length"),
        ("audio.seconds", 9.0, r"audio\.seconds 9 .* would drop the rest"),
        ("mel.n_mels", 100, r"mel\.n_mels 100 must be a multiple of 48"),
        ("estimator.training.learning_rate", float("inf"), r"learning_rate: given inf; allowed: a finite number"),
        ("logs.path", "data/raw/*.csv", r"logs\.path 'data/raw/\*\.csv' is a glob.*name the folder"),
        ("transfer.seeds", [0, 0], r"seeds \[0, 0\] name a seed twice"),
        ("audio.min_seconds", 9.0, r"audio\.min_seconds must not exceed audio\.seconds"),
        ("logs.header", False, r"columns \['user_id', 'song_id'\] are names, but header is false"),
        ("sweep.divisors", [1, 1], r"sweep: divisors \[1, 1\] name a divisor twice"),
        ("pilot.divisors", [1, 1], r"pilot: divisors \[1, 1\] name a divisor twice"),
        (
            "pilot.divisors",
            [1, 2],
            r"pilot\.divisors \[1, 2\] asks for estimators of \[2\], which are not in sweep\.divisors",
        ),
        (
            "probe.divisors",
            [2],
            r"probe\.divisors \[2\] asks for estimators of \[2\], which are not in sweep\.divisors",
        ),
        ("probe.divisors", [], r"probe\.divisors: given \[\]"),
        ("probe.strengths", [1.0, 1.0], r"probe: strengths \[1\.0, 1\.0\] name a value twice"),
        (
            "probe.strengths",
            [0.0],
            r"probe\.strengths\.0: given 0\.0; allowed: greater than or equal to 0\.000000000001",
        ),
        ("runtime.device", "gpu", r"runtime\.device: given 'gpu'"),
        ("runtime.devices", 0, r"runtime\.devices: given 0; allowed: greater than or equal to 1"),
        (
            "runtime",
            {"device": "cuda:1", "precision": "auto", "threads": 0, "devices": 2}
            | {"strategy": "auto", "compile": False, "memory_limit": "2GB"},
            r"runtime: device cuda:1 is one, devices are 2: set device to cuda",
        ),
        (
            "runtime",
            {"device": "mps", "precision": "auto", "threads": 0, "devices": 2}
            | {"strategy": "auto", "compile": False, "memory_limit": "2GB"},
            r"runtime: device mps is one, devices are 2: set devices to 1",
        ),
        ("transfer.training.accumulate", 5, r"accumulate 5 cuts a batch_size of 8 into parts of one clip.*lower it"),
        ("transfer.training.schedule", "linear", r"schedule: given 'linear'; allowed: 'constant' or 'cosine'"),
        ("estimator.augmentation.window", 5.0, r"estimator\.augmentation\.window 5 must be a multiple of 320"),
        (
            "transfer.augmentation.window",
            15.0,
            r"transfer\.augmentation\.window 15 .* at most audio\.seconds 7\.5",
        ),
        ("transfer.test_windows", 3, r"test_windows 3 needs the windows' length: set augmentation\.window"),
        ("transfer.student", "tiny", r"transfer\.student: given 'tiny'; allowed: paper, separable"),
        ("transfer.seeds", [], r"transfer\.seeds: given \[\]"),
        ("logs.path", "", r"logs\.path: given ''"),
        ("runtime.memory_limit", "99999999TB", r"runtime\.memory_limit: given '99999999TB'"),
        ("runtime.threads", 100_000, r"runtime\.threads: given 100000; allowed: less than or equal to 1024"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_is_allowed(edit, key, value, message):
    with pytest.raises(InputError, match=message):
        edit(key, value)


def test_several_windows_of_the_whole_clip_are_refused(tmp_path):
    content = yaml.safe_load((PRESETS / "demo.yaml").read_text())
    content["transfer"]["test_windows"] = 3
    content["transfer"]["augmentation"]["window"] = content["audio"]["seconds"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=r"test_windows 3 windows of 7\.5 s are the whole clip each: set .*below"):
        params.load(tmp_path / "params.yaml")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_data_set_takes_the_protocols_it_names_and_no_other(reader, protocol):
    target = next(iter(READERS[reader].targets), "any column")
    task = {"reader": reader, "path": "data", "target": target, "protocol": protocol, "valid": 0.1}
    if protocol in DRAWN_FOLDS:
        task["folds"] = 10
    if protocol in READERS[reader].protocols:
        assert params.Task.model_validate(task).protocol == protocol
    else:
        with pytest.raises(ValidationError, match=rf"protocol\n.*given '{protocol}'; allowed: "):
            params.Task.model_validate(task)


def test_each_fault_of_a_task_is_named_once(edit):
    task = {"reader": "gtzann", "path": 1, "target": "genre", "protocol": "official", "folds": None, "valid": 2}
    with pytest.raises(InputError) as error:
        edit("tasks.gtzan", task)
    named = [line.split(":")[0].strip() for line in str(error.value).splitlines()[1:]]
    assert named == ["tasks.gtzan.reader", "tasks.gtzan.path", "tasks.gtzan.valid"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("logs.path", "data/logs", r"logs\.path 'data/logs' meets data/logs, which stages write"),
        ("songs.audio_root", "data/pilot/songs", r"songs\.audio_root .* meets data/pilot, which stages write"),
        ("songs.audio_root", "data", r"songs\.audio_root 'data' meets data/logs, .* keep your data in data/raw"),
        ("tasks.gtzan.path", "models/../models/x", r"tasks\.gtzan\.path .* meets models"),
    ],
)
def test_data_where_stages_write_are_refused(edit, key, value, message):
    with pytest.raises(InputError, match=message):
        edit(key, value)


@pytest.mark.parametrize("text", ["seed: 0\nseed: 1\n", "tasks:\n  a: {}\n  b: {}\n  a: {}\n"])
def test_a_key_that_stands_twice_is_refused_as_dvc_does(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(InputError, match=r"params\.yaml, line \d: key \w+ stands twice: remove one of the two"):
        params.load(tmp_path / "params.yaml")


@pytest.mark.parametrize("text", ["", "- 1\n", "words\n"])
def test_a_file_without_settings_is_refused_with_where_to_start(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(InputError, match=r"params\.yaml: holds no settings\. Start from a preset"):
        params.load(tmp_path / "params.yaml")


def test_a_task_cannot_be_called_songs(edit):
    task = yaml.safe_load((PRESETS / "demo.yaml").read_text())["tasks"]["gtzan"]
    with pytest.raises(InputError, match=r"tasks\.songs: that name is the songs' own corpus"):
        edit("tasks.songs", task)


def test_a_run_can_go_without_the_pilot(edit):
    assert edit("pilot.divisors", []).pilot.divisors == []


@pytest.mark.parametrize(
    ("preset", "channels", "capacities"),
    [
        *((preset, size, [size]) for preset in ("demo", "smoke", "study") for size in (16, 32, 64, 128, 256)),
        ("paper", 128, [128, 64, 32, 16]),
        ("paper", 256, [256, 128, 64, 32]),
    ],
)
def test_channels_that_the_divisors_of_a_preset_fit_give_its_capacities(edit, preset, channels, capacities):
    loaded = edit("model.channels", channels, preset)
    assert [loaded.model.channels // divisor for divisor in loaded.sweep.divisors] == capacities


@pytest.mark.parametrize(
    ("channels", "wrong", "fitting"),
    [(16, "2, 4, 8", "1"), (32, "4, 8", "1, 2"), (64, "8", "1, 2, 4"), (96, "8", "1, 2, 3, 4, 6")],
)
def test_divisors_that_do_not_fit_are_named_with_those_that_do(edit, channels, wrong, fitting):
    message = (
        rf"sweep\.divisors \[1, 2, 4, 8\]: model\.channels {channels} cannot be divided by {wrong}: .* "
        rf"Divisors that fit: {fitting}$"
    )
    with pytest.raises(InputError, match=message):
        edit("model.channels", channels, "paper")


def test_a_missing_key_is_named(tmp_path):
    content = yaml.safe_load((PRESETS / "demo.yaml").read_text())
    del content["als"]["alpha"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=r"als\.alpha: missing"):
        params.load(tmp_path / "params.yaml")


def test_numbers_that_yaml_takes_for_text_are_numbers(edit):
    assert edit("estimator.training.learning_rate", "1e-05").estimator.training.learning_rate == 1e-5


def test_a_file_that_is_absent_or_no_yaml_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.yaml: no such file\. Start from a preset"):
        params.load(tmp_path / "absent.yaml")
    (tmp_path / "tabs.yaml").write_text("seed:\n\t1")
    with pytest.raises(InputError, match=r"tabs\.yaml: not readable as YAML"):
        params.load(tmp_path / "tabs.yaml")


def test_yaml_tags_are_refused(tmp_path):
    (tmp_path / "evil.yaml").write_text("seed: !!python/object/apply:os.getcwd []")
    with pytest.raises(InputError, match="not readable as YAML"):
        params.load(tmp_path / "evil.yaml")
