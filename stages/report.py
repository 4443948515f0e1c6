"""Test the methods against each other over all cells and within tasks, draw the figures and print the report."""

import pandas as pd
from matplotlib.figure import Figure

from hearlog import params
from hearlog.figures.confusion import confusion_matrices
from hearlog.figures.curves import training_curves
from hearlog.figures.differences import paired_differences
from hearlog.figures.embedding_map import embedding_map
from hearlog.figures.estimator import estimator_quality
from hearlog.figures.pilot import figure1
from hearlog.figures.probe import probe_scores
from hearlog.figures.scores import figure4
from hearlog.figures.style import save
from hearlog.params import Params
from hearlog.report import text
from hearlog.results.pilot import read_answers, score_genres
from hearlog.results.run import Results, compute_results, write_results
from stages import paths, run


def main() -> None:
    """Read every cell that params name; write metrics and tables of the results, and the figures."""
    settings = params.load()
    results = compute_results(settings, paths.METRICS, paths.PLOTS, paths.CELLS, paths.PILOT)
    write_results(results, paths.METRICS, paths.PLOTS)
    genres = score_genres(read_answers(settings.pilot.divisors, paths.PILOT))
    genres.to_csv(paths.plot_path("figure1.tsv"), sep="\t", index=False)
    for name, figure in (_draw(results, genres) | _draw_estimator(settings, results.synthetic)).items():
        save(figure, paths.plot_path(name))
    print(text.render(results))


def _draw(results: Results, genres: pd.DataFrame) -> dict[str, Figure]:
    return {
        "figure1": figure1(genres, results.pilot, results.synthetic),
        "differences": paired_differences(results),
        "confusion": confusion_matrices(results.cells, paths.CELLS, "kd", results.synthetic),
        "curves": training_curves(results.cells, paths.PLOTS / "transfer", results.synthetic),
        "figure4": figure4(results.cells, results.synthetic),
        "probe": probe_scores(results.probes, results.synthetic),
    }


def _draw_estimator(settings: Params, synthetic: bool) -> dict[str, Figure]:
    divisors, channels, items = settings.sweep.divisors, settings.model.channels, paths.CORPORA / "songs/items.parquet"
    return {
        "estimator": estimator_quality(divisors, channels, paths.EVALUATION, paths.PLOTS / "estimator", synthetic),
        "embedding_map": embedding_map(min(divisors), channels, paths.EVALUATION, items, synthetic),
    }


if __name__ == "__main__":
    run(main)
