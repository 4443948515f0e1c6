"""Join catalogue, audio and CF embeddings, draw the sample, and list the songs left out."""

from pathlib import Path

import pandas as pd

from hearlog import params
from hearlog.corpora import catalogue
from hearlog.corpora.corpus import Corpus
from stages import paths, run


def main() -> None:
    """Choose the songs the estimator learns from."""
    settings = params.load()
    songs = catalogue.read(settings.songs.catalog)
    items, left_out = catalogue.select(
        songs,
        pd.read_parquet(paths.EMBEDDINGS / "songs.parquet", columns=["song_id"])["song_id"],
        Path(settings.songs.audio_root),
        settings.songs.sample,
        settings.seed,
    )
    folder = Corpus(paths.CORPORA / "songs")
    folder.folder.mkdir(parents=True, exist_ok=True)
    items.to_parquet(folder.items, index=False)
    left_out.to_parquet(folder.folder / "left_out.parquet", index=False)
    reasons = {reason.replace(" ", "_"): int((left_out["reason"] == reason).sum()) for reason in catalogue.REASONS}
    paths.write_metrics("songs", {"catalogue": len(songs), "selected": len(items), "left_out": reasons})
    print(f"songs: {len(items)} of {len(songs)} in the catalogue; left out {reasons}")


if __name__ == "__main__":
    run(main)
