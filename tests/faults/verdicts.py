"""What is expected of every run with a fault: it stops with a message, or ends like one without."""

import children
import small_world

STOPPED, EXACT = "stopped with a message", "run again to the bytes of an unbroken run"


def assert_ends_like_unbroken(stage, place, world):
    """Run a stage as DVC does; the folder then holds what it does without any fault, and nothing else."""
    stage.clear(place)
    ended = children.run(place, *stage.words)
    assert ended.status == 0, ended.said
    found = small_world.files(place)
    assert found.keys() == world[2].keys()
    assert [name for name in found if found[name] != world[2][name]] == []


def assert_stops(ended, *names):
    """A message that names something, as the last word and with no traceback."""
    assert ended.status == 1, ended
    assert "Traceback" not in ended.said
    assert all(name in ended.said for name in names), ended.said
