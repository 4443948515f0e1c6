"""Packages: a face that costs nothing, and one direction of imports."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
PACKAGES = sorted(".".join(path.parent.relative_to(SOURCE).parts) for path in SOURCE.rglob("__init__.py"))
HEAVY = {"torch", "sklearn", "pandas"}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_face_of_a_package_imports_neither_torch_nor_scikit_learn_nor_pandas(package):
    code = f"import sys, {package}; print(*{HEAVY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
