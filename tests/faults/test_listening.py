"""Logs with every fault, through the stage that reads them."""

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path

import children
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import small_world
import yaml
from verdicts import STOPPED, assert_stops

HEADER = "user_id,song_id\n"
ROWS = "".join(f"u{number % 5},s{number % 7}\n" for number in range(40))
PACKED = gzip.compress((HEADER + ROWS * 500).encode())
ODD_IDS = [
    "'",
    "a''b",
    "a;b|c",
    "tab\there",
    "음악 🎵",
    "e\u0301",
    "\u00e9",
    "\u200b",
    "-1",
    "1e5",
    "NULL",
    "nan",
    " x",
    "00",
]


def text(content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "a.csv").write_text(content)


def content(name: str, of: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(of)


# What stops the stage: the fault, how it is made in the folder of the logs, and a word of the message.
UNREADABLE = {
    "no file": (lambda folder: None, "no log files"),
    "empty (0 bytes)": (text(""), "a.csv: is empty"),
    "a header and no rows": (text(HEADER), "holds no rows"),
    "gzip, truncated": (content("a.csv.gz", PACKED[: len(PACKED) // 2]), "a.csv.gz: is cut or damaged"),
    "gzip, a bit flipped": (content("a.csv.gz", PACKED[:-200] + bytes([PACKED[-200] ^ 1]) + PACKED[-199:]), "a.csv.gz"),
    "wrong extension (gzip as .csv)": (content("a.csv", PACKED), "looks like packed by gzip"),
    "wrong extension (text as .parquet)": (content("a.parquet", (HEADER + ROWS).encode()), "a.parquet"),
    "broken symlink": (lambda folder: (folder / "a.csv").symlink_to("nowhere"), "a.csv: is a link that leads nowhere"),
    "a name that is not UTF-8": (
        lambda folder: (folder / os.fsdecode(b"\xff.csv")).write_text(HEADER + ROWS),
        "Rename the file",
    ),
    "a folder named like a log": (lambda folder: (folder / "a.csv").mkdir(), "no log files"),
    "every id missing": (text(HEADER + ",\n" * 9), "9 of 9 rows cannot be used"),
    "a quote that is never closed": (text(HEADER + 'u1,"s1\n' + ROWS), "a.csv line 2"),
    "a newline in an id": (text(HEADER + 'u1,"s\n1"\n' + ROWS), "a.csv line 2"),
}
# What is read, and the ids of its songs.
READ = {
    "one user, one song": (text(HEADER + "u,s\n"), ["s"]),
    "the same row a thousand times": (text(HEADER + "u,s\n" * 1000 + "v,s\n"), ["s"]),
    "quoted ids, with a comma and quotes": (text(HEADER + 'u,"a,b"\nu,"a""b"\n'), ['a"b', "a,b"]),
    "ids of quotes, tabs, unicode and words of other languages": (
        text(HEADER + "".join(f"u,{name}\n" for name in ODD_IDS)),
        sorted(ODD_IDS, key=str.encode),
    ),
    "a name of 255 bytes": (content(f"{'x' * 251}.csv", (HEADER + "u,s\n").encode()), ["s"]),
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "world"
    (folder / "logs").mkdir(parents=True)
    params = small_world.make_params()
    params["logs"] |= {"path": "logs", "max_rejected": 0.0}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    return folder


@pytest.mark.parametrize("fault", UNREADABLE)
def test_logs_that_cannot_be_read_stop_the_stage_and_are_named(folder, fault, tried):
    make, said = UNREADABLE[fault]
    make(folder / "logs")
    assert_stops(children.run(folder, "stages.ingest_logs"), "logs", said)
    tried("ingest_logs", fault, STOPPED)


@pytest.mark.parametrize("fault", READ)
def test_odd_logs_are_read_to_the_letter(folder, fault, tried):
    make, songs = READ[fault]
    make(folder / "logs")
    ended = children.run(folder, "stages.ingest_logs")
    assert ended.status == 0, ended.said
    assert pq.read_table(folder / "data/logs/songs.parquet")["song_id"].to_pylist() == songs
    tried("ingest_logs", fault, "finished, ids as they are")


def write_long_line(folder, size: int) -> None:
    """Write a log with a line of so many zeros, which take no room on the disk, and allow for it."""
    with (folder / "logs/a.csv").open("wb") as file:
        file.write((HEADER + ROWS).encode())
        file.seek(size, os.SEEK_CUR)
        file.write(f"\n{ROWS}".encode())
    params = small_world.make_params()
    params["logs"] |= {"path": "logs", "max_rejected": 0.5}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def test_a_line_of_8_mb_is_listed(folder, tried):
    write_long_line(folder, 2**23)
    ended = children.run(folder, "stages.ingest_logs")
    assert ended.status == 0, ended.said
    assert "81 rows, 1 rejected" in ended.said
    tried("ingest_logs", "a line of 8 MB", "finished, listed")


def test_a_line_of_2_gb_is_refused_in_less_memory_than_it_takes(folder, tried):
    write_long_line(folder, 2**31)
    child = children.Child(folder, "stages.ingest_logs")
    most = child.watch_memory()
    assert_stops(child.end(), "logs/a.csv", "has a line of more than", "write it again")
    assert most < 2**31, "less than the line"
    tried("ingest_logs", "a line of 2 GB", f"{STOPPED}, with less memory than the line")


def test_a_flipped_bit_anywhere_in_packed_logs_stops_the_stage(folder, seed, tried):
    random = np.random.default_rng(seed)
    spoiled = bytearray(PACKED)
    spoiled[random.integers(10, len(PACKED))] ^= 1 << random.integers(8)  # the header's first 10 bytes say little
    (folder / "logs/a.csv.gz").write_bytes(spoiled)
    assert_stops(children.run(folder, "stages.ingest_logs"), "logs/a.csv.gz")
    tried("ingest_logs", "gzip, a bit flipped", STOPPED)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
@pytest.mark.parametrize("fault", ["truncated", "a bit flipped"])
def test_damaged_rows_stop_the_stage_or_are_rows_as_any(folder, name, fault, seed, tried):
    table = pd.read_csv(io.StringIO(HEADER + ROWS * 20))
    table.to_csv(folder / "logs" / name, index=False) if name == "a.csv" else table.to_parquet(folder / "logs" / name)
    content, random = bytearray((folder / "logs" / name).read_bytes()), np.random.default_rng(seed)
    if fault == "truncated":
        del content[random.integers(1, len(content)) :]
    else:
        content[random.integers(len(content))] ^= 1 << random.integers(8)
    (folder / "logs" / name).write_bytes(content)
    ended = children.run(folder, "stages.ingest_logs")
    if ended.status:
        assert_stops(ended, "logs")
    outcome = STOPPED if ended.status else "finished: these rows are no fault in themselves"
    tried("ingest_logs", f"{fault}, {name[2:]}", outcome)
