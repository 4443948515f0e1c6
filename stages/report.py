"""Test the methods against each other over all cells and within tasks, draw Figure 4 and print the report."""

from hearlog import cells, params, plots, report, report_text, within_tasks
from hearlog.synthetic import is_synthetic
from stages import paths, run


def main() -> None:
    """Read every cell that params name; write metrics/report.json, plots/within_tasks.tsv and plots/figure4."""
    settings = params.load()
    synthetic = is_synthetic(settings)
    scores = cells.read_cells(settings.tasks, settings.sweep.widths, paths.METRICS / "transfer")
    spread, seed_spread = cells.read_spread(scores, paths.CELLS), cells.read_seed_spread(scores, paths.CELLS)
    scores = scores.assign(spread=spread, seed_spread=seed_spread)
    summary = report.summarise(scores)
    paths.write_metrics("report", summary)
    within = within_tasks.compare(scores, paths.CELLS)
    within.to_csv(paths.plot_path("within_tasks.tsv"), sep="\t", index=False)
    scores.to_csv(paths.plot_path("figure4.tsv"), sep="\t", index=False)
    figures = plots.save(plots.figure4(scores, synthetic), paths.plot_path("figure4"))
    print(report_text.render(scores, summary, within, synthetic))
    print(f"\nFigure 4: {', '.join(map(str, figures))}")


if __name__ == "__main__":
    run(main)
