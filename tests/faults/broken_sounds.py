"""Sound files with faults: how each is made, and what is expected of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from sound_files import RATE, make_sound

SECONDS = 9.0
Make = Callable[[Path], None]
FORMATS = {"wav": RATE, "flac": 22050, "ogg": 44100, "opus": 48000, "mp3": 44100, "aiff": 8000, "au": RATE}


def sound(seconds: float = SECONDS, rate: int = RATE, channels: int = 1, **options: str) -> Make:
    """Write so much of a sound that is not silent."""
    samples = np.tile(make_sound(seconds, rate)[:, None], channels)
    return lambda path: soundfile.write(path, samples, rate, **options)


def samples(values: np.ndarray, subtype: str = "FLOAT") -> Make:
    return lambda path: soundfile.write(path, values, RATE, subtype=subtype)


def content(of: bytes) -> Make:
    return lambda path: path.write_bytes(of) and None


def link(to: str) -> Make:
    return lambda path: path.symlink_to(to)


def spoiled(value: float) -> np.ndarray:
    """A sound with one sample that is no number, in its middle."""
    values = make_sound(SECONDS)
    values[len(values) // 2] = value
    return values


def write_as(path: Path, kind: str, rate: int) -> None:
    options = {"format": "OGG", "subtype": "OPUS"} if kind == "opus" else {"format": kind.upper()}
    soundfile.write(path, make_sound(SECONDS, rate), rate, **options)


def named_otherwise(kind: str) -> Make:
    """A sound of one kind whose name says another."""
    return lambda path: write_as(path, kind, FORMATS[kind])


# Name of the file: the fault, how it is made, and the reason for which it is left out; None where it gives a crop.
FAULTS: dict[str, tuple[str, Make, str | None]] = {
    "missing.wav": ("missing", lambda path: None, "missing"),
    "broken_link.wav": ("broken symlink", link("nowhere.wav"), "missing"),
    "loop.wav": ("symlink to itself", link("loop.wav"), "missing"),
    "folder.wav": ("a folder", Path.mkdir, "missing"),
    "0_bytes.wav": ("empty (0 bytes)", Path.touch, "unreadable"),
    "0_bytes.mp3": ("empty (0 bytes)", Path.touch, "unreadable"),
    "0_frames.wav": ("zero-length audio", sound(0.0), "short"),
    "0_frames.flac": ("zero-length audio", sound(0.0), "unreadable"),
    "1_sample.wav": ("1 sample", samples(np.ones(1)), "short"),
    "silent.wav": ("silent", samples(np.zeros(9 * RATE), "PCM_16"), "silent"),
    "nan.wav": ("NaN", samples(spoiled(np.nan)), "not finite"),
    "infinite.wav": ("infinite", samples(spoiled(np.inf)), "not finite"),
    "8_channels.wav": ("8 channels", sound(channels=8), None),
    "8_channels.flac": ("8 channels", sound(channels=8), None),
    "192_khz.wav": ("192 kHz", sound(rate=192_000), None),
    "192_khz.flac": ("192 kHz", sound(rate=192_000), None),
    "odd_rate.wav": ("a rate of no simple ratio", sound(rate=44_101), "sample rate"),
    "text.mp3": ("text", content(b"no sound " * 1000), "unreadable"),
    "header.wav": ("a header and no more", content(b"RIFF\x24\0\0\0WAVE"), "unreadable"),
    "wav.mp3": ("wrong extension", named_otherwise("wav"), None),
    "mp3.wav": ("wrong extension", named_otherwise("mp3"), None),
    "flac.ogg": ("wrong extension", named_otherwise("flac"), None),
    "ogg.flac": ("wrong extension", named_otherwise("ogg"), None),
    f"{'x' * 251}.wav": ("a name of 255 bytes", sound(), None),
    f"{'x' * 256}.wav": ("a name that is too long", lambda path: None, "unreadable"),
    "quotes \"' , ; `$(ls)` 音楽 ünï.wav": ("quotes, shell and unicode in the name", sound(), None),
    "tab\tand newline\n.wav": ("tab and newline in the name", sound(), None),
}
