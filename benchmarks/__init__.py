"""Measurements on real files and against peers, run as ``python -m benchmarks.NAME``."""

from contextlib import suppress

with suppress(ModuleNotFoundError):  # the peers' environment has no hearlog
    import hearlog  # noqa: F401 - torch reads what it sets, as for its users, if it comes before torch
