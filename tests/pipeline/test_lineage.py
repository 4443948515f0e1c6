"""One byte of an input re-runs what reads it, and what that changes; the same commit gives the same numbers."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_world import Workspace, copy_of_smoke, git


def flip(content: bytes, place: int, bits: int = 1) -> bytes:
    """Flip bits of one byte; with the lowest a digit becomes another digit, a letter another letter."""
    return content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :]


def sample(sound: bytes) -> bytes:
    """Flip all bits of a byte in the middle, the upper or lower half of a sample."""
    return flip(sound, len(sound) // 2, 0xFF)


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


LISTEN, PACKING = ("logs/*.csv.gz", song_of_a_listen), ("logs/*.csv.gz", time_of_packing)
CATALOGUE, SONG = ("catalog/songs.csv", first_artist), ("songs/*/*.wav", sample)
CLIP, ANNOTATION = ("gtzan/genres/*/*.au", sample), ("emomusic/annotations/static_annotations.csv", last_valence)


@pytest.mark.parametrize(
    ("changed", "readers"),
    [
        (LISTEN, {"ingest_logs"}),
        (CATALOGUE, {"select_songs", "read_embeddings"}),
        (SONG, {"select_songs", "crop_songs"}),
        (CLIP, {"list_items@gtzan", "crop_audio@gtzan"}),
        (ANNOTATION, {"list_items@emomusic_valence", "crop_audio@emomusic_valence"}),
    ],
    indirect=["changed"],
    ids=["listen", "catalogue", "song", "clip", "annotation"],
)
def test_a_byte_of_an_input_outdates_what_reads_it_and_nothing_else(workspace, changed, readers):
    assert workspace.outdated() == readers


@pytest.mark.parametrize(
    ("changed", "asked", "ran"),
    [
        (LISTEN, {"factorize"}, {"ingest_logs", "factorize"}),
        (PACKING, {"factorize"}, {"ingest_logs"}),
        (SONG, {"mel_songs", "split_songs"}, {"select_songs", "crop_songs", "mel_songs"}),
        (
            ANNOTATION,
            {"compute_mel@emomusic_valence", "split_items@emomusic_valence"},
            {"list_items@emomusic_valence", "crop_audio@emomusic_valence", "split_items@emomusic_valence"},
        ),
    ],
    indirect=["changed"],
    ids=["listen", "packing", "song", "annotation"],
)
def test_a_byte_is_followed_as_far_as_it_changes_what_is_read_on(workspace, changed, asked, ran):
    assert workspace.repro(*asked) == ran


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


def test_a_check_tells_what_the_run_left_out_and_changes_nothing(workspace):
    found = json.loads(workspace.run(sys.executable, "-m", "hearlog.cli", "check", "--full", "--json"))
    facts = {section["name"]: section["facts"] for section in found["sections"]}
    rejected = facts["logs"]["rejected"]
    assert {"total": sum(rejected.values()), **rejected} == workspace.metrics("logs")["rejected"]
    crops = workspace.metrics("crops/gtzan")
    assert facts["gtzan"]["audio"] == {"usable": crops["accepted"], **crops["rejected"]}
    split = workspace.metrics("splits/songs")
    assert facts["songs"]["split"] == {part: split[part] for part in ("train", "valid", "test")}
    assert workspace.outdated() == set()
