"""hearlog: music features from listening logs (Lee, Lee, Park, Lee; ICASSP 2019)."""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# Threads of GNU's OpenMP spin while they wait for each other, which starves them where another job wants the cores:
# training beside four jobs took 2 to 3 times longer. So short a spin costs up to 3 % on an idle machine. torch reads it
# when it is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__all__ = ["CFFeatures", "__version__", "load"]

if TYPE_CHECKING:
    from hearlog.features.extractor import load
    from hearlog.features.transformer import CFFeatures

    __version__: str
else:
    HOMES = {"CFFeatures": "hearlog.features.transformer", "load": "hearlog.features.extractor"}

    def __getattr__(name: str) -> object:
        """Import what needs torch when it is asked for: ``hearlog --help`` answers at once."""
        if name == "__version__":
            return import_module("importlib.metadata").version("hearlog")
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(HOMES[name]), name)
