"""From numbered rows to the matrix: sums, limits that hold at once, hashed ids, and files that change meanwhile."""

import hashlib
import hmac
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_settings import logs

from hearlog.logs import filters, identity, pairs
from hearlog.logs.ingest import ingest
from hearlog.logs.interactions import read_interactions
from hearlog.util.errors import InputError

rows_of_logs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(1, 3)), min_size=1, max_size=40)
in_tmp_path = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def numbered(rows, batch=7):
    table = np.array(rows)
    keys, plays = (table[:, 0] << 32) + table[:, 1], table[:, 2].astype(np.int32)
    return (pairs.Numbered(keys[i : i + batch], plays[i : i + batch]) for i in range(0, len(keys), batch))


def entries(matrix):
    users = np.arange(matrix.shape[0]).repeat(np.diff(matrix.indptr))
    return dict(zip(zip(users.tolist(), matrix.indices.tolist(), strict=True), matrix.plays.tolist(), strict=True))


@in_tmp_path
@given(rows=rows_of_logs, part=st.integers(1, 50), threads=st.integers(1, 3))
def test_plays_add_up_whatever_the_parts(tmp_path, rows, part, threads):
    expected = Counter()
    for user, song, plays in rows:
        expected[user, song] += plays
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "PART", part)
        matrix = pairs.collect(numbered(rows), len(rows), 7, 6, threads, tmp_path)
    assert entries(matrix) == expected
    assert matrix.shape == (7, 6)


def test_a_user_with_most_rows_is_added_up_in_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(pairs, "PART", 20)
    rows = [(user, song, 1) for song in range(6) for user in [3] * 50 + list(range(7))]
    with_plays = pairs.collect(numbered(rows), len(rows), 7, 6, 2, tmp_path)
    assert entries(with_plays) == Counter((user, song) for user, song, _ in rows)
    alone = (pairs.Numbered(keys, None) for keys, _ in numbered(rows))
    assert entries(pairs.collect(alone, len(rows), 7, 6, 2, tmp_path)) == entries(with_plays)


@in_tmp_path
@given(rows=rows_of_logs, least=st.tuples(*[st.integers(1, 4)] * 3), block=st.integers(1, 20))
def test_limits_hold_at_once_and_no_larger_set_meets_them(tmp_path, rows, least, block):
    limits = logs("logs", **dict(zip(("min_song_plays", "min_song_users", "min_user_songs"), least, strict=True)))
    matrix = pairs.collect(numbered(rows), len(rows), 7, 6, 1, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filters, "BLOCK", block)
        kept = filters.select(matrix, limits)
        written = filters.write(matrix, kept, True, tmp_path)

    expected = entries(matrix)
    while True:  # one by one, until nothing is below its limit
        songs, listeners, of_user = Counter(), Counter(), Counter()
        for (user, song), plays in expected.items():
            songs[song] += plays
            listeners[song] += 1
            of_user[user] += 1
        poor = [
            (user, song)
            for user, song in expected
            if songs[song] < least[0] or listeners[song] < least[1] or of_user[user] < least[2]
        ]
        if not poor:
            break
        del expected[poor[0]]
    assert written == len(expected)
    assert set(np.flatnonzero(kept.songs)) == set(songs)
    assert set(np.flatnonzero(kept.users)) == set(of_user)
    assert {song: (kept.plays[song], kept.listeners[song]) for song in songs} == {
        song: (songs[song], listeners[song]) for song in songs
    }


def test_rows_that_come_and_go_while_logs_are_read_stop_the_stage(tmp_path):
    rows = [(0, 0, 1), (1, 1, 1)]
    with pytest.raises(InputError, match="changed while they were read"):
        pairs.collect(numbered(rows), 3, 7, 6, 1, tmp_path)


def test_a_sum_of_plays_beyond_32_bits_is_refused(tmp_path):
    rows = [(0, 0, 2_000_000_000)] * 2
    with pytest.raises(InputError, match=r"4,000,000,000 plays of one song.*logs.max_user_plays"):
        pairs.collect(numbered(rows), 2, 1, 1, 1, tmp_path)


@pytest.fixture
def listened(tmp_path):
    """Two listeners, and one who plays everything all day long."""
    (tmp_path / "listens.csv").write_text(
        "user_id,song_id,plays\nann,s1,3\nann,s2,1\nbob,s1,1\nbot,s1,40\nbot,s3,40\nbob\n", encoding="utf-8"
    )
    columns = {"user": "user_id", "song": "song_id", "plays": "plays"}
    return logs(tmp_path / "listens.csv", columns=columns, max_rejected=0.5)


def test_users_with_too_many_plays_are_left_out_before_songs_are_counted(tmp_path, listened):
    counts = ingest(listened.model_copy(update={"max_user_plays": 79}), "1GB", 1, tmp_path / "out")
    assert (counts["users_above_max_plays"], counts["users"], counts["songs_below_limits"]) == (1, 2, 1)
    assert pq.read_table(tmp_path / "out/songs.parquet").to_pylist() == [
        {"song_id": "s1", "plays": 4, "listeners": 2},
        {"song_id": "s2", "plays": 1, "listeners": 1},
    ]


def test_no_user_left_is_said(tmp_path, listened):
    with pytest.raises(InputError, match=r"no user and song meet the limits logs.max_user_plays 0,"):
        ingest(listened.model_copy(update={"max_user_plays": 0}), "1GB", 1, tmp_path / "out")


def test_counts_are_kept_where_they_are_asked_for(tmp_path, listened):
    ingest(listened.model_copy(update={"values": "counts"}), "1GB", 1, tmp_path / "out")
    np.testing.assert_array_equal(
        read_interactions(tmp_path / "out").to_csr().toarray(), [[3, 1, 0], [1, 0, 0], [40, 0, 40]]
    )


def test_counts_of_an_earlier_run_do_not_stay(tmp_path, listened):
    ingest(listened.model_copy(update={"values": "counts"}), "1GB", 1, tmp_path / "out")
    ingest(listened, "1GB", 1, tmp_path / "out")
    assert read_interactions(tmp_path / "out").plays is None


def test_hashed_users_are_hmacs_and_no_name_is_written(tmp_path, listened, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    ingest(listened, "1GB", 1, tmp_path / "out")
    hashed = listened.model_copy(update={"hash_users": True})
    ingest(hashed, "1GB", 1, tmp_path / "hashed")
    key = bytes.fromhex((tmp_path / "data/user.key").read_text())
    assert (tmp_path / "data/user.key").stat().st_mode & 0o777 == 0o600
    names = {hmac.new(key, name.encode(), hashlib.sha256).hexdigest(): name for name in ("ann", "bob", "bot")}
    written = pq.read_table(tmp_path / "hashed/users.parquet")["user_id"].to_pylist()
    assert written == sorted(names)
    plain = read_interactions(tmp_path / "out").to_csr().toarray()
    rows = [["ann", "bob", "bot"].index(names[digits]) for digits in written]
    np.testing.assert_array_equal(read_interactions(tmp_path / "hashed").to_csr().toarray(), plain[rows])
    for path in (tmp_path / "hashed").iterdir():
        assert not any(name in path.read_bytes() for name in (b"ann", b"bob", b"bot", b"listens.csv"))
    first = (tmp_path / "hashed/users.parquet").read_bytes()
    ingest(hashed, "1GB", 1, tmp_path / "again")
    assert (tmp_path / "again/users.parquet").read_bytes() == first


def test_a_damaged_key_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/user.key").write_text("abc")
    with pytest.raises(InputError, match=r"data/user.key: not a key of 32 bytes"):
        identity.read_key()


def test_a_key_that_is_a_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "data/user.key").mkdir(parents=True)
    with pytest.raises(InputError, match=r"data/user\.key: not readable"):
        identity.read_key()
