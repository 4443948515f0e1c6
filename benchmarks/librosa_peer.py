"""Decoding and mel spectrograms by librosa, as its users write them; run by `benchmarks.peer`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import librosa
import numpy as np

from benchmarks.peer import serve


def mel(crops: str, out: str, sample_rate: int, n_fft: int, hop_length: int, n_mels: int) -> None:
    """Transform int16 crops, clip by clip, to float16 log-mel spectrograms with samples / hop_length frames."""
    missing = n_fft - hop_length
    padding = (missing // 2, missing - missing // 2)
    options = {"sr": sample_rate, "n_fft": n_fft, "hop_length": hop_length, "n_mels": n_mels, "center": False}
    mels = []
    for clip in np.load(crops, mmap_mode="r"):
        samples = np.pad(clip.astype(np.float32) / 32768, padding)
        power = librosa.feature.melspectrogram(y=samples, **options)
        mels.append(librosa.power_to_db(power, top_db=None).astype(np.float16))
    np.save(out, np.stack(mels))


def crop(paths: list[str], sample_rate: int, seconds: float, out: str, threads: int) -> None:
    """Load the middle of each file, mono, at one sample rate, as int16."""

    def load(path: str) -> np.ndarray:
        offset = (librosa.get_duration(path=path) - seconds) / 2
        samples, _ = librosa.load(path, sr=sample_rate, offset=offset, duration=seconds)
        samples = librosa.util.fix_length(samples, size=round(seconds * sample_rate))
        return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)

    with ThreadPoolExecutor(threads) as pool:
        np.save(out, np.stack(list(pool.map(load, paths))))


if __name__ == "__main__":
    serve({"mel": mel, "crop": crop}, ["librosa", "soxr"])
