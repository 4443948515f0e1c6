"""One byte of an input re-runs what reads it, and what that changes; the same commit gives the same numbers."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_world import Workspace, copy_of_smoke, git

GTZAN, EMOMUSIC = "gtzan", "emomusic_valence"


def flip(content: bytes, place: int) -> bytes:
    """Flip the lowest bit of one byte: a digit becomes another digit, a letter another letter."""
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def loudness(sound: bytes) -> bytes:
    """Flip a bit in the middle; 16-bit samples begin at even bytes, and 64 of them change by a 128th."""
    return flip(sound, len(sound) // 2)


def song_of_a_listen(packed: bytes) -> bytes:
    rows = gzip.decompress(packed)
    first = rows.index(b"\n") + 1
    return gzip.compress(flip(rows, rows.index(b",", first) + 1), mtime=0)


def time_of_packing(packed: bytes) -> bytes:
    return flip(packed, 4)


def first_artist(catalogue: bytes) -> bytes:
    return flip(catalogue, catalogue.index(b"Artist") + len("Artist 000"))


def last_valence(annotations: bytes) -> bytes:
    """Flip the digit before the last comma, of ``song_id,mean_arousal,std_arousal,mean_valence,std_valence``."""
    return flip(annotations, annotations.rindex(b",") - 1)


def of_task(name: str, *stages: str) -> set[str]:
    return {f"{stage}@{name}" for stage in stages}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    """A world whose inputs no stage writes, like a user's."""
    workspace = copy_of_smoke(tmp_path_factory.mktemp("clone"))
    workspace.dvc("freeze", "data/demo/dvc.yaml:make_demo")
    workspace.commit()
    return workspace


@pytest.fixture
def changed(workspace, request) -> Iterator[Path]:
    """Change a file of an input; put everything back afterwards."""
    pattern, change = request.param
    path = sorted(workspace.folder.glob(f"data/demo/{pattern}"))[0]
    content = path.read_bytes()
    path.unlink()  # it may be a link into DVC's cache
    path.write_bytes(change(content))
    yield path
    path.write_bytes(content)
    git(workspace.folder, "reset", "--quiet", "--hard")
    workspace.dvc("checkout", "--force")


@pytest.mark.parametrize(
    ("changed", "readers", "targets", "others"),
    [
        (("logs/*.csv.gz", song_of_a_listen), {"ingest_logs"}, {"factorize"}, {"factorize"}),
        (("logs/*.csv.gz", time_of_packing), {"ingest_logs"}, {"factorize"}, set()),
        (("catalog/songs.csv", first_artist), {"select_songs", "read_embeddings"}, {"crop_songs"}, {"crop_songs"}),
        (("songs/*/*.wav", loudness), {"select_songs", "crop_songs"}, {"mel_songs", "split_songs"}, {"mel_songs"}),
        (
            ("gtzan/genres/*/*.au", loudness),
            of_task(GTZAN, "list_items", "crop_audio"),
            of_task(GTZAN, "compute_mel", "split_items"),
            of_task(GTZAN, "compute_mel"),
        ),
        (
            ("emomusic/annotations/static_annotations.csv", last_valence),
            of_task(EMOMUSIC, "list_items", "crop_audio"),
            of_task(EMOMUSIC, "compute_mel", "split_items"),
            of_task(EMOMUSIC, "split_items"),
        ),
    ],
    indirect=["changed"],
    ids=["listen", "packing", "catalogue", "song", "clip", "annotation"],
)
def test_a_byte_re_runs_its_readers_and_what_they_change(workspace, changed, readers, targets, others):
    assert workspace.outdated() == readers
    assert workspace.repro(*readers, *targets) == readers | others


def test_a_fresh_clone_with_a_pulled_cache_runs_nothing(workspace, tmp_path):
    shared = ("remote", "add", "--local", "--default", "shared", str(tmp_path / "shared"))
    workspace.dvc(*shared)
    workspace.dvc("push")
    git(workspace.folder, "clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Workspace(tmp_path / "clone")
    clone.dvc(*shared)
    clone.dvc("pull")
    assert clone.repro() == set()
    assert git(clone.folder, "status", "--porcelain") == ""


def test_stages_run_again_give_the_same_bytes(workspace):
    stages = {"ingest_logs", "factorize", "crop_audio@gtzan", "train_estimator@1", "transfer@gtzan-kd-1"}
    assert workspace.repro("--force", "--no-run-cache", "--single-item", *stages) == stages
    assert git(workspace.folder, "diff", "--", "dvc.lock", "metrics", "plots") == ""


def test_a_check_foretells_what_a_run_leaves_out_and_changes_nothing(workspace):
    found = json.loads(workspace.run(sys.executable, "-m", "hearlog.cli", "check", "--full", "--json"))
    print(json.dumps(found)[:3000])
    assert workspace.outdated() == set()
