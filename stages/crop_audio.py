"""Decode the middle of every item's file into one array of crops, and list what cannot be used."""

from pathlib import Path

import pandas as pd

from hearlog import params
from hearlog.corpora.corpus import Corpus
from hearlog.corpora.crops import crop_items
from hearlog.runtime.backend import count_threads, start_backend
from stages import paths, run


def main(corpus: str) -> None:
    """Crop the audio of ``songs`` or of a task."""
    settings = params.load()
    root = settings.songs.audio_root if corpus == "songs" else settings.task(corpus).path
    folder = Corpus(paths.CORPORA / corpus)
    start_backend("cpu", thread_count=1)  # a file is one thread's work
    counts = crop_items(
        pd.read_parquet(folder.items),
        Path(root),
        folder.crops,
        **settings.audio.model_dump(),
        threads=count_threads(settings.runtime.threads),
    )
    paths.write_metrics(f"crops/{corpus}", counts)
    print(
        f"{corpus}: {counts['accepted']} clips of {settings.audio.seconds:g} s, rejected {counts['rejected'] or 'none'}"
    )


if __name__ == "__main__":
    run(main)
