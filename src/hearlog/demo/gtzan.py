"""Synthetic GTZAN: ``genres/<genre>/<genre>.000NN.au``, 22.05 kHz mono 16-bit, its corrupt file and ``index.txt``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hearlog.demo.planning import Plan, allocate, cut, draw_heard
from hearlog.demo.recording import Recording

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
CORRUPT = "jazz.00054"
OFFICIAL_COUNT = 100  # files of each genre
CLIPS_PER_ARTIST = 4  # at most
UNIDENTIFIED = 0.03  # share of clips without artist and title; 17 of 1000 in the real index
INDEX_HEAD = """## ## ## ##
## Synthetic: an index of generated clips, in the form of B. L. Sturm's of GTZAN
## file ::: artist ::: title
## ## ## ##

"""


def plan(count: int, root: Path, seed: int, seconds: float) -> list[Recording]:
    """Plan ``count`` readable files, and write the corrupt one and the index of artists and titles.

    Parameters
    ----------
    count
        Files, the same number of each genre or one more.
    root
        Folder of the data set.
    seed
        Of the world.
    seconds
        Length of the shortest file.
    """
    result = Plan("gtzan", root, seed, seconds)
    rng = result.rng()
    lines = [f"{CORRUPT}.wav ::: ::: "]
    for genre, files in allocate(count, dict.fromkeys(GENRES, 1), 1).items():
        numbers = _numbers(genre, files)
        for number in numbers:
            piece = draw_heard(genre, {name: name for name in GENRES}, result.rng(len(result.recordings)))
            result.add_music(f"genres/{genre}/{genre}.{number:05d}.au", piece, 22050, 1)
        lines += _describe(genre, numbers, rng)
    (root / "index.txt").write_text(INDEX_HEAD + "".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")
    _write_corrupt(root, rng)
    return result.recordings


def _numbers(genre: str, files: int) -> list[int]:
    """Spread the files over the official numbers, so that published lists of clips meet some of every part."""
    free = [number for number in range(max(OFFICIAL_COUNT, files + 1)) if f"{genre}.{number:05d}" != CORRUPT]
    return [free[k * len(free) // files] for k in range(files)]


def _describe(genre: str, numbers: list[int], rng: np.random.Generator) -> list[str]:
    """Lines of the index: an artist has a few clips that follow each other, and every genre two artists or more."""
    sizes = cut(len(numbers), min(CLIPS_PER_ARTIST, (len(numbers) + 1) // 2), rng)
    lines = []
    for number, artist in zip(numbers, np.repeat(np.arange(len(sizes)), sizes), strict=True):
        names = f"Synthetic {genre} artist {artist:02d} ::: Synthetic {genre} song {number:02d}"
        lines.append(f"{genre}.{number:05d}.wav ::: {names if rng.random() >= UNIDENTIFIED else '::: '}")
    return lines


def _write_corrupt(root: Path, rng: np.random.Generator) -> None:
    """Write noise under a header of which nothing but the first word is left: no decoder opens it."""
    path = root / f"genres/{CORRUPT.split('.')[0]}/{CORRUPT}.au"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b".snd" + bytes(20) + rng.bytes(4096))
