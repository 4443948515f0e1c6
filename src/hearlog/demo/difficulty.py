"""How hard the synthetic tasks are: the only constants to turn when a task is at its ceiling or at chance."""

from __future__ import annotations

# Standard deviation of a factor within a style; the styles' own means lie about 0.9 apart.
FACTOR_SPREAD = 0.3
# Dance orchestras arrange by the book.
DANCE_FACTOR_SPREAD = 0.2

# Share of pieces that borrow the rhythm of another style.
RHYTHM_BORROWED = 0.12

# Standard deviation of the tempo within a style, in octaves. Dances keep to theirs: in the official
# annotations of Extended Ballroom it is 0.01 to 0.05 for all but Jive and Salsa.
TEMPO_SPREAD = 0.16
DANCE_TEMPO_SPREAD = 0.05

# Share of labels replaced by another class of the data set: annotators err, and so does a class boundary.
LABEL_NOISE = 0.04

# Standard deviation of one person's rating on the scale from 1 to 9; an annotation is the mean of ten.
RATING_SPREAD = 1.3

# Scales the differences in equalisation, noise, reverberation and compression from one recording to the next.
PRODUCTION_SPREAD = 0.7

# Standard deviation of the log level of a scene's layers from one recording to the next.
SCENE_SPREAD = 0.4
