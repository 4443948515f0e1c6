"""Train the CF estimator of one capacity to predict songs' CF embeddings from their audio."""

import json

import numpy as np
import pandas as pd

from hearlog import params
from hearlog.corpora.corpus import Corpus
from hearlog.estimator import train as estimator
from hearlog.mel.fingerprint import fingerprint
from hearlog.model import folder as model_folder
from hearlog.model.folder import Crop, ModelConfig, Network, Targets
from hearlog.runtime import checkpoint
from hearlog.training.configured import configured_trainer
from hearlog.util.files import sha256
from stages import paths, run


def main(divisor: int) -> None:
    """Train with ``model.channels`` / ``divisor`` channels."""
    settings = params.load()
    songs = Corpus(paths.CORPORA / "songs")
    clips, (parts,) = songs.read_splits()
    table = pd.read_parquet(paths.EMBEDDINGS / "songs.parquet")
    rows = pd.Index(table["song_id"]).get_indexer(pd.Index(clips["item_id"]))
    embeddings = np.load(paths.EMBEDDINGS / "songs.npy", mmap_mode="r")[rows]
    network = Network(**settings.network(divisor))
    audio = Crop(**settings.audio.model_dump(exclude={"max_rejected"}))
    trainer = configured_trainer(settings, settings.estimator)
    asked = {"network": network.model_dump(), "trainer": repr(trainer), "seed": settings.seed}
    folded_in = paths.EMBEDDINGS / "fold_in.json"
    factors = [paths.EMBEDDINGS / "songs.npy", paths.EMBEDDINGS / "songs.parquet"]
    files = [*factors, songs.mel, songs.splits]
    saved = checkpoint.open_run(f"estimator-div{divisor}", asked, files)
    mels = np.load(songs.mel, mmap_mode="r")
    trained, scale, history = estimator.train(
        mels, embeddings, parts, network, trainer, settings.seed, saved.checkpoint("estimator")
    )
    trainer.backend.processes.leave_to_first()
    config = ModelConfig(
        network=network,
        audio=audio,
        mel=settings.mel,
        targets=Targets(scale=scale, songs=len(parts["train"]), **json.loads(folded_in.read_text(encoding="utf-8"))),
        front_end=fingerprint(audio.sample_rate, **settings.mel.model_dump()),
        versions=model_folder.versions(),
        data={path.as_posix(): sha256(path) for path in files},
    )
    model_folder.save(trained, config, paths.estimator(divisor))
    history.to_csv(paths.plot_path(f"estimator/training-div{divisor}.tsv"), sep="\t", index=False)
    saved.clear()
    best = (history["valid_squared_error"] + history["valid_cosine"]).to_numpy().argmin()
    losses = ", ".join(f"{name} {value:.3f}" for name, value in history.filter(like="valid_").iloc[best].items())
    print(
        f"estimator div{divisor} ({network.channels} channels): best of {len(history)} epochs is {best + 1}: {losses}"
    )


if __name__ == "__main__":
    run(main)
