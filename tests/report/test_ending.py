from dataclasses import replace

from cell_files import compute, write_cells

from hearlog.report.ending import ending, result


def test_the_gain_of_kd_is_said_in_a_sentence_with_its_limits(tmp_path):
    write_cells(tmp_path)
    results = compute(tmp_path)
    text = result(results)
    assert text.startswith(
        "Over 6 classification tasks, kd scored 3.5 points of accuracy above base (95 % interval 1.5 to 5.5, "
    )
    assert text.endswith(
        "Note that these are synthetic data and every network was trained once: `hearlog report` says what that means."
    )
    assert result(replace(results, synthetic=False)).endswith(
        "Note that every network was trained once: `hearlog report` says what that means."
    )


def test_a_loss_and_what_chance_may_explain_are_said_to_be_that(tmp_path):
    write_cells(tmp_path)
    results = compute(tmp_path)
    kd_base = results.over_tasks[0]
    lost = replace(kd_base, test=replace(kd_base.test, mean=-0.4, ci_low=-3.0, ci_high=2.2), p_adjusted=0.5)
    text = result(replace(results, over_tasks=[lost]))
    assert "kd scored 0.4 points of accuracy below base, which chance may explain (95 % interval -3.0 to 2.2" in text


def test_a_single_task_is_said_to_allow_no_test(tmp_path):
    write_cells(tmp_path, ["gtzan"])
    results = compute(tmp_path, ["gtzan"])
    assert result(results).startswith("No test of kd against base over tasks: 1 task is too few")
    assert "mean gain" not in ending(results, 80)


def test_the_table_has_the_scores_of_the_largest_capacity_and_the_gains_over_tasks(tmp_path):
    write_cells(tmp_path, divisors=(1, 2))
    sentence, heading_and_table = ending(compute(tmp_path, divisors=(1, 2)), 80).split("\n\n")
    assert max(map(len, sentence.splitlines())) <= 80
    heading, methods, *rows = heading_and_table.splitlines()
    assert "128 channels" in heading
    assert methods.split() == ["base", "fix", "init", "kd"]
    cells = {row[:30].strip(): row[30:].replace(" %", "").split() for row in rows}
    assert cells["GTZAN"] == ["50.0", "46.0", "52.0", "52.0"]
    assert cells["EmoMusic valence"] == ["0.500", "0.360", "0.520", "0.570"]
    assert cells["mean gain over base, points"] == ["-7.0", "+2.0", "+3.5"]
    assert cells["its p (Holm)"] == ["0.018", "-", "0.018"], "init gains the same everywhere: there is no test"


def test_tasks_of_regression_alone_have_a_table_without_gains(tmp_path):
    write_cells(tmp_path, ["emomusic_valence", "emomusic_arousal"])
    text = ending(compute(tmp_path, ["emomusic_valence", "emomusic_arousal"]), 80)
    assert "EmoMusic arousal" in text
    assert "mean gain" not in text
