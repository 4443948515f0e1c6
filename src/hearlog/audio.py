"""An audio file: what it holds, and its middle as a crop, mono, at one sample rate (paper, section 3.1.3)."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TextIO

import numpy as np
import soundfile
import torch
from torch.nn import functional
from torchaudio.transforms import Resample

from hearlog.files import is_lfs_pointer

# torchaudio's default kernel loses 1.8 dB at 7 kHz and aliases; this is its documented "Kaiser best".
KERNEL_WIDTH, ROLLOFF, KAISER_BETA = 64, 0.9475937167399596, 14.769656459379492
# The kernel has a phase for each output sample of the ratio's period: 160 from 44,100 Hz, 640 from 11,025 Hz; at
# 44,099 Hz it would have 16,000, and take gigabytes.
MOST_PHASES = 640
SAMPLES_TOGETHER = 160
FULL_SCALE = 32768  # of int16: a 16-bit file at the target rate passes through unchanged
LONGEST_MP3_FRAME = 1441  # bytes: 320 kbit/s at 32 kHz, padded
COUNTED_AT_ONCE = 2**16  # frames
UNKNOWN = 2**63 - 1  # frames, by libsndfile, of FLAC from an encoder that could not go back to write their number


class UnusableAudioError(Exception):
    """A file that cannot give a crop: ``reason`` is one of few words, ``detail`` says what was seen."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class FileInfo:
    """What a file holds, before cropping: length in seconds (NaN: not known), sample rate in Hz, channels."""

    seconds: float
    sample_rate: int
    channels: int


def read_info(path: Path, sample_rate: int, min_seconds: float) -> FileInfo:
    """Read what the header of a file says, and nothing else: a fraction of a millisecond.

    What only decoding shows stays unseen: silence, samples that are not finite, damage after the header, and that an
    ogg or mp3 file was cut short. The length of an mp3 file without a frame count is the decoder's guess; that of a
    FLAC file without one is NaN.

    Parameters
    ----------
    path, sample_rate, min_seconds
        As in `read_crop`.

    Raises
    ------
    UnusableAudioError
        As `read_crop` would, with reason ``missing``, ``unreadable``, ``truncated``, ``short`` or ``sample rate``.
    """
    with _open(path) as file:
        return _inspect(path, file, file.frames, sample_rate, min_seconds)


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
    with _open(path) as file:
        frames = _count_frames(path, file)
        info = _inspect(path, file, frames, sample_rate, min_seconds)
        middle = _read_middle(file, frames, sample_rate, seconds)
    return _quantise(_fit(middle, round(seconds * sample_rate))), info


@contextmanager
def quiet_decoders() -> Iterator[TextIO]:
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


@contextmanager
def _open(path: Path) -> Iterator[_SoundFile]:
    """Open a file; whatever cannot be read of it, now or later, makes it unusable."""
    try:
        if not path.is_file():
            raise UnusableAudioError("missing", "no such file")
        _refuse_stand_in(path)
        with _SoundFile(os.fsencode(path)) as file:
            yield file
    except OSError as error:
        raise UnusableAudioError("unreadable", (error.strerror or str(error)).lower()) from None
    except soundfile.LibsndfileError as error:
        raise UnusableAudioError("unreadable", error.error_string) from None


class _SoundFile(soundfile.SoundFile):
    """A sound file; where its length is not known libFLAC cannot seek, as soundfile would after every read."""

    def seekable(self) -> bool:
        return self.frames != UNKNOWN and super().seekable()


def _refuse_stand_in(path: Path) -> None:
    if path.stat().st_size == 0:
        raise UnusableAudioError("unreadable", "empty file")
    if is_lfs_pointer(path):
        raise UnusableAudioError("unreadable", "a Git LFS pointer, not the file: run `git lfs pull`")


def _inspect(path: Path, file: soundfile.SoundFile, frames: int, sample_rate: int, min_seconds: float) -> FileInfo:
    """Say what a file holds, or why that gives no crop."""
    announced, size = _announced_bytes(path), path.stat().st_size
    if announced > size + 8:  # some writers count the 8 bytes of the RIFF header in
        raise UnusableAudioError("truncated", f"header announces {announced} bytes, file has {size}")
    seconds = math.nan if frames == UNKNOWN else frames / file.samplerate
    info = FileInfo(seconds, file.samplerate, file.channels)
    if info.seconds < min_seconds:
        raise UnusableAudioError("short", f"{info.seconds:.2f} s, at least {min_seconds:g} s needed")
    if sample_rate // math.gcd(info.sample_rate, sample_rate) > MOST_PHASES:
        detail = f"{info.sample_rate} Hz has no simple ratio to {sample_rate} Hz: resample it"
        raise UnusableAudioError("sample rate", detail)
    return info


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


def _count_frames(path: Path, file: _SoundFile) -> int:
    """Count the frames of an mp3 or FLAC file that holds no count of its own, by decoding it; take others' as they say.

    libsndfile guesses an mp3 file's from the size of the file, embedded pictures included. Intact files of constant bit
    rate at 44,100 Hz come out some thousand frames too long, and would seem truncated.
    """
    if file.frames == UNKNOWN:
        with _SoundFile(os.fsencode(path)) as other:  # `file` could not go back to its beginning
            return _decode(other)
    return _decode(file) if file.format == "MP3" and not _has_frame_count(path) else file.frames


def _decode(file: _SoundFile) -> int:
    """Decode a file to its end; return its frames."""
    frames = 0
    while block := len(file.read(COUNTED_AT_ONCE, dtype="float32")):
        frames += block
    return frames


def _has_frame_count(path: Path) -> bool:
    """Whether the first frame of an mp3 file is that of Xing and LAME, which holds the number of the others."""
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3":  # a tag before the audio; its size is in four groups of 7 bits
            file.seek(10 + sum(bits << shift for bits, shift in zip(head[6:], (21, 14, 7, 0), strict=True)))
            head = b""
        first = head + file.read(LONGEST_MP3_FRAME)
    return b"Xing" in first or b"Info" in first


def _read_middle(file: _SoundFile, frames: int, sample_rate: int, seconds: float) -> np.ndarray:
    """Read, mix down and resample the middle; float32, as many samples as there are, up to ``seconds``."""
    resample, margin, skip = _resampler(file.samplerate, sample_rate)
    wanted = min(math.ceil(seconds * file.samplerate), frames)
    begin = (frames - wanted) // 2
    if begin < margin:  # a file about as long as the crop: nothing stands beyond its ends
        margin = skip = 0
    _go_to(file, begin - margin)
    expected = min(wanted + 2 * margin, frames - begin + margin)
    samples = file.read(expected, dtype="float32", always_2d=True)
    if len(samples) < expected:
        detail = f"{frames} frames announced, none after {begin - margin + len(samples)}"
        raise UnusableAudioError("truncated", detail)
    if not np.isfinite(samples).all():
        raise UnusableAudioError("not finite", "samples that are NaN or infinite")
    channels = samples.shape[1]
    mono = torch.from_numpy(samples @ np.full(channels, 1 / channels, np.float32))  # mean(axis=1) takes 50 times longer
    return resample(mono).numpy()[skip : skip + math.ceil(seconds * sample_rate)]


def _go_to(file: _SoundFile, frame: int) -> None:
    """Move a newly opened file to a frame, if need be by decoding all before it."""
    if file.seekable():
        file.seek(frame)
        return
    for begin in range(0, frame, COUNTED_AT_ONCE):
        file.read(min(frame - begin, COUNTED_AT_ONCE), dtype="float32")


@lru_cache(maxsize=32)
def _resampler(source_rate: int, sample_rate: int) -> tuple[torch.nn.Module, int, int]:
    """Return a resampler, the frames to read beyond both ends for its kernel, and the samples they become."""
    if source_rate == sample_rate:
        return torch.nn.Identity(), 0, 0
    common = math.gcd(source_rate, sample_rate)
    source_step, step = source_rate // common, sample_rate // common
    blocks = math.ceil(KERNEL_WIDTH / ROLLOFF / min(source_step, step))
    resample = Resample(source_rate, sample_rate, "sinc_interp_kaiser", KERNEL_WIDTH, ROLLOFF, KAISER_BETA)
    return _BlockResample(resample, source_step, step), blocks * source_step, blocks * step


class _BlockResample(torch.nn.Module):
    """Resampling with torchaudio's kernel, `SAMPLES_TOGETHER` output samples in one product.

    From 48,000 to 16,000 Hz the kernel has a single phase, and torchaudio's convolution a single output channel, which
    takes 5 times longer than this.

    Parameters
    ----------
    resample
        torchaudio's, whose kernel is taken.
    source_step, step
        The ratio of the sample rates in lowest terms: so many samples become so many.
    """

    def __init__(self, resample: Resample, source_step: int, step: int) -> None:
        super().__init__()
        copies = max(SAMPLES_TOGETHER // step, 1)
        kernel = resample.kernel[:, 0]
        taps = kernel.shape[1]
        self.stride, self.step, self.source_step, self.width = copies * source_step, step, source_step, resample.width
        self.kernel = torch.zeros(copies * step, taps + (copies - 1) * source_step)
        for copy in range(copies):
            begin = copy * source_step
            self.kernel[copy * step : (copy + 1) * step, begin : begin + taps] = kernel

    def forward(self, mono: torch.Tensor) -> torch.Tensor:
        """Resample one channel."""
        padded = functional.pad(mono, (self.width, self.width + self.stride))
        blocks = functional.conv1d(padded[None, None], self.kernel[:, None], stride=self.stride)
        return blocks[0].T.reshape(-1)[: -(-len(mono) * self.step // self.source_step)]


def _fit(samples: np.ndarray, length: int) -> np.ndarray:
    missing = max(length - len(samples), 0)
    return np.pad(samples[:length], (missing // 2, missing - missing // 2))


def _quantise(samples: np.ndarray) -> np.ndarray:
    crop = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    if not crop.any():
        raise UnusableAudioError("silent", "every sample of the crop is zero")
    return crop
