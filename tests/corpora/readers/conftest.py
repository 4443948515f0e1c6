import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from annotations import FIXTURES


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Path]:
    """Copies the excerpt of a data set, to be broken."""
    return lambda name: shutil.copytree(FIXTURES / name, tmp_path / name)
