"""What log files of each format say, up to the rows that are counted."""

import datetime
import json
import lzma
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_rows import pack, read
from log_settings import logs

from hearlog.logs.delimited import line_number
from hearlog.logs.formats import FORMATS
from hearlog.logs.ingest import ingest
from hearlog.logs.rows import PARSERS
from hearlog.logs.survey import survey
from hearlog.util.errors import InputError

MELON = {"format": "playlists", "columns": {"user": "id", "song": "songs"}}
SPOTIFY = {"format": "playlists", "columns": {"user": "pid", "song": "tracks.track_uri"}}
LISTS = {"format": "song_lists", "delimiter": " "}


# ---- song lists


def test_kgat_lists_have_a_user_a_line(tmp_path):
    path = pack(tmp_path / "train.txt", "0 0 1 2\n1 10 007 07\n2\n")
    used, faults = read(path, **LISTS)
    assert used == [("0", "0", 1), ("0", "1", 1), ("0", "2", 1), ("1", "10", 1), ("1", "007", 1), ("1", "07", 1)]
    assert faults == [("no_songs", 3)]


@pytest.mark.parametrize(
    ("delimiter", "lines"),
    [(" ", " u  s1 s2\t s1 \r\n \r\n"), ("\t", "u\t\ts1\ts2\t\ts1\t\r\n"), (",", "u,s1,,s2,s1\r\n\r\n")],
)
@pytest.mark.parametrize("packed", ["", ".gz", ".bz2", ".zst"])
def test_runs_of_a_delimiter_part_songs_once(tmp_path, delimiter, lines, packed):
    path = pack(tmp_path / f"lists.txt{packed}", lines)
    assert read(path, format="song_lists", delimiter=delimiter) == (
        [("u", "s1", 1), ("u", "s2", 1), ("u", "s1", 1)],
        [],
    )


def test_a_list_without_its_user_is_rejected_song_by_song(tmp_path):
    path = pack(tmp_path / "lists.csv", 'u,"s 1"\n,s1,s2\nv,\n')
    used, faults = read(path, format="song_lists")
    assert used == [("u", '"s 1"', 1)]  # quotes are text
    assert faults == [("empty_user_id", 2), ("empty_user_id", 2), ("no_songs", 3)]


def test_a_list_of_megabytes_is_read(tmp_path):
    songs = [f"{song:07}" for song in range(400_000)]
    used, faults = read(pack(tmp_path / "lists.txt", "u " + " ".join(songs) + "\nv 1\n"), **LISTS)
    assert [song for _, song, _ in used] == [*songs, "1"]
    assert not faults


# ---- playlists


def test_melon_playlists_stand_for_users(tmp_path):
    playlists = [
        {"tags": ["rock"], "id": 61281, "plylst_title": "cafe", "songs": [525514, 129701, 525514], "like_cnt": 71},
        {"tags": [], "id": 10532, "plylst_title": 'say "hi"', "songs": [432406], "like_cnt": 1},
    ]
    used, faults = read(pack(tmp_path / "train.json", json.dumps(playlists)), **MELON)
    assert used == [("61281", "525514", 1), ("61281", "129701", 1), ("61281", "525514", 1), ("10532", "432406", 1)]
    assert not faults


@pytest.mark.parametrize("indent", [None, 4])
def test_slices_of_the_million_playlist_dataset(tmp_path, indent):
    for number in range(2):
        tracks = [{"pos": pos, "track_uri": f"spotify:track:{pos}"} for pos in range(2)]
        playlist = {"name": "x", "pid": number, "tracks": tracks, "num_tracks": 2}
        content = {"info": {"slice": "0-1", "list": [1]}, "playlists": [playlist]}
        pack(tmp_path / f"mpd.slice.{number}.json", json.dumps(content, indent=indent))
    assert read(tmp_path, **SPOTIFY).used == [(pid, f"spotify:track:{pos}", 1) for pid in "01" for pos in range(2)]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson", "a.json.gz", "a.jsonl.zst", "a.json.bz2"])
@pytest.mark.parametrize("form", ["array", "lines", "object"])
def test_every_form_of_playlists_plain_or_packed(tmp_path, name, form):
    playlists = [{"id": f"0{number}", "songs": ["é", 'q"']} for number in range(3)]
    forms = {
        "array": json.dumps(playlists),
        "lines": "\n".join(json.dumps(playlist, ensure_ascii=False) for playlist in playlists),
        "object": json.dumps({"of": 3, "all": playlists}),
    }
    expected = [(f"0{number}", song, 1) for number in range(3) for song in ("é", 'q"')]
    assert read(pack(tmp_path / name, forms[form]), **MELON) == (expected, [])


def test_numbers_become_the_text_that_they_are(tmp_path):
    ids = [1, 2**53 + 1, 2**64 + 1, 10**30, -4]
    path = pack(tmp_path / "a.json", json.dumps([{"id": user, "songs": ids} for user in ids]))
    assert read(path, **MELON).used == [(str(user), str(song), 1) for user in ids for song in ids]


def test_what_cannot_be_used_is_told_with_the_place_of_its_playlist(tmp_path):
    playlists = [
        {"id": 1, "songs": ["a", None, "", {"x": 1}, True, "a"]},
        {"id": 2},
        {"id": 3, "songs": []},
        {"id": 4, "songs": "a"},
        {"songs": ["a"]},
        {"id": " ", "songs": ["a"]},
        {"id": [5], "songs": ["a"]},
        6,
        None,
    ]
    used, faults = read(pack(tmp_path / "a.json", json.dumps(playlists, indent=1)), **MELON)
    assert used == [("1", "a", 1)] * 2
    assert faults == [
        ("empty_song_id", 1),
        ("empty_song_id", 1),
        ("bad_song_id", 1),
        ("bad_song_id", 1),
        ("no_song_list", 2),
        ("no_songs", 3),
        ("no_song_list", 4),
        ("empty_user_id", 5),
        ("empty_user_id", 6),
        ("bad_user_id", 7),
        ("no_song_list", 8),
        ("no_playlist", ""),
    ]


def test_a_key_may_hold_any_characters_but_a_dot(tmp_path):
    path = pack(tmp_path / "a.json", json.dumps([{"a/b~1": 1, 'l "x"': [{"$[*]": 2}]}]))
    assert read(path, format="playlists", columns={"user": "a/b~1", "song": 'l "x".$[*]'}).used == [("1", "2", 1)]


def test_files_of_slices_without_the_list_are_counted(tmp_path):
    pack(tmp_path / "1.json", json.dumps({"all": [{"id": 1, "songs": [1]}]}))
    pack(tmp_path / "2.json", json.dumps({"none": []}))
    assert read(tmp_path, **MELON) == ([("1", "1", 1)], [("no_playlist", "")])


def test_playlists_may_say_when(tmp_path):
    playlists = [{"pid": day, "t": 1514764800 + day * 86400, "songs": [1]} for day in range(4)] + [{"songs": [2]}]
    columns = {"user": "pid", "song": "songs", "time": "t"}
    path = pack(tmp_path / "a.json", json.dumps(playlists))
    used, faults = read(path, format="playlists", columns=columns, since="2018-01-02", until="2018-01-04")
    assert used == [("1", "1", 1), ("2", "1", 1)]
    assert [reason for reason, _ in faults] == ["outside_window", "outside_window", "empty_user_id"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"id": 1, "songs": [1]},\n{"id": 2, "songs": [1}]', r"JSON in file .*a\.json.*, at byte \d+ in record"),
        ('{"id": 1, "songs": [1]}\n{"id": 2, "so', r"in file .*a\.json"),
        (b'[{"id": "\xe9", "songs": [1]}]', r"in file .*a\.json.*invalid UTF-8"),
    ],
    ids=["bracket", "cut", "latin1"],
)
def test_damaged_json_stops_with_file_and_position(tmp_path, content, message):
    for packed in ("", ".gz"):
        with pytest.raises(InputError, match=message):
            read(pack(tmp_path / packed / f"a.json{packed}", content), **MELON)


@pytest.mark.parametrize("content", ['[{"pid": 1, "tracks": []}]', '{"pid": 1, "x": [{"tracks": 3}]}'])
def test_other_keys_are_named(tmp_path, content):
    with pytest.raises(InputError, match=r"a\.json: no playlists with the keys \['id', 'songs'\].*keys are \['pid', "):
        read(pack(tmp_path / "a.json", content), **MELON)


# ---- files


def names(folder, **changes):
    return sorted({user for user, _, _ in read(folder, **changes).used})


def test_a_pattern_chooses_files_inside_the_folder(tmp_path):
    for name in ("2018-01/a.csv", "2018-02/deep/b.csv", "2019-01/c.csv", "2018.csv", "2018-01/d.log"):
        pack(tmp_path / name, f"user_id,song_id\n{name},s\n")
    assert names(tmp_path) == ["2018-01/a.csv", "2018-02/deep/b.csv", "2018.csv", "2019-01/c.csv"]
    assert names(tmp_path, files="2018-*/**/*.csv") == ["2018-01/a.csv", "2018-02/deep/b.csv"]
    assert names(tmp_path, files="*/*.log") == ["2018-01/d.log"]
    with pytest.raises(InputError, match=r"no log files \(logs.path\).* files like '\*\.tsv' \(logs.files\)"):
        read(tmp_path, files="*.tsv")
    with pytest.raises(InputError, match=r"2018\.csv: is a file, so logs\.files '\*\.csv' has nothing to search"):
        read(tmp_path / "2018.csv", files="*.csv")


def test_what_spark_leaves_beside_its_output_is_passed_over(tmp_path):
    for name in ("part-0.csv", "_SUCCESS.csv", ".part-0.csv.crc", "_temporary/0/part-1.csv", ".hidden/part-2.csv"):
        pack(tmp_path / "_out" / name, f"user_id,song_id\n{name},s\n")
    assert names(tmp_path / "_out") == names(tmp_path / "_out", files="**/*") == ["part-0.csv"]


def test_links_are_followed_and_no_file_is_read_twice(tmp_path):
    for name in ("logs/a.csv", "elsewhere/2017/b.csv", "elsewhere/c.csv"):
        pack(tmp_path / name, f"user_id,song_id\n{name},s\n")
    links = {"old": "elsewhere", "up": "logs", "c.csv": "elsewhere/c.csv", "again.csv": "logs/a.csv"}
    for name, target in links.items():
        (tmp_path / "logs" / name).symlink_to(tmp_path / target)
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "logs") == ["elsewhere/2017/b.csv", "elsewhere/c.csv", "logs/a.csv"]
    assert names(tmp_path / "logs", files="old/**/*.csv") == ["elsewhere/2017/b.csv", "elsewhere/c.csv"]
    assert names(tmp_path / "logs", files="*/2017/[!a].csv") == ["elsewhere/2017/b.csv"]
    (tmp_path / "logs/gone.csv").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"gone\.csv: is a link that leads nowhere"):
        read(tmp_path / "logs")


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_characters_of_a_pattern_in_a_name_are_only_characters(tmp_path, kind):
    alike = ["a[1]", "a1", "what?", "whats", "b*", "bb", "]{a,b}", "[d]/x", "d/x"]
    for name in alike:
        path = tmp_path / f"{name}.{kind}"
        path.parent.mkdir(exist_ok=True)
        table = pa.table({"user_id": [name], "song_id": ["s"]})
        if kind == "parquet":
            pq.write_table(table, path)
        else:
            pack(path, f'user_id,song_id\n"{name}",s\n' if kind == "csv" else json.dumps({"id": name, "songs": ["s"]}))
    used = read(tmp_path, **(MELON if kind == "json" else {})).used
    assert sorted(used) == sorted((name, "s", 1) for name in alike)


@pytest.mark.parametrize("packed", [".gz", ".bz2", ".zst"])
def test_a_name_says_in_letters_of_any_case_how_a_file_is_packed(tmp_path, packed):
    pack(tmp_path / f"a.csv{packed}", "user_id,song_id\nu,s\n").rename(tmp_path / f"A.CSV{packed.upper()}")
    assert read(tmp_path).used == [("u", "s", 1)]


def test_other_packing_is_refused(tmp_path):
    pack(tmp_path / "a.csv.XZ", lzma.compress(b"user_id,song_id\nu,s\n"))
    with pytest.raises(InputError, match=r"a\.csv\.XZ: is packed, by its name, by none of gzip, bzip2 and Zstandard"):
        read(tmp_path, files="*")


def test_partitions_of_a_table_name_a_column(tmp_path):
    for day in ("2018-01-01", "2018-01-02"):
        (tmp_path / f"date={day}").mkdir()
        pq.write_table(pa.table({"user_id": ["u"], "song_id": [day]}), tmp_path / f"date={day}" / "part-0.parquet")
    columns = {"user": "user_id", "song": "song_id", "time": "date"}
    assert read(tmp_path, columns=columns, until="2018-01-02") == ([("u", "2018-01-01", 1)], [("outside_window", 1)])


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("a.json", {}, r"a\.json: is JSON by its name, not logs\.format rows: set logs\.format: playlists"),
        ("a.parquet", LISTS, r"a\.parquet: is Parquet by its name, not logs\.format song_lists: set it to rows"),
    ],
)
def test_files_of_another_format_are_called_so(tmp_path, name, changes, message):
    with pytest.raises(InputError, match=message):
        read(pack(tmp_path / name, "x"), **changes)


# ---- Parquet


@pytest.mark.parametrize(
    ("plays", "used"),
    [
        (pa.array([3, 0, None]), [3]),
        (pa.array([10**9, 1, 2**63], pa.uint64()), [1]),
        (pa.array([3.0, 2.5, float("nan")]), [3]),
        (pa.array([Decimal("2.00"), Decimal("2.50"), None]), [2]),
        (pa.array(["3", "03.0", "x"]), [3, 3]),
    ],
    ids=["int64", "uint64", "float64", "decimal", "text"],
)
def test_plays_of_parquet_are_whole_numbers_of_any_type(tmp_path, plays, used):
    pq.write_table(pa.table({"u": ["u"] * 3, "s": ["s"] * 3, "p": plays}), tmp_path / "a.parquet")
    found = read(tmp_path, columns={"user": "u", "song": "s", "plays": "p"})
    assert [plays for _, _, plays in found.used] == used
    assert {reason for reason, _ in found.faults} == {"bad_play_count"}


@pytest.mark.parametrize("ids", [pa.array([7, None], pa.int8()), pa.array([b"7", b" "]), pa.array(["7", "\u3000"])])
def test_ids_of_parquet_become_text_and_empty_ones_are_counted(tmp_path, ids):
    pq.write_table(pa.table({"user_id": ids, "song_id": [2**62, 1]}), tmp_path / "a.parquet")
    assert read(tmp_path) == ([("7", str(2**62), 1)], [("empty_user_id", 2)])


@pytest.mark.parametrize(("ids", "kind"), [([1.0], "double"), ([[1]], r"bigint\[\]"), ([{"a": 1}], "struct")])
def test_ids_are_no_decimal_numbers_and_no_lists(tmp_path, ids, kind):
    pq.write_table(pa.table({"user_id": ["u"], "song_id": ids}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=rf"column 'song_id' \(logs\.columns\.song\) is of type {kind}.*whole numbers"):
        read(tmp_path)


def write_parts(folder, *tables):
    for number, table in enumerate(tables):
        pq.write_table(pa.table(table), folder / f"{number}.parquet")


@pytest.mark.parametrize("users", [(7, "007"), ("007", 7)])
def test_files_whose_ids_are_of_different_types_are_named(tmp_path, users):
    write_parts(tmp_path, *({"user_id": [user], "song_id": ["s"]} for user in users))
    with pytest.raises(InputError, match=r"1\.parquet: column 'user_id' .* is of type .* and in .*0\.parquet of"):
        read(tmp_path)


@pytest.mark.parametrize("turned", [False, True])
def test_each_file_of_parquet_is_read_by_its_own_types(tmp_path, turned):
    day = datetime.datetime(2018, 1, 2, 12)
    rows = [
        {"u": pa.nulls(1), "s": ["a"], "p": [1], "t": [day]},
        {"u": ["007"], "s": ["b"], "p": [2.5], "t": [day]},
        {"u": [b"7"], "s": ["c"], "p": ["3"], "t": [day]},
        {"u": ["8"], "s": ["d"], "p": pa.array([4], pa.int8()), "t": [day.date()]},
    ]
    write_parts(tmp_path, *(reversed(rows) if turned else rows))
    columns = {"user": "u", "song": "s", "plays": "p", "time": "t"}
    used, faults = read(tmp_path, columns=columns, since="2018-01-02T06:00:00")
    assert used == [("7", "c", 3)]
    assert sorted(faults) == [("bad_play_count", 1), ("empty_user_id", 1), ("outside_window", 1)]


def test_a_position_is_of_the_same_column_in_all_files_of_parquet(tmp_path):
    write_parts(tmp_path, {"u": ["u"], "s": ["s"]}, {"s": ["s"], "u": ["u"]})
    with pytest.raises(InputError, match=r"1\.parquet: column 1 .* is 's', and in .*0\.parquet 'u'"):
        read(tmp_path, columns={"user": 1, "song": 2})


def test_columns_with_names_that_duckdb_gives(tmp_path):
    write_parts(tmp_path, {"user_id": ["u"], "filename": ["s"]})
    assert read(tmp_path, columns={"user": "user_id", "song": "filename"}).used == [("u", "s", 1)]
    write_parts(tmp_path, {"user_id": ["u"], "song_id": ["s"], "File_Row_Number": [1]})
    with pytest.raises(InputError, match=r"0\.parquet: has a column 'file_row_number'.*rename it"):
        read(tmp_path)


# ---- times


TIMED = {"user": "user_id", "song": "song_id", "time": "time"}


def times_used(folder, times, **window):
    """Which of the texts fall into the window, and the reasons of the others."""
    pack(folder / "a.csv", "user_id,song_id,time\n" + "".join(f"u,{n},{time}\n" for n, time in enumerate(times)))
    used, faults = read(folder, columns=TIMED, **window)
    return [times[int(song)] for _, song, _ in used], [reason for reason, _ in faults]


@pytest.mark.parametrize(
    "time",
    [
        "2018-01-31T23:59:59.999999Z",
        "2018-01-31 23:59:59.999999",
        "2018-01-31",
        "2018-01-31T23:59",
        "2018-02-01T01:59:59+02:00",
        "2018-01-31T22:59:59-0100",
        "2018-01-31 23:59:59 UTC",
        '"2018-01-31T23:59:59"',
        "20180131",
        "1517443199",
        "1517443199.0",
        "1517443199999",
        " 1517443199 ",
        " 2018-01-31 ",
    ],
)
def test_times_are_iso_8601_or_unix_seconds_or_milliseconds(tmp_path, time):
    """Each of them is on the last day of January 2018 in UTC."""
    assert times_used(tmp_path, [time], since="2018-01-31", until="2018-02-01")[0] == [time]
    assert times_used(tmp_path, [time], since="2018-02-01")[1] == ["outside_window"]
    assert times_used(tmp_path, [time], until="2018-01-31")[1] == ["outside_window"]


@pytest.mark.parametrize("time", ["", "x", "31.01.2018", "2018-02-30", "epoch", "infinity", "20181301", "5", "9" * 15])
def test_bad_times_are_counted_where_there_is_a_column_of_times(tmp_path, time):
    assert times_used(tmp_path, [time]) == ([], ["bad_time"])
    assert read(tmp_path, columns={"user": "user_id", "song": "song_id"}).used


def test_the_window_begins_with_since_and_ends_before_until(tmp_path):
    times = ["2018-01-01T11:59:59.999999Z", "2018-01-01T12:00:00Z", "2018-01-01T12:59:59.9Z", "2018-01-01T13:00:00Z"]
    window = {"since": "2018-01-01T14:00:00+02:00", "until": "2018-01-01T13:00:00"}
    assert times_used(tmp_path, times, **window) == (times[1:3], ["outside_window"] * 2)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.timestamp("us"), [datetime.datetime(2018, 1, 1, 23, 59), datetime.datetime(2018, 1, 2)]),
        (pa.timestamp("ns"), [datetime.datetime(2018, 1, 1, 23, 59), datetime.datetime(2018, 1, 2)]),
        (pa.timestamp("ms", "Asia/Seoul"), [datetime.datetime(2018, 1, 1, 23, 59), datetime.datetime(2018, 1, 2)]),
        (pa.date32(), [datetime.date(2018, 1, 1), datetime.date(2018, 1, 2)]),
        (pa.int64(), [1514851199, 1514851200000]),
        (pa.int32(), [20180101, 20180102]),
        (pa.float64(), [1514851199.5, 1514851200.0]),
        (pa.string(), ["2018-01-02T08:59:00+09:00", "2018-01-02T00:00:00Z"]),
    ],
    ids=str,
)
def test_times_of_parquet_are_of_any_type(tmp_path, kind, values):
    times = pa.array([*values, None], kind)
    pq.write_table(pa.table({"user_id": ["u"] * 3, "song_id": [1, 2, 3], "time": times}), tmp_path / "a.parquet")
    used, faults = read(tmp_path, columns=TIMED, since="2018-01-01", until="2018-01-02")
    assert used == [("u", "1", 1)]
    assert faults == [("outside_window", 2), ("bad_time", 3)]


def test_lastfm_1k_within_a_year(tmp_path):
    lines = [
        "user_000001\t2009-05-04T23:08:57Z\tartist\tDeep Dish\ttrack-1\tFuck Me Im Famous",
        'user_000001\t2008-12-31T23:59:59Z\tartist\t"Weird Al\ttrack-2\t"Live',
        'user_000002\t2009-01-01T00:00:00Z\tartist\t12" Club Mix\ttrack-3\tx',
    ]
    path = pack(tmp_path / "userid-timestamp.tsv.gz", "\n".join(lines))
    columns = {"user": 1, "song": 5, "time": 2}
    found = read(path, delimiter="\t", header=False, columns=columns, since="2009-01-01", until="2010-01-01")
    assert found.used == [("user_000001", "track-1", 1), ("user_000002", "track-3", 1)]
    assert [reason for reason, _ in found.faults] == ["outside_window"]


# ---- settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"user": "u", "song": "u"}}, "user and song are both 'u'"),
        ({"format": "song_lists", "columns": {"user": 1, "song": 2, "plays": 3}}, "song_lists have no counts"),
        ({"format": "song_lists", "columns": {"user": 1, "song": 2, "time": 3}}, "song_lists have no times"),
        ({"format": "playlists", "columns": {"user": "id", "song": "s", "plays": "n"}}, "playlists have no counts"),
        ({"format": "playlists", "columns": {"user": 1, "song": "s"}}, "columns.user 1 is a position, but playlists"),
        ({"format": "playlists", "columns": {"user": "id", "song": "a.b.c"}}, r"columns\.song 'a\.b\.c': give the key"),
        ({"format": "playlists", "columns": {"user": "id", "song": "a."}}, r"columns\.song 'a\.': give the key"),
        ({"files": "../*.csv"}, "leaves the folder logs.path"),
        ({"files": "/data/*.csv"}, "leaves the folder logs.path"),
        ({"files": "**.csv"}, r"\*\* beside other characters"),
        ({"delimiter": '"'}, "cannot separate"),
        ({"delimiter": "\n"}, "cannot separate"),
        ({"since": "2018-01-01"}, "need columns.time"),
        ({"columns": TIMED, "since": "2018-01-01T01:00:00+01:00", "until": "2018-01-01"}, "is not before until"),
        ({"columns": TIMED, "since": "01.02.2018"}, "is no date"),
        ({"columns": TIMED, "since": "0001-01-01T00:00:00+09:00"}, "is no date"),
    ],
)
def test_settings_that_make_no_sense_together_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        logs("anywhere", **changes)


# ---- packed files


ROWS = "user_id,song_id\n" + "".join(f"u{number},s{number}\n" for number in range(9999))
DAMAGES = {
    "cut": lambda packed: packed[: len(packed) // 2],
    "end": lambda packed: packed[:-1],
    "sum": lambda packed: packed[:-8] + bytes(4) + packed[-4:],
}


@pytest.mark.parametrize(
    ("name", "damage"), [("a.csv.gz", "cut"), ("a.csv.gz", "end"), ("a.csv.GZ", "sum"), ("a.csv.zst", "cut")]
)
def test_a_packed_file_that_is_damaged_is_named(tmp_path, name, damage):
    pack(tmp_path / "logs/b.csv.gz", ROWS)
    whole = pack(tmp_path / name.lower(), ROWS).read_bytes()
    (tmp_path / "logs" / name).write_bytes(DAMAGES[damage](whole))
    with pytest.raises(InputError, match=rf"{name}: is cut or damaged: .* Write or copy it again"):
        ingest(logs(tmp_path / "logs"), "1GB", 2, tmp_path / "out")


@pytest.mark.parametrize("changes", [LISTS, MELON], ids=["song_lists", "playlists"])
def test_a_packed_file_of_any_format_is_read_to_its_end(tmp_path, changes):
    content = "".join(f'{{"id": {number}, "songs": [1]}}\n' for number in range(9999))
    path = pack(tmp_path / ("a.jsonl.zst" if changes is MELON else "a.txt.zst"), content)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"zst: is cut or damaged"):
        survey(logs(path, **changes), "1GB", 2, tmp_path)


@pytest.mark.parametrize("packed", [".gz", ".bz2", ".zst"])
def test_packed_files_may_be_put_together(tmp_path, packed):
    parts = [pack(tmp_path / f"{number}{packed}", rows).read_bytes() for number, rows in enumerate((ROWS, "v,s\n"))]
    path = tmp_path / f"both.csv{packed}"
    path.write_bytes(b"".join(parts))
    found = survey(logs(path), "1GB", 2, tmp_path)
    assert (found.rows, found.users) == (10_000, 10_000)


def test_the_line_of_a_fault_in_a_cut_file_is_not_looked_for_beyond_its_end(tmp_path):
    path = pack(tmp_path / "a.csv.zst", ROWS)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"a\.csv\.zst: is cut or damaged"):
        line_number(path, "v")


# ---- what cannot be read


def test_a_path_that_is_not_there_is_called_so(tmp_path):
    with pytest.raises(InputError, match=r"none: no such file or folder \(logs\.path\)$"):
        read(tmp_path / "none")
    with pytest.raises(InputError, match=r"^~/none: no such file or folder .* ~ does not stand for the home folder"):
        read("~/none")


def test_a_folder_does_not_replace_a_column_of_the_file(tmp_path):
    (tmp_path / "Song_id=zzz").mkdir()
    write_parts(tmp_path / "Song_id=zzz", {"user_id": ["u"], "song_id": ["s"]})
    with pytest.raises(InputError, match=r"0\.parquet: column 'song_id' .* a folder of that name"):
        read(tmp_path)


def test_decimal_numbers_in_json_are_no_ids(tmp_path):
    path = pack(tmp_path / "a.json", '[{"id": 1, "songs": [1, 2.0, 1e3]}, {"id": 1.5, "songs": [1]}]')
    used, faults = read(path, **MELON)
    assert used == [("1", "1", 1)]
    assert faults == [("bad_song_id", 1), ("bad_song_id", 1), ("bad_user_id", 2)]


def test_rows_of_which_none_can_be_used_are_listed_by_reason(tmp_path):
    path = pack(tmp_path / "a.csv", "user_id,song_id\n,s\n")
    with pytest.raises(InputError, match=r"of 1 rows none can be used:\n  empty_user_id: 1, such as .*a\.csv line 2"):
        ingest(logs(path, max_rejected=1.0), "1GB", 1, tmp_path / "out")
    with pytest.raises(InputError, match=r"holds no rows$"):
        ingest(logs(pack(path, "user_id,song_id\n")), "1GB", 1, tmp_path / "out")


def test_too_little_memory_is_said_without_advice_in_sql(tmp_path):
    with pytest.raises(InputError, match=r"raise runtime\.memory_limit \(1MB\), to 100MB at least: [^\n]*$"):
        survey(logs(pack(tmp_path / "a.csv", ROWS)), "1MB", 1, tmp_path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PAR1\x15\x04", "Parquet: let its name end in .parquet"),
        (b"\x1f\x8b\x08", "packed by gzip"),
        ("user_id,song_id\n".encode("utf-16"), "text in UTF-16"),
    ],
)
def test_what_is_no_text_is_called_what_it_looks_like(tmp_path, content, kind):
    with pytest.raises(InputError, match=rf"a\.csv: looks like {kind}"):
        read(pack(tmp_path / "a.csv", content), header=False, columns={"user": 1, "song": 2})


def test_the_hint_at_another_delimiter_is_for_text_of_one_column(tmp_path):
    with pytest.raises(InputError, match=r"\['user_id;song_id'\]; one alone speaks for another logs\.delimiter$"):
        read(pack(tmp_path / "a.csv", "user_id;song_id\n"))
    with pytest.raises(InputError, match=r"The columns are \['u', 's'\]$"):
        read(pack(tmp_path / "a.csv", "u,s\n"))


def test_every_format_has_a_parser():
    assert PARSERS.keys() == FORMATS.keys()
