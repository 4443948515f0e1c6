"""Exported networks: what torch computes, in ONNX Runtime and OpenVINO."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from model_world import write_model
from sound_files import RATE, make_sound

from hearlog import cli
from hearlog.features.engines import open_engine
from hearlog.features.export import export
from hearlog.features.extractor import load
from hearlog.features.formats import EXPORTED
from hearlog.model.architecture import LAYERS
from hearlog.util.errors import InputError

CHILD = (
    "import sys, hearlog.cli; [hearlog.cli.main(['export', sys.argv[1], '--format', name]) for name in sys.argv[2:]]"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model in all formats, and ``spoken``: what exporting it printed."""
    folder = tmp_path_factory.mktemp("export") / "model"
    write_model(folder)
    command = [sys.executable, "-c", CHILD, str(folder), *EXPORTED]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    (folder / "spoken").write_text(done.stdout + done.stderr)
    return folder


@pytest.fixture(scope="module")
def mels() -> np.ndarray:
    """Five clips; the export itself compares two."""
    return np.random.default_rng(1).uniform(-90, 10, (5, 96, 320)).astype(np.float16)


def test_an_export_prints_one_line_with_the_difference(folder):
    lines = (folder / "spoken").read_text().splitlines()
    assert len(lines) == len(EXPORTED)
    for line, name in zip(lines, EXPORTED.values(), strict=True):
        path = re.escape(str(folder / name))
        said = re.fullmatch(rf"{path}: differs from torch by at most (.+) of a layer's largest element", line)
        assert said and float(said[1]) < 1e-4


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("form", EXPORTED)
def test_every_layer_is_that_of_torch_for_other_numbers_of_clips(folder, mels, form, layer):
    theirs, ours = (open_engine(name, folder, "cpu", "float32") for name in (form, "torch"))
    for clips in (mels, mels[:1]):
        expected, found = ours.run(clips, layer), theirs.run(clips, layer)
        assert found.shape == expected.shape and found.dtype == np.float32
        assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("form", EXPORTED)
def test_sounds_have_the_features_of_torch_in_every_engine(folder, form):
    sounds = [make_sound(7.5, seed=seed) for seed in range(3)]
    expected = load(folder, device="cpu").embed(sounds, sample_rate=RATE)
    found = load(folder, engine=form).embed(sounds, sample_rate=RATE, batch_size=2)
    assert np.abs(found - expected).max() < 1e-4


def test_the_onnx_file_is_valid_and_says_its_input_and_outputs(folder):
    graph = onnx.load(folder / EXPORTED["onnx"]).graph
    onnx.checker.check_model(folder / EXPORTED["onnx"], full_check=True)
    assert [value.name for value in graph.input] == ["mel"]
    assert [value.name for value in graph.output] == list(LAYERS)
    shape = graph.input[0].type.tensor_type.shape.dim
    assert shape[0].dim_param and [side.dim_value for side in shape[1:]] == [96, 320]


def test_onnx_runtime_alone_runs_the_example_of_the_docs(folder, tmp_path):
    docs = Path(__file__).parents[2] / "docs" / "features.md"
    (script,) = re.findall(r"```python\n(import json.*?)```", docs.read_text(encoding="utf-8"), re.DOTALL)
    assert len(script.splitlines()) <= 20
    shutil.copytree(folder, tmp_path / "models/estimator-div1")
    script += "import sys; print({'torch', 'hearlog', 'onnx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["(2, 40) (2, 16)", "set()"], done.stderr


@pytest.mark.parametrize("form", EXPORTED)
def test_a_model_that_was_trained_again_must_be_exported_again(folder, tmp_path, form):
    again = shutil.copytree(folder, tmp_path / "model")
    write_model(again, seed=1)
    with pytest.raises(InputError, match=f"of other weights.*hearlog export {again} --format {form}"):
        load(again, engine=form)


@pytest.mark.parametrize("form", EXPORTED)
def test_a_damaged_export_is_asked_for_again(folder, tmp_path, form):
    model = shutil.copytree(folder, tmp_path / "model")
    (model / EXPORTED[form]).write_bytes(b"no network")
    with pytest.raises(InputError, match=f"not readable.*hearlog export {model} --format {form}"):
        load(model, engine=form)


@pytest.mark.parametrize("form", EXPORTED)
def test_a_file_that_is_missing_is_asked_for(tmp_path, capsys, form):
    write_model(tmp_path)
    (tmp_path / "song.wav").touch()
    command = ["embed", str(tmp_path / "song.wav"), "--model", str(tmp_path), "--out", str(tmp_path / "f.csv")]
    assert cli.main([*command, "--engine", form]) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / EXPORTED[form]}: no such file. Run: hearlog export {tmp_path} --format {form}" in said


def test_what_an_engine_cannot_do_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="on the CPU in float32"):
        load(folder, engine="onnx", device="cuda")
    with pytest.raises(InputError, match="on the CPU in float32"):
        load(folder, engine="openvino", precision="bfloat16")
    with pytest.raises(InputError, match="abacus"):
        load(folder, engine="abacus")
    with pytest.raises(InputError, match="coreml"):
        export(folder, "coreml")
