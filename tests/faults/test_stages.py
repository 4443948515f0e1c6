"""Every stage, killed at random moments, without room on the disk, and with its outputs in the way."""

import children
import numpy as np
from verdicts import EXACT, STOPPED, assert_ends_like_unbroken, assert_stops

RANDOM = np.random.default_rng()  # of no fixed seed: every run kills at other moments


def test_a_stage_killed_at_a_random_moment_runs_again(world, place, stage, seed, tried):
    longest = world[1][stage.name]
    stage.clear(place)
    while not children.Child(place, *stage.words).kill(RANDOM.uniform(0, longest)):
        stage.clear(place)
        longest *= 0.8
    assert_ends_like_unbroken(stage, place, world)
    tried("stages", "killed (SIGKILL) at a random moment", EXACT)


def test_a_stage_without_room_stops_and_runs_again(world, place, stage, seed, tried):
    sizes = [
        path.stat().st_size for out in stage.outs for path in [place / out, *(place / out).rglob("*")] if path.is_file()
    ]
    stage.clear(place)
    ended = children.run(place, *stage.words, largest=int(RANDOM.integers(max(sizes))))
    assert_stops(ended, "room")
    assert_ends_like_unbroken(stage, place, world)
    tried("stages", "no room for an output", f"{STOPPED}, {EXACT}")


def test_a_folder_where_a_stage_writes_a_file_is_named(world, place, stage, seed, tried):
    outs = [place / out for out in stage.outs if (place / out).is_file()]
    out = outs[seed % len(outs)]
    stage.clear(place)
    out.mkdir()
    (out / "in the way").touch()
    assert_stops(children.run(place, *stage.words), str(out.relative_to(place)))
    assert_ends_like_unbroken(stage, place, world)
    tried("stages", "a folder in the place of an output", f"{STOPPED}, {EXACT}")
