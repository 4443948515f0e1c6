"""Imports: the face of a package costs nothing, and a stage loads only what it uses."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PACKAGES = sorted(".".join(path.parent.relative_to(SOURCE).parts) for path in SOURCE.rglob("__init__.py"))
HEAVY = {"torch", "sklearn", "pandas"}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_face_of_a_package_imports_neither_torch_nor_scikit_learn_nor_pandas(package):
    assert not HEAVY & loaded_by(package)


@pytest.mark.parametrize(
    ("stage", "unused"),
    [
        ("ingest_logs", {"torch", "sklearn", "pandas"}),
        *((light, {"torch", "sklearn"}) for light in ("list_genres", "list_items", "select_songs", "split_items")),
        *((trained, {"sklearn", "scipy"}) for trained in ("embed_clips", "pilot", "transfer")),
    ],
)
def test_a_stage_starts_without_what_it_does_not_use(stage, unused):
    assert not unused & loaded_by(f"stages.{stage}")


def loaded_by(module: str) -> set[str]:
    """Import a module in a new process; return what it has loaded, by name."""
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())
