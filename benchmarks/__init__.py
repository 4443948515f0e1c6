"""Measurements on real files and against peers, run as ``python -m benchmarks.NAME``."""
