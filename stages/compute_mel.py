"""Transform a corpus's crops to mel spectrograms, once for every later stage."""

import numpy as np

from hearlog import params
from hearlog.corpora.corpus import Corpus
from hearlog.mel.spectrogram import LogMelSpectrogram, compute_mel
from hearlog.runtime.backend import start_backend
from stages import paths, run


def main(corpus: str) -> None:
    """Compute the mel spectrograms of ``songs`` or of a task."""
    settings = params.load()
    start_backend("cpu", thread_count=settings.runtime.threads)
    folder = Corpus(paths.CORPORA / corpus)
    transform = LogMelSpectrogram(settings.audio.sample_rate, **settings.mel.model_dump())
    shape = compute_mel(np.load(folder.crops / "crops.npy", mmap_mode="r"), transform, folder.mel)
    print(f"{corpus}: {shape[0]} mel spectrograms of {shape[1]} bands x {shape[2]} frames")


if __name__ == "__main__":
    run(main)
