"""Errors, text, files, arrays and seeds: what all other packages use."""
