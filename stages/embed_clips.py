"""Run the CF estimator over every clip of a task, once: `fix` and `kd` read the result."""

import numpy as np

from hearlog import arrays, model_folder, params
from hearlog.corpus import Corpus
from hearlog.inference import predict
from stages import paths, run
from stages.backend import backend


def main(task: str, width: int) -> None:
    """Embed the clips of ``task`` with the estimator of ``width``."""
    settings = params.load()
    corpus = Corpus(paths.CORPORA / task)
    network, _ = model_folder.load(paths.estimator(width))
    mels = np.load(corpus.mel, mmap_mode="r")
    here = backend(settings)
    embeddings = predict(network, mels, np.arange(len(mels)), here, "embed")
    here.processes.leave_to_first()
    arrays.save(corpus.embeddings(width), embeddings)
    print(f"{task} x{width}: {embeddings.shape[0]} clips embedded in {embeddings.shape[1]} dimensions")


if __name__ == "__main__":
    run(main)
