"""Where the excerpts and the official annotation files lie, and how a test breaks a copy of them."""

from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures"
# A checkout may have the official files beside it; without them every fact is tested on the excerpts alone.
OFFICIAL = Path(__file__).parents[4] / "shared" / "reference" / "official"


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first ``old``."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def touch(root: Path, *names: str) -> Path:
    """Make empty files, and return ``root``."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root
