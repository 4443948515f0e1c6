"""A model's folder: what is written is read again, and what does not belong together is refused."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from harmful import Harmful
from model_world import write_model
from safetensors.torch import load_file, save_file

from hearlog.features.extractor import load
from hearlog.model import folder as model_folder
from hearlog.model.folder import CONFIG, WEIGHTS
from hearlog.util.errors import InputError


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "estimator-div1"
    write_model(folder)
    return folder


@pytest.fixture
def model(written, tmp_path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(written, tmp_path / "model"))


def change(folder: Path, **blocks) -> None:
    """Change keys of config.json, or blocks where dicts are given."""
    config = json.loads((folder / CONFIG).read_text())
    for name, value in blocks.items():
        config[name] = config[name] | value if isinstance(value, dict) else value
    (folder / CONFIG).write_text(json.dumps(config))


def assert_model_refused(folder: Path, *words: str) -> None:
    with pytest.raises(InputError) as refusal:
        load(folder, device="cpu")
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_what_is_saved_is_loaded_to_the_last_bit(written, tmp_path):
    network, config = model_folder.load(written)
    for module in network.modules():  # as after training: fresh ones are all alike
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    model_folder.save(network, config, tmp_path / "again")
    again, same = model_folder.load(tmp_path / "again")
    assert same == config
    ours, theirs = network.state_dict(), again.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    mel = torch.linspace(-80, 20, 96 * 320).reshape(1, 96, 320)
    with torch.inference_mode():
        assert torch.equal(network.eval()(mel), again.eval()(mel))


def test_nothing_of_a_model_is_written_twice_otherwise(written, tmp_path):
    write_model(tmp_path / "again")
    for name in (WEIGHTS, CONFIG):
        assert (tmp_path / "again" / name).read_bytes() == (written / name).read_bytes()


def test_a_folder_without_a_model_is_refused(tmp_path):
    assert_model_refused(tmp_path, str(tmp_path), WEIGHTS, CONFIG)
    assert_model_refused(tmp_path / "nowhere", "nowhere")


def test_a_model_without_weights_is_refused(model):
    (model / WEIGHTS).unlink()
    assert_model_refused(model, WEIGHTS)


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ({"colour": "blue"}, ["colour", CONFIG]),
        ({"mel": {"bands": 3}}, ["mel.bands"]),
        ({"network": {"channels": 4}}, ["network.channels"]),
        ({"network": {"se_ratio": 32}}, ["se_ratio"]),
        ({"audio": {"seconds": -1}}, ["audio.seconds"]),
        ({"audio": {"seconds": 2.0}}, ["320 frames"]),
        ({"targets": {"scale": 0}}, ["targets.scale"]),
        ({"format": 2}, ["format"]),
        ({"front_end": ["loud"]}, ["front_end"]),
    ],
)
def test_a_faulty_config_is_refused_by_the_name_of_the_key(model, blocks, words):
    change(model, **blocks)
    assert_model_refused(model, *words)


def test_a_config_that_is_not_json_is_refused(model):
    (model / CONFIG).write_text("network: 16 channels")
    assert_model_refused(model, CONFIG, "JSON")


def test_a_network_that_pools_otherwise_is_refused_though_its_weights_fit(model):
    change(model, pools=[[4, 5], [3, 4], [2, 2], [2, 4]])
    assert_model_refused(model, CONFIG, "trained with pools")


def test_weights_of_another_network_are_refused(model):
    change(model, network={"channels": 24})
    assert_model_refused(model, WEIGHTS, "another network")


def test_weights_that_are_not_finite_are_refused(model):
    weights = load_file(model / WEIGHTS)
    weights["embedding.weight"][0, 0] = torch.nan
    save_file(weights, model / WEIGHTS)
    assert_model_refused(model, WEIGHTS, "embedding.weight", "NaN")


def test_a_pickle_of_that_name_is_refused_and_never_run(model, tmp_path):
    (model / WEIGHTS).write_bytes(pickle.dumps(Harmful(tmp_path / "done")))
    assert_model_refused(model, WEIGHTS, "not readable")
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize(("key", "value"), [("n_fft", 1024), ("hop_length", 374)])
def test_another_front_end_than_in_training_is_refused(model, key, value):
    change(model, mel={key: value})
    assert_model_refused(model, "spectrogram", "dB", f"torch {model_folder.versions()['torch']}")


def test_another_number_of_mel_bands_is_refused(model):
    change(model, mel={"n_mels": 48})
    assert_model_refused(model, "front_end has 96 numbers, mel.n_mels is 48")


@pytest.mark.parametrize("number", [-30.0, np.nan])
def test_a_front_end_that_sounds_otherwise_in_one_band_is_refused(model, number):
    front_end = json.loads((model / CONFIG).read_text())["front_end"]
    change(model, front_end=[*front_end[:-1], number])
    assert_model_refused(model, "spectrogram" if number == number else "front_end")
