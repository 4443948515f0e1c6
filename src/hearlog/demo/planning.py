"""What the generated data sets have in common: seeds, class sizes, label noise and audio to be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hearlog.demo import difficulty, scenes, styles
from hearlog.demo.recording import Recording

# The position is part of each file's seed: append, do not reorder.
NAMES = ("songs", "logs", "gtzan", "extended_ballroom", "emomusic", "fma", "dcase2016")
README = """The contents of this folder are synthetic: audio, names, labels and logs come from hearlog's generator
(src/hearlog/demo) and describe no real music, place or person.
"""


class Plan:
    """Collects the recordings of one data set and derives their seeds.

    Parameters
    ----------
    name
        One of `NAMES`.
    root
        Folder of the data set; made if it does not exist, with a README that says it is synthetic.
    seed
        Of the whole world.
    seconds
        Length of the shortest recording.
    """

    def __init__(self, name: str, root: Path, seed: int, seconds: float) -> None:
        self.root = root
        self.seconds = seconds
        self.recordings: list[Recording] = []
        self._name = name
        self._seed = (seed, NAMES.index(name))
        root.mkdir(parents=True, exist_ok=True)
        (root / "README.txt").write_text(README, encoding="utf-8")

    def rng(self, *key: int) -> np.random.Generator:
        """Independent source of randomness; without a key, the data set's own."""
        return np.random.default_rng(self._entropy(*key))

    def add_music(self, path: str, piece: styles.Piece, sample_rate: int, channels: int) -> None:
        """Plan a recording of a piece, up to 10 % longer than the shortest."""
        number = len(self.recordings)
        seconds = self.seconds * self.rng(number, 0).uniform(1.0, 1.1)
        self._add(path, piece, seconds, sample_rate, channels)

    def add_scene(self, path: str, scene: scenes.Scene) -> None:
        """Plan a stereo recording of a scene at 44.1 kHz and 24 bit, as long as the shortest."""
        self._add(path, scene, self.seconds, 44100, 2, "PCM_24")

    def _add(
        self,
        path: str,
        content: styles.Piece | scenes.Scene,
        seconds: float,
        sample_rate: int,
        channels: int,
        subtype: str | None = None,
    ) -> None:
        seed = self._entropy(len(self.recordings), 1)
        self.recordings.append(
            Recording(self.root / path, content, self._name, seconds, sample_rate, channels, seed, subtype)
        )

    def _entropy(self, *key: int) -> tuple[int, ...]:
        # NumPy fills entropy up with zeros, so that (3,) and (3, 0) are the same: the length tells them apart.
        return (*self._seed, len(key), *key)


def allocate(total: int, weights: Mapping[str, float], minimum: int) -> dict[str, int]:
    """Share a number of items among classes in proportion to weights, each at least ``minimum``.

    Parameters
    ----------
    total
        Number of items; where it is too small, the minimum is ``total // len(weights)``.
    weights
        Any positive scale.
    minimum
        Items of the smallest class.

    Returns
    -------
    Items of each class; they sum to ``total``.
    """
    names = list(weights)
    share = np.array(list(weights.values())) / sum(weights.values()) * total
    counts = np.maximum(np.floor(share).astype(int), min(minimum, total // len(names)))
    while counts.sum() < total:
        counts[np.argmax(share - counts)] += 1
    while counts.sum() > total:
        counts[np.argmax(counts)] -= 1
    return {name: int(count) for name, count in zip(names, counts, strict=True)}


def cut(total: int, largest: int, rng: np.random.Generator) -> list[int]:
    """Cut a number of items into groups of one to ``largest``, an artist's or a recording's; returns their sizes."""
    sizes: list[int] = []
    while (left := total - sum(sizes)) > 0:
        sizes.append(min(left, int(rng.integers(1, largest + 1))))
    return sizes


def heard(label: str, classes: Sequence[str], rng: np.random.Generator) -> str:
    """Class that is heard under a label: another one at the rate of `difficulty.LABEL_NOISE`."""
    if rng.random() >= difficulty.LABEL_NOISE:
        return label
    others = [name for name in classes if name != label]
    return others[rng.integers(len(others))]


def draw_heard(label: str, classes: Mapping[str, str], rng: np.random.Generator) -> styles.Piece:
    """Piece for a label: ``classes`` maps the data set's labels to styles."""
    return styles.draw(classes[heard(label, list(classes), rng)], rng)


def shuffled_labels(counts: Mapping[str, int], rng: np.random.Generator) -> list[str]:
    """Each label as often as counted, in random order."""
    return [str(label) for label in rng.permutation(np.repeat(list(counts), list(counts.values())))]
