"""Packed logs: the same matrix from each packing, damage found while rows are read, and nothing left behind."""

import base64
import faulthandler
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_rows import PACK, pack
from log_settings import logs

from hearlog.logs.connection import open_rows
from hearlog.logs.ingest import ingest
from hearlog.logs.survey import survey
from hearlog.logs.unpacked import read_pieces
from hearlog.util.errors import InputError

OUTPUTS = ["indptr.npy", "indices.npy", "plays.npy", "users.parquet", "songs.parquet"]
TEXT = ("user_id,song_id\n" + "".join(f"u{n % 7},s{n * 37 % 101}\n" for n in range(300))).encode()
# TEXT as `zstd -19` packs it, with a checksum, which PyArrow does not write.
ZSTD = base64.b64decode(
    "KLUv/QRoFQwA1uZMFpCXpDlgaoEYi3fXrW4iRGQ3kzsTwwFXAEwAOQBUNeOoNYxoYxSRiVEau0EyG8RhNYbCOnhGQYZmJINlI4I1"
    "OfKGGOmEFOdOyjNhx5WQsA1BhXANwVW4QyAjzCHoCdMQHIVnCERYhmBAAQPCAQgAOCBAGALbdec0iwzNSAbLRgRrcuQNMdIJKc6d"
    "lGfCjiuhiqtM7yi1oxmtmxHtzZVijJWEmOqIm1bYsIaooRKiM3WCUyaIRpUYElVBVxyDrGiId07Psl2X07Ns153Ts9h15/QsW905"
    "Pct23TnNsl13Ts+yXZ3Ts2zX5fQs23Xn9Cx23Tk9y3bdSc8SQUu47pxm2a47p2fZrs7pWbbrzumR7bpzeha77pyeZbvupGfZrjun"
    "Z9nqzulZtqsDBxqeZbvunB7ZroEmqCEcvH32N5FbGsYhBPwB4GT0Alzy1UdNK0SjF+CSK/H0qoN4FZ4ueSLBofx20RMJDuV3in4s"
    "4LyMX5/Hihpehad3+mcwP6kCqBpSSuRo"
)
FILES = {".gz": PACK[".gz"](TEXT), ".bz2": PACK[".bz2"](TEXT), ".zst": ZSTD}


@pytest.fixture(autouse=True)
def end_what_hangs():
    """End the process of a test that waits for a pipe in vain: no exception would reach it."""
    faulthandler.dump_traceback_later(100, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


def matrix(path: Path, out: Path, **changes) -> dict[str, bytes]:
    ingest(logs(path, values="counts", **changes), "1GB", 2, out)
    return {name: (out / name).read_bytes() for name in OUTPUTS}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    return matrix(pack(folder / "a.csv", TEXT), folder / "out")


def long_log(file: Path) -> Path:
    """Write a million rows in 100 MB, which DuckDB does not read at once, packed in few bytes."""
    pack(file, "user_id,song_id\n")
    file.write_bytes(file.read_bytes() + PACK[".gz"]((b"user" * 24 + b",song\n") * 5000) * 200)
    return file


# ---- the same rows


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(
    "name", [f"a.csv{suffix}" for suffix in FILES] + [f"A.CSV{suffix.upper()}" for suffix in FILES]
)
def test_the_matrix_is_the_same_byte_for_byte(tmp_path, plain, name, members):
    parts = [TEXT[len(TEXT) * part // members : len(TEXT) * (part + 1) // members] for part in range(members)]
    file = tmp_path / "in" / name
    file.parent.mkdir()
    file.write_bytes(b"".join(map(PACK[file.suffix.lower()], parts)))
    assert matrix(file.parent, tmp_path / "out") == plain


def test_files_of_each_packing_are_one_log(tmp_path):
    for folder, suffixes in {"plain": ["", "", "", ""], "packed": ["", *FILES]}.items():
        for number, suffix in enumerate(suffixes):
            pack(
                tmp_path / folder / f"{number}.csv{suffix}", f"user_id,song_id\nu{number},s\nu{number},s\nv,s{number}\n"
            )
    assert matrix(tmp_path / "packed", tmp_path / "out") == matrix(tmp_path / "plain", tmp_path / "other")


def test_more_packed_files_than_are_looked_at_at_once_are_read(tmp_path):
    for number in range(100):
        pack(tmp_path / f"in/{number}.csv.gz", f"user_id,song_id\nu{number},s\n")
    found = survey(logs(tmp_path / "in"), "1GB", 2, tmp_path)
    assert (found.rows, found.users) == (100, 100)


def test_pipes_are_read_again_while_others_are_still_open(tmp_path):
    """Rows that are handed over piece by piece leave files half read; files that were read before are opened then."""
    for number in range(4):
        long_log(tmp_path / f"in/{number}.csv.gz")
    with open_rows(logs(tmp_path / "in"), "1GB", 2, tmp_path) as opened:
        opened.con.execute("SET preserve_insertion_order = false")
        for _ in range(2):
            assert sum(map(len, opened.con.view("rows").select("user_id").to_arrow_reader(2**16))) == 4_000_000


def test_a_fault_names_the_packed_file_and_its_line(tmp_path):
    file = pack(tmp_path / "in/a.csv.bz2", "user_id,song_id\nu,s\n,s\n")
    (row,) = survey(logs(file, max_rejected=1.0), "1GB", 1, tmp_path).rejected
    assert (row["reason"], row["example_file"], row["example_line"]) == ("empty_user_id", str(file), 3)


# ---- damage


def unpacked(file: Path) -> bytes | None:
    try:
        return b"".join(piece for piece, _ in read_pieces(file, None))
    except InputError as error:
        assert str(error).startswith(f"{file}: is cut or damaged: ")
        assert str(error).endswith(". Write or copy it again")
        return None


@pytest.mark.parametrize("suffix", FILES)
def test_no_cut_and_no_changed_bit_goes_unseen(tmp_path, suffix):
    file, packed = tmp_path / f"a.csv{suffix}", FILES[suffix]
    for length in range(len(packed)):
        file.write_bytes(packed[:length])
        assert unpacked(file) is None
    harmless = 0
    for place in range(len(packed)):
        for bit in range(8):
            file.write_bytes(packed[:place] + bytes([packed[place] ^ 1 << bit]) + packed[place + 1 :])
            found = unpacked(file)
            assert found in (None, TEXT)
            harmless += found is not None
    assert 0 < harmless < len(packed)  # such as the time in the head of gzip: the rows are the same


@pytest.mark.parametrize("suffix", FILES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_named_or_gives_the_same_matrix(plain, suffix, data):
    packed = bytearray(FILES[suffix])
    if data.draw(st.booleans()):
        del packed[data.draw(st.integers(0, len(packed) - 1)) :]
    else:
        packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        file = pack(Path(folder) / "a.csv", packed).rename(Path(folder) / f"a.csv{suffix}")
        try:
            found = matrix(file, Path(folder) / "out")
        except InputError as error:
            assert str(error).startswith(f"{file}: ")
            assert len(packed) == len(FILES[suffix]) or "cut" in str(error) or "empty" in str(error)
        else:
            assert found == plain
            assert len(packed) == len(FILES[suffix])


@pytest.mark.parametrize("suffix", FILES)
@pytest.mark.parametrize("more", [b"x", b"more text that is not packed\n" * 9])
def test_what_follows_the_last_member_is_an_error(tmp_path, suffix, more):
    file = pack(tmp_path / "a", FILES[suffix] + more).rename(tmp_path / f"a.csv{suffix}")
    with pytest.raises(InputError, match=rf"a\.csv\{suffix}: is cut or damaged: .*\. Write or copy it again"):
        ingest(logs(file), "1GB", 2, tmp_path / "out")


def test_zeros_after_gzip_are_padding(tmp_path, plain):
    file = pack(tmp_path / "a", FILES[".gz"] + bytes(512)).rename(tmp_path / "a.csv.gz")
    assert matrix(file, tmp_path / "out") == plain


@pytest.mark.parametrize("suffix", FILES)
def test_a_packed_file_without_a_byte_is_cut(tmp_path, suffix):
    pack(tmp_path / "in/b.csv", "u,s\n")
    (tmp_path / f"in/a.csv{suffix}").touch()
    columns = {"user": 1, "song": 2}
    with pytest.raises(InputError, match=rf"a\.csv\{suffix}: is cut or damaged"):
        ingest(logs(tmp_path / "in", header=False, columns=columns), "1GB", 2, tmp_path / "out")


def test_files_that_no_query_read_to_their_end_are_read_then(tmp_path):
    file = long_log(tmp_path / "a.csv.gz")
    file.write_bytes(file.read_bytes()[:-1])
    with open_rows(logs(file), "1GB", 2, tmp_path) as opened:
        assert len(opened.con.view("rows").limit(1).fetchall()) == 1
        opened.pipes.check()
        with pytest.raises(InputError, match=r"a\.csv\.gz: is cut or damaged"):
            opened.pipes.check_whole()


# ---- what is left


def test_a_refused_log_leaves_no_thread_and_no_folder(tmp_path):
    rows = "user_id,song_id\n" + "".join(f"user{n},song{n}\n" for n in range(200_000))
    for number in range(5):
        whole = pack(tmp_path / f"in/{number}.csv.gz", rows)
    whole.write_bytes(whole.read_bytes()[:-1])
    before = set(threading.enumerate())
    with pytest.raises(InputError, match=r"4\.csv\.gz: is cut or damaged"):
        ingest(logs(tmp_path / "in"), "1GB", 2, tmp_path / "out")
    assert set(threading.enumerate()) <= before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


INGEST = """
import sys
from pathlib import Path
from log_settings import logs
from hearlog.logs.ingest import ingest
ingest(logs(sys.argv[1]), "1GB", 2, Path(sys.argv[2]))
"""


def start(path: Path, out: Path) -> subprocess.Popen:
    """Ingest in a new process; return when pipes are there."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen([sys.executable, "-c", INGEST, path, out], env=environment, stderr=subprocess.PIPE)
    while not list(out.parent.glob(f".{out.name}/pipes-*/0")):
        assert child.poll() is None
        time.sleep(0.01)
    return child


def test_an_interrupted_run_leaves_nothing_and_a_killed_one_nothing_for_long(tmp_path):
    rows = long_log(tmp_path / "in/0.csv.gz")
    child = start(tmp_path / "in", tmp_path / "out")
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode != 0
    assert not (tmp_path / ".out").exists()
    child = start(tmp_path / "in", tmp_path / "out")
    child.kill()
    child.communicate()
    pack(rows, "user_id,song_id\nu,s\n")
    assert ingest(logs(tmp_path / "in"), "1GB", 2, tmp_path / "out")["rows"] == 1
    assert not (tmp_path / ".out").exists()
