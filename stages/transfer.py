"""Train and test one method on one task at one capacity."""

from typing import Annotated

from hearlog import params
from hearlog.corpora.corpus import Corpus
from hearlog.transfer import scores
from hearlog.transfer.configured import run_cell
from hearlog.transfer.methods import METHODS
from stages import paths, run


def main(task: str, method: Annotated[str, METHODS], divisor: int) -> None:
    """Run ``method`` on ``task`` with ``model.channels`` / ``divisor`` channels."""
    settings = params.load()
    asked = settings.task(task)
    corpus = Corpus(paths.CORPORA / task)
    clips, folds = corpus.read_splits()
    cell = f"{task}/{method}-div{divisor}"
    predictions, curves, saved = run_cell(
        settings, cell, method, divisor, corpus, clips, folds, [corpus.splits], paths.estimator(divisor)
    )
    protocol: dict[str, str | int] = {"protocol": asked.protocol, "folds": len(folds)}
    scores.write_tables(paths.CELLS / cell, predictions, protocol)
    scores.label(curves, protocol).to_csv(paths.plot_path(f"transfer/{cell}.tsv"), sep="\t", index=False)
    headline = scores.mean_score(predictions)
    if scores.is_classification(predictions):
        headline |= scores.reference_lines(clips["target"], folds)
    metrics = {
        **protocol,
        "seeds": len(settings.transfer.seeds),
        "clips": len(predictions) // len(settings.transfer.seeds),
        "channels": settings.model.channels // divisor,
    }
    paths.write_metrics(f"transfer/{cell}", metrics | headline)
    saved.clear()
    print(f"{cell}: " + ", ".join(f"{name} {value:.3f}" for name, value in headline.items()))


if __name__ == "__main__":
    run(main)
