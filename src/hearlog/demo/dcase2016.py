"""Synthetic TUT Acoustic Scenes 2016: a development and an evaluation folder, 44.1 kHz 24-bit stereo wav."""

from __future__ import annotations

from pathlib import Path

from hearlog.demo import scenes
from hearlog.demo.planning import Plan, allocate, cut, heard
from hearlog.demo.recording import Recording

EVALUATION_SHARE = 3 / 8
FOLDS = 4
SEGMENTS_PER_RECORDING = 3  # at most


def plan(count: int, root: Path, seed: int, seconds: float) -> list[Recording]:
    """Plan ``count`` segments and write the lists of both folders.

    Parameters
    ----------
    count
        Segments in all; three of eight are of the evaluation set.
    root
        Folder that holds both.
    seed
        Of the world.
    seconds
        Length of each segment.
    """
    result = Plan("dcase2016", root, seed, seconds)
    evaluation = round(count * EVALUATION_SHARE)
    for part, letter, segments in (("development", "a", count - evaluation), ("evaluation", "b", evaluation)):
        folder = f"TUT-acoustic-scenes-2016-{part}"
        clips = _plan_part(result, folder, letter, segments)
        (root / folder / "evaluation_setup").mkdir(parents=True, exist_ok=True)
        _write(root / folder / "meta.txt", clips)
        _write_setup(root / folder, clips, part)
    return result.recordings


def _plan_part(result: Plan, folder: str, letter: str, segments: int) -> list[tuple[str, str, int]]:
    """Plan a folder's segments; returns file, label and fold of each: a scene's recordings take the folds in turn."""
    clips = []
    recording = 0
    counts = allocate(segments, dict.fromkeys(scenes.SCENES, 1), 1)
    for offset, (label, number) in enumerate(counts.items()):
        for k, size in enumerate(cut(number, SEGMENTS_PER_RECORDING, result.rng(len(result.recordings), 2))):
            recording += 1
            rng = result.rng(len(result.recordings))
            scene = scenes.draw(heard(label, list(scenes.SCENES), rng), rng)
            for segment in range(size):
                path = f"audio/{letter}{recording:03d}_{30 * segment}_{30 * segment + 30}.wav"
                result.add_scene(f"{folder}/{path}", scene)
                clips.append((path, label, (offset + k) % FOLDS))
    return clips


def _write(path: Path, clips: list[tuple[str, str, int]], labelled: bool = True) -> None:
    lines = [f"{file}\t{label}" if labelled else file for file, label, _ in clips]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_setup(folder: Path, clips: list[tuple[str, str, int]], part: str) -> None:
    """Write the official folds (development) or the one test list (evaluation)."""
    setup = folder / "evaluation_setup"
    if part == "evaluation":
        _write(setup / "evaluate.txt", clips)
        _write(setup / "test.txt", clips, labelled=False)
        return
    # A file and the seconds in it that are disturbed.
    (folder / "error.txt").write_text(f"{clips[0][0]}\t2.10\t2.45\n", encoding="utf-8")
    for fold in range(FOLDS):
        test = [clip for clip in clips if clip[2] == fold]
        _write(setup / f"fold{fold + 1}_train.txt", [clip for clip in clips if clip[2] != fold])
        _write(setup / f"fold{fold + 1}_test.txt", test, labelled=False)
        _write(setup / f"fold{fold + 1}_evaluate.txt", test)
