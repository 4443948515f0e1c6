"""The report's figures beside Figure 4: what they show, and that a reader can read it."""

import itertools
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from cell_files import CHANNELS, CLASSIFICATION, REGRESSION, TASKS, compute, write_cells, write_curves, write_evaluation
from matplotlib.text import Text

from hearlog.figures.confusion import confusion_matrices
from hearlog.figures.curves import training_curves
from hearlog.figures.differences import paired_differences
from hearlog.figures.estimator import estimator_quality
from hearlog.figures.style import MINUS, save
from hearlog.results.cells import read_cells
from hearlog.results.comparisons import find
from hearlog.util.errors import InputError


def cells_of(root, tasks=TASKS, divisors=(1,), **fields):
    write_cells(root, tasks, divisors, **fields)
    return read_cells(tasks, divisors, root / "metrics/transfer")


def draw_differences(root, tasks=TASKS, divisors=(1,), synthetic=False, **fields):
    write_cells(root, tasks, divisors, **fields)
    return paired_differences(replace(compute(root, tasks, divisors), synthetic=synthetic))


def draw_confusion(root, tasks=TASKS, divisors=(1,), synthetic=False, **fields):
    return confusion_matrices(cells_of(root, tasks, divisors, **fields), root / "data/transfer", "kd", synthetic)


def draw_curves(root, tasks=TASKS, divisors=(1,), synthetic=False, folds=3, seeds=1):
    write_curves(root, tasks, divisors, folds, seeds)
    return training_curves(cells_of(root, tasks, divisors, folds=folds), root / "plots/transfer", synthetic)


def draw_estimator(root, tasks=(), divisors=(1,), synthetic=False):
    write_evaluation(root, divisors)
    return estimator_quality(divisors, CHANNELS, root / "data/evaluation", root / "plots/estimator", synthetic)


ALL = [draw_differences, draw_confusion, draw_curves, draw_estimator]


def dots(axes):
    """Points of the first series of markers."""
    return next(line for line in axes.lines if line.get_linestyle() == "None").get_xydata()


@pytest.mark.parametrize("draw", ALL)
def test_only_synthetic_data_is_called_so(tmp_path, draw):
    assert "Synthetic" in draw(tmp_path, synthetic=True).get_suptitle()
    assert "Synthetic" not in draw(tmp_path).get_suptitle()


@pytest.mark.parametrize("draw", ALL)
def test_the_same_figure_is_the_same_bytes(tmp_path, draw):
    tasks = ["gtzan", "emomusic_valence"]
    first, second = (save(draw(tmp_path, tasks), tmp_path / name) for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("draw", ALL)
@pytest.mark.parametrize("divisors", [(1,), (1, 2, 4, 8)])
def test_figures_have_a_pages_width_and_no_text_leaves_them(tmp_path, draw, divisors):
    figure = draw(tmp_path, divisors=divisors)
    figure.draw_without_rendering()
    assert figure.get_figwidth() == pytest.approx(7.16)
    assert figure.get_figheight() < 10.5
    drawn, page = figure.get_tightbbox(), figure.bbox_inches
    assert page.x0 <= drawn.x0 < drawn.x1 <= page.x1
    assert page.y0 <= drawn.y0 < drawn.y1 <= page.y1


@pytest.mark.parametrize("draw", ALL)
def test_titles_do_not_run_into_the_next_panel(tmp_path, draw):
    figure = draw(tmp_path, divisors=(1, 2))
    figure.draw_without_rendering()
    titles = [text.get_window_extent() for text in figure.findobj(Text) if text.get_text().startswith("(")]
    assert len(titles) > 3
    assert not any(a.overlaps(b) for position, a in enumerate(titles) for b in titles[:position])


@pytest.mark.parametrize("draw", [draw_differences, draw_confusion, draw_curves])
def test_every_task_stands_with_its_protocol(tmp_path, draw):
    texts = [text.get_text() for text in draw(tmp_path, ["gtzan", "fma_small"], folds=3).findobj(Text)]
    assert sum("GTZAN" in text for text in texts) == sum("FMA small" in text for text in texts) == 1
    assert texts.count("stratified 3-fold CV") == 2


def test_differences_have_a_panel_a_comparison_and_a_dot_a_pair(tmp_path):
    figure = draw_differences(tmp_path, divisors=(1, 2))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:4] == [
        f"(a) kd {MINUS} base",
        f"(b) init {MINUS} base",
        f"(c) fix {MINUS} base",
        f"(d) kd {MINUS} init",
    ]
    assert [len(dots(axes)) for axes in figure.axes] == [2 * len(CLASSIFICATION)] * 4 + [2 * len(REGRESSION)] * 4
    gains = dots(figure.axes[0])[:, 0]
    assert sorted(gains) == pytest.approx(sorted([1, 2, 3, 4, 5, 6] * 2))


def test_dots_of_capacities_stand_on_their_tasks_line_one_above_the_other(tmp_path):
    lines = dots(draw_differences(tmp_path, ["gtzan"], divisors=(1, 2, 4)).axes[0])[:, 1]
    assert sorted(lines) == pytest.approx([-0.2, 0, 0.2])


def test_mean_and_interval_are_those_of_the_tests_over_pairs_and_over_tasks(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    results = compute(tmp_path, divisors=(1, 2))
    axes = paired_differences(results).axes[0]
    thick = [list(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 1.6]
    marks = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "|"]
    for drawn, mark, table in zip(thick, marks, (results.over_pairs, results.over_tasks), strict=True):
        test = find(table, "kd-base").test
        assert drawn == pytest.approx([test.ci_low, test.ci_high])
        assert mark == pytest.approx([test.mean])
    test = find(results.over_pairs, "kd-base").test
    numbers = f"+{test.mean:.1f} [{test.ci_low:.1f}, {test.ci_high:.1f}]"
    assert numbers in [text.get_text().split("\n")[0] for text in axes.texts]


def remark(axes):
    """What stands under a panel's name."""
    return next(text for text in axes.texts if text.xycoords == "axes fraction").get_text().rstrip().split("\n")


def test_of_several_capacities_both_tests_have_their_p_and_of_one_there_is_one(tmp_path):
    assert remark(draw_differences(tmp_path, divisors=(1, 2)).axes[0]) == [
        "+3.5 [2.4, 4.6]",
        "12 won, 0 tied, 0 lost",
        "Holm's p < 0.001 over pairs",
        "Holm's p = 0.018 over tasks",
    ]
    assert remark(draw_differences(tmp_path).axes[3])[2:] == ["Holm's p = 0.107"]
    two_tasks = draw_differences(tmp_path, ["gtzan", "fma_small"], divisors=(1, 2))
    assert remark(two_tasks.axes[0])[3] == "no test over tasks"


def test_equal_differences_have_a_mean_without_an_interval(tmp_path):
    init = draw_differences(tmp_path).axes[1]
    assert [line.get_xdata() for line in init.lines if line.get_marker() == "|"] == [pytest.approx([2])]
    assert not [line for line in init.lines if line.get_linewidth() == 1.6 and line.get_marker() == "None"]


def test_thin_intervals_are_those_within_the_task(tmp_path):
    write_cells(tmp_path, ["gtzan"])
    results = compute(tmp_path, ["gtzan"])
    figure, within = paired_differences(results), results.within.set_index("comparison")
    (segment,) = figure.axes[0].collections[0].get_segments()
    assert segment[:, 0] == pytest.approx(within.loc["kd-base", ["ci_low", "ci_high"]].to_list())


def test_regression_stands_below_in_its_own_unit_without_a_mean(tmp_path):
    above, *_, below = draw_differences(tmp_path).axes[:5]
    assert (above.get_xlabel(), below.get_xlabel()) == ("difference, points of accuracy", "difference, r²")
    assert not [line for line in below.lines if line.get_marker() == "|"]
    assert np.abs(below.get_xlim()).max() < 1 < np.abs(above.get_xlim()).max()


def test_what_cannot_be_tested_is_said_in_words_and_has_no_interval(tmp_path):
    figure = draw_differences(tmp_path, ["gtzan", "fma_small"])
    assert " ".join(remark(figure.axes[0])) == "2 pairs are too few: a test needs at least 3."
    assert not [line for line in figure.axes[0].lines if line.get_marker() == "|"]
    assert not [text for text in figure.findobj(Text) if "mean" in text.get_text().lower()]


def test_a_run_of_numbers_only_has_no_mean_and_says_why(tmp_path):
    figure = draw_differences(tmp_path, REGRESSION)
    assert figure.axes[0].texts[-1].get_text() == "r² is not pooled over tasks"
    assert len(figure.legends[0].get_texts()) == 1, "no mean is drawn"


def test_names_of_own_tasks_are_cut_to_their_room(tmp_path):
    names = ["gtzan", "x" * 64]
    write_cells(tmp_path, ["gtzan"])
    for part in ("metrics", "data", "plots"):
        if (folder := tmp_path / part / "transfer/gtzan").is_dir():
            shutil.copytree(folder, folder.with_name(names[1]))
    results = compute(tmp_path, names)
    figures = (
        paired_differences(results),
        confusion_matrices(results.cells, tmp_path / "data/transfer", "kd", False),
    )
    for figure, letters in zip(figures, (28, 22), strict=True):
        (name,) = [text.get_text() for text in figure.findobj(Text) if "xxx" in text.get_text()]
        assert name.endswith("…") and len(name) <= letters


def relabel(root, classes):
    """Give the clips of GTZAN these classes, all answered right."""
    for path in root.glob("data/transfer/gtzan/*/predictions.parquet"):
        answers = pd.read_parquet(path)
        names = np.resize(np.array(classes), len(answers))
        answers.assign(truth=names, prediction=names).to_parquet(path)


def test_many_classes_have_taller_rows_and_no_numbers(tmp_path):
    cells = cells_of(tmp_path, ["gtzan"])
    heights = []
    for count in (20, 60, 200):
        relabel(tmp_path, [f"class {number:03}" for number in range(count)])
        figure = confusion_matrices(cells, tmp_path / "data/transfer", "kd", False)
        figure.draw_without_rendering()
        heights.append(figure.get_figheight())
        rows = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
        apart = [above.y0 - below.y0 for above, below in itertools.pairwise(rows)]
        assert min(apart) > 5 * figure.dpi / 72, "lines of 5 pt do not overlap"
    assert heights == sorted(heights) and heights[-1] < 10.5
    assert not [text for text in figure.axes[0].texts if text.get_text() == "100"]


@pytest.mark.filterwarnings("error")
def test_labels_are_no_formulas_and_letters_without_a_glyph_are_no_warning(tmp_path):
    cells = cells_of(tmp_path, ["gtzan"])
    relabel(tmp_path, ["$x^$", r"$\frac{", "a$b$", r"\alpha", "映画音楽", "r" * 80])
    figure = confusion_matrices(cells, tmp_path / "data/transfer", "kd", False)
    save(figure, tmp_path / "labels")
    shown = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert {"$x^$", r"$\frac{", "a$b$", r"\alpha", "映画音楽", "r" * 15 + "…"} == set(shown)
    assert not any(label.get_parse_math() for label in figure.axes[0].get_xticklabels())


def test_confusion_has_a_matrix_a_classification_task_and_counts_its_clips(tmp_path):
    figure = draw_confusion(tmp_path)
    matrices = [axes for axes in figure.axes if axes.images]
    assert len(matrices) == len(CLASSIFICATION)
    labels = [label.get_text() for label in matrices[0].get_yticklabels()]
    assert labels == ["jazz  0", "rock  300"]


def test_a_row_of_a_matrix_is_the_share_of_its_class(tmp_path):
    matrix, recall = draw_confusion(tmp_path, ["gtzan"], folds=1).axes
    kd = 52  # clips right of 100
    assert list(matrix.images[0].get_array()[1]) == pytest.approx([1 - kd / 100, kd / 100])
    assert {text.get_text() for text in matrix.texts} >= {str(kd), str(100 - kd)}
    assert recall.lines[3].get_xdata()[1] == pytest.approx(kd)


def test_seeds_do_not_multiply_clips(tmp_path):
    figure = draw_confusion(tmp_path, ["gtzan"], folds=1, seeds=2)
    assert figure.axes[0].get_yticklabels()[1].get_text() == "rock  100"


def test_a_run_of_numbers_only_has_no_matrix_but_a_file(tmp_path):
    figure = draw_confusion(tmp_path, REGRESSION)
    assert [text.get_text() for text in figure.texts] == ["No task of this run has classes."]


def test_matrices_and_curves_are_of_the_largest_capacity_and_say_so(tmp_path):
    assert "128 channels" in draw_confusion(tmp_path, ["gtzan"], (1, 4)).get_suptitle()
    assert "128 channels" in draw_curves(tmp_path, ["gtzan"], (1, 4)).get_suptitle()


def test_curves_have_a_panel_a_task_and_the_loss_of_its_kind(tmp_path):
    axes = draw_curves(tmp_path).axes
    assert len(axes) == len(TASKS)
    assert [panel.get_ylabel() for panel in axes[4:7]] == ["cross-entropy", "squared error", "squared error"]


def test_folds_are_thin_and_their_mean_thick_as_far_as_all_were_trained(tmp_path):
    lines = [line for line in draw_curves(tmp_path, ["gtzan"]).axes[0].lines if line.get_color() == "#D55E00"]
    assert [line.get_linewidth() for line in lines[:4]] == [0.4, 0.4, 0.4, 1.2]
    assert list(lines[3].get_xdata()) == [1, 2, 3, 4]
    assert list(lines[3].get_ydata()) == pytest.approx([3.5, 2.5, 1.5, (1.5 + 0.5 + 1.5) / 3])


def test_markers_stand_at_the_epoch_that_was_kept(tmp_path):
    kept = [line for line in draw_curves(tmp_path, ["gtzan"]).axes[0].lines if line.get_marker() == "D"]
    assert kept[0].get_xydata().tolist() == [[3, 0.5], [4, 0.5], [5, 0.5]]


def test_fix_is_a_line_at_its_mean_loss_for_it_has_no_epochs(tmp_path):
    figure = draw_curves(tmp_path, ["gtzan"])
    (line,) = [line for line in figure.axes[0].lines if line.get_color() == "#E69F00"]
    assert list(line.get_ydata()) == pytest.approx([0.9, 0.9])
    assert figure.axes[0].get_xlim()[1] < 10, "iterations of the logistic regression are no epochs"


def test_a_lone_run_has_no_thin_lines(tmp_path):
    figure = draw_curves(tmp_path, ["gtzan"], folds=1)
    assert not [line for line in figure.axes[0].lines if line.get_linewidth() == 0.4]
    assert "one fold or seed" not in [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_mark_of_the_kept_epoch_is_shown_in_the_legend(tmp_path):
    legend = draw_curves(tmp_path, ["gtzan"]).legends[0]
    marks = {line.get_label(): line.get_marker() for line in legend.legend_handles}
    assert marks["epoch kept"] == "o"


def test_a_missing_curve_is_named(tmp_path):
    draw_curves(tmp_path, ["gtzan"])
    (tmp_path / "plots/transfer/gtzan/kd-div1.tsv").unlink()
    with pytest.raises(InputError, match=r"kd-div1\.tsv: no such file"):
        training_curves(cells_of(tmp_path, ["gtzan"]), tmp_path / "plots/transfer", False)


def test_estimator_has_three_panels_a_capacity(tmp_path):
    figure = draw_estimator(tmp_path, divisors=(1, 2))
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left").startswith("(")]
    assert len(titles) == 6
    assert titles[3] == "(d) Test songs"
    assert figure.axes[3].texts[0].get_text() == "128 channels, 50 songs (mean)"


def test_histograms_are_of_all_songs_beside_the_baseline(tmp_path):
    axes = draw_estimator(tmp_path).axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0].startswith("mean embedding (0.1") and labels[1].startswith("estimator (0.7")


def test_pairs_are_all_counted_and_their_correlation_said(tmp_path):
    axes = draw_estimator(tmp_path).axes[1]
    assert axes.images[0].get_array().sum() == 500
    assert axes.texts[0].get_text() == "500 pairs, r = 1.00"


def test_recall_stands_between_random_and_the_ceiling(tmp_path):
    figure = draw_estimator(tmp_path)
    ceiling, estimator, popularity, random = (line.get_ydata() for line in figure.axes[2].lines)
    assert (ceiling > estimator).all() and (estimator > popularity).all() and (popularity > random).all()
    assert "oracle: popularity of the test songs" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_missing_evaluation_is_named(tmp_path):
    with pytest.raises(InputError, match=r"songs\.parquet: no such file"):
        estimator_quality([1], CHANNELS, tmp_path, tmp_path, False)
