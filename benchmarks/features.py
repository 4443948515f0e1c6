"""Features of files against librosa and Keras: python -m benchmarks.features [--folder MUSIC] [--quick].

Both turn the middle 30 s of each file into the outputs of the same network with the same weights (F = 32): decode,
mix, resample to 16 kHz, log-mel spectrogram, network in batches of 16; files are decoded ahead in a thread a core.
hearlog by `embed_files`, as `hearlog embed` does, in float32 and in bfloat16; librosa and Keras in float32 and in
mixed_bfloat16, and in the faster of the two once more without threads for files. All in turn.

Shares of hearlog's work are of the CPU time of a pass of its own, in one thread.

MUSIC is a folder of real tracks; without, sounds are computed. Debian has some hundred, made for games:

    apt-get download PACKAGES
    for package in *.deb; do dpkg-deb -x $package MUSIC; done
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
import torch

from benchmarks import measure
from benchmarks.audio import write_files
from benchmarks.networks import BATCH, FACTORS, PRECISIONS, make_pair, write_mels
from benchmarks.peer import Ask, peer
from hearlog.audio.crop import UnusableAudioError
from hearlog.audio.decode import quiet_decoders, read_crop
from hearlog.features.embed import describe, embed_files
from hearlog.features.extractor import FeatureExtractor, load
from hearlog.features.files import find_sounds
from hearlog.features.table import read_features
from hearlog.mel.fingerprint import fingerprint
from hearlog.model import folder as model_folder
from hearlog.model.folder import Crop, ModelConfig, Network, Targets
from hearlog.model.network import EmbeddingNetwork
from hearlog.params.blocks import Mel
from hearlog.runtime.backend import Backend, count_threads

PACKAGES = (
    "asc-music colobot-common-sounds extremetuxracer-data fillets-ng-data frozen-bubble-data funnyboat "
    "hyperrogue-music lincity-ng-data singularity-music supertux-data warzone2100-music wesnoth-1.16-music xmoto-data"
)
CHANNELS = 32
AUDIO = Crop(sample_rate=16000, seconds=30.0, min_seconds=1.0)
MEL = Mel(n_fft=512, hop_length=375, n_mels=96)
OURS = ("float32", "bfloat16")
ALONE = "without threads"


def main(folder: Path | None, files: int, repeats: int) -> None:
    """Measure, print the table and write ``results/features.json``."""
    threads = count_threads(0)
    with tempfile.TemporaryDirectory() as temporary, peer("benchmarks.features_peer") as keras:
        root = Path(temporary)
        paths = choose(folder, files) if folder else [root / path for path in write_files(root, files)]
        extractors = write_models(root, keras)
        theirs = {name: ask_for(keras, name, paths, threads, root) for name in PRECISIONS}
        ours = {name: ask_hearlog(extractors[name], name, paths, root) for name in OURS}
        candidates = {f"hearlog {name}": run for name, run in ours.items()}
        candidates |= {f"librosa, keras {name}": run for name, run in theirs.items()}
        measure.in_turn(candidates, 1)  # imports, compiles, and brings files into memory
        seconds = measure.in_turn(candidates, repeats)
        faster = min(PRECISIONS, key=lambda name: seconds[f"librosa, keras {name}"])
        slow = {f"librosa, keras {faster} {ALONE}": ask_for(keras, faster, paths, 1, root)}
        seconds |= measure.in_turn(slow, max(repeats // 2, 1))
        shares = {f"hearlog {name}": share_of_work(extractors[name], paths) for name in OURS}
        cosine = least_cosine(root)
        versions = keras("versions")
    rows = [
        {"candidate": name, "files": len(paths), "repeats": repeats, "files_per_s": len(paths) / time}
        | shares.get(name, {})
        for name, time in seconds.items()
    ]
    print(pd.DataFrame(rows).to_string(index=False))
    print(f"features of hearlog and librosa with Keras, float32: cosine of at least {cosine:.4f}")
    measure.finish("features", rows, summarise(rows), ["soundfile", "torch", "torchaudio", "numpy"], versions)


def choose(folder: Path, count: int) -> list[Path]:
    """Take files of a folder of at least 30 s, evenly from all of them, in whole batches; print what they are."""
    long = [path for path in find_sounds([folder]) if soundfile.info(path).duration >= AUDIO.seconds]
    drawn = np.linspace(0, len(long), count, endpoint=False).astype(int) if count < len(long) else range(len(long))
    with quiet_decoders():
        usable = [long[row] for row in drawn if is_usable(long[row])]
    usable = usable[: len(usable) // BATCH * BATCH]
    if not usable:
        sys.exit(f"{folder} holds {len(long)} sounds of at least {AUDIO.seconds:g} s: {BATCH} are needed")
    about = [(found.subtype, found.samplerate, found.channels) for found in map(soundfile.info, usable)]
    print(pd.DataFrame(about, columns=["codec", "sample_rate", "channels"]).value_counts(sort=False).to_string())
    return usable


def is_usable(path: Path) -> bool:
    """Whether the middle of a file gives features: that of some is silent."""
    try:
        read_crop(path, AUDIO.sample_rate, AUDIO.seconds, AUDIO.min_seconds)
    except UnusableAudioError:
        return False
    return True


def write_models(root: Path, keras: Ask) -> dict[str, FeatureExtractor]:
    """Write a model folder with the weights that Keras has as well, and open it in both precisions."""
    exact = Backend(torch.device("cpu"), torch.float32)
    network = make_pair(CHANNELS, write_mels(root, 2), keras, exact, PRECISIONS)
    write_model(root / "model", network)
    return {name: load(root / "model", device="cpu", precision=name) for name in OURS}


def write_model(folder: Path, network: EmbeddingNetwork, audio: Crop = AUDIO) -> None:
    """Write a model folder."""
    targets = Targets(scale=1.0, alpha=40.0, regularization=10.0, weighted=False, counts=False, songs=1)
    config = ModelConfig(
        network=Network(channels=network.embedding.in_features, factors=FACTORS, se_ratio=8),
        audio=audio,
        mel=MEL,
        targets=targets,
        front_end=fingerprint(audio.sample_rate, **MEL.model_dump()),
        versions=model_folder.versions(),
        data={},
    )
    model_folder.save(network, config, folder)


def ask_hearlog(extractor: FeatureExtractor, precision: str, paths: list[Path], root: Path) -> Any:
    """Return a function that writes features of all files."""
    about = describe(root / "model", "embedding", None, "torch", precision)
    return lambda: embed_files(paths, extractor, about, root / f"{precision}.parquet", batch_size=BATCH)


def ask_for(keras: Ask, precision: str, paths: list[Path], threads: int, root: Path) -> Any:
    """Return a function that has the peer write features of all files."""
    settings = {"sample_rate": AUDIO.sample_rate, "seconds": AUDIO.seconds, **MEL.model_dump()}
    names, out = list(map(str, paths)), str(root / f"{precision}.npy")
    return lambda: keras("embed", name=precision, paths=names, threads=threads, out=out, **settings)


def share_of_work(extractor: FeatureExtractor, paths: list[Path]) -> dict[str, float]:
    """Share of the CPU time in decoding and resampling, in mel spectrograms, and in the network, one thread at all."""
    ends = np.zeros(4)
    audio, threads = extractor.config.audio, torch.get_num_threads()
    torch.set_num_threads(1)
    with quiet_decoders():
        for start in range(0, len(paths), BATCH):
            begin = time.process_time()
            crops = [
                read_crop(path, audio.sample_rate, audio.seconds, audio.min_seconds)[0]
                for path in paths[start : start + BATCH]
            ]
            decoded = time.process_time()
            mels = np.stack([extractor.front_end.spectrogram(crop) for crop in crops])
            transformed = time.process_time()
            extractor.engine.run(mels, "embedding")
            ends += [begin, decoded, transformed, time.process_time()]
    torch.set_num_threads(threads)
    parts = np.diff(ends)
    return dict(zip(("decode_share", "mel_share", "network_share"), (parts / parts.sum()).tolist(), strict=True))


def least_cosine(root: Path) -> float:
    """Compare both features of each file: resampling differs, and so may frequencies near 8 kHz."""
    ours, theirs = read_features(root / "float32.parquet").vectors, np.load(root / "float32.npy")
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / lengths).min())


def summarise(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Take the faster precision of each."""
    speeds = {row["candidate"]: row["files_per_s"] for row in rows}
    ours = max(speed for name, speed in speeds.items() if name.startswith("hearlog"))
    return {
        "files_per_s": ours,
        "ratio_to_librosa_keras": ours / max(speed for name, speed in speeds.items() if not name.startswith("hearlog")),
    }


if __name__ == "__main__":
    about = __doc__.replace("PACKAGES", PACKAGES)
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, metavar="MUSIC")
    parser.add_argument("--files", type=int, default=128, help="at most so many (default: 128)")
    parser.add_argument("--quick", action="store_true", help="a quarter of the files, measured once")
    arguments = parser.parse_args()
    if not arguments.folder:
        print(about)
    files = arguments.files // 4 if arguments.quick else arguments.files
    main(arguments.folder, files, 1 if arguments.quick else 3)
