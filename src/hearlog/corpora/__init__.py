"""Readers of labelled data sets, one module a data set."""
