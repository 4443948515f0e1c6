"""Features of files by librosa and Keras, as their users would write it; run by `benchmarks.peer`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import librosa
import numpy as np

from benchmarks import keras_peer
from benchmarks.peer import serve

BATCH = 16


def embed(
    name: str,
    paths: list[str],
    threads: int,
    out: str,
    sample_rate: int,
    seconds: float,
    n_fft: int,
    hop_length: int,
    n_mels: int,
) -> None:
    """Run a network of `keras_peer` over the middle of each file; its files are decoded ahead in threads."""
    samples = round(seconds * sample_rate)
    padding = n_fft - hop_length
    options = {"sr": sample_rate, "n_fft": n_fft, "hop_length": hop_length, "n_mels": n_mels, "center": False}

    def read(path: str) -> np.ndarray:
        offset = max((librosa.get_duration(path=path) - seconds) / 2, 0)
        sound, _ = librosa.load(path, sr=sample_rate, offset=offset, duration=seconds)
        padded = librosa.util.pad_center(librosa.util.fix_length(sound, size=samples), size=samples + padding)
        return librosa.power_to_db(librosa.feature.melspectrogram(y=padded, **options), top_db=None)[..., None]

    network = keras_peer.models[name]
    with ThreadPoolExecutor(threads) as pool:
        clips = map(read, paths) if threads == 1 else pool.map(read, paths)
        batches = iter(lambda: list(islice(clips, BATCH)), [])
        np.save(out, np.concatenate([network.predict_on_batch(np.stack(batch)) for batch in batches]))


if __name__ == "__main__":
    tasks = [keras_peer.build, keras_peer.copy_weights, keras_peer.predict, embed]
    serve({task.__name__: task for task in tasks}, ["librosa", "soxr", "tensorflow-cpu", "keras"])
