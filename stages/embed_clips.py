"""Run the CF estimator over every clip of a corpus, once: `fix` and `kd` read the result."""

import numpy as np

from hearlog import params
from hearlog.corpora.corpus import Corpus
from hearlog.model import folder as model_folder
from hearlog.runtime.backend import configured_backend
from hearlog.training.inference import predict
from hearlog.util import arrays
from stages import paths, run


def main(corpus: str, divisor: int) -> None:
    """Embed the clips of ``songs`` or of a task with the estimator of ``divisor``."""
    settings = params.load()
    folder = Corpus(paths.CORPORA / corpus)
    network, _ = model_folder.load(paths.estimator(divisor))
    mels = np.load(folder.mel, mmap_mode="r")
    here = configured_backend(settings.runtime)
    embeddings = predict(network, mels, np.arange(len(mels)), here, "embed")
    here.processes.leave_to_first()
    arrays.save(folder.embeddings(divisor), embeddings)
    print(f"{corpus} div{divisor}: {embeddings.shape[0]} clips embedded in {embeddings.shape[1]} dimensions")


if __name__ == "__main__":
    run(main)
