"""What must hold after each stage of the soak; the first that does not ends it, and leaves all files as they are.

Each check returns a checksum of what the stage wrote.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from benchmarks.soak_world import SAMPLE_RATE, SECONDS
from hearlog.corpora.corpus import Corpus
from hearlog.runtime import checkpoint

SONGS = Path("data/corpora/songs")
FACTORS = 40
SAME = 0.02  # of the embeddings' standard deviation: batches of other sizes round otherwise, in bfloat16


def check_crops(folder: Path, songs: pd.DataFrame) -> int:
    """Every intact song has a crop; just the damaged ones are left out, each for its reason."""
    crops = Corpus(folder / SONGS).crops
    damaged = songs[songs["damage"] != ""]
    rejected = pd.read_parquet(crops / "rejected.parquet")
    found = dict(zip(rejected["item_id"], rejected["reason"], strict=True))
    wanted = dict(zip(damaged["song_id"], damaged["reason"], strict=True))
    wrong = {
        song: (found.get(song), wanted.get(song)) for song in found | wanted if found.get(song) != wanted.get(song)
    }
    assert not wrong, f"rejected otherwise than damaged: {wrong}"
    shape = np.load(crops / "crops.npy", mmap_mode="r").shape
    assert shape == (len(songs) - len(damaged), SECONDS * SAMPLE_RATE), f"{shape} crops"
    clips = pd.read_parquet(crops / "clips.parquet")
    assert len(clips) == shape[0], f"{len(clips)} rows of clips, {shape[0]} crops"
    return zlib.crc32(clips.to_csv().encode())


def check_mels(folder: Path, songs: pd.DataFrame) -> int:
    """Every crop has a finite spectrogram; those of one sound, and no others, are the same."""
    mels = np.load(Corpus(folder / SONGS).mel, mmap_mode="r")
    sources = sources_of(folder, songs)
    assert mels.shape == (len(sources), 96, 1280), f"{mels.shape} spectrograms"
    sums = np.empty(len(mels), np.int64)
    for row, mel in enumerate(mels):
        assert np.isfinite(mel.astype(np.float32)).all(), f"spectrogram {row} is not finite"
        sums[row] = zlib.crc32(mel)
    pairs = pd.DataFrame({"source": sources, "sum": sums}).drop_duplicates()
    assert len(pairs) == pairs["source"].nunique() == pairs["sum"].nunique(), "rows are not those of their songs"
    return zlib.crc32(sums)


def check_splits(folder: Path, songs: pd.DataFrame) -> int:
    """Every clip is in one part."""
    splits, sources = pd.read_parquet(Corpus(folder / SONGS).splits), sources_of(folder, songs)
    assert len(splits) == splits["item_id"].nunique() == len(sources), f"{len(splits)} clips are split"
    return zlib.crc32(splits.to_csv().encode())


def check_training(folder: Path, songs: pd.DataFrame) -> int:
    """One epoch is recorded; losses and weights are finite."""
    history = pd.read_csv(folder / "plots/estimator/training-div1.tsv", sep="\t")
    assert len(history) == 1 and np.isfinite(history.to_numpy()).all(), f"history: {history}"
    weights = load_file(folder / "models/estimator-div1/model.safetensors")
    assert all(np.isfinite(weight).all() for weight in weights.values()), "weights are not finite"
    assert not list((folder / checkpoint.FOLDER).glob("*")), "a checkpoint is left"
    return zlib.crc32(b"".join(weights[name].tobytes() for name in sorted(weights)))


def check_embeddings(folder: Path, songs: pd.DataFrame) -> int:
    """Every clip has a finite embedding; those of one sound are the same."""
    embeddings, sources = np.load(Corpus(folder / SONGS).embeddings(1)), sources_of(folder, songs)
    assert embeddings.shape == (len(sources), FACTORS), f"{embeddings.shape} embeddings"
    assert np.isfinite(embeddings).all(), "embeddings are not finite"
    spread = pd.DataFrame(embeddings).groupby(sources).agg(np.ptp).to_numpy().max() / embeddings.std(axis=0).mean()
    assert spread <= SAME, f"embeddings of the same sound differ by {spread:.3f} standard deviations"
    return zlib.crc32(embeddings)


def sources_of(folder: Path, songs: pd.DataFrame) -> np.ndarray:
    """Sound of each row of the corpus."""
    rows = pd.read_parquet(Corpus(folder / SONGS).crops / "clips.parquet")["item_id"]
    return songs.set_index("song_id")["source"].loc[rows].to_numpy()


CHECKS = {
    "crop_songs": check_crops,
    "mel_songs": check_mels,
    "split_songs": check_splits,
    "train_estimator": check_training,
    "embed_songs": check_embeddings,
}
