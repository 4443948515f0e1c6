import gzip
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_settings import logs

from hearlog.logs.ingest import ingest
from hearlog.logs.interactions import read_interactions
from hearlog.util.errors import InputError

MSD = """\
00007a02388c208ea7176479f6ae06f8224355b3\tSOAITVD12A6D4F824B\t3
00007a02388c208ea7176479f6ae06f8224355b3\tSONZGLW12A6D4FBBC1\t1
fd50c4007b68a3737fe052d5a4f78ce8aa117f3d\tSOAITVD12A6D4F824B\t1
fd50c4007b68a3737fe052d5a4f78ce8aa117f3d\tSOBONKR12A58A7A7E0\t12"""  # no header, no final newline
MSD_COLUMNS = {"user": 1, "song": 2, "plays": 3}
OUTPUTS = ["indptr.npy", "indices.npy", "users.parquet", "songs.parquet"]


def run(tmp_path, threads=2, out="out", **changes):
    changes.setdefault("path", tmp_path / "logs")
    return ingest(logs(**changes), "1GB", threads, tmp_path / out)


def write(tmp_path, name, content):
    path = tmp_path / "logs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def interactions(folder):
    """The pairs of ids the matrix says."""
    users = pq.read_table(folder / "users.parquet")["user_id"].to_pylist()
    songs = pq.read_table(folder / "songs.parquet")["song_id"].to_pylist()
    return [
        (users[row], songs[column]) for row, column in zip(*read_interactions(folder).to_csr().nonzero(), strict=True)
    ]


def rejected(folder):
    return pq.read_table(folder / "rejected.parquet").to_pylist()


def test_msd_triplets_without_header_and_final_newline(tmp_path):
    write(tmp_path, "train_triplets.txt", MSD)
    counts = run(tmp_path, delimiter="\t", header=False, columns=MSD_COLUMNS, min_song_plays=2)
    assert counts == {
        "files": 1,
        "rows": 4,
        "rejected": {"total": 0},
        "rows_outside_window": 0,
        "users_above_max_plays": 0,
        "users_below_limits": 0,
        "songs_below_limits": 1,
        "users": 2,
        "songs": 2,
        "interactions": 3,
        "density": 0.75,
    }
    assert pq.read_table(tmp_path / "out" / "songs.parquet").to_pylist() == [
        {"song_id": "SOAITVD12A6D4F824B", "plays": 4, "listeners": 2},
        {"song_id": "SOBONKR12A58A7A7E0", "plays": 12, "listeners": 1},
    ]
    np.testing.assert_array_equal(
        read_interactions(tmp_path / "out").to_csr().toarray(), [[True, False], [True, True]], strict=True
    )


def test_min_song_plays_counts_repeated_listens_of_all_users(tmp_path):
    write(tmp_path, "day.csv", "user_id,song_id\nu1,twice\nu1,twice\nu1,once\nu2,once more\nu1,shared\nu2,shared\n")
    counts = run(tmp_path, min_song_plays=2)
    assert interactions(tmp_path / "out") == [("u1", "shared"), ("u1", "twice"), ("u2", "shared")]
    assert (counts["songs_below_limits"], counts["users_below_limits"]) == (2, 0)


def test_hetrec_with_crlf_header_and_no_final_newline(tmp_path):
    write(tmp_path, "user_artists.dat", "userID\tartistID\tweight\r\n2\t51\t13883\r\n2\t052\t11690\r\n\r\n3\t51\t7")
    counts = run(tmp_path, delimiter="\t", columns={"user": "userID", "song": "artistID", "plays": "weight"})
    assert counts["rows"] == 3
    assert interactions(tmp_path / "out") == [("2", "052"), ("2", "51"), ("3", "51")]


def test_lastfm_1k_quotes_in_tsv_fields_are_text_and_empty_track_ids_are_counted(tmp_path):
    lines = [
        "user_000001\t2009-05-04T23:08:57Z\tartist\tDeep Dish\ttrack-1\tFuck Me Im Famous",
        'user_000001\t2009-05-04T13:54:10Z\tartist\t"Weird Al\t\t"Live',
        'user_000002\t2009-05-04T13:52:04Z\tartist\t12" Club Mix\t"7" cut"\tx',
    ]
    path = write(tmp_path, "userid-timestamp.tsv", "\n".join(lines) + "\n")
    columns = {"user": 1, "song": 5, "plays": None}
    counts = run(tmp_path, delimiter="\t", header=False, columns=columns, max_rejected=0.5)
    assert counts["rejected"] == {"total": 1, "empty_song_id": 1}
    assert rejected(tmp_path / "out") == [
        {"reason": "empty_song_id", "rows": 1, "example_file": str(path), "example_line": 2, "example": lines[1]}
    ]
    assert interactions(tmp_path / "out") == [("user_000001", "track-1"), ("user_000002", '"7" cut"')]


def test_quoted_csv_fields_are_unquoted(tmp_path):
    write(tmp_path, "a.csv", '"user_id","title","song_id"\n"007","Hello, ""World""","é,1"\n007,plain,"say ""hi"""\n')
    run(tmp_path)
    assert interactions(tmp_path / "out") == [("007", 'say "hi"'), ("007", "é,1")]


def test_a_stray_quote_costs_one_row_and_not_the_rest_of_the_file(tmp_path):
    write(tmp_path, "a.csv", 'user_id,song_id\nu1,s1\n"u2,s2\nu3,s3\nu4,"s4\nu5,s5\nu6,"s6"x\n')
    counts = run(tmp_path, max_rejected=0.5)
    assert counts["rejected"] == {"total": 3, "broken_quotes": 3}
    assert interactions(tmp_path / "out") == [("u1", "s1"), ("u3", "s3"), ("u5", "s5")]


def test_every_reason_is_counted_and_listed_with_file_and_line(tmp_path):
    bad = {
        "too_few_fields": "u1,s1",
        "too_many_fields": "u1,s1,1,surplus",
        "empty_user_id": " ,s1,1",
        "empty_song_id": 'u1,"",1',
        "bad_play_count": "u1,s1,-3",
        "broken_quotes": 'u1,"s1,1',
    }
    header = "user_id,song_id,plays\n"
    write(tmp_path, "a.csv", header + "u1,s1,1\nu2,s1,2.0\n")
    content = header + "".join(f"{row}\nu3,s3,1\n" for row in bad.values()) + "u1,s1,0\nu1,s1,1.5\nu1,s1,\nu1,s1,many\n"
    path = write(tmp_path, "b.csv.gz", gzip.compress(content.encode()))
    columns = {"user": "user_id", "song": "song_id", "plays": "plays"}
    counts = run(tmp_path, columns=columns, max_rejected=0.6)
    assert counts["rows"] == 18
    assert counts["rejected"] == {"total": 10, **dict.fromkeys(bad, 1), "bad_play_count": 5}
    listed = {row.pop("reason"): row for row in rejected(tmp_path / "out")}
    for position, (reason, row) in enumerate(bad.items()):
        if reason != "bad_play_count":
            where = {"rows": 1, "example_file": str(path), "example_line": 2 * position + 2, "example": row}
            assert listed[reason] == where
    assert listed["bad_play_count"]["rows"] == 5


def test_a_line_that_is_not_utf8_is_counted_and_listed(tmp_path):
    path = write(tmp_path, "latin1.csv", b"user_id,song_id\nu1,s1\nu\xe9,s2\nu3,s3\n")
    assert run(tmp_path, max_rejected=0.5)["rejected"] == {"total": 1, "invalid_encoding": 1}
    (row,) = rejected(tmp_path / "out")
    assert (row["example_file"], row["example_line"]) == (str(path), 3)


def test_too_many_rejected_rows_stop_with_numbers_and_are_listed(tmp_path):
    path = write(tmp_path, "a.csv", "user_id,song_id\nu1,s1\nu2\nu3\nu4,s4\n")
    with pytest.raises(InputError) as error:
        run(tmp_path, max_rejected=0.4)
    assert "2 of 4 rows" in str(error.value)
    assert "logs.max_rejected 0.4" in str(error.value)
    assert f"too_few_fields: 2, such as {path} line 3: 'u2'" in str(error.value)
    assert [row["rows"] for row in rejected(tmp_path / "out")] == [2]


def test_parquet_is_read_like_text(tmp_path):
    (tmp_path / "logs").mkdir()
    table = pa.table({"plays": [2, 1, None, 1], "song": ["s2", "s1", "s1", None], "user": ["u1", "01", "u1", "u1"]})
    pq.write_table(table, tmp_path / "logs" / "part-0.parquet")
    columns = {"user": "user", "song": 2, "plays": "plays"}
    counts = run(tmp_path, columns=columns, max_rejected=0.5)
    assert counts["rejected"] == {"total": 2, "bad_play_count": 1, "empty_song_id": 1}
    assert [(row["reason"], row["example_line"]) for row in rejected(tmp_path / "out")] == [
        ("bad_play_count", 3),
        ("empty_song_id", 4),
    ]
    assert interactions(tmp_path / "out") == [("01", "s1"), ("u1", "s2")]


@pytest.mark.parametrize("delimiter", ["|", ";", "^", "\\", "]", ".", " "])
def test_any_delimiter_separates(tmp_path, delimiter):
    write(tmp_path, "a.txt", f'u1{delimiter}"s{delimiter}1"\nu2{delimiter}s2\n')
    run(tmp_path, delimiter=delimiter, header=False, columns={"user": 1, "song": 2, "plays": None})
    assert interactions(tmp_path / "out") == [("u1", f"s{delimiter}1"), ("u2", "s2")]


def test_file_names_order_packing_and_threads_leave_the_bytes_alone(tmp_path):
    generator = np.random.default_rng(0)
    rows = [f"u{user},s{song}\n" for user, song in generator.integers(0, 40, (500, 2))]
    with pa.output_stream(str(tmp_path / "packed.csv.zst"), compression="zstd") as stream:
        stream.write(("user_id,song_id\n" + "".join(rows)).encode())
    run(tmp_path, path=tmp_path / "packed.csv.zst", out="one", threads=1)
    generator.shuffle(rows)
    for part in range(3):
        write(tmp_path, f"part[{part}].csv", "user_id,song_id\n" + "".join(rows[part::3]))
    for threads in (1, 3):
        run(tmp_path, threads=threads)
        for name in OUTPUTS:
            assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_a_glob_names_files_with_any_ending(tmp_path):
    for day in (1, 2):
        write(tmp_path, f"plays.log.{day}", f"user_id,song_id\nu{day},s1\n")
    assert run(tmp_path, files="plays.log.*")["files"] == 2


def test_metrics_are_numbers_only(tmp_path):
    write(tmp_path, "a.csv", "user_id,song_id\nu1,s1\nbroken\n")
    counts = json.loads(json.dumps(run(tmp_path, max_rejected=0.5)))
    leaves = [leaf for value in counts.values() for leaf in (value.values() if isinstance(value, dict) else [value])]
    assert all(math.isfinite(leaf) for leaf in leaves)


@pytest.mark.parametrize(
    ("files", "changes", "message"),
    [
        ({}, {}, "no such file or folder"),
        ({"a.csv": "user_id;song_id\nu1;s1\n"}, {}, r"a.csv: no column 'user_id' \(logs.columns.user\)"),
        ({"a.csv": "user_id,song_id,song_id\nu1,s1,s2\n"}, {}, r"a.csv: two columns are named 'song_id' \(logs.col"),
        ({"a.csv": "user_id,song_id\n"}, {}, "holds no rows"),
        ({"a.csv": "user_id,song_id\nu1,s1\n"}, {"min_song_plays": 9}, "no user and song meet .*min_song_plays 9"),
        ({"a.csv": "user_id,song_id\nu1,s1\n", "b.csv": "song_id,user_id\ns1,u1\n"}, {}, "b.csv: its header"),
        ({"a.csv": "user_id,song_id\nu1,s1\n", "b.parquet": "PAR1"}, {}, "1 of 2 files are Parquet"),
        ({"a.parquet": "no Parquet"}, {}, "not readable"),
        ({"a.csv.gz": gzip.compress(b"user_id,song_id\n" + bytes(range(65, 91)) * 40)[:-12]}, {}, "is cut or damaged"),
    ],
)
def test_what_a_user_can_mend_is_an_input_error(tmp_path, files, changes, message):
    for name, content in files.items():
        write(tmp_path, name, content)
    with pytest.raises(InputError, match=message):
        run(tmp_path, **changes)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "a.csv: is empty, without even a header. Write it again, or remove it"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "a.csv.gz: is empty"),
        ("a.csv", "\nuser_id,song_id\nu1,s1\n", "a.csv: its first line is blank. Put the header there"),
        ("a.csv", "x" * 131_073 + "\n", "a.csv: its first line has more than 131,072 characters, so it is no header"),
        ("a.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a.csv: this is a Git LFS pointer"),
        ("a.parquet", "version https://git-lfs.github.com/spec/v1\n", "a.parquet: this is a Git LFS pointer"),
        ("bl\udcfces.csv", "user_id,song_id\nu1,s1\n", r"^b'.*/logs/bl\\xfces.csv': this name is not UTF-8. Rename"),
    ],
    ids=["empty", "empty gzip", "blank", "one line", "pointer", "Parquet pointer", "name"],
)
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_a_file_that_is_no_log_is_called_what_it_is(tmp_path, name, content, message, delimiter):
    write(tmp_path, name, content)
    with pytest.raises(InputError, match=message):
        run(tmp_path, delimiter=delimiter)


def test_few_of_many_columns_are_named_and_long_names_are_cut(tmp_path):
    write(tmp_path, "dump.txt", "{" + ",".join(f"'key{number}': {'v' * 100}" for number in range(1000)) + "}\n")
    with pytest.raises(InputError, match=r"'key7': v+…\x22\] and 992 more$") as error:
        run(tmp_path)
    assert len(str(error.value)) < 800
    write(tmp_path, "a.csv", "user_id,song_id\nu1,s1\n")
    with pytest.raises(InputError, match=r"dump.txt: its header \[.*and 992 more is not that of .*a.csv") as error:
        run(tmp_path)
    assert len(str(error.value)) < 800


def test_a_line_with_the_control_characters_that_keep_lines_whole_is_listed_as_it_is(tmp_path):
    """Three of them in a row; fewer are text."""
    mark = "\x1f\x1e\x1f"
    lines = ["u1,s1", f"u1,s1{mark}z", "u2,s2\x1f\x1e", "u1", f"u1{mark}", f"{mark}u3,s3", f"u1,s1{mark}z{mark}z"]
    path = write(tmp_path, "a.csv", "\n".join(["user_id,song_id", *lines]))
    counts = run(tmp_path, max_rejected=0.8)
    assert counts["rejected"] == {"total": 5, "control_characters": 3, "too_few_fields": 2}
    assert interactions(tmp_path / "out") == [("u1", "s1"), ("u2", "s2\x1f\x1e")]
    control, few = rejected(tmp_path / "out")
    assert (control["example_file"], control["example_line"], control["example"]) == (str(path), 7, lines[5])
    assert (few["example_line"], few["example"]) == (5, "u1")


@pytest.mark.parametrize(("end", "line"), [("\n", 3), ("\r", 3), ("\r\n", 3), ("\r\r\n", 5)])
def test_no_kind_of_line_end_is_part_of_an_id(tmp_path, end, line):
    write(tmp_path, "a.csv", end.join(["user_id,song_id", "u1,s1", "u2", "u3,s3", ""]))
    run(tmp_path, max_rejected=0.5)
    assert interactions(tmp_path / "out") == [("u1", "s1"), ("u3", "s3")]
    (row,) = rejected(tmp_path / "out")
    assert (row["example_line"], row["example"]) == (line, "u2")


def test_a_line_that_cannot_be_found_again_has_no_number(tmp_path):
    """Where line ends are mixed, DuckDB may take a letter for half of one."""
    write(tmp_path, "a.csv", "\r\n\ruv\nu1,s1\n")
    run(tmp_path, header=False, columns={"user": 1, "song": 2, "plays": None}, max_rejected=0.5)
    (row,) = rejected(tmp_path / "out")
    assert (row["example_line"], row["example"]) == (None, "v")


def test_a_line_above_2_mb_is_counted_and_listed(tmp_path):
    path = write(tmp_path, "a.csv", "user_id,song_id\nu1,s1\nu2," + "s" * 2_100_000 + "\nu3,s3\n")
    assert run(tmp_path, max_rejected=0.5)["rejected"]["total"] == 1
    (row,) = rejected(tmp_path / "out")
    assert (row["example_file"], row["example_line"]) == (str(path), 3)


def test_no_temporary_files_stay_behind(tmp_path):
    write(tmp_path, "a.csv", "user_id,song_id\nu1,s1\n")
    run(tmp_path)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*OUTPUTS, "rejected.parquet"}


def test_the_solver_gets_arrays_it_may_write_and_the_file_stays_as_it_is(tmp_path):
    write(tmp_path, "a.csv", "user_id,song_id\nu1,s1\nu1,s2\n")
    run(tmp_path)
    matrix = read_interactions(tmp_path / "out").to_csr()
    matrix.indices[:] = 0
    np.testing.assert_array_equal(read_interactions(tmp_path / "out").to_csr().indices, [0, 1])
