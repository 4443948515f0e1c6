"""Names of tasks and protocols in print."""

from hearlog import params
from hearlog.corpora.protocols import PROTOCOLS, protocol_label
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


def test_every_protocol_has_a_name_in_print():
    names = {protocol: protocol_label(protocol, 4) for protocol in PROTOCOLS}
    assert names == {
        "stratified_cv": "stratified 4-fold CV",
        "grouped_cv": "grouped 4-fold CV",
        "artist_cv": "artist-grouped 4-fold CV",
        "official": "official split",
        "fault_filtered": "fault-filtered split",
        "dev_cv4": "4 published folds",
    }
