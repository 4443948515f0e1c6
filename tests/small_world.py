"""A small world, through all stages of dvc.yaml: 24 songs with logs, and one task of 12 clips in two classes."""

import itertools
import os
import re
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import children
import numpy as np
import pandas as pd
import yaml
from sound_files import write_sounds

ROOT = Path(__file__).parents[1]
SONGS, CLIPS, USERS = 24, 12, 30
SECONDS = 7.6


@dataclass(frozen=True)
class Stage:
    """A stage as dvc.yaml has it: what it runs, and the files and folders that it writes."""

    name: str
    words: tuple[str, ...]
    outs: tuple[str, ...]

    def clear(self, folder: Path) -> None:
        """Remove what the stage writes, as DVC does before it runs one."""
        for out in self.outs:
            path = folder / out
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def write_inputs(folder: Path) -> None:
    """Write logs, catalogue, audio, a labelled data set and params."""
    folder.mkdir()
    songs = write_sounds(folder / "songs", SONGS, SECONDS)
    names = [f"s{number:02}" for number in range(SONGS)]
    facts = {"song_id": names, "path": [path.name for path in songs], "genre": ["rock", "jazz"] * (SONGS // 2)}
    pd.DataFrame(facts).to_csv(folder / "songs.csv", index=False)
    random = np.random.default_rng(0)
    plays = [(f"u{user:02}", names[song]) for user in range(USERS) for song in random.choice(SONGS, 8, replace=False)]
    pd.DataFrame(plays, columns=["user_id", "song_id"]).to_csv(folder / "logs.csv", index=False)
    clips = write_sounds(folder / "clips", CLIPS, SECONDS)
    items = {"item_id": range(CLIPS), "path": [path.name for path in clips], "genre": ["rock", "jazz"] * (CLIPS // 2)}
    pd.DataFrame(items).to_csv(folder / "clips/items.csv", index=False)
    (folder / "params.yaml").write_text(yaml.safe_dump(make_params()))
    (folder / "presets").mkdir()
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {}}))


def make_params() -> dict[str, Any]:
    """Params of the smoke preset, with these inputs and little training."""
    params = yaml.safe_load((ROOT / "presets/smoke.yaml").read_text())
    params["runtime"] |= {"device": "cpu", "threads": 1, "precision": "float32", "memory_limit": "1GB"}
    params["logs"] |= {"path": "logs.csv", "min_song_plays": 1}
    params["als"] |= {"iterations": 3}
    params["songs"] |= {"catalog": "songs.csv", "audio_root": "songs"}
    params["songs"]["split"] = {"train": 0.5, "valid": 0.25, "test": 0.25}
    own = {"reader": "table", "path": "clips", "target": "genre", "protocol": "stratified_cv", "folds": 2, "valid": 0.3}
    params["tasks"] = {"own": own}
    params["probe"] |= {"strengths": [1.0]}
    for block in ("estimator", "transfer"):
        params[block]["training"]["epochs"] = 1
    return params


def stages(root: Path = ROOT) -> list[Stage]:
    """All stages of this world by the dvc.yaml of a folder, in an order in which they can run."""
    params, found = make_params(), []
    for name, entry in yaml.safe_load((root / "dvc.yaml").read_text())["stages"].items():
        if "foreach" in entry:
            cells = [{"key": key, "item": task} for key, task in params["tasks"].items()]
        else:
            axes = {axis: _values(values, params) for axis, values in entry.get("matrix", {}).items()}
            cells = [{"item": dict(zip(axes, cell, strict=True))} for cell in itertools.product(*axes.values())]
        found += [_stage(name, entry.get("do", entry), params | cell) for cell in cells]
    return found


def _stage(name: str, entry: dict[str, Any], names: dict[str, Any]) -> Stage:
    outs = [out if isinstance(out, str) else next(iter(out)) for kind in _WRITTEN for out in entry.get(kind, [])]
    words = _fill(entry["cmd"], names).split()[2:]
    return Stage("-".join([name, *words[1:]]), tuple(words), tuple(_fill(out, names) for out in outs))


_WRITTEN = ("outs", "metrics", "plots")


def _values(axis: str | list[Any], params: dict[str, Any]) -> list[Any]:
    return list(_find(axis[2:-1], params)) if isinstance(axis, str) else axis


def _fill(text: str, names: dict[str, Any]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda match: str(_find(match[1], names)), text)


def _find(key: str, names: Any) -> Any:
    for part in key.split("."):
        names = names[part]
    return names


def make(folder: Path, names: Collection[str] | None) -> dict[str, float]:
    """Write the inputs and run stages, all or those of some names; return the seconds that each took."""
    write_inputs(folder)
    children.start_server()
    seconds = {}
    for stage in stages():
        if not names or stage.name in names:
            begin = time.monotonic()
            ended = children.run(folder, *stage.words)
            assert ended.status == 0, f"{stage.name}: {ended.said}"
            seconds[stage.name] = time.monotonic() - begin
    return seconds


def copy(world: Path, folder: Path) -> Path:
    """Copy a world, whose sounds are links: they are never written to."""
    return shutil.copytree(world, folder, copy_function=_link_sound, dirs_exist_ok=True)


def _link_sound(source: str, target: str) -> None:
    os.link(source, target) if source.endswith(".wav") else shutil.copyfile(source, target)


def files(folder: Path) -> dict[str, bytes]:
    """All files of a world but for times, which differ from run to run, as do the figures on its page."""
    found = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    content = {str(path): (folder / path).read_bytes() for path in found if path.parts[:2] != ("data", "times")}
    return {name: re.sub(rb"[0-9]+", b"", of) if name == "report.html" else of for name, of in content.items()}
