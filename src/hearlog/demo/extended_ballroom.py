"""Synthetic Extended Ballroom: ``extendedballroom_v1.1.xml`` and ``<Class>/<id>.mp3``."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from hearlog.demo.planning import Plan, allocate, draw_heard
from hearlog.demo.recording import Recording
from hearlog.demo.styles import DANCES, Piece

# Files of each class in version 1.1.
OFFICIAL_COUNTS = {
    "Waltz": 529, "Tango": 464, "Viennesewaltz": 252, "Foxtrot": 507, "Quickstep": 497, "Chacha": 455, "Samba": 468,
    "Rumba": 470, "Pasodoble": 53, "Jive": 350, "Salsa": 47, "Slowwaltz": 65, "Wcswing": 23,
}  # fmt: skip
# Two a fold and part in the demo's 3 folds, and one to spare.
SMALLEST_CLASS = 7
REPETITIONS = ("version", "exact", "time", "karaoke")


def plan(count: int, root: Path, seed: int, seconds: float) -> list[Recording]:
    """Plan ``count`` files in about the official proportions and write the XML.

    About every eighth song repeats the one before it (another version, tempo or rip), which both name
    in a child element.

    Parameters
    ----------
    count
        Files in all.
    root
        Folder of the data set.
    seed
        Of the world.
    seconds
        Length of the shortest file.
    """
    result = Plan("extended_ballroom", root, seed, seconds)
    document = ElementTree.Element("ballroom")
    dances = {name: name for name in DANCES}
    for k, (dance, files) in enumerate(allocate(count, OFFICIAL_COUNTS, SMALLEST_CLASS).items()):
        parent = ElementTree.SubElement(document, dance)
        song: ElementTree.Element | None = None
        piece: Piece | None = None
        repeated = True
        for number in range(files):
            rng = result.rng(len(result.recordings))
            repeated = not repeated and rng.random() < 1 / 7
            piece = _repeat(piece, rng) if piece and repeated else draw_heard(dance, dances, rng)
            song_id = f"{100100 + 1000 * k + 7 * number}"
            previous, song = song, _describe(parent, song_id, piece, number)
            if repeated and previous is not None:
                kind = REPETITIONS[rng.integers(len(REPETITIONS))]
                ElementTree.SubElement(song, kind, id=previous.get("id", ""))
                ElementTree.SubElement(previous, kind, id=song_id)
            result.add_music(f"{dance}/{song_id}.mp3", piece, 22050, 1)
    ElementTree.indent(document)
    ElementTree.ElementTree(document).write(root / "extendedballroom_v1.1.xml", encoding="utf-8")
    return result.recordings


def _repeat(piece: Piece, rng: np.random.Generator) -> Piece:
    """Return the same song, played almost alike."""
    return piece._replace(factors=piece.factors + rng.normal(0, 0.1, len(piece.factors)))


def _describe(parent: ElementTree.Element, song_id: str, piece: Piece, number: int) -> ElementTree.Element:
    return ElementTree.SubElement(
        parent,
        "song",
        album=f"Synthetic Album {number // 5:02d}",
        artist=f"Synthetic Orchestra {number // 3:02d}",
        bpm=f"{piece.bpm:.0f}",
        id=song_id,
        title=f"Synthetic {parent.tag} {number:03d}",
        hash=f"{int(song_id):032x}",
    )
