"""The pipeline as DVC sees it: the code of its stages, their dependencies, and changes that change no result."""
