"""Audio files to crops: the middle of each file, mono, at one sample rate (paper, section 3.1.3)."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
import soundfile
import torch
from torchaudio.transforms import Resample
from tqdm import tqdm

from hearlog.errors import InputError

# torchaudio's default kernel loses 1.8 dB at 7 kHz and aliases; this is its documented "Kaiser best".
KERNEL_WIDTH, ROLLOFF, KAISER_BETA = 64, 0.9475937167399596, 14.769656459379492
# The kernel has a phase for each output sample of the ratio's period: 160 from 44,100 Hz, 640 from 11,025 Hz; at
# 44,099 Hz it would have 16,000, and take gigabytes.
MOST_PHASES = 640
FULL_SCALE = 32768  # of int16: a 16-bit file at the target rate passes through unchanged
REJECTED_COLUMNS = ["item_id", "path", "reason", "detail"]


class UnusableAudioError(Exception):
    """A file that cannot give a crop: ``reason`` is one of few words, ``detail`` says what was seen."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class FileInfo:
    """What a file holds, before cropping: length in seconds, sample rate in Hz, channels."""

    seconds: float
    sample_rate: int
    channels: int


def read_crop(path: Path, sample_rate: int, seconds: float, min_seconds: float) -> tuple[np.ndarray, FileInfo]:
    """Decode the middle of a file.

    Only the middle is decoded. A file shorter than ``seconds`` is padded with zeros equally on both sides.

    Parameters
    ----------
    path
        Any format libsndfile reads: wav, flac, ogg, opus, mp3, au, aiff.
    sample_rate
        Of the crop, in Hz.
    seconds
        Length of the crop.
    min_seconds
        Shortest file that is accepted.

    Returns
    -------
    Crop, int16, ``round(seconds * sample_rate)`` samples; and what the file holds.

    Raises
    ------
    UnusableAudioError
        With reason ``missing``, ``unreadable``, ``truncated``, ``short``, ``sample rate``, ``not finite`` or
        ``silent``.
    """
    if not path.is_file():
        raise UnusableAudioError("missing", "no such file")
    try:
        with soundfile.SoundFile(path) as file:
            info = FileInfo(file.frames / file.samplerate, file.samplerate, file.channels)
            _check_length(path, file, info, min_seconds)
            middle = _read_middle(file, sample_rate, seconds)
    except soundfile.LibsndfileError as error:
        raise UnusableAudioError("unreadable", error.error_string) from None
    return _quantise(_fit(middle, round(seconds * sample_rate))), info


def _check_length(path: Path, file: soundfile.SoundFile, info: FileInfo, min_seconds: float) -> None:
    announced = _announced_bytes(path)
    if announced > path.stat().st_size + 8:  # some writers count the 8 bytes of the RIFF header in
        raise UnusableAudioError("truncated", f"header announces {announced} bytes, file has {path.stat().st_size}")
    if info.seconds < min_seconds:
        raise UnusableAudioError("short", f"{info.seconds:.2f} s, at least {min_seconds:g} s needed")


def _announced_bytes(path: Path) -> int:
    """File size by the header of a wav or au file; 0 where the header does not say.

    libsndfile takes what it finds in these formats for the whole, which would shift the middle.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if head[:4] == b"RIFF" and head[4:8] != b"\xff\xff\xff\xff":
        return 8 + int.from_bytes(head[4:8], "little")
    if head[:4] == b".snd" and head[8:12] != b"\xff\xff\xff\xff":
        return int.from_bytes(head[4:8], "big") + int.from_bytes(head[8:12], "big")
    return 0


def _read_middle(file: soundfile.SoundFile, sample_rate: int, seconds: float) -> np.ndarray:
    """Read, mix down and resample the middle; float32, as many samples as there are, up to ``seconds``."""
    resample, margin, skip = _resampler(file.samplerate, sample_rate)
    wanted = min(math.ceil(seconds * file.samplerate), file.frames)
    begin = (file.frames - wanted) // 2
    if begin < margin:  # a file about as long as the crop: nothing stands beyond its ends
        margin = skip = 0
    file.seek(begin - margin)
    expected = min(wanted + 2 * margin, file.frames - begin + margin)
    samples = file.read(expected, dtype="float32", always_2d=True)
    if len(samples) < expected:
        detail = f"{file.frames} frames announced, none after {begin - margin + len(samples)}"
        raise UnusableAudioError("truncated", detail)
    if not np.isfinite(samples).all():
        raise UnusableAudioError("not finite", "samples that are NaN or infinite")
    mono = torch.from_numpy(samples.mean(axis=1))
    return resample(mono).numpy()[skip : skip + math.ceil(seconds * sample_rate)]


@lru_cache(maxsize=32)
def _resampler(source_rate: int, sample_rate: int) -> tuple[torch.nn.Module, int, int]:
    """Return a resampler, the frames to read beyond both ends for its kernel, and the samples they become."""
    if source_rate == sample_rate:
        return torch.nn.Identity(), 0, 0
    common = math.gcd(source_rate, sample_rate)
    source_step, step = source_rate // common, sample_rate // common
    if step > MOST_PHASES:
        raise UnusableAudioError(
            "sample rate", f"{source_rate} Hz has no simple ratio to {sample_rate} Hz: resample it"
        )
    blocks = math.ceil(KERNEL_WIDTH / ROLLOFF / min(source_step, step))
    resample = Resample(source_rate, sample_rate, "sinc_interp_kaiser", KERNEL_WIDTH, ROLLOFF, KAISER_BETA)
    return resample, blocks * source_step, blocks * step


def _fit(samples: np.ndarray, length: int) -> np.ndarray:
    missing = max(length - len(samples), 0)
    return np.pad(samples[:length], (missing // 2, missing - missing // 2))


def _quantise(samples: np.ndarray) -> np.ndarray:
    crop = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    if not crop.any():
        raise UnusableAudioError("silent", "every sample of the crop is zero")
    return crop


def crop_items(
    items: pd.DataFrame,
    root: Path,
    out: Path,
    *,
    sample_rate: int,
    seconds: float,
    min_seconds: float,
    max_rejected: float,
    threads: int,
) -> dict[str, int | dict[str, int]]:
    """Crop every item's file into one array, and list what had to be left out.

    Parameters
    ----------
    items
        With columns ``item_id`` and ``path``, relative to ``root``.
    root
        Folder of the audio files.
    out
        Folder for ``crops.npy``, ``clips.parquet`` and ``rejected.parquet`` (see `hearlog.corpus.Corpus`).
    sample_rate, seconds, min_seconds
        As in `read_crop`.
    max_rejected
        Largest share of items that may be left out.
    threads
        Files decoded at once.

    Returns
    -------
    Counts: ``accepted``, and ``rejected`` by reason.

    Raises
    ------
    InputError
        If more than ``max_rejected`` of the items cannot be used, with the reasons and the first of them.
    """
    out.mkdir(parents=True, exist_ok=True)

    def crop(path: str) -> tuple[np.ndarray, FileInfo] | UnusableAudioError:
        try:
            return read_crop(root / path, sample_rate, seconds, min_seconds)
        except UnusableAudioError as unusable:
            return unusable

    clips, rejected = [], []
    with (
        _quiet_decoders() as terminal,
        ThreadPoolExecutor(threads) as pool,
        RowWriter(out / "crops.npy", (round(seconds * sample_rate),), np.int16) as writer,
    ):
        results = tqdm(pool.map(crop, items["path"]), "crop", len(items), file=terminal, unit="file", disable=None)
        for item_id, path, result in zip(items["item_id"], items["path"], results, strict=True):
            if isinstance(result, UnusableAudioError):
                rejected.append((item_id, path, result.reason, result.detail))
            else:
                writer.append(result[0])
                clips.append({"item_id": item_id, **asdict(result[1])})
    table = pd.DataFrame(rejected, columns=REJECTED_COLUMNS, dtype="str")
    table.to_parquet(out / "rejected.parquet", index=False)
    columns = ["item_id", *FileInfo.__dataclass_fields__]
    pd.DataFrame(clips, columns=columns).to_parquet(out / "clips.parquet", index=False)
    _check_share(table, len(items), root, max_rejected)
    reasons = table["reason"].value_counts().sort_index()
    return {"accepted": len(clips), "rejected": {str(reason): int(count) for reason, count in reasons.items()}}


@contextmanager
def _quiet_decoders() -> Iterator[TextIO]:
    """Send what C libraries write to stderr nowhere; yield the real one.

    libmpg123 complains of every seek into an mp3 file whose frames lean on earlier ones, and decodes it exactly.
    What matters of damage is seen in what was read.
    """
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w") as terminal, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield terminal
        finally:
            os.dup2(terminal.fileno(), 2)


def _check_share(rejected: pd.DataFrame, items: int, root: Path, limit: float) -> None:
    if items == 0:
        raise InputError(f"{root}: no items to crop")
    if len(rejected) > limit * items or len(rejected) == items:
        first = [f"  {root}/{row.path}: {row.reason} ({row.detail})" for row in rejected.head(5).itertuples()]
        raise InputError(
            f"{root}: {len(rejected)} of {items} files cannot be used, more than audio.max_rejected = {limit:g} "
            "allows. Mend or remove them, or raise the limit. The first:\n" + "\n".join(first)
        )


class RowWriter:
    """Writes a ``.npy`` array row by row, for a number of rows known only at the end.

    NumPy pads the header so that it keeps its length whatever the first dimension becomes.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        self.row_shape, self.dtype, self.rows = row_shape, np.dtype(dtype), 0
        self._file = path.open("wb")

    def __enter__(self) -> RowWriter:
        self._write_header()
        return self

    def append(self, row: np.ndarray) -> None:
        """Add one row of shape ``row_shape``."""
        self._file.write(np.ascontiguousarray(row, self.dtype).reshape(self.row_shape).tobytes())
        self.rows += 1

    def __exit__(self, *error: object) -> None:
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        shape = (self.rows, *self.row_shape)
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
