"""Every stage on a disk of its own that is full, or read-only: in the long form, where one may mount."""

import resource
import shutil
import subprocess

import children
import numpy as np
import pytest
from verdicts import EXACT, STOPPED, assert_ends_like_unbroken, assert_stops

RANDOM = np.random.default_rng()
PLENTY = 2**28  # bytes


def mount(folder, options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)


@pytest.fixture
def disk(world, tmp_path):
    """The world on a disk of its own."""
    folder = tmp_path / "world"
    folder.mkdir()
    mount(folder, f"size={PLENTY}")
    shutil.copytree(world[0], folder, dirs_exist_ok=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_stage_on_a_full_disk_stops_and_runs_again(world, disk, stage, seed, tried):
    full = shutil.disk_usage(disk).used
    stage.clear(disk)
    used = shutil.disk_usage(disk).used
    room = int(RANDOM.integers(max(1, full - used - resource.getpagesize())))  # at least a page too little
    mount(disk, f"remount,size={used + room}")
    assert_stops(children.run(disk, *stage.words), "room")
    mount(disk, f"remount,size={PLENTY}")
    assert_ends_like_unbroken(stage, disk, world)
    tried("stages", "disk full (tmpfs)", f"{STOPPED}, {EXACT}")


def test_a_stage_on_a_read_only_disk_stops_and_runs_again(world, disk, stage, tried):
    stage.clear(disk)
    mount(disk, "remount,ro")
    assert_stops(children.run(disk, *stage.words), "Read-only file system")
    mount(disk, f"remount,rw,size={PLENTY}")
    assert_ends_like_unbroken(stage, disk, world)
    tried("stages", "disk read-only", f"{STOPPED}, {EXACT}")
