from pathlib import Path

from hearlog import params
from hearlog.plan import Plan, make_plan

DEMO = Path(__file__).parents[1] / "presets/demo.yaml"


def test_the_plan_counts_the_clips_of_the_embedded_data_set():
    settings = params.load(DEMO)
    plan = make_plan(settings)
    assert plan.clips["songs"] == settings.demo.songs
    assert plan.clips["fma_small"] * 2 == plan.clips["fma_medium"] == settings.demo.fma
    assert list(plan.clips) == ["songs", *settings.tasks]


def test_time_and_disk_are_said_in_words():
    seconds = {"starting processes": 60.0, "training": 600.0}
    text = Plan({"songs": 1200}, seconds, {"crops and spectrograms": 2 * 10**9}, 90.0).describe()
    assert "songs 1,200" in text
    assert "about 9 min, at most 11 min" in text
    assert "2.00 GB" in text
