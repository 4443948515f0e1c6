"""A small world of real files to check: logs, a catalogue with songs, GTZAN in its layout, and an own table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
import yaml

from hearlog.check.findings import Section
from hearlog.check.run import check_data
from hearlog.params import Params, load

ROOT = Path(__file__).parents[1]
SONGS = [f"{number:03d}" for number in range(1, 13)]
GENRES = ("blues", "jazz")


class World:
    """Writes the files below a folder and checks them; faultless until a test changes something."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings: dict[str, Any] = yaml.safe_load((ROOT / "presets/demo.yaml").read_text())
        self.settings["logs"]["path"] = "raw/logs"
        self.settings["songs"] |= {"catalog": "raw/songs.csv", "audio_root": "raw/songs"}
        self.settings["audio"] |= {"min_seconds": 0.5, "max_rejected": 0.25}
        self.settings["tasks"] = {
            "gtzan": self.task("gtzan", "genre", protocol="stratified_cv", folds=2),
            "own": self.task("table", "mood", protocol="official"),
        }
        self.catalogue = pd.DataFrame({"song_id": SONGS, "path": [f"{song}.wav" for song in SONGS]})
        self.table = pd.DataFrame({"item_id": [f"clip-{number}" for number in range(12)]})
        self.table["path"] = self.table["item_id"] + ".wav"
        self.table["split"] = ["train"] * 8 + ["test"] * 4
        self.table["mood"] = ["calm", "wild"] * 6
        self.write_logs([(f"user-{user}", song) for user in range(4) for song in SONGS])
        for song in SONGS:
            self.write_sound(f"raw/songs/{song}.wav")
        for genre in GENRES:
            for number in range(6):
                self.write_sound(f"raw/gtzan/genres/{genre}/{genre}.{number:05d}.au")
        for path in self.table["path"]:
            self.write_sound(f"raw/table/{path}")

    @staticmethod
    def task(reader: str, target: str, **settings: Any) -> dict[str, Any]:
        return {"reader": reader, "path": f"raw/{reader}", "target": target, "valid": 0.3, **settings}

    def write_logs(self, rows: list[tuple[str, str]], name: str = "day.csv") -> None:
        lines = ["user_id,song_id", *(f"{user},{song}" for user, song in rows)]
        self.write(f"raw/logs/{name}", "\n".join(lines) + "\n")

    def write_sound(self, path: str, seconds: float = 0.6, silent: bool = False) -> Path:
        """Write noise that no other path has."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(list(path.encode()))
        soundfile.write(place, rng.normal(0, 0.0 if silent else 0.1, round(seconds * 8000)), 8000)
        return place

    def write(self, path: str, content: str) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        return place

    def save(self) -> Params:
        """Write the catalogue, the table and params.yaml."""
        self.catalogue.to_csv(self.root / "raw/songs.csv", index=False)
        self.table.to_csv(self.root / "raw/table/items.csv", index=False)
        return load(self.write("params.yaml", yaml.safe_dump(self.settings)))

    def check(self, full: bool = False) -> dict[str, Section]:
        """Check the world, all but what a run needs; sections by name."""
        return {section.name: section for section in check_data(self.save(), full)[0]}


def findings(section: Section, level: str) -> list[str]:
    return [finding.text for finding in section.findings if finding.level == level]


def the(section: Section, level: str, words: str) -> str:
    """Find the one finding of a level that has these words."""
    found = [text for text in findings(section, level) if words in text]
    assert len(found) == 1, f"{words!r} is not in one {level} of {section.findings}"
    return found[0]
