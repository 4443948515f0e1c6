"""Facts of the network that settings, plans and the command line ask for; without torch."""

from __future__ import annotations

from math import prod

POOLS = ((4, 5), (3, 4), (2, 4), (2, 4))  # mel bands x frames, after the first four blocks (paper, Table 1)
POOLED_BANDS, POOLED_FRAMES = (prod(sizes) for sizes in zip(*POOLS, strict=True))  # that one last pixel covers
LEAST_CHANNELS = 16
LAYERS = ("block1", "block2", "block3", "block4", "block5", "embedding")
SYNONYMS = {"penultimate": "block5"}  # of layers: the embedding is computed from it
STUDENTS = ("paper", "separable")
