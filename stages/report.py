"""Test the methods against each other over all cells, draw Figure 4 and print the report."""

from hearlog import cells, params, plots, report
from hearlog.synthetic import is_synthetic
from stages import paths, run


def main() -> None:
    """Read every cell that params name; write metrics/report.json and plots/figure4."""
    settings = params.load()
    synthetic = is_synthetic(settings)
    scores = cells.read_cells(settings.tasks, settings.sweep.widths, paths.METRICS / "transfer")
    summary = report.summarise(scores)
    paths.write_metrics("report", summary)
    figure = plots.figure4(scores.assign(spread=cells.read_spread(scores, paths.CELLS)), synthetic)
    figures = plots.save(figure, paths.plot_path("figure4"))
    print(report.render(scores, summary, synthetic))
    print(f"\nFigure 4: {', '.join(map(str, figures))}")


if __name__ == "__main__":
    run(main)
