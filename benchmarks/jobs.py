"""What DVC costs a stage: python -m benchmarks.jobs [--quick].

Stages that copy a file, in a new repository whose dvc.lock has the entries of the demo as well, are run by `dvc repro`
and by `hearlog jobs 1`, in turn. CPU seconds are those of the whole command, its start and the copies included.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import pandas as pd
import yaml

from benchmarks import measure

ROOT = Path(__file__).parents[1]
COMMANDS = {"dvc repro": ["dvc", "repro", "--quiet"], "hearlog jobs 1": ["hearlog.cli", "jobs", "1"]}
STAGES, REPEATS = 20, 3


def main(stages: int, repeats: int) -> None:
    """Measure, print the table and write ``results/jobs.json``."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(repeats):
        for name, words in COMMANDS.items():
            with tempfile.TemporaryDirectory() as folder:
                write_pipeline(Path(folder), stages)
                seconds[name].append(cpu_seconds(words, Path(folder)) / stages)
    rows = [
        {"candidate": name, "stages": stages, "repeats": repeats, "cpu_seconds_per_stage": median(values)}
        for name, values in seconds.items()
    ]
    print(pd.DataFrame(rows).to_string(index=False))
    dvc, jobs = (median(seconds[name]) for name in COMMANDS)
    summary = {"cpu_seconds_per_stage": jobs, "ratio_to_dvc_repro": jobs / dvc}
    measure.finish("jobs", rows, summary, ["dvc"])


def write_pipeline(folder: Path, stages: int) -> None:
    """Write stages that copy a file, and the demo's ``dvc.lock``, of which they are no part."""
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=folder, check=True)
    settings = ["no_scm = true", "analytics = false", "check_update = false"]
    (folder / ".dvc/config").write_text("\n".join(["[core]", *settings]), encoding="utf-8")
    (folder / "input").write_text("input", encoding="utf-8")
    out = "out-${item.number}"
    copies = {"matrix": {"number": [*range(stages)]}, "cmd": f"cp input {out}", "deps": ["input"], "outs": [out]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"copy": copies}}), encoding="utf-8")
    (folder / "dvc.lock").write_text((ROOT / "dvc.lock").read_text(encoding="utf-8"), encoding="utf-8")


def cpu_seconds(words: list[str], folder: Path) -> float:
    """Run a command and return the CPU seconds of it and of all that it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few stages, measured once")
    arguments = parser.parse_args()
    main(*((3, 1) if arguments.quick else (STAGES, REPEATS)))
