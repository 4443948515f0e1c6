"""Decoders of compressed music, on one file after the other; run by `benchmarks.peer`."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import av
import miniaudio
import numpy as np
import soundfile
from av.filter import Graph

from benchmarks.peer import serve

SECONDS, SHORT = 30, 2
PLACES = 3
TOLERANCE = 1e-5
BEFORE = 1 / 8  # seconds that FFmpeg decodes in addition, as frames overlap
DECODED_AT_ONCE = 2**16  # frames
REFUSALS = (soundfile.LibsndfileError, av.FFmpegError, miniaudio.MiniaudioError)


def judge(path: str, repeats: int) -> list[dict[str, Any]]:
    """Measure each candidate on a file, and count the places where it gives something else."""
    about = soundfile.info(path)
    whole, rate = soundfile.read(path, dtype="float32", always_2d=True)
    middle = (len(whole) - SECONDS * rate) // 2
    draw = random.Random(Path(path).name)  # noqa: S311
    begins = [draw.randrange(len(whole) - SHORT * rate) for _ in range(PLACES)]
    candidates = {"libsndfile": by_libsndfile, "FFmpeg": by_ffmpeg, "miniaudio": by_miniaudio}
    rows = {
        name: {"codec": about.subtype, "sample_rate": rate, "channels": about.channels, "candidate": name}
        | {"track": path, "ms": np.nan, "refused": 0, "places": 0, "wrong": 0}
        for name in candidates
    }
    for name, decode in [*candidates.items()] * repeats:
        begin = time.process_time()
        try:
            decode(path, middle, SECONDS * rate, about)
        except REFUSALS:
            rows[name]["refused"] = 1
        else:
            rows[name]["ms"] = np.fmin(rows[name]["ms"], 1000 * (time.process_time() - begin))
    for name, decode in candidates.items():
        if not rows[name]["refused"]:
            found = [decode(path, begin, SHORT * rate, about) for begin in begins]
            rows[name]["places"] = PLACES
            rows[name]["wrong"] = sum(
                not is_same(part, whole[begin : begin + SHORT * rate])
                for part, begin in zip(found, begins, strict=True)
            )
    return list(rows.values())


def is_same(part: np.ndarray, expected: np.ndarray) -> bool:
    """Whether these are the same samples, but for rounding."""
    return part.shape == expected.shape and bool(np.abs(part - expected).max() <= TOLERANCE)


def by_libsndfile(path: str, begin: int, frames: int, about: Any) -> np.ndarray:
    """Decode a part of a file, frames x channels."""
    with soundfile.SoundFile(path) as file:
        file.seek(begin)
        return file.read(frames, dtype="float32", always_2d=True)


def by_ffmpeg(path: str, begin: int, frames: int, about: Any) -> np.ndarray:
    """Decode a part of a file from where FFmpeg's seek says it is."""
    start = max(begin / about.samplerate - BEFORE, 0)
    graph = Graph()
    source = graph.add("amovie", filename=path, seek_point=f"{start:.6f}")
    blocks, sink = graph.add("asetnsamples", n=str(DECODED_AT_ONCE), p="0"), graph.add("abuffersink")
    source.link_to(blocks)
    blocks.link_to(sink)
    graph.configure()
    part = np.zeros((about.channels, frames), np.float32)
    at = None
    while at is None or at < frames:
        try:
            frame = sink.pull()
        except av.EOFError:
            break
        at = round(frame.pts * frame.time_base * about.samplerate) - begin if at is None else at
        samples = frame.to_ndarray()
        if not frame.format.is_planar:
            samples = samples.reshape(-1, about.channels).T
        block = samples[:, max(-at, 0) : max(frames - at, 0)]
        part[:, max(at, 0) : max(at, 0) + block.shape[1]] = block
        at += frame.samples
    return part.T


def by_miniaudio(path: str, begin: int, frames: int, about: Any) -> np.ndarray:
    """Decode a part of a file by miniaudio, whose Vorbis is stb_vorbis; it has no Opus."""
    kind = {"output_format": miniaudio.SampleFormat.FLOAT32, "nchannels": about.channels}
    stream = miniaudio.stream_file(path, **kind, sample_rate=about.samplerate, frames_to_read=frames, seek_frame=begin)
    return np.frombuffer(next(stream), np.float32).reshape(-1, about.channels)


if __name__ == "__main__":
    av.logging.set_level(av.logging.PANIC)
    serve({"judge": judge}, ["soundfile", "av", "miniaudio"])
