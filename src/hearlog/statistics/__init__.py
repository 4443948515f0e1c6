"""Paired tests and intervals; they know no file and no method."""
