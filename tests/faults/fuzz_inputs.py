"""Files for the fuzzing: good ones with random damage, and random ones in the form that a reader expects."""

import copy
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

# What means something to a reader of text, YAML, JSON, XML, CSV or paths, or to a terminal or spreadsheet.
WORDS = ["../", "../../etc/passwd", "/etc/passwd", "~", ".", "..", "C:\\x", "\\", "/", "//", "a/../b", "<b>", "&lol;"]
WORDS += [
    "nan",
    "NaN",
    "inf",
    "-inf",
    "1e999",
    "-1",
    "0",
    "-0",
    "00",
    "1e-05",
    "1_000",
    "0x",
    "0x_",
    "0b1",
    "1:60",
    "1.5",
]
WORDS += [
    "2001-99-99",
    "2001-01-01",
    "9" * 24,
    "null",
    "None",
    "true",
    "&a ",
    "*a",
    "<<: *a",
    "!!int x",
    "!!timestamp x",
]
WORDS += [
    "!!python/object/apply:os.system [id]",
    "!!set ",
    "!!bool x",
    "? ",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    "'",
    '"',
    "#",
    "%",
]
WORDS += [
    ",",
    ";",
    ":::",
    "|",
    "<",
    ">",
    "<!DOCTYPE ",
    "<![CDATA[",
    "<?xml ",
    "=1+1",
    "@SUM(1)",
    "$x$",
    "version https://git-lfs",
]
PIECES = [word.encode() for word in WORDS]
PIECES += [b"", b" ", b"\n", b"\r", b"\r\n", b"\t", b"\0", b"\x1b[2J", b"\x1f\x1e\x1f", b"\xff\xfe", b"\xef\xbb\xbf"]
PIECES += [b"\xc2\x9b31m", "\u202e\u2028".encode(), b"\xed\xa0\x80", b"9" * 5000, b"[" * 3000, b"a" * 70_000]
pieces = st.sampled_from(PIECES) | st.binary(max_size=6)

texts = st.sampled_from([*WORDS, "", " ", "\n", "\x1b[2J", "\u202e", "日本"]) | st.text(max_size=5)
scalars = texts | st.integers() | st.floats() | st.booleans() | st.none() | st.sampled_from([0, 1, -1, 10**9, 10**400])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=4
)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Replace, insert or remove some pieces of a file, and maybe cut it."""
    damage = bytearray(content)
    places = st.integers(0, len(content))
    for start, length, piece in draw(st.lists(st.tuples(places, st.integers(0, 12), pieces), max_size=5)):
        damage[start : start + length] = piece
    return bytes(damage[: draw(st.none() | places)])


@st.composite
def changed(draw: st.DrawFn, tree: dict[str, Any]) -> dict[str, Any]:
    """Put random values in the place of some values of nested mappings, or add some."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        block = tree
        while True:
            key = draw(st.sampled_from(sorted(block)) | texts)
            if not isinstance(block.get(key), dict) or not block[key] or draw(st.integers(0, 4)) == 0:
                break
            block = block[key]
        block[key] = draw(values)
    return tree


COLUMNS = [
    pa.array(["a", "b", None]),
    pa.array(["../x", "\x1b[2J", ""]),
    pa.array(["1.5", "nan", "2"], pa.large_string()),
    pa.array(["a", "a", "b"]).dictionary_encode(),
    pa.array([b"a", b"\xff", None]),
    pa.array([1, 2, None]),
    pa.array([2**63, 0, 1], pa.uint64()),
    pa.array([1.5, np.nan, np.inf]),
    pa.array([1, 2, 3], pa.float16()),
    pa.array([True, False, None]),
    pa.array([None, None, None]),
    pa.array([1, 2, 3], pa.decimal128(20, 2)),
    pa.array([1, 2, 3], pa.timestamp("ns", "Europe/Nowhere")),
    pa.array([2**62, 2, 3], pa.timestamp("ms")),
    pa.array([1, 2, 3], pa.date32()),
    pa.array([1, 2, 3], pa.time64("us")),
    pa.array([1, 2, 3], pa.duration("s")),
    pa.array([["a"], [], None]),
    pa.array([{"a": 1}, None, {"a": 2}]),
    pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
]
# What pandas takes for the description of a table, and pyarrow for a type of its own, long ago a pickle.
METADATA = [
    b"",
    b"{}",
    b"[]",
    b'{"index_columns": ["a"], "columns": []}',
    b'{"index_columns": 7}',
    b"cos\nsystem\n(S'id'",
]


@st.composite
def parquet(draw: st.DrawFn, names: list[str]) -> bytes:
    """Write a table with these columns or some of them, of text or of any type."""
    chosen = draw(st.just(names) | st.lists(st.sampled_from([*names, "other", ""]), max_size=6))
    rows = draw(st.integers(0, 3))
    kinds = st.sampled_from(COLUMNS[:1] if draw(st.booleans()) else COLUMNS)
    arrays = [draw(st.sampled_from(COLUMNS[7:9]) if name[:1] == "f" else kinds).slice(0, rows) for name in chosen]
    described = st.sampled_from([b"pandas", b"hearlog", b"ARROW:extension:name", b"ARROW:extension:metadata"])
    metadata = st.none() | st.dictionaries(described, st.sampled_from([*METADATA, b"arrow.py_extension_type"]))
    fields = [pa.field(name, array.type, metadata=draw(metadata)) for name, array in zip(chosen, arrays, strict=True)]
    file = io.BytesIO()
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields, draw(metadata)))
    pq.write_table(table, file)
    return file.getvalue()


ARRAYS = [
    np.array(["a", "b"]),
    np.array(["a", "a"]),
    np.array([["a"], ["b"]]),
    np.ones((2, 40), np.float32),
    np.ones((2, 40), np.float16),
    np.full((2, 40), np.nan),
    np.full((2, 40), 1e300),
    np.ones((2, 3), complex),
    np.ones((0, 40)),
    np.ones((2, 0)),
    np.ones(2),
    np.ones((2, 2, 2)),
    np.array(7),
    np.array([b"a", b"b"]),
    np.array([{}, None], object),
    np.array(["2001", "NaT"], "datetime64[D]"),
    np.array([(1, 2.0)], [("a", int), ("b", float)]),
    *map(np.array, ["{}", "[]", "7", '{"layer": []}', '{"model": 1, "layer": "embedding"}', "{", "\x1b"]),
]


@st.composite
def npz(draw: st.DrawFn) -> bytes:
    """Write an archive with the arrays of a table of features, some of them of any type and shape."""
    good = {"path": ARRAYS[0], "features": ARRAYS[3], "hearlog": np.array("{}")}
    names = st.sampled_from(["path", "features", "start", "hearlog", "other"])
    arrays = good | draw(st.dictionaries(names, st.sampled_from(ARRAYS), max_size=2))
    write = draw(st.sampled_from([np.savez, np.savez_compressed]))
    file = io.BytesIO()
    write(file, allow_pickle=True, **arrays)
    return file.getvalue()


def as_json(tree: dict[str, Any]) -> bytes:
    """Write JSON as Python reads it, NaN included."""
    return json.dumps(tree).encode()
