"""Divide the accepted clips of a corpus into folds and into train, valid and test."""

import pandas as pd

from hearlog import params
from hearlog.corpora import splits
from hearlog.corpora.corpus import PARTS, Corpus
from hearlog.params import Params
from hearlog.util.errors import InputError
from stages import paths, run


def main(corpus: str) -> None:
    """Split ``songs`` or a task."""
    settings = params.load()
    protocol = None if corpus == "songs" else settings.task(corpus).protocol
    folder = Corpus(paths.CORPORA / corpus)
    clips = folder.read_clips()
    table = _split(clips, corpus, settings)
    columns = ["item_id"] if corpus == "songs" else ["item_id", "target"]
    splits.every_clip(clips[columns], table).to_parquet(folder.splits, index=False)
    metrics: dict[str, str | int] = {}
    if protocol:
        left_out = len(clips) - table["item_id"].nunique()
        metrics = {"protocol": protocol, "left_out": left_out}
    sizes = table.loc[table["fold"] == 0, "part"].value_counts()
    metrics |= {"folds": table["fold"].nunique(), **{part: int(sizes[part]) for part in PARTS}}
    if not pd.api.types.is_numeric_dtype(clips["target"]):
        metrics["classes"] = clips["target"].nunique()
    paths.write_metrics(f"splits/{corpus}", metrics)
    print(f"{corpus}: {metrics}")


def _split(clips: pd.DataFrame, corpus: str, settings: Params) -> pd.DataFrame:
    if corpus == "songs":
        return splits.random(clips, settings.songs.split.model_dump(), settings.seed)
    task = settings.task(corpus)
    if clips["target"].nunique() < 2:
        raise InputError(f"tasks.{corpus}: every accepted clip has the same {task.target}: there is nothing to learn")
    try:
        return splits.split(clips, task.protocol, task.folds, task.valid, settings.seed)
    except InputError as error:
        raise InputError(f"tasks.{corpus}: {error}") from None


if __name__ == "__main__":
    run(main)
