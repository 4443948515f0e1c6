"""Labelled data sets, one module each, and the users' own tables."""
