"""Learn the genres of the catalogue from tags (base) or from listening logs (fix): the pilot experiment."""

from pathlib import Path
from typing import Annotated

import pandas as pd

from hearlog import params
from hearlog.corpora import genres
from hearlog.corpora.corpus import Corpus
from hearlog.transfer import scores
from hearlog.transfer.configured import run_cell
from stages import paths, run

PROTOCOL: dict[str, str | int] = {"protocol": "random", "folds": 1}  # of the songs' own split


def main(method: Annotated[str, ("base", "fix")], divisor: int) -> None:
    """Run ``method`` on the songs' genres with ``model.channels`` / ``divisor`` channels."""
    settings = params.load()
    cell = f"{method}-div{divisor}"
    songs = paths.PILOT / "songs.parquet"
    clips, folds = genres.as_task(pd.read_parquet(songs))
    facts = PROTOCOL | {"seeds": len(settings.transfer.seeds), "channels": settings.model.channels // divisor}
    if not folds:
        _write_nothing(paths.PILOT / cell, paths.plot_path(f"pilot/{cell}.tsv"))
        paths.write_metrics(f"pilot/{cell}", facts | {"songs": 0, "genres": 0})
        print(f"pilot {cell}: no song has a genre that can be learned and tested, see metrics/pilot/songs.json")
        return
    corpus = Corpus(paths.CORPORA / "songs")
    predictions, curves, saved = run_cell(
        settings, f"pilot/{cell}", method, divisor, corpus, clips, folds, [songs], paths.estimator(divisor)
    )
    scores.write_tables(paths.PILOT / cell, predictions, PROTOCOL)
    scores.label(curves, PROTOCOL).to_csv(paths.plot_path(f"pilot/{cell}.tsv"), sep="\t", index=False)
    headline = scores.mean_score(predictions) | scores.reference_lines(clips["target"], folds)
    counts = {"songs": len(folds[0]["test"]), "genres": clips["target"].nunique()}
    paths.write_metrics(f"pilot/{cell}", facts | counts | headline)
    saved.clear()
    print(f"pilot {cell}: " + ", ".join(f"{name} {value:.3f}" for name, value in headline.items()))


def _write_nothing(folder: Path, curves: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    columns = ["seed", "fold", "item_id", "truth", "prediction"]
    pd.DataFrame(columns=[*PROTOCOL, *columns]).to_parquet(folder / "predictions.parquet", index=False)
    losses = ["seed", "fold", "epoch", "train_task", "valid_task"]
    pd.DataFrame(columns=[*PROTOCOL, *losses]).to_csv(curves, sep="\t", index=False)


if __name__ == "__main__":
    run(main)
