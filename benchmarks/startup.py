"""Start-up of the stages, and a run with nothing to do: python -m benchmarks.startup FOLDER [--quick].

Every stage is imported in a new process, in turn with `import torch`, which no stage that computes can do without.
FOLDER is a clone in which the pipeline is up to date: there `dvc repro` finds nothing to do, in turn with the rest.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks import measure

ROOT = Path(__file__).parents[1]
TORCH, NOTHING_TO_DO = "import torch", "dvc repro, nothing to do"
REPEATS = 5


def main(folder: Path, repeats: int) -> None:
    """Measure, print the table and write ``results/startup.json``."""
    stages = sorted(path.stem for path in (ROOT / "stages").glob("*.py") if path.stem not in ("__init__", "paths"))
    candidates = {TORCH: start("import torch", folder)}
    candidates |= {f"import stages.{stage}": start(f"import stages.{stage}", ROOT) for stage in stages}
    candidates[NOTHING_TO_DO] = lambda: repro(folder)
    seconds = measure.in_turn(candidates, repeats)
    rows = [
        {"candidate": name, "repeats": repeats, "seconds": value, "ratio_to_torch": value / seconds[TORCH]}
        for name, value in seconds.items()
    ]
    print(pd.DataFrame(rows).to_string(index=False))
    ratios = {row["candidate"]: row["ratio_to_torch"] for row in rows}
    summary = {"ratio_transfer": ratios["import stages.transfer"], "ratio_nothing_to_do": ratios[NOTHING_TO_DO]}
    measure.finish("startup", rows, summary, ["torch", "dvc"])


def start(code: str, folder: Path) -> Callable[[], object]:
    """Return a function that runs code in a new Python."""
    return lambda: subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)


def repro(folder: Path) -> None:
    """Run `dvc repro`.

    Raises
    ------
    AssertionError
        It had something to do.
    """
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"], cwd=folder, check=True, capture_output=True, text=True
    )
    assert "Data and pipelines are up to date" in done.stdout, f"{folder} was not up to date: {done.stdout}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a clone in which the pipeline is up to date")
    parser.add_argument("--quick", action="store_true", help="measured once")
    arguments = parser.parse_args()
    main(arguments.folder, 1 if arguments.quick else REPEATS)
