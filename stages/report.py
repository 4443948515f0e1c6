"""Test the methods against each other over all cells and within tasks, draw the figures and print the report."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from hearlog import params
from hearlog.figures import confusion, curves, differences, embedding_map, estimator, style
from hearlog.figures import pilot as pilot_figure
from hearlog.figures import probe as probe_figure
from hearlog.figures import scores as score_figures
from hearlog.params import Params
from hearlog.params.synthetic import is_synthetic
from hearlog.report import text as report_text
from hearlog.results import cells as cell_scores
from hearlog.results import intervals as cell_intervals
from hearlog.results import over_tasks as report
from hearlog.results import pilot as pilot_scores
from hearlog.results import probes as probe_scores
from hearlog.results import within_tasks
from stages import paths, run


def main() -> None:
    """Read every cell that params name; write metrics/report.json, the tables in plots/ and the figures."""
    settings = params.load()
    synthetic = is_synthetic(settings)
    scores = cell_scores.read_cells(settings.tasks, settings.sweep.divisors, paths.METRICS / "transfer")
    spread = cell_scores.read_spread(scores, paths.CELLS)
    seed_spread = cell_scores.read_seed_spread(scores, paths.CELLS)
    bounds = cell_intervals.read_intervals(scores, paths.CELLS)
    scores = scores.assign(spread=spread, seed_spread=seed_spread).join(bounds)
    summary = report.summarise(scores)
    paths.write_metrics("report", report.headline(summary))
    report.list_tests(summary).to_csv(paths.plot_path("tests.tsv"), sep="\t", index=False)
    within = within_tasks.compare(scores, paths.CELLS)
    within.to_csv(paths.plot_path("within_tasks.tsv"), sep="\t", index=False)
    scores.to_csv(paths.plot_path("figure4.tsv"), sep="\t", index=False)
    genres, of_pilot = _compare_pilot(settings)
    probes = probe_scores.read_probes(settings.tasks, settings.probe.divisors, paths.PLOTS / "probe")
    figures = {
        "figure1": pilot_figure.pilot_scores(genres, of_pilot, synthetic),
        "differences": differences.paired_differences(scores, summary, within, synthetic),
        "confusion": confusion.confusion_matrices(scores, paths.CELLS, "kd", synthetic),
        "curves": curves.training_curves(scores, paths.PLOTS / "transfer", synthetic),
        "figure4": score_figures.figure4(scores, synthetic),
        "probe": probe_figure.probe_scores(probes, synthetic),
        **_draw_estimator(settings, synthetic),
    }
    for name, figure in figures.items():
        style.save(figure, paths.plot_path(name))
    unfinished = report.count_unfinished(scores, paths.PLOTS / "transfer", settings.transfer.training.epochs)
    print(report_text.render_all(settings, scores, summary, within, unfinished, of_pilot, probes))


def _compare_pilot(settings: Params) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Score the pilot experiment by genre and in all; write metrics/pilot.json and the table of Figure 1."""
    answers = pilot_scores.read_answers(settings.pilot.divisors, paths.PILOT)
    summary = pilot_scores.summarise(answers, settings.pilot.divisors, settings.model.channels)
    paths.write_metrics("pilot", summary)
    genres = pilot_scores.score_genres(answers)
    genres.to_csv(paths.plot_path("figure1.tsv"), sep="\t", index=False)
    return genres, summary


def _draw_estimator(settings: Params, synthetic: bool) -> dict[str, Figure]:
    divisors, channels, items = settings.sweep.divisors, settings.model.channels, paths.CORPORA / "songs/items.parquet"
    return {
        "estimator": estimator.estimator_quality(
            divisors, channels, paths.EVALUATION, paths.PLOTS / "estimator", synthetic
        ),
        "embedding_map": embedding_map.embedding_map(min(divisors), channels, paths.EVALUATION, items, synthetic),
    }


if __name__ == "__main__":
    run(main)
