"""List what a task's data set holds, from its annotations: items, groups, official split and targets."""

from pathlib import Path

from hearlog import params
from hearlog.corpora.corpus import Corpus
from hearlog.corpora.readers.registry import READERS
from stages import paths, run


def main(task: str) -> None:
    """List the items of a task's data set."""
    settings = params.load().task(task)
    items = READERS[settings.reader].read(Path(settings.path), settings.target)
    folder = Corpus(paths.CORPORA / task)
    folder.folder.mkdir(parents=True, exist_ok=True)
    items.to_parquet(folder.items, index=False)
    print(f"{task}: {len(items)} items")


if __name__ == "__main__":
    run(main)
