"""Synthetic GTZAN: ``genres/<genre>/<genre>.000NN.au``, 22.05 kHz mono 16-bit, and its corrupt file."""

from __future__ import annotations

from pathlib import Path

from hearlog.demo.planning import Plan, allocate, draw_heard
from hearlog.demo.recording import Recording

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
CORRUPT = "genres/jazz/jazz.00054.au"


def plan(count: int, root: Path, seed: int, seconds: float) -> list[Recording]:
    """Plan ``count`` readable files and write the corrupt one.

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
    for genre, files in allocate(count, dict.fromkeys(GENRES, 1), 1).items():
        numbers = [n for n in range(files + 1) if (genre, n) != ("jazz", 54)][:files]
        for number in numbers:
            piece = draw_heard(genre, {name: name for name in GENRES}, result.rng(len(result.recordings)))
            result.add_music(f"genres/{genre}/{genre}.{number:05d}.au", piece, 22050, 1)
    corrupt = root / CORRUPT
    corrupt.parent.mkdir(parents=True, exist_ok=True)
    corrupt.write_bytes(result.rng().bytes(4096))
    return result.recordings
