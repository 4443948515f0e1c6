"""The command ``hearlog``: what a run will cost, and what the last one found."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from hearlog.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command in the repository's root; the status is 1 after an error the user can mend.

    Parameters
    ----------
    arguments
        Words of the command line; those of the process by default.
    """
    parser = argparse.ArgumentParser(prog="hearlog", description="Music features from listening logs.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, command in {"plan": plan, "report": report}.items():
        description = (command.__doc__ or "").splitlines()[0]
        commands.add_parser(name, help=description, description=description).set_defaults(command=command)
    try:
        parser.parse_args(arguments).command()
    except InputError as error:
        print(f"hearlog: {error}", file=sys.stderr)
        return 1
    return 0


# The imports stand in the commands: `hearlog --help` answers at once.


def plan() -> None:
    """Print the time and disk that `dvc repro` will need with the present params.yaml."""
    from hearlog import params
    from hearlog.plan import make_plan

    print(make_plan(params.load()).describe())


def report() -> None:
    """Print the scores and tests of the last run again, for the cells that params.yaml names."""
    from hearlog import params
    from hearlog.cells import read_cells
    from hearlog.report import render, summarise
    from hearlog.synthetic import is_synthetic

    settings = params.load()
    _refuse_other_settings([f"scratch@{task}-{width}" for task in settings.tasks for width in settings.sweep.widths])
    cells = read_cells(settings.tasks, settings.sweep.widths, Path("metrics/transfer"))
    print(render(cells, summarise(cells), is_synthetic(settings)))
    print("\nFigure 4: plots/figure4.png, plots/figure4.pdf")


def _refuse_other_settings(cells: list[str]) -> None:
    """Stop where the files of the last run were made with other settings than params.yaml holds."""
    import yaml

    lock = Path("dvc.lock")
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"] if lock.is_file() else {}
    present = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    for name in ["report", *cells]:
        if name not in stages:
            raise InputError(f"stage {name} has not run with these settings. Run: dvc repro")
        for key, value in stages[name].get("params", {}).get("params.yaml", {}).items():
            if functools.reduce(lambda block, part: block.get(part, {}), key.split("."), present) != value:
                raise InputError(f"{key} in params.yaml has changed since the last run. Run: dvc repro")


if __name__ == "__main__":
    sys.exit(main())
