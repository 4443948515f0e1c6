"""Hidden factors of a piece of music, and the styles as regions in their space."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hearlog.demo import difficulty

FACTORS = (
    "tempo",        # octaves from 110 beats a minute, in units of 0.4
    "density",      # notes a bar
    "percussion",   # level of the drums
    "electronic",   # oscillators and machines against strings, reeds and skins
    "brightness",   # weight of high partials
    "drive",        # distortion
    "major",        # probability of the major mode
    "tension",      # sevenths, ninths and altered notes
    "sustain",      # long tones against plucked ones
    "voice",        # level of a singing or speaking lead
    "bass",         # weight of the low end
    "age",          # band limits and noise of old recordings
)  # fmt: skip

# Style: tempo in beats a minute, rhythms (the first is the usual one), then the other factors in order.
_STYLES = """
blues          92  shuffle,slow_swing        0.0  0.0 -0.8 -0.2  0.5 -0.3  0.8 -0.3  0.5  0.3  0.8
classical      84  arpeggio,waltz,drone     -0.3 -2.0 -1.8 -0.6 -1.5  0.2  0.3  1.2 -1.5 -0.8  0.3
country       112  train,waltz,backbeat      0.3  0.0 -1.0  0.5 -0.5  1.2 -0.8 -0.6  0.8  0.0  0.3
disco         120  disco,four_floor          1.0  1.2  0.4  0.6 -0.3  0.2  0.2  0.2  0.6  0.8  0.4
hiphop         90  boombap,halftime         -0.2  1.2  0.8 -0.6  0.0 -0.8 -0.2 -0.4  1.3  1.4 -0.4
jazz          132  swing,slow_swing,bossa    0.5 -0.2 -1.4 -0.3 -1.0  0.1  1.6 -0.2 -0.6  0.2  0.8
metal         150  metal,backbeat            1.6  1.2  0.3  0.9  2.0 -1.4  0.2  0.3  0.4  0.6 -0.5
pop           112  backbeat,four_floor       0.3  0.6  0.6  0.8 -0.4  0.8 -0.5  0.3  1.2  0.4 -1.0
reggae         76  onedrop                  -0.2  0.4  0.0 -0.3 -0.6  0.5 -0.4 -0.8  0.6  1.4  0.2
rock          124  backbeat,halftime,jive    0.6  0.8  0.0  0.5  1.2  0.2 -0.3  0.0  0.6  0.3 -0.1
electronic    126  four_floor,breakbeat      0.8  1.2  1.8  0.7  0.2 -0.6 -0.2  0.3 -0.9  1.2 -1.2
folk          100  arpeggio,waltz,train     -0.3 -1.6 -1.5  0.1 -1.2  0.6 -0.6 -0.3  0.9 -0.8  0.3
experimental   85  drone,breakbeat          -0.6 -0.8  1.0  0.0  1.0 -0.8  1.8  1.2 -1.2  0.2  0.3
instrumental   95  halftime,arpeggio,drone  -0.5 -0.3  0.4 -0.2 -0.3 -0.1  0.4  1.5 -1.8  0.1 -0.6
international 104  salsa,samba,tango,rumba   0.5  0.4 -1.0  0.3 -0.7 -0.4  0.4 -0.6  0.7  0.0  0.5
oldtime       108  twobeat,train,march       0.0 -1.2 -1.8 -0.5 -0.2  0.9  0.1 -0.5  0.3 -0.8  2.4
easy           96  bossa,twobeat,rumba      -0.4 -0.4 -0.6 -0.4 -1.3  0.6  0.9  0.8 -0.7  0.0  0.5
soul           94  sixteenth,boombap         0.2  0.7  0.1 -0.1 -0.5 -0.1  1.0  0.4  1.2  0.9  0.2
spoken        100  speech                   -1.5 -2.2 -0.5 -0.6 -1.0  0.0  0.0  0.0  2.4 -1.5  0.6
"""

# The tempos are the medians of the official annotations of Extended Ballroom v1.1.
_DANCES = """
Chacha        124  chacha                    0.3  0.8 -0.4  0.4 -0.5  0.2  0.2 -0.4  0.3  0.4  0.0
Foxtrot       116  twobeat                   0.0  0.0 -1.0 -0.1 -0.9  0.6  0.7  0.2  0.3  0.1  0.5
Jive          172  jive                      0.7  0.9 -0.3  0.4  0.3  0.8 -0.2 -0.3  0.6  0.4  0.2
Pasodoble     118  march                     0.4  0.7 -1.2  0.6 -0.2 -0.5  0.0  0.1 -0.9  0.0  0.4
Quickstep     200  swing                     0.6  0.3 -1.1  0.2 -0.7  0.8  0.4 -0.1  0.1  0.1  0.5
Rumba         100  rumba                    -0.2  0.2 -0.5 -0.2 -0.8 -0.1  0.4  0.5  0.5  0.2  0.0
Salsa         184  salsa                     0.8  0.9 -0.7  0.6 -0.4 -0.2  0.5 -0.4  0.4  0.4  0.0
Samba         100  samba                     0.7  1.0 -0.5  0.5 -0.4  0.4  0.1 -0.4  0.4  0.5  0.0
Slowwaltz      87  waltz                    -0.6 -0.8 -1.0 -0.5 -1.0 -0.1  0.5  0.9  0.3 -0.2  0.2
Tango         128  tango                    -0.1 -0.5 -1.2  0.1 -0.4 -1.0  0.3 -0.2 -0.6  0.1  0.6
Viennesewaltz 177  waltz                     0.2 -0.1 -1.1  0.0 -0.9  0.5  0.1  0.4 -0.1  0.0  0.3
Waltz          87  waltz                     0.0 -0.3 -0.9  0.0 -0.9  0.5  0.2  0.6  0.4  0.0  0.1
Wcswing       112  slow_swing                0.1  0.6  0.0  0.0  0.0  0.0  0.3 -0.2  0.8  0.6 -0.2
"""


class Style(NamedTuple):
    """A region of the factor space: its rhythms, its centre, and the spreads of its factors and its tempo (octaves)."""

    rhythms: tuple[str, ...]
    centre: np.ndarray
    spread: float
    tempo_spread: float


class Piece(NamedTuple):
    """One piece of music: a rhythm, a key (pitch class of the tonic, 0 to 11) and factors, float64 (12,)."""

    rhythm: str
    key: int
    factors: np.ndarray

    def __getattr__(self, name: str) -> float:
        """Return a factor by its name."""
        if name not in FACTORS:
            raise AttributeError(name)
        return float(self.factors[FACTORS.index(name)])

    @property
    def bpm(self) -> float:
        """Beats a minute."""
        return float(110 * 2 ** (0.4 * self.tempo))


def _parse(table: str, spread: float, tempo_spread: float) -> dict[str, Style]:
    styles = {}
    for name, bpm, rhythms, *centre in map(str.split, table.strip().splitlines()):
        tempo = np.log2(float(bpm) / 110) / 0.4
        styles[name] = Style(tuple(rhythms.split(",")), np.array([tempo, *map(float, centre)]), spread, tempo_spread)
    return styles


MUSIC = _parse(_STYLES, difficulty.FACTOR_SPREAD, difficulty.TEMPO_SPREAD)
DANCES = _parse(_DANCES, difficulty.DANCE_FACTOR_SPREAD, difficulty.DANCE_TEMPO_SPREAD)
STYLES = MUSIC | DANCES


def draw(style: str, rng: np.random.Generator) -> Piece:
    """Draw a piece from a style's region.

    Parameters
    ----------
    style
        A key of `STYLES`.
    rng
        Source of randomness.
    """
    rhythms, centre, spread, tempo_spread = STYLES[style]
    factors = rng.normal(centre, spread)
    factors[0] = rng.normal(centre[0], tempo_spread / 0.4)
    # The usual rhythm is twice as likely as all the others together.
    rhythm = rhythms[0] if rng.random() < 2 / 3 else rhythms[rng.integers(len(rhythms))]
    if style in MUSIC and rng.random() < difficulty.RHYTHM_BORROWED:
        rhythm = MUSIC[list(MUSIC)[rng.integers(len(MUSIC))]].rhythms[0]
    return Piece(rhythm, int(rng.integers(12)), factors)
