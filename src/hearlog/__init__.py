"""hearlog: music features from listening logs (Lee, Lee, Park, Lee; ICASSP 2019)."""

import os

# Threads of GNU's OpenMP spin while they wait for each other, which starves them where another job wants the cores:
# training beside four jobs took 2 to 3 times longer. So short a spin costs up to 3 % on an idle machine. torch reads it
# when it is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
