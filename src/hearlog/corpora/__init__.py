"""A corpus is a folder of items, crops, spectrograms and splits."""
