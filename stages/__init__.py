"""The stages of dvc.yaml, one thin module a kind, run as ``python -m stages.NAME ARGUMENTS``."""

import argparse
import inspect
import sys
from collections.abc import Callable
from pathlib import Path

# An editable install points at the original checkout; `dvc exp run --temp` works in a copy.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from hearlog.errors import InputError


def run(main: Callable[..., None]) -> None:
    """Call a stage's ``main`` with the command line's arguments, one for each of its parameters."""
    parser = argparse.ArgumentParser(description=inspect.getdoc(main))
    for name, parameter in inspect.signature(main).parameters.items():
        parser.add_argument(name, type=parameter.annotation)
    try:
        main(**vars(parser.parse_args()))
    except InputError as error:
        sys.exit(f"{parser.prog}: {error}")
