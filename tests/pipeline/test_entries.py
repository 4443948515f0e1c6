"""Entries of dvc.lock, read and replaced in its text, against DVC's own reader and writer."""

from pathlib import Path

import pytest
from dvc.utils.serialize import dumps_yaml, parse_yaml, parse_yaml_for_update
from hypothesis import given
from hypothesis import strategies as st

from hearlog.pipeline import entries

ROOT = Path(__file__).parents[2]
DEMO = (ROOT / "dvc.lock").read_text()
NAMES = [*parse_yaml(DEMO, "dvc.lock")["stages"]]
BY_HAND = """# ours
schema: '2.0'
stages:
  # first
  "a":
      cmd: x
  b: {cmd: y}
"""
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT.filter(bool), inner, max_size=3),
    max_leaves=8,
)


def as_dvc_writes(text: str, stage: str, entry: dict) -> str:
    """As ``Lockfile.dump_stages`` of DVC 3.67 does it."""
    data = parse_yaml_for_update(text, "dvc.lock") or {"schema": "2.0"}
    data["stages"] = data.get("stages", {})
    data["stages"].update({stage: entry})
    return dumps_yaml(data)


def test_the_entries_of_the_demo_are_read_as_dvc_reads_them():
    stages = parse_yaml(DEMO, "dvc.lock")["stages"]
    assert {name: entries.read(DEMO, name)["stages"][name] for name in stages} == stages
    assert entries.read(DEMO, "another") == {}


@given(
    text=st.sampled_from(["", "schema: '2.0'\nstages:\n  a:\n    cmd: x\n", "schema: '2.0'\nstages: {}\n", BY_HAND]),
    stage=st.sampled_from(["a", "b", "c@1-x", "1", "with a blank", "null", "é", "k" * 200]),
    entry=st.dictionaries(st.sampled_from(["cmd", "deps", "params", "outs"]), VALUES, min_size=1),
)
def test_any_entry_is_written_as_dvc_writes_it(text, stage, entry):
    assert entries.replace(text, stage, entry) == as_dvc_writes(text, stage, entry)


@pytest.mark.parametrize("stage", [NAMES[0], NAMES[50], NAMES[-1], "another@1"])
def test_an_entry_of_the_demo_is_replaced_where_it_is_and_a_new_one_appended(stage):
    entry = {"cmd": "x" * 100 + " " + "y" * 100, "deps": [{"path": "a b", "md5": "0"}], "params": {"p": {"q": 1e-5}}}
    assert entries.replace(DEMO, stage, entry) == as_dvc_writes(DEMO, stage, entry)


def test_a_file_that_was_edited_by_hand_is_left_to_dvc_to_read():
    with pytest.raises(ValueError, match="not laid out as DVC does it"):
        entries.read(BY_HAND, "a")
