"""What ingestion gives for random logs of every format: as pandas reckons it, and the same bytes however it is cut."""

import csv
import json
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_rows import PACK, pack
from log_settings import logs

from hearlog.logs.ingest import ingest
from hearlog.logs.interactions import read_interactions

COLUMNS = ["user", "song", "plays", "time"]
SINCE, UNTIL = "2018-01-02", "2018-01-03T12:00:00"
OUTPUTS = ["indptr.npy", "indices.npy", "plays.npy", "users.parquet", "songs.parquet"]

plain = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=3)
ids = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\t\0\x1f"), max_size=3).map(str.strip)
few = st.sampled_from(["", " ", "1", "01", "é", 'a"b', '"', "a,b", "x y", "日本"])  # ids that meet again
times = st.builds(
    "2018-01-0{}{}{:02}:30:00{}{}".format,
    st.integers(1, 4),
    st.sampled_from("T "),
    st.integers(0, 23),
    st.sampled_from(["", ".5", ".123456"]),
    st.sampled_from(["", "Z", "+02:00", "-11:30"]),
)
rows = st.tuples(few | ids, few | ids, st.integers(0, 3), times | st.sampled_from(["", "soon"]))
lists = st.tuples(plain, st.lists(plain, max_size=5))
keys = st.none() | st.integers(-(2**70), 2**70) | few | ids


def expected(table, since=None, until=None, least=1):
    """The reference: plays of each pair, and the number of rows that cannot be used, of a table of text."""
    good = table[(table["user"].str.strip() != "") & (table["song"].str.strip() != "")]
    good = good.assign(plays=pd.to_numeric(good["plays"]))[lambda rows: rows["plays"] > 0]
    when = pd.to_datetime(good["time"], utc=True, format="ISO8601", errors="coerce")
    rejected = len(table) - int(when.notna().sum())
    within = when.notna() & (when >= pd.Timestamp(since or 0, tz="UTC"))
    good = good[within & (when < pd.Timestamp(until or "2100-01-01", tz="UTC"))]
    often = good.groupby("song")["plays"].transform("sum") >= least
    return good[often].groupby(["user", "song"])["plays"].sum().to_dict(), rejected


def pairs(folder):
    """Plays of each pair that the matrix and its ids say."""
    users = pq.read_table(folder / "users.parquet")["user_id"].to_pylist()
    songs = pq.read_table(folder / "songs.parquet")["song_id"].to_pylist()
    matrix = read_interactions(folder).to_csr().tocoo()
    return {(users[row], songs[song]): plays for row, song, plays in zip(*matrix.coords, matrix.data, strict=True)}


def check(file, table, least=1, **changes):
    """Compare ingestion of a file with the reference on the table that pandas or Python reads from it."""
    found = ingest(
        logs(file, values="counts", max_rejected=1.0, min_song_plays=least, **changes), "1GB", 2, file.parent
    )
    reckoned, rejected = expected(table, changes.get("since"), changes.get("until"), least)
    assert pairs(file.parent) == reckoned
    assert (found["rows"], found["rejected"]["total"]) == (len(table), rejected)


@settings(max_examples=25)
@given(
    rows=st.lists(rows, max_size=30),
    kind=st.sampled_from([".csv", ".tsv", ".parquet"]),
    end=st.sampled_from(["\n", "\r\n"]),
    packed=st.sampled_from(["", *PACK]),
    window=st.sampled_from([{}, {"since": SINCE}, {"until": UNTIL}, {"since": SINCE, "until": UNTIL}]),
    least=st.integers(1, 3),
)
def test_rows_are_those_of_pandas(rows, kind, end, packed, window, least):
    table = pd.DataFrame([("first", "song", 3, "2018-01-02T12:00:00Z"), *rows], columns=COLUMNS)
    form = {"sep": "\t", "quoting": csv.QUOTE_NONE} if kind == ".tsv" else {"sep": ","}
    with tempfile.TemporaryDirectory() as folder:
        if kind == ".parquet":
            file = Path(folder) / "a.parquet"
            table.to_parquet(file)
            written = pd.read_parquet(file)
        else:
            file = pack(Path(folder) / f"a{kind}{packed}", table.to_csv(index=False, lineterminator=end, **form))
            written = pd.read_csv(pa.input_stream(str(file)), dtype=str, keep_default_na=False, **form)
        columns = dict(zip(COLUMNS, COLUMNS, strict=True))
        check(file, written, least, columns=columns, delimiter=form["sep"], **window)


def table_of(entries):
    return pd.DataFrame([(*entry, "1", "2018-01-01") for entry in entries], columns=COLUMNS)


@settings(max_examples=15)
@given(lists=st.lists(lists, max_size=15), gap=st.sampled_from([" ", "  ", "\t "]), end=st.sampled_from(["\n", "\r\n"]))
def test_song_lists_are_those_of_str_split(lists, gap, end):
    content = end.join(gap.join([user, *songs]) for user, songs in [("first", ["song"]), *lists])
    with tempfile.TemporaryDirectory() as folder:
        file = pack(Path(folder) / "lists.txt", content)
        lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
        table = table_of((user, song) for user, *songs in lines for song in songs or [""])
        check(file, table, format="song_lists", delimiter=" ")


@settings(max_examples=15)
@given(
    playlists=st.lists(st.tuples(keys, st.lists(keys, max_size=5)), max_size=15),
    inner=st.booleans(),
    form=st.sampled_from(["array", "lines", "object"]),
    escaped=st.booleans(),
)
def test_playlists_are_those_of_json(playlists, inner, form, escaped):
    content = [
        {"id": user, "name": "x", "songs": [{"uri": song} for song in songs] if inner else songs}
        for user, songs in [("first", ["song"]), *playlists]
    ]
    if form == "lines":
        text = "\n".join(json.dumps(playlist, ensure_ascii=escaped) for playlist in content)
    else:
        text = json.dumps({"n": 1, "all": content} if form == "object" else content, ensure_ascii=escaped)
    with tempfile.TemporaryDirectory() as folder:
        file = pack(Path(folder) / "a.json", text)
        entries = ((user, song) for user, songs in [("first", ["song"]), *playlists] for song in songs or [None])
        table = table_of(["" if key is None else str(key) for key in entry] for entry in entries)
        columns = {"user": "id", "song": "songs.uri" if inner else "songs"}
        check(file, table, format="playlists", columns=columns)


def write_part(folder, kind, number, part):
    """Write rows of users and songs as a file of a kind."""
    folder.mkdir(exist_ok=True)
    if kind == "rows":
        pack(folder / f"{number}.csv{['', *PACK][number % 4]}", pd.DataFrame(part).to_csv(index=False))
    elif kind == "parquet":
        pd.DataFrame(part, columns=[0, 1]).rename(columns=str).to_parquet(folder / f"{number}.parquet")
    elif kind == "song_lists":
        words = ([word.replace(",", "_") for word in listen] for listen in part)
        pack(folder / f"{number}.txt", "".join(f"{user},{song}\n" for user, song in words))
    else:
        pack(folder / f"{number}.jsonl", "\n".join(json.dumps({"0": user, "1": [song]}) for user, song in part))


@pytest.mark.parametrize("kind", ["rows", "parquet", "song_lists", "playlists"])
@settings(max_examples=6)
@given(data=st.data())
def test_order_number_of_files_and_threads_leave_the_bytes_alone(kind, data):
    listens = data.draw(st.lists(st.tuples(plain, plain), min_size=1, max_size=40))
    outputs = []
    for threads in (1, 2):
        shuffled = data.draw(st.permutations(listens))
        parts = data.draw(st.integers(1, min(3, len(listens))))
        with tempfile.TemporaryDirectory() as folder:
            for number in range(parts):
                write_part(Path(folder) / "in", kind, number, shuffled[number::parts])
            changes = {} if kind in ("rows", "parquet") else {"format": kind}
            read = logs(Path(folder) / "in", values="counts", columns={"user": "0", "song": "1"}, **changes)
            ingest(read, "1GB", threads, Path(folder))
            outputs.append({name: (Path(folder) / name).read_bytes() for name in OUTPUTS})
    assert outputs[0] == outputs[1]
