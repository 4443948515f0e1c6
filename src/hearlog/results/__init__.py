"""Scores and tests, read from the files of a run or of a revision."""
