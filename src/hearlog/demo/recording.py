"""Render and encode audio files, the same bytes for the same seed."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from scipy.signal import firwin, resample_poly

from hearlog.demo import performance, production, scenes
from hearlog.demo.styles import Piece

FORMATS: dict[str, dict[str, Any]] = {
    # A low bit rate saves a third of the encoder's time, the largest part of all.
    ".mp3": {"format": "MP3", "bitrate_mode": "VARIABLE", "compression_level": 0.9},
    ".ogg": {"format": "OGG", "subtype": "VORBIS"},
    ".flac": {"format": "FLAC", "subtype": "PCM_16"},
    ".wav": {"format": "WAV", "subtype": "PCM_16"},
    ".au": {"format": "AU", "subtype": "PCM_16"},
}
_HALF_BAND = firwin(25, 0.5).astype(np.float32)
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Recording(NamedTuple):
    """An audio file to be written: music of a studio, or a scene.

    ``seed`` is the file's own, so that no file depends on which process writes it, or when.
    """

    path: Path
    content: Piece | scenes.Scene
    studio: str
    seconds: float
    sample_rate: int
    channels: int
    seed: tuple[int, ...]
    subtype: str | None = None


def write(recording: Recording) -> None:
    """Render a recording and write its file."""
    encode(recording.path, render(recording), recording.sample_rate, recording.subtype)


def render(recording: Recording) -> np.ndarray:
    """Render a recording: float32 (samples, channels), within -1 and 1."""
    rng = np.random.default_rng(recording.seed)
    # What lies above 11 kHz is inaudible to the pipeline (16 kHz) and would double the time.
    halved = recording.sample_rate >= 32000
    rate = recording.sample_rate // 2 if halved else recording.sample_rate
    if isinstance(recording.content, Piece):
        signal = performance.play(recording.content, recording.seconds, rate, rng)
        studio = production.draw(recording.studio, recording.content.age, rng)
        sound = production.master(signal, studio, recording.channels, rate, rng)
    else:
        sound = scenes.render(recording.content, recording.seconds, rate, rng)
    return resample_poly(sound, 2, 1, window=_HALF_BAND) if halved else sound


def encode(path: Path, sound: np.ndarray, sample_rate: int, subtype: str | None = None) -> None:
    """Write a sound in the format of its suffix.

    Parameters
    ----------
    path
        A file with a suffix of `FORMATS`; its folder is made.
    sound
        float32 (samples, channels) or (samples,).
    sample_rate
        In Hz.
    subtype
        Instead of the suffix's own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = FORMATS[path.suffix] | ({"subtype": subtype} if subtype else {})
    soundfile.write(path, np.clip(sound, -0.99, 0.99), sample_rate, **settings)
    if path.suffix == ".ogg":
        path.write_bytes(with_serial_number(path.read_bytes(), 1))


def with_serial_number(ogg: bytes, serial: int) -> bytes:
    """Give an Ogg stream a fixed serial number; libsndfile takes a new one from the clock each time.

    Page layout and checksum: RFC 3533, section 6.
    """
    content, start = bytearray(ogg), 0
    while start < len(content):
        segments = content[start + 26]
        end = start + 27 + segments + sum(content[start + 27 : start + 27 + segments])
        content[start + 14 : start + 18] = serial.to_bytes(4, "little")
        content[start + 22 : start + 26] = bytes(4)
        content[start + 22 : start + 26] = _ogg_checksum(bytes(content[start:end])).to_bytes(4, "little")
        start = end
    return bytes(content)


def _ogg_checksum(page: bytes) -> int:
    """CRC-32 with the bits of zlib's in reverse order, from 0 and not inverted."""
    reflected = zlib.crc32(page.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
