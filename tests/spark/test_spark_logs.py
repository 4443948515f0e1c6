"""Spark's ingestion against DuckDB's: the same counts, and the same bytes."""

import bz2
import gzip
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_settings import logs

from hearlog.logs import spark
from hearlog.logs.connection import scratch_beside
from hearlog.logs.ingest import ingest
from hearlog.util.errors import InputError

CSV = "user_id,song_id,plays,time\n"
PLAYS = {"user": "user_id", "song": "song_id", "plays": "plays"}
CRLF = CSV + 'u2,"s,1",12,2018-01-03\nu3,s1,1,2099-01-01\nu3,s1,none,2018-01-03\nu3,"s1,1,2018-01-03\n'
DAYS = {
    "2018-01-01.csv": CSV + "é,s1,1,2018-01-01\nu2,s1,2,2018-01-02\nu2,s2,1,2018-01-02\nbad\nu3,,1,2018-01-01\n",
    "more/2018-01-03.csv.gz": gzip.compress(CRLF.replace("\n", "\r\n").encode()),
    "2018-01-04.csv": CSV + "u3,s1,1,2018-01-04\nu3,s2,4,2018-01-04\nbad\nu1,s9,1,2018-01-04",
    "2018-01-05.csv": CSV.encode() + b"u\xff,s1,1,2018-01-05\n",
    "2018-01-06.CSV.BZ2": bz2.compress(f"{CSV}u4,s1,2,2018-01-02\n,s1,1,2018-01-02\n".encode()),
}
LISTENS = pd.DataFrame({"user_id": list("aabbbcc"), "song_id": list("xyxyzxx"), "plays": [1, 2, 3, 1, 1, 5, 40]})


def write(folder, files):
    for name, content in files.items():
        path = folder / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def count(session, chosen, out):
    with scratch_beside(out) as scratch:
        return spark.count(session, chosen, "400MB", 2, scratch, out)


def assert_equal(session, folder, **changes):
    """Ingest by both; return the counts."""
    chosen = logs(folder / "logs", **{"max_rejected": 0.9} | changes)
    counts = count(session, chosen, folder / "spark")
    assert counts == ingest(chosen, "1GB", 2, folder / "duckdb")
    names = sorted(path.name for path in (folder / "duckdb").iterdir())
    assert sorted(path.name for path in (folder / "spark").iterdir()) == names
    for name in names:
        assert (folder / "spark" / name).read_bytes() == (folder / "duckdb" / name).read_bytes(), name
    return counts


def test_text_with_every_fault(session, tmp_path):
    write(tmp_path, DAYS)
    counts = assert_equal(session, tmp_path, columns=PLAYS, values="counts")
    assert counts["files"] == 5
    one = ["bad_play_count", "broken_quotes", "empty_song_id", "empty_user_id", "invalid_encoding"]
    assert counts["rejected"] == {"total": 7, "too_few_fields": 2} | dict.fromkeys(one, 1)


def test_a_window_of_time(session, tmp_path):
    write(tmp_path, DAYS)
    window = {"since": "2018-01-02", "until": "2018-02-01", "columns": PLAYS | {"time": "time"}}
    assert assert_equal(session, tmp_path, **window)["rows_outside_window"] == 2


def test_parquet_with_a_user_who_is_a_bot(session, tmp_path):
    (tmp_path / "logs").mkdir()
    for part, rows in enumerate((LISTENS[:3], LISTENS[3:], LISTENS[:0])):
        rows.to_parquet(tmp_path / "logs" / f"{part}.parquet")
    nameless = pa.table({"user_id": ["a"], "song_id": pa.nulls(1, pa.string()), "plays": [1]})
    pq.write_table(nameless, tmp_path / "logs/9.parquet")
    counts = assert_equal(session, tmp_path, columns=PLAYS, max_user_plays=44)
    assert counts["users_above_max_plays"] == 1 and counts["rejected"] == {"total": 1, "empty_song_id": 1}


def test_limits_hold_at_once(session, tmp_path):
    write(tmp_path, {"a.csv": LISTENS.to_csv(index=False)})
    counts = assert_equal(session, tmp_path, columns=PLAYS, min_song_users=2, min_user_songs=2, min_song_plays=3)
    assert (counts["users"], counts["songs"]) == (2, 2)


def test_song_lists(session, tmp_path):
    write(tmp_path, {"train.txt": "u1 s1 s2  s3\nu2 s1\nu3\n", "more.txt": "u1 s9\n"})
    assert assert_equal(session, tmp_path, format="song_lists", delimiter=" ")["rejected"]["total"] == 1


def test_playlists(session, tmp_path):
    lists = [{"id": 1, "songs": ["s1", "s2"]}, {"id": 2, "songs": []}, {"id": 3, "songs": ["s1", {"a": 1}]}]
    write(tmp_path, {"a.json": json.dumps(lists), "b.json": "\n".join(map(json.dumps, lists))})
    counts = assert_equal(session, tmp_path, format="playlists", columns={"user": "id", "song": "songs"})
    assert counts["rejected"]["total"] == 4


def test_hashed_users(session, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    write(tmp_path, DAYS)
    assert_equal(session, tmp_path, hash_users=True)
    assert b"u2" not in (tmp_path / "spark/users.parquet").read_bytes()


ids = st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r"), max_size=3)
listens = st.lists(st.tuples(ids, ids, st.integers(0, 3)), max_size=30)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(listens, min_size=1, max_size=3), least=st.integers(1, 2))
def test_any_logs(session, tmp_path_factory, files, least):
    folder = tmp_path_factory.mktemp("any")
    tables = [pd.DataFrame([("first", "song", 3), *rows], columns=list(PLAYS.values())) for rows in files]
    write(folder, {f"{name}.csv": table.to_csv(index=False) for name, table in enumerate(tables)})
    assert_equal(session, folder, columns=PLAYS, min_song_plays=least, max_rejected=1.0)


@pytest.mark.parametrize(
    ("files", "changes"),
    [
        ({"a.csv": "user_id;song_id\nu1;s1\n"}, {}),
        ({"a.csv": "user_id,song_id\n"}, {}),
        ({"a.csv": "user_id,song_id\nu1,s1\nbad\n"}, {"max_rejected": 0.1}),
        ({"a.csv": "user_id,song_id\nu1,s1\n"}, {"max_user_plays": 1, "min_song_plays": 2}),
        ({"a.csv": "user_id,song_id,plays\nu1,s1,2\n"}, {"columns": PLAYS, "max_user_plays": 1}),
    ],
)
def test_what_a_user_can_mend_is_the_same_error(session, tmp_path, files, changes):
    write(tmp_path, files)
    chosen = logs(tmp_path / "logs", **changes)
    with pytest.raises(InputError) as raised:
        ingest(chosen, "1GB", 2, tmp_path / "out")
    with pytest.raises(InputError) as found:
        count(session, chosen, tmp_path / "out")
    assert str(found.value) == str(raised.value)


def test_tasks_on_this_machine_share_its_memory(session):
    assert spark._share(session, "3 GB") == "1.5GB"


def test_links_name_the_kind_of_a_file(session, tmp_path):
    write(tmp_path, {"../store/1a2b": gzip.compress(b"user_id,song_id\nu,s\n"), "b.csv": "user_id,song_id\nv,s\n"})
    (tmp_path / "logs/a.csv.gz").symlink_to("../store/1a2b")
    assert assert_equal(session, tmp_path)["users"] == 2


def test_a_damaged_file_is_named(session, tmp_path):
    packed = gzip.compress(b"user_id,song_id\n" + bytes(range(65, 91)) * 40)
    write(tmp_path, {"good.csv": "user_id,song_id\nu,s\n", "bad.csv.gz": packed[:-12]})
    with pytest.raises(InputError, match=r"bad\.csv\.gz: is cut or damaged"):
        count(session, logs(tmp_path / "logs"), tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
