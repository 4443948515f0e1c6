"""AAC, as in .m4a files: libsndfile does not read it, FFmpeg does through torchcodec, where both are installed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hearlog.audio.crop import UnusableAudioError

SUFFIXES = (".aac", ".m4a", ".mp4")
NEEDED = "AAC needs torchcodec and FFmpeg: pip install torchcodec; apt-get install ffmpeg"


class AacFile:
    """A file of one of `SUFFIXES`, with what `hearlog.audio.decode` uses of soundfile's interface.

    The whole file is decoded when samples of it are first wanted, since torchcodec's seeks are not exact: 8 bytes a
    frame of two channels, 21 MB a minute at 44,100 Hz.

    Parameters
    ----------
    path
        Of the file.

    Attributes
    ----------
    frames
        By the header; a guess where there is none, in .aac.
    samplerate, channels
        In Hz, and their number.

    Raises
    ------
    UnusableAudioError
        With reason ``unreadable``, here and where samples are first wanted.
    """

    format, has_index = "AAC", True

    def __init__(self, path: Path) -> None:
        try:
            from torchcodec.decoders import AudioDecoder
        except (ImportError, OSError, RuntimeError):  # RuntimeError: no FFmpeg, or another torch than it was built for
            raise UnusableAudioError("unreadable", NEEDED) from None
        try:
            self._decoder = AudioDecoder(path)
        except (RuntimeError, ValueError) as error:
            raise UnusableAudioError("unreadable", _reason(error)) from None
        about = self._decoder.metadata
        self.samplerate, self.channels = int(about.sample_rate), int(about.num_channels)
        self.frames = round((about.duration_seconds_from_header or 0) * self.samplerate)
        self._position = 0

    @cached_property
    def samples(self) -> np.ndarray:
        """All of the file, float32, frames x channels."""
        try:
            decoded: np.ndarray = self._decoder.get_all_samples().data.numpy()
        except RuntimeError as error:
            raise UnusableAudioError("unreadable", _reason(error)) from None
        return decoded.T

    def seek(self, frame: int) -> None:
        """Move to a frame."""
        self._position = frame

    def read(self, frames: int, **options: Any) -> np.ndarray:
        """Return the next frames, float32, frames x channels; ``options``, which soundfile needs, change nothing."""
        begin = self._position
        self._position = min(begin + frames, len(self.samples))
        return self.samples[begin : self._position]


def _reason(error: Exception) -> str:
    """Say what FFmpeg said, without the place in torchcodec's source that comes before it."""
    said = str(error).partition("\n")[0]
    if "best audio stream is unknown" in said:
        return "no audio in it"
    return f"FFmpeg cannot read it: {said.partition('.cpp:')[2].partition(', ')[2] or said}"
