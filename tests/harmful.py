"""A pickle that does something when it is read."""

from pathlib import Path


class Harmful:
    """What its unpickling does is seen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)
