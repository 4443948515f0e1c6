import os
from pickle import UnpicklingError

import numpy as np
import pytest
import torch

from hearlog.runtime import checkpoint
from hearlog.runtime.checkpoint import Checkpoint, Run, open_run


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)


def test_a_state_comes_back_as_it_was_saved(tmp_path):
    state = {
        "weights": {"layer": torch.arange(3.0)},
        "random": np.random.default_rng(5).bit_generator.state,
        "history": [{"epoch": 1, "loss": 0.1 + 0.2}],
        "best": float("inf"),
        "words": ["rock", "스페이스"],
    }
    saved = Checkpoint(tmp_path / "runs/a.pt")
    saved.save(state)
    loaded = saved.load()
    assert torch.equal(loaded.pop("weights")["layer"], state.pop("weights")["layer"])
    assert loaded == state


def test_without_a_state_there_is_none(tmp_path):
    assert Checkpoint(tmp_path / "a.pt").load() is None


def test_a_kill_while_saving_leaves_the_state_before(tmp_path, monkeypatch):
    saved = Checkpoint(tmp_path / "a.pt")
    saved.save({"epoch": 1})

    def killed(state, file):
        file.write(b"half a state")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        saved.save({"epoch": 2})
    assert saved.load() == {"epoch": 1}


def test_a_pickle_with_code_is_refused(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.system, ("touch hacked",)

    torch.save(Hostile(), tmp_path / "a.pt")
    with pytest.raises(UnpicklingError):
        Checkpoint(tmp_path / "a.pt").load()
    assert not (tmp_path / "hacked").exists()


def test_a_run_finds_its_states_again_and_forgets_them_when_it_is_done(tmp_path, capsys):
    (tmp_path / "mel.npy").write_bytes(b"data")
    run = open_run("gtzan/kd-div1", {"epochs": 3}, [tmp_path / "mel.npy"])
    run.checkpoint("seed0-fold0").save({"epoch": 1})
    assert not capsys.readouterr().err
    again = open_run("gtzan/kd-div1", {"epochs": 3}, [tmp_path / "mel.npy"])
    assert capsys.readouterr().err == f"gtzan/kd-div1: goes on from what a killed run left in {run.folder}\n"
    assert again.checkpoint("seed0-fold0").load() == {"epoch": 1}
    again.clear()
    assert not list(checkpoint.FOLDER.iterdir())


@pytest.mark.parametrize("change", ["settings", "data", "code", "torch"])
def test_another_run_does_not_find_them(tmp_path, monkeypatch, change):
    data, settings = tmp_path / "mel.npy", {"epochs": 3}
    data.write_bytes(b"data")
    before = open_run("kd", settings, [data]).folder
    if change == "settings":
        settings["epochs"] = 4
    elif change == "data":
        data.write_bytes(b"date")
    elif change == "code":
        edited = tmp_path / "checkpoint.py"
        edited.write_text("x")
        monkeypatch.setattr(checkpoint, "__file__", str(edited))
    else:
        monkeypatch.setattr(torch, "__version__", "0")
    assert open_run("kd", settings, [data]).folder != before


def test_a_run_that_another_process_ends_meanwhile_saves_on(tmp_path, monkeypatch):
    run = Run(tmp_path / "run")
    save = torch.save

    def end_once(state, file):
        save(state, file)
        monkeypatch.setattr(torch, "save", save)
        run.clear()

    monkeypatch.setattr(torch, "save", end_once)
    run.checkpoint("a").save({"epoch": 1})
    assert run.checkpoint("a").load() == {"epoch": 1}


def test_a_temporary_copy_of_the_repository_shares_the_states(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "original"))
    assert open_run("kd", {}, []).folder.is_relative_to(tmp_path / "original")
