"""Names of tasks in print."""

from hearlog import params
from hearlog.results.names import task_order, title

PAPER = {
    "emomusic_genre": "EmoMusic genre",
    "gtzan": "GTZAN",
    "extended_ballroom": "Extended Ballroom",
    "fma_small": "FMA small",
    "fma_medium": "FMA medium",
    "emomusic_valence": "EmoMusic valence",
    "emomusic_arousal": "EmoMusic arousal",
    "dcase2016": "DCASE2016 scenes",
}


def test_tasks_of_the_paper_have_the_names_and_the_order_of_its_figure_4():
    assert {task: title(task) for task in PAPER} == PAPER
    assert sorted(sorted(PAPER), key=task_order) == list(PAPER)


def test_presets_name_their_tasks_so_that_each_is_printed_by_its_data_set(request):
    for preset in (request.config.rootpath / "presets").glob("*.yaml"):
        assert all(title(task) != task for task in params.load(preset).tasks), preset.name


def test_other_tasks_are_printed_by_their_own_names_and_come_last():
    assert [title(task) for task in ("table", "emomusic", "my_gtzan")] == ["table", "emomusic", "my_gtzan"]
    assert sorted(["my_gtzan", "table", "dcase2016"], key=task_order) == ["dcase2016", "my_gtzan", "table"]
