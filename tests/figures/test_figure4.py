import pytest
from cell_files import REGRESSION, TASKS, score, write_cells
from matplotlib.image import imread
from matplotlib.text import Text

from hearlog.figures.scores import figure4
from hearlog.figures.style import save
from hearlog.results.cells import read_cells
from hearlog.results.folds import read_bars


def draw(root, tasks=TASKS, divisors=(1,), synthetic=False, **fields):
    write_cells(root, tasks, divisors, **fields)
    cells = read_cells(tasks, divisors, root / "metrics/transfer")
    return figure4(with_bars(cells, root), synthetic)


def with_bars(cells, root):
    return cells.join(read_bars(cells, root / "data/transfer"))


@pytest.mark.parametrize("tasks", [TASKS, TASKS[:5], TASKS[:1]])
def test_figure4_has_one_lettered_panel_a_task(tmp_path, tasks):
    titles = [axes.get_title(loc="left") for axes in draw(tmp_path, tasks, (1, 2)).axes]
    assert len(titles) == len(tasks)
    assert titles[0] == "(a) EmoMusic genre"


def test_panels_have_the_papers_order_and_names(tmp_path):
    titles = [axes.get_title(loc="left") for axes in draw(tmp_path).axes]
    assert titles[1:3] == ["(b) GTZAN", "(c) Extended Ballroom"]
    assert titles[7] == "(h) DCASE2016 scenes"


def test_each_panel_names_the_protocol_under_the_task_within_its_width(tmp_path):
    figure = draw(tmp_path, divisors=(1, 2), folds=10, protocol="artist_cv")  # the longest name
    figure.draw_without_rendering()
    for panel in figure.axes:
        (label,) = panel.texts
        title = next(text for text in panel.findobj(Text) if text.get_text() == panel.get_title(loc="left"))
        frame, below, above = (artist.get_window_extent() for artist in (panel, label, title))
        assert label.get_text() == "artist-grouped 10-fold CV\n1,000 test clips"
        assert frame.x0 - 1 <= below.x0 < below.x1 <= frame.x1
        assert frame.y1 < below.y0 < below.y1 < above.y0 + 1


def test_score_stands_against_channels_on_a_log_axis_with_one_line_a_method(tmp_path):
    panel = draw(tmp_path, ["gtzan"], (1, 2, 4)).axes[0]
    assert panel.get_xscale() == "log"
    assert [label.get_text() for label in panel.get_xticklabels()] == ["32", "64", "128"]
    assert len(panel.containers) == 4
    base = panel.containers[0].lines[0].get_ydata()
    assert list(base) == pytest.approx([50, 50, 50])


def test_one_capacity_shows_the_methods_side_by_side(tmp_path):
    panel = draw(tmp_path, ["gtzan"]).axes[0]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["base", "fix", "init", "kd"]
    assert [container.lines[0].get_xdata()[0] for container in panel.containers] == [0, 1, 2, 3]


def test_error_bars_are_one_standard_deviation_over_folds(tmp_path):
    panel = draw(tmp_path, ["gtzan"]).axes[0]
    (segment,) = panel.containers[0].lines[2][0].get_segments()
    assert segment[:, 1] == pytest.approx([48, 52])
    assert len(panel.containers[0].lines[1]) == 2, "caps"


def test_one_test_part_has_an_interval_over_its_clips_without_caps(tmp_path):
    figure = draw(tmp_path, ["gtzan", "emomusic_valence"], folds=1)
    panel, regression = figure.axes
    (segment,) = panel.containers[0].lines[2][0].get_segments()
    assert segment[:, 1] == pytest.approx([40.38, 59.62], abs=0.01)  # 50 of 100 clips
    assert not panel.containers[0].lines[1], "no caps"
    (segment,) = regression.containers[0].lines[2][0].get_segments()
    assert segment[0, 1] < score("emomusic_valence", "base") < segment[1, 1]
    assert [text.get_text() for text in figure.legends[0].get_texts()][2:] == [
        "95 % interval over test clips,\nwithout training noise"
    ]


def test_with_several_seeds_the_interval_includes_them(tmp_path):
    figure = draw(tmp_path, ["gtzan"], folds=1, seeds=3)
    (segment,) = figure.axes[0].containers[0].lines[2][0].get_segments()
    assert segment[0, 1] < 40.39 and segment[1, 1] > 59.61, "not narrower than with one"
    assert [text.get_text() for text in figure.legends[0].get_texts()][2:] == [
        "95 % interval over test clips and seeds"
    ]


def test_legend_tells_intervals_from_standard_deviations(tmp_path):
    write_cells(tmp_path, ["fma_small"], folds=1)
    write_cells(tmp_path, ["gtzan"])
    cells = read_cells(["gtzan", "fma_small"], [1], tmp_path / "metrics/transfer")
    figure = figure4(with_bars(cells, tmp_path), False)
    marks = {line.get_label(): line.get_marker() for line in figure.legends[0].legend_handles[2:]}
    assert list(marks) == ["s.d. over folds", "95 % interval over test clips,\nwithout training noise"]
    assert len(set(marks.values())) == 2


@pytest.mark.parametrize("tasks", [TASKS, TASKS[:3], TASKS[:1]])
@pytest.mark.parametrize("divisors", [(1,), (1, 2, 4, 8)])
@pytest.mark.parametrize(("folds", "seeds"), [(3, 2), (1, 1)])
def test_no_text_leaves_the_figure(tmp_path, tasks, divisors, folds, seeds):
    figure = draw(tmp_path, tasks, divisors, synthetic=True, folds=folds, seeds=seeds)
    figure.draw_without_rendering()
    drawn, page = figure.get_tightbbox(), figure.bbox_inches
    assert page.x0 <= drawn.x0 < drawn.x1 <= page.x1
    assert page.y0 <= drawn.y0 < drawn.y1 <= page.y1


def test_classification_shows_chance_and_majority_and_regression_zero(tmp_path):
    figure = draw(tmp_path, ["gtzan", *REGRESSION])
    flat = [
        [line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) < len(line.get_ydata())]
        for axes in figure.axes
    ]
    assert flat == [[pytest.approx(10), pytest.approx(12.5)], [0], [0]]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:2] == ["chance or r² = 0", "majority class"]


def test_only_synthetic_data_is_labelled_so(tmp_path):
    assert "Synthetic" in draw(tmp_path, synthetic=True).get_suptitle()
    assert draw(tmp_path).get_suptitle() == "One seed"


def test_head_says_of_how_many_seeds_scores_are(tmp_path):
    assert draw(tmp_path, ["gtzan"], seeds=3).get_suptitle() == "Mean of 3 seeds"


def test_saved_figures_are_the_same_bytes_each_time(tmp_path):
    first = save(draw(tmp_path, ["gtzan"], (1, 2)), tmp_path / "first")
    second = save(draw(tmp_path, ["gtzan"], (1, 2)), tmp_path / "second")
    assert [path.name for path in first] == ["first.png", "first.pdf"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[1].read_bytes().startswith(b"%PDF")


def test_figure_fills_the_width_of_a_page_or_of_a_column(tmp_path):
    assert draw(tmp_path).get_figwidth() == pytest.approx(7.16)  # inches, an IEEE page of two columns
    assert draw(tmp_path, ["gtzan"]).get_figwidth() == pytest.approx(3.5)


def test_images_have_300_dots_an_inch(tmp_path):
    png, _ = save(draw(tmp_path, ["gtzan"]), tmp_path / "figure4")
    assert imread(png).shape[1] == 3.5 * 300
