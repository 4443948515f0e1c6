"""The workspace of the soak: songs with a known share of damage, listening logs, and settings.

Sounds are computed and encoded once, `SOURCES` of them; every song is a copy of one under a name of its own, byte for
byte. So songs of one sound must end in equal rows, and what is read from disk is as much as of as many sounds.
"""

from __future__ import annotations

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from tqdm import tqdm

from benchmarks.power_law import Shape, song_ids, write_logs
from benchmarks.sounds import music_like, write_sound

ROOT = Path(__file__).parents[1]
SECONDS, SAMPLE_RATE = 30, 16000
CLIP_BYTES = SECONDS * SAMPLE_RATE * 2 + 96 * 1280 * 2  # a crop in int16, a spectrogram in float16
AUDIO_BYTES = 240_000  # of a file, mean over the kinds, rounded up
SPARE_BYTES = 200_000_000  # encoded sounds, logs, embeddings and models

# Format, sample rate and channels of the sounds, as often as they occur: mostly lossy, as catalogues are.
KINDS = [
    *[("ogg", rate, channels) for rate in (22050, 44100, 48000) for channels in (1, 2)],
    *[("mp3", rate, channels) for rate in (22050, 44100) for channels in (1, 2)],
    *[("ogg", 16000, 1), ("mp3", 16000, 1), ("mp3", 48000, 1)],
    *[("flac", 22050, 1), ("wav", 8000, 1)],
]
SOURCES = 16 * len(KINDS)
LONGEST = SECONDS + 3

DAMAGED = 50  # one song in so many is damaged, in the four ways in turn
DAMAGE = ("silent", "truncated", "empty", "not audio")
HOLLOW = {"silent": "flac", "empty": "wav", "not audio": "mp3"}  # suffix of those that have no sound
CUT = ("mp3", "flac", "wav")  # of an ogg file that is cut short the end looks like that of a shorter one


def plan(clips: int) -> pd.DataFrame:
    """Say what every song is: ``song_id``, ``path``, ``source``, ``damage`` and its ``reason``, empty where intact."""
    numbers = np.arange(clips)
    songs = pd.DataFrame({"song_id": song_ids(numbers, clips).to_pylist()})
    songs["source"] = numbers % min(SOURCES, max(clips // 5, 1))
    songs["damage"] = ""
    damaged = songs.index[numbers % DAMAGED == DAMAGED - 1]
    songs.loc[damaged, "damage"] = np.resize(DAMAGE, len(damaged))
    cut = songs.index[songs["damage"] == "truncated"]
    songs.loc[cut, "source"] = np.resize([s for s in songs["source"].unique() if suffix(s) in CUT], len(cut))
    suffixes = songs["damage"].map(HOLLOW).fillna(songs["source"].map(suffix))
    songs["path"] = [f"{number // 1000:03}/{number:06}.{end}" for number, end in zip(numbers, suffixes, strict=True)]
    songs["reason"] = songs["damage"].where(songs["damage"].isin(["", "silent", "truncated"]), "unreadable")
    # libFLAC finds no place in a file that lacks its end.
    songs.loc[(songs["damage"] == "truncated") & (suffixes == "flac"), "reason"] = "unreadable"
    return songs


def suffix(source: int) -> str:
    """Format of a sound."""
    return KINDS[source % len(KINDS)][0]


def write_world(folder: Path, clips: int) -> pd.DataFrame:
    """Write songs, catalogue, logs and params, as far as they are not there; return the plan of the songs."""
    made = folder / "world.json"
    wanted: dict[str, Any] = {"clips": clips}
    if made.is_file() and json.loads(made.read_text()) != wanted:
        sys.exit(f"{folder} holds a soak of other size, {made.read_text()}: take another folder, or remove it")
    check_disk(folder, clips)
    songs = plan(clips)
    if not made.is_file():
        write_songs(folder, songs)
        songs[["song_id", "path"]].to_csv(folder / "songs.csv", index=False)
        write_logs(folder / "logs", Shape(users=clips, songs=clips, rows=20 * clips))
        (folder / "params.yaml").write_text(yaml.safe_dump(settings()), encoding="utf-8")
        made.write_text(json.dumps(wanted))
    return songs


def check_disk(folder: Path, clips: int) -> None:
    """Say what disk the soak needs; end where there is less."""
    need = clips * (CLIP_BYTES + AUDIO_BYTES) + SPARE_BYTES
    folder.mkdir(parents=True, exist_ok=True)
    there = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    print(f"{clips} clips need {need / 1e9:.1f} GB of disk; {there / 1e9:.1f} GB are written, {free / 1e9:.1f} GB free")
    if need - there > free:
        sys.exit(f"{folder}: not enough disk: make room, take another folder, or fewer --clips")


def write_songs(folder: Path, songs: pd.DataFrame) -> None:
    """Encode the sounds, and copy and damage them."""
    sources = folder / "sources"
    for parent in {sources, *(folder / "audio" / path for path in songs["path"].str[:3].unique())}:
        parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        numbers = songs["source"].unique()
        encoded = pool.map(lambda source: write_source(sources, source), numbers)
        paths = dict(tqdm(encoded, "encode", len(numbers), unit="sound", disable=None))
    write_sound(silence := sources / "silent.flac", np.zeros((LONGEST * SAMPLE_RATE, 1), np.float32), SAMPLE_RATE)
    for song in tqdm(songs.itertuples(), "copy", len(songs), unit="file", disable=None):
        source, path = paths[song.source], folder / "audio" / song.path
        if song.damage == "truncated":
            path.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        elif song.damage in ("empty", "not audio"):
            path.write_bytes(b"<html>no such song</html>\n" * 4000 if song.damage == "not audio" else b"")
        else:
            shutil.copyfile(silence if song.damage else source, path)


def write_source(folder: Path, number: int) -> tuple[int, Path]:
    """Encode one sound; return its number and its file."""
    _, rate, channels = KINDS[number % len(KINDS)]
    path = folder / f"{number:04}.{suffix(number)}"
    length = SECONDS + number // len(KINDS) % (LONGEST - SECONDS + 1)
    write_sound(path, music_like(number, rate, length, channels), rate)
    return number, path


def settings() -> dict[str, Any]:
    """Params: the demo's, with the paper's 30 s, and one epoch."""
    params = yaml.safe_load((ROOT / "presets/demo.yaml").read_text(encoding="utf-8"))
    params["logs"] |= {"path": "logs/parquet", "min_song_plays": 1}
    params["als"] |= {"held_out": None, "iterations": 3}
    params["songs"] |= {"catalog": "songs.csv", "audio_root": "audio"}
    params["audio"] |= {"seconds": float(SECONDS)}
    params["estimator"]["training"] |= {"epochs": 1}
    return params


def command_of(name: str, divisor: int = 1) -> tuple[list[str], list[str]]:
    """Give the words of a stage's command in dvc.yaml, and what it writes."""
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8").replace("${item.divisor}", str(divisor))
    stage = yaml.safe_load(text)["stages"][name]
    written = [entry for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    return stage["cmd"].split(), [entry if isinstance(entry, str) else next(iter(entry)) for entry in written]
