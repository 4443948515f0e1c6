"""The results of a run: one object, computed from its cells or read from the files that the report stage wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hearlog.params.synthetic import is_synthetic
from hearlog.results.cells import read_cells
from hearlog.results.comparisons import ADJUSTED, Comparison, tabulate
from hearlog.results.curves import count_unfinished
from hearlog.results.files import read_table, write_json
from hearlog.results.folds import SPREAD, read_bars
from hearlog.results.over_tasks import compare_methods, correlate_gains, pair_scores
from hearlog.results.pilot import Pilot, as_metrics, read_answers, read_pilot, summarise
from hearlog.results.probes import read_probes
from hearlog.results.within_tasks import compare_within, read_within
from hearlog.statistics.paired_tests import Correlation
from hearlog.util.errors import InputError

if TYPE_CHECKING:
    from hearlog.params import Params
    from hearlog.params.blocks import Training

_REPORT, _PILOT = "report.json", "pilot.json"  # in metrics
_CELLS, _TESTS, _WITHIN = "figure4.tsv", "tests.tsv", "within_tasks.tsv"  # in plots


@dataclass(frozen=True, eq=False)
class Results:
    """Results of the cells that params name.

    Parameters
    ----------
    cells
        Scores as returned by `hearlog.results.cells.read_cells`, with the columns of `hearlog.results.folds.read_bars`.
    over_pairs, over_tasks
        Comparisons as returned by `hearlog.results.over_tasks.compare_methods`.
    within
        Tests as returned by `hearlog.results.within_tasks.compare_within`.
    kd_follows_fix
        Correlation of two gains, see `hearlog.results.over_tasks.correlate_gains`.
    unfinished
        Networks that kept the last epoch, as returned by `hearlog.results.curves.count_unfinished`.
    training
        Settings that the task networks were trained with, ``transfer.training``.
    pilot
        Both models of the pilot experiment.
    probes
        Scores as returned by `hearlog.results.probes.read_probes`.
    synthetic
        Whether any data are of the embedded data set.
    """

    cells: pd.DataFrame
    over_pairs: list[Comparison]
    over_tasks: list[Comparison]
    within: pd.DataFrame
    kd_follows_fix: Correlation
    unfinished: pd.DataFrame
    training: Training
    pilot: Pilot
    probes: pd.DataFrame
    synthetic: bool

    @property
    def several_capacities(self) -> bool:
        """Whether there is more than one capacity; if not, the pairs are the tasks."""
        return len(self.cells["divisor"].unique()) > 1

    @property
    def seeds(self) -> int:
        """Number of seeds of every cell (``transfer.seeds``)."""
        return int(self.cells["seeds"].iloc[0])


def compute_results(params: Params, metrics: Path, plots: Path, cells: Path, pilot: Path) -> Results:
    """Compute the results from the scores and answers of all cells.

    Parameters
    ----------
    params
        Settings of the run.
    metrics, plots
        Folders with what cells and probes wrote: ``metrics/transfer``, ``plots/transfer`` and ``plots/probe``.
    cells, pilot
        Folders with the folds and predictions of the cells and of the pilot experiment.

    Raises
    ------
    InputError
        When a file is missing or broken, or the files come from different runs.
    """
    scores = read_cells(params.tasks, params.sweep.divisors, metrics / "transfer")
    answers = read_answers(params.pilot.divisors, pilot)
    return _results(
        params,
        plots,
        cells=scores.join(read_bars(scores, cells)),
        within=compare_within(scores, cells),
        pilot=summarise(answers, params.pilot.divisors, params.model.channels),
    )


def write_results(results: Results, metrics: Path, plots: Path) -> None:
    """Write ``report.json`` and ``pilot.json`` to one folder, the tables of scores and tests to the other."""
    write_json(metrics / _REPORT, headline(results))
    write_json(metrics / _PILOT, as_metrics(results.pilot))
    tests = tabulate([*results.over_pairs, *results.over_tasks])
    for name, table in {_TESTS: tests, _WITHIN: results.within, _CELLS: results.cells}.items():
        table.to_csv(plots / name, sep="\t", index=False)


def read_results(params: Params, metrics: Path, plots: Path) -> Results:
    """Read the results that `write_results` wrote; the files in git suffice.

    Parameters
    ----------
    params, metrics, plots
        See `compute_results`.

    Raises
    ------
    InputError
        When a file is missing or broken, or the files come from different runs.
    """
    scores = read_cells(params.tasks, params.sweep.divisors, metrics / "transfer")
    return _results(
        params,
        plots,
        cells=scores.join(_read_bars(plots / _CELLS, scores)),
        within=read_within(plots / _WITHIN),
        pilot=read_pilot(metrics / _PILOT),
    )


def _results(params: Params, plots: Path, cells: pd.DataFrame, within: pd.DataFrame, pilot: Pilot) -> Results:
    training = params.transfer.training
    return Results(
        cells=cells,
        over_pairs=compare_methods(cells, "pairs"),
        over_tasks=compare_methods(cells, "tasks"),
        within=within,
        kd_follows_fix=correlate_gains(cells),
        unfinished=count_unfinished(cells, plots / "transfer", training.epochs),
        training=training,
        pilot=pilot,
        probes=read_probes(params.tasks, params.probe.divisors, plots / "probe"),
        synthetic=is_synthetic(params),
    )


def _read_bars(path: Path, cells: pd.DataFrame) -> pd.DataFrame:
    """Read the columns that `read_bars` gave; the scores next to them must be those of ``cells``."""
    key = ["task", "method", "divisor"]
    written = read_table(path, [*key, "score", *SPREAD])
    both = cells[[*key, "score"]].merge(written[[*key, "score"]], "outer", on=key, suffixes=("", "_written"))
    differ = both[~((both["score"] - both["score_written"]).abs() <= 1e-9)]
    if not differ.empty:
        first = differ.iloc[0]
        raise InputError(
            f"{path}: its scores are not those of metrics/transfer in {len(differ)} of {len(both)} cells, such as "
            f"{first['task']}/{first['method']}-div{first['divisor']}, so the two come from different runs. "
            "Run: dvc repro"
        )
    return cells[key].merge(written, "left", on=key)[SPREAD]


def headline(results: Results) -> dict[str, Any]:
    """Pick the few numbers to compare between branches, rounded so that a last bit makes no difference.

    Returns
    -------
    ``accuracy_mean`` (per cent, by method), ``gain`` (points over base, by method), the adjusted p (by comparison, over
    pairs) and ``kd_follows_fix`` (correlation); what has no test is left out.
    """
    means = {method: float(mean) for method, mean in pair_scores(results.cells).mean().dropna().items()}
    numbers = {
        "accuracy_mean": {method: round(mean, 2) for method, mean in means.items()},
        "gain": {method: round(mean - means["base"], 2) for method, mean in means.items() if method != "base"},
        ADJUSTED: {row.name: round(row.p_adjusted, 4) for row in results.over_pairs if row.tested},
    }
    found = results.kd_follows_fix
    return numbers if found.note else numbers | {"kd_follows_fix": round(found.r, 3)}
