"""Rhythms: one bar on a grid of four steps a beat, a line an instrument.

``x`` is an accent, ``o`` a plain note and ``-`` a quiet one that sparse pieces leave out; spaces part the
beats. ``comp`` is where chords are struck, ``bass`` where the bass plays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

VELOCITY = {"x": 1.0, "o": 0.65, "-": 0.35, ".": 0.0}
DRUMS = ("kick", "snare", "cymbal", "extra")


class Rhythm(NamedTuple):
    """A bar: velocities of each line, float64 (steps,), what plays the cymbal and extra lines, and the swing.

    ``swing`` is by how much of a beat's sixth the off-beat quaver comes late: 0 is straight, 1 a triplet.
    """

    lines: dict[str, np.ndarray]
    cymbal: str
    extra: str
    swing: float

    @property
    def beats(self) -> int:
        """Beats a bar."""
        return len(self.lines["comp"]) // 4


def _bar(
    kick: str, snare: str, cymbal: str, extra: str, comp: str, bass: str, sounds: str, swing: float = 0.0
) -> Rhythm:
    lines = {"kick": kick, "snare": snare, "cymbal": cymbal, "extra": extra, "comp": comp, "bass": bass}
    steps = {name: np.array([VELOCITY[step] for step in line.replace(" ", "")]) for name, line in lines.items()}
    played_by = sounds.split()
    return Rhythm(steps, played_by[0], played_by[1], swing)


_SILENT = ".... .... .... ...."

RHYTHMS = {
    "backbeat": _bar(
        "x... ..-. o.x. ....", ".... x... .... x..-", "x.o. x.o. x.o. x.o.", _SILENT,
        "x... o.-. x... o.o.", "x.o. o.o. x.o. o.o.", "hat clap",
    ),
    "four_floor": _bar(
        "x... x... x... x...", ".... o... .... o...", "..x. ..x. ..x. ..x-", "...- ..-. .-.. ..-.",
        "..x. .x.. ..x. .x..", "..o. ..o. ..o. ..oo", "open clap",
    ),
    "disco": _bar(
        "x... x... x... x...", ".... x... .... x...", "o-x- o-x- o-x- o-x-", "..o. ..o. ..o. ..oo",
        "..x. ..x. ..x. ..xo", "x.o. x.o. x.o. x.o.", "open conga",
    ),
    "breakbeat": _bar(
        "x.x. .... ..x- ....", ".... x..- .-.. x...", "x.x. x.x. x.x. x.xo", "...- .... ...- ..-.",
        "x... ...x .... ..x.", "x..x ..o. ..x. .o..", "hat clap",
    ),
    "boombap": _bar(
        "x..- .... ..x. .-..", ".... x... .... x...", "o.o. o.o. o.o. o.oo", _SILENT,
        "x... .... ..o. ....", "x... ..o. ..x. ....", "hat clap", 0.5,
    ),
    "halftime": _bar(
        "x... .... ..-. ....", ".... .... x... ....", "o... o... o... o.-.", _SILENT,
        "x... .... o... ....", "x... .... o... ..o.", "ride shaker",
    ),
    "sixteenth": _bar(
        "x..o .... ..xo ....", ".... x..- .-.. x...", "x-o- x-o- x-o- x-o-", "..-. ...- ..-. ...-",
        "...o x... ..o. x.-.", "x..x ..o. .ox. ..o.", "hat conga",
    ),
    "onedrop": _bar(
        ".... .... x... ....", ".... .... o... ....", "o.-. o.-. o.-. o.-.", "..-. .... ..-. ....",
        ".... x... .... x.-.", "x..o ..o. .... x.o.", "hat conga", 0.4,
    ),
    "metal": _bar(
        "xxox xxox xxox xxox", ".... x... .... x...", "x... x... x... x...", _SILENT,
        "x.xx o.xx x.xx o.xo", "x.xx o.xx x.xx o.xo", "ride clap",
    ),
    "train": _bar(
        "x... .... x... ....", "-o-o x-oo -o-o x-oo", _SILENT, _SILENT,
        "..-. x.-. ..-. x.o.", "x... .... x... ..-.", "hat shaker",
    ),
    "twobeat": _bar(
        "o... .... o... ....", ".... -... .... -...", "o... o.-. o... o.-.", _SILENT,
        ".... x... .... x...", "x... .... x... ....", "ride shaker", 0.8,
    ),
    "swing": _bar(
        "-... -... -... -...", ".... ..-. .... ...-", "x... o.o. x... o.o.", ".... o... .... o...",
        "x... ..o. .... ..-.", "x... o... x... o.-.", "ride hat", 1.0,
    ),
    "slow_swing": _bar(
        "x... ..-. o... ....", ".... x... .... x...", "o.-. o.o. o.-. o.o.", _SILENT,
        "x... o.o. -... o.o.", "x... o... x.o. o...", "hat clap", 0.9,
    ),
    "shuffle": _bar(
        "x... ..-. x... ..o.", ".... x... .... x...", "x.o. x.o. x.o. x.o.", _SILENT,
        "x.o. x.o. x.o. x.o.", "x.o. x.o. x.o. x.o.", "hat clap", 1.0,
    ),
    "jive": _bar(
        "x... -... x... -...", ".... x... .... x.-.", "x... x.o. x... x.o.", ".... -... .... -...",
        "x... o.x. .... o...", "x... o... x... o...", "ride clap", 1.0,
    ),
    "waltz": _bar(
        "x... .... ....", ".... -... -...", "-... o... o...", "............",
        ".... x... x...", "x... .... ....", "hat shaker",
    ),
    "arpeggio": _bar(
        _SILENT, _SILENT, _SILENT, _SILENT, "x.o. o.o. o.o. o.o.", "x... .... o... ....", "hat shaker",
    ),
    "bossa": _bar(
        "x..- x..- x..- x..-", "o..o ..o. ..o. .o..", "o-o- o-o- o-o- o-o-", _SILENT,
        "x..o ..x. ..o. .x..", "x..o x..o x..o x..o", "shaker clap",
    ),
    "samba": _bar(
        "-..- x..- -..- x..-", "o.oo .oo. o.oo .oo.", "xoox xoox xoox xoox", "x.x. xx.x .x.x x.x.",
        "x..x ..x. .x.. x.x.", "-..o x..o -..o x..o", "shaker tamborim",
    ),
    "salsa": _bar(
        "x... ..o. x... ..o.", "x..x ..x. ..x. x...", "x.o. x.oo x.o. x.oo", "..o. xo.. ..o. xoxo",
        "x.x. .x.x .x.x .x.x", "...x ..x. ...x ..x.", "cowbell conga",
    ),
    "chacha": _bar(
        "o... .... o... ....", ".... .... x... ....", "x... x... x... x...", ".... x... .... x.x.",
        "..x. ..x. ..x. ..x.", "x... ..o. x... o.o.", "cowbell conga",
    ),
    "rumba": _bar(
        "o... .... .... ....", "x..- ..x. ..x. x...", "o-o- o-o- o-o- o-o-", ".... ..o. x... ..oo",
        "x... ..o. o... ..o.", "x... ..x. x... ..-.", "shaker conga",
    ),
    "tango": _bar(
        "-... -... -... -...", ".... .... .... ...-", _SILENT, _SILENT,
        "x... x... x... x.oo", "x... x... x... x.o.", "hat castanet",
    ),
    "march": _bar(
        "x... .... x... ....", "o.oo x.oo o.oo xooo", "...- x... ...- x...", "x.oo x... x.oo x.x.",
        "x... x.oo x... x.oo", "x... o... x... o...", "open castanet",
    ),
    "drone": _bar(
        "-... .... .... ....", ".... .... ..-. ....", ".... ..-. .... ....", "-... ...- .... .-..",
        "x... .... .... ....", "x... .... .... ....", "ride castanet",
    ),
    "speech": _bar(
        _SILENT, _SILENT, _SILENT, _SILENT, _SILENT, _SILENT, "hat shaker",
    ),
}  # fmt: skip
