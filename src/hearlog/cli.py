"""The command ``hearlog``: the pipeline before, during and after a run, and the features of a trained model."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hearlog.features import commands as feature_commands
from hearlog.util.errors import InputError, refusal
from hearlog.util.terminal import PrintableStream

if TYPE_CHECKING:
    from hearlog.params import Params


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command in the pipeline's folder, also from beneath it; the status is 1 after a user's error.

    Parameters
    ----------
    arguments
        Words of the command line; those of the process by default.
    """
    parser = argparse.ArgumentParser(prog="hearlog", description="Music features from listening logs.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    pipeline = (check, plan, jobs, report, compare, accept)
    parsers = {command.__name__: _add(commands, command) for command in (*pipeline, *feature_commands.COMMANDS)}
    _add_check_options(parsers["check"])
    _add_job_options(parsers["plan"], parsers["jobs"])
    parsers["report"].add_argument("--short", action="store_true", help="the result in a sentence and a table alone")
    _add_revisions(parsers["compare"])
    _add_accept_options(parsers["accept"])
    feature_commands.add_options(parsers)
    options = vars(parser.parse_args(arguments))
    command = options.pop("command")
    _open_closed_streams()
    try:
        place = contextlib.chdir(_folder()) if command in pipeline else contextlib.nullcontext()
        with place, contextlib.redirect_stdout(PrintableStream(sys.stdout)):
            status = command(**options) or 0
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"hearlog: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        again = ". Run it again, to go on where it was" if command in (jobs, feature_commands.embed) else ""
        print(f"hearlog: stopped{again}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        # Python writes what is left when it ends, and would fail again: as the documentation of `signal` has it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if said := refusal(error):
            print(f"hearlog: {said}", file=sys.stderr)
            return 1
        raise


def _open_closed_streams() -> None:
    """Give nobody what is written to an output that the caller has closed (``>&-``): else a file would stand there."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (as long as the process)


def _add(commands: Any, command: Callable[..., int | None]) -> argparse.ArgumentParser:
    description = (command.__doc__ or "").splitlines()[0]
    parser: argparse.ArgumentParser = commands.add_parser(command.__name__, help=description, description=description)
    parser.set_defaults(command=command)
    return parser


def _folder() -> Path:
    from hearlog.results.revisions import pipeline_folder

    return pipeline_folder()


def _add_check_options(check: argparse.ArgumentParser) -> None:
    depth = check.add_mutually_exclusive_group()
    depth.add_argument(
        "--quick", action="store_true", help="read the headers of files, and the first log rows (default)"
    )
    depth.add_argument("--full", action="store_true", help="decode every file, and read all log rows")
    check.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")


def _add_revisions(compare: argparse.ArgumentParser) -> None:
    compare.add_argument(
        "revisions",
        nargs="*",
        metavar="REV",
        help="branch, tag, commit, experiment, or workspace (the files as they are now); the others are compared with "
        "the first, and one alone with the workspace (default: HEAD workspace)",
    )
    compare.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")


def _add_accept_options(accept: argparse.ArgumentParser) -> None:
    accept.add_argument("names", nargs="*", metavar="STAGE", help="as in dvc.yaml or dvc status (default: all)")
    accept.add_argument("--dry-run", action="store_true", help="say what would be accepted, and change nothing")
    accept.add_argument(
        "--since",
        metavar="REV",
        help="branch, tag or commit whose code made the results (default: the newest that dvc.lock agrees with)",
    )


def _add_job_options(plan: argparse.ArgumentParser, jobs: argparse.ArgumentParser) -> None:
    jobs.add_argument("jobs", type=int, metavar="N", help="stages at once; each has its share of the cores")
    plan.add_argument("--jobs", type=int, default=1, metavar="N", help="stages at once (default: 1)")
    for command in (plan, jobs):
        command.add_argument(
            "--gpus", type=_names, default=[], metavar="0,1", help="GPUs that jobs take in turn (default: all)"
        )


# The imports stand in the commands: `hearlog --help` answers at once.


def check(quick: bool, full: bool, as_json: bool) -> int:
    """Look at logs, songs and tasks that params.yaml names, and say what will stop a run or spoil it."""
    from hearlog import params
    from hearlog.check.findings import Section, is_ready
    from hearlog.check.render import to_json, to_text
    from hearlog.check.run import run_check

    section, settings = Section("params"), None
    with section.errors_are("problem"):
        settings = params.load()
    sections = run_check(settings, full) if settings else [section]
    print((to_json if as_json else to_text)(sections, full))
    return 0 if is_ready(sections) else 1


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def plan(jobs: int, gpus: list[str]) -> None:
    """Print what a run with the present params.yaml will do, and the time, memory and disk that it needs here."""
    from hearlog import params
    from hearlog.pipeline import estimates, graph
    from hearlog.plan.plan import make_plan
    from hearlog.plan.text import describe

    settings = params.load()
    print("Measuring this machine for a few seconds ...", flush=True)
    with graph.open_repo() as repo:
        stages = graph.read_stages(repo)
    found = make_plan(settings, jobs=jobs, gpus=gpus)
    estimates.write({name: time.start + time.likely for name, time in found.stages.items()})
    print(describe(found, stages, jobs, max(len(gpus), 1), _columns()))


def jobs(jobs: int, gpus: list[str]) -> None:
    """Bring the pipeline up to date like `dvc repro`, N stages at once."""
    from hearlog.pipeline import estimates
    from hearlog.pipeline.jobs import run

    run(jobs, gpus, estimates.read())


def _columns() -> int:
    """Columns of the terminal, at most 100; 100 for another output."""
    return min(shutil.get_terminal_size((100, 24)).columns, 100)


def report(short: bool) -> None:
    """Print the scores and tests of the last run again, for the cells that params.yaml names."""
    from hearlog import params
    from hearlog.report.ending import ending
    from hearlog.report.text import render
    from hearlog.results.run import read_results

    settings = params.load()
    _refuse_other_settings(settings)
    results = read_results(settings, Path("metrics"), Path("plots"))
    print(f"{ending(results, _columns())}\n\nAll tables and tests: hearlog report" if short else render(results))
    if (page := Path("report.html")).is_file():
        print(f"With all figures, and songs to listen to, in a browser: {page.resolve()}")


def compare(revisions: Sequence[str], as_json: bool) -> None:
    """Put the scores of branches, commits or experiments side by side, and test each against the first."""
    from hearlog.report.comparison import to_json, to_text
    from hearlog.results.compare import compare
    from hearlog.results.revisions import WORKSPACE, read_revision

    names = list(revisions) or ["HEAD"]
    names += [WORKSPACE] if len(names) == 1 else []
    if names == [WORKSPACE, WORKSPACE]:
        raise InputError(f"{WORKSPACE}: these files are what one revision is compared with. Name another, such as HEAD")
    if len(set(names)) < len(names):
        raise InputError(f"{', '.join(names)}: names a revision twice. Name each once")
    print((to_json if as_json else to_text)(compare([read_revision(name) for name in names])))


def accept(names: Sequence[str], dry_run: bool, since: str | None) -> None:
    """Accept changes of code that change no result, instead of running stages again."""
    from hearlog.pipeline.unchanged import accept

    print(accept(names, dry_run, since))


def _refuse_other_settings(settings: Params) -> None:
    """Stop where the files of the last run were made with other settings than params.yaml holds."""
    from hearlog.pipeline import lock
    from hearlog.transfer.methods import METHODS

    stages = lock.read_stages(Path("dvc.lock"))
    present = lock.parse_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    cells = itertools.product(settings.tasks, METHODS, settings.sweep.divisors)
    probes = (f"probe@{task}-{divisor}" for task, divisor in itertools.product(settings.tasks, settings.probe.divisors))
    for stage in ["report", *(lock.cell_stage(*cell) for cell in cells), *probes]:
        if reason := lock.outdated(stages, stage, present):
            raise InputError(f"{reason}. Run: dvc repro")


if __name__ == "__main__":
    sys.exit(main())
