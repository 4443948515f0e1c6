"""An audio file: what it holds, its middle as a crop, and the whole of it as one channel."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import soundfile

from hearlog.audio import aac, mp3
from hearlog.audio.aac import AacFile
from hearlog.audio.containers import announced_bytes, check_pages
from hearlog.audio.crop import UnusableAudioError, check_sound, find_part, mix, refuse_silence
from hearlog.util.files import is_lfs_pointer

# Of sound files. libsndfile names its formats, some of which have other endings.
SUFFIXES = {f".{name.lower()}" for name in soundfile.available_formats()}
SUFFIXES |= {".aif", ".aifc", ".oga", ".opus", ".snd", *aac.SUFFIXES}
SUFFIXES -= {".raw", ".mat4", ".mat5"}  # has no header; and what MATLAB writes is rarely sound
DECODED_AT_ONCE = 2**16  # frames
# So far back may frames of mp3 lean on earlier ones: 511 bytes, which are 20 of the shortest, and one for the overlap.
MP3_MEMORY = 24 * 1152
# Streams of ogg that were cut from longer ones, or end within a block, may hold a little less than their pages count.
OGG_SLACK = 0.25  # seconds
NO_MP3 = 7  # libsndfile's error for a file named .mp3 that is none: "File does not exist or is not a regular file"
UNKNOWN = 2**63 - 1  # frames, by libsndfile, of FLAC from an encoder that could not go back to write their number


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
        Any format libsndfile reads: wav, flac, ogg, opus, mp3, au, aiff; and those of `hearlog.audio.aac`.
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
        if file.format == "OGG":
            check_pages(path)
        frames = _count_frames(path, file)
        info = _inspect(path, file, frames, sample_rate, min_seconds)
        part = find_part(frames, file.samplerate, sample_rate, seconds)
        _go_to(file, part.begin)
        mono = mix(_read(file, part.frames, part.begin, frames))
    return refuse_silence(part.crop(mono)), info


def read_sound(path: Path, sample_rate: int, min_seconds: float) -> tuple[np.ndarray, FileInfo]:
    """Decode a whole file.

    Parameters
    ----------
    path, sample_rate, min_seconds
        As in `read_crop`; the sound keeps its own sample rate.

    Returns
    -------
    float32, (frames,), mono; and what the file holds. It takes 4 bytes a frame: 10 MB a minute at 44,100 Hz.

    Raises
    ------
    UnusableAudioError
        As `read_crop`, but not for silence.
    """
    with _open(path) as file:
        if file.format == "OGG":
            check_pages(path)
        frames = _count_frames(path, file)
        info = _inspect(path, file, frames, sample_rate, min_seconds)
        _go_to(file, 0)
        mono, end = np.empty(frames, np.float32), 0
        for begin in range(0, frames, DECODED_AT_ONCE):
            block = mix(_read(file, min(DECODED_AT_ONCE, frames - begin), begin, frames))
            mono[end : end + len(block)] = block
            end += len(block)
    return mono[:end], info


@contextmanager
def quiet_decoders() -> Iterator[TextIO]:
    """Send what C libraries write to stderr nowhere; yield the real one.

    libmpg123 complains of every seek into an mp3 file whose frames lean on earlier ones, which are decoded for nothing.
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
def _open(path: Path) -> Iterator[_SoundFile | AacFile]:
    """Open a file; whatever cannot be read of it, now or later, makes it unusable."""
    try:
        if not path.is_file():
            raise UnusableAudioError("missing", "no such file")
        _refuse_stand_in(path)
        is_aac = path.suffix.lower() in aac.SUFFIXES
        with nullcontext(AacFile(path)) if is_aac else _SoundFile(os.fsencode(path)) as file:
            yield file
    except OSError as error:
        raise UnusableAudioError("unreadable", (error.strerror or str(error)).lower()) from None
    except soundfile.LibsndfileError as error:
        said = "Format not recognised." if error.code == NO_MP3 else error.error_string
        raise UnusableAudioError("unreadable", said) from None


class _SoundFile(soundfile.SoundFile):
    """A sound file in which soundfile does not seek after every read, to where it stands already.

    libFLAC cannot, where the length is not known; in mp3 what is read next would lack what its frames lean on.
    """

    def seekable(self) -> bool:
        return False

    @property
    def has_index(self) -> bool:
        """Whether one may seek in it."""
        return self.frames != UNKNOWN and super().seekable()


def _refuse_stand_in(path: Path) -> None:
    if path.stat().st_size == 0:
        raise UnusableAudioError("unreadable", "empty file")
    if is_lfs_pointer(path):
        raise UnusableAudioError("unreadable", "a Git LFS pointer, not the file: run `git lfs pull`")


def _inspect(path: Path, file: _SoundFile | AacFile, frames: int, sample_rate: int, min_seconds: float) -> FileInfo:
    """Say what a file holds, or why that gives no crop."""
    announced, size = announced_bytes(path), path.stat().st_size
    if announced > size + 8:  # some writers count the 8 bytes of the RIFF header in
        raise UnusableAudioError("truncated", f"header announces {announced} bytes, file has {size}")
    seconds = math.nan if frames == UNKNOWN else frames / file.samplerate
    info = FileInfo(seconds, file.samplerate, file.channels)
    check_sound(seconds, file.samplerate, sample_rate, min_seconds)
    return info


def _count_frames(path: Path, file: _SoundFile | AacFile) -> int:
    """Count the frames of a file that holds no count of its own: some mp3 and FLAC, and AAC.

    libsndfile guesses an mp3 file's from the size of the file, embedded pictures included, and reads no further. Intact
    files of constant bit rate at 44,100 Hz come out some thousand frames too long, and would seem truncated.
    """
    if isinstance(file, AacFile):
        return len(file.samples)
    if file.frames == UNKNOWN:
        with _SoundFile(os.fsencode(path)) as other:  # `file` could not go back to its beginning
            return _decode(other)
    if file.format != "MP3" or mp3.has_count(path):
        return file.frames
    counted = mp3.count_samples(path)
    return _decode(file) if counted is None else min(counted, file.frames)


def _decode(file: _SoundFile) -> int:
    """Decode a file to its end; return its frames."""
    frames = 0
    while block := len(file.read(DECODED_AT_ONCE, dtype="float32")):
        frames += block
    return frames


def _read(file: _SoundFile | AacFile, count: int, begin: int, frames: int) -> np.ndarray:
    """Read ``count`` frames from where the file stands, which is frame ``begin`` of ``frames``."""
    samples: np.ndarray = file.read(count, dtype="float32", always_2d=True)
    slack = OGG_SLACK * file.samplerate if file.format == "OGG" else 0
    if len(samples) < count - slack:
        raise UnusableAudioError("truncated", f"{frames} frames announced, none after {begin + len(samples)}")
    return samples


def _go_to(file: _SoundFile | AacFile, frame: int) -> None:
    """Move an opened file to a frame, if need be by decoding some or all before it."""
    start = 0
    if file.has_index:
        start = max(frame - MP3_MEMORY, 0) if file.format == "MP3" else frame
        file.seek(start)
    for begin in range(start, frame, DECODED_AT_ONCE):
        file.read(min(frame - begin, DECODED_AT_ONCE), dtype="float32")
