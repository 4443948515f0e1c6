"""Revisions of a real git repository, with scores that can be worked out by hand."""

import json
import subprocess
import sys

import numpy as np
import pytest
import yaml

from hearlog.cells import METHODS
from hearlog.cli import main
from hearlog.compare import ALL_METHODS, against_first, align, changes
from hearlog.compare_text import render
from hearlog.errors import InputError
from hearlog.revisions import read_revision

TASKS = ("emomusic_genre", "gtzan", "dcase2016", "emomusic_arousal")
GAINS = {"emomusic_genre": 0.01, "gtzan": 0.02, "dcase2016": 0.03, "emomusic_arousal": 0.1, "extended_ballroom": 0.04}


class Repository:
    """A pipeline's params, lock and metrics under git; every method scores 0.5 until a test says otherwise."""

    def __init__(self, root):
        self.root = root
        self.params = {
            "seed": 0,
            "model": {"channels": 16},
            "sweep": {"widths": [1]},
            "tasks": {task: {"path": f"data/raw/{task}", "protocol": "official"} for task in TASKS},
            "transfer": {"kd": {"weight": 1.0}},
        }

    def git(self, *words):
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        subprocess.run(["git", *identity, *words], cwd=self.root, capture_output=True, check=True)

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "run")

    def branch(self, name, **gains):
        """Commit a run to a new branch, and return to main."""
        self.git("checkout", "--quiet", "-b", name)
        self.run(**gains)
        self.commit()
        self.git("checkout", "--quiet", "main")

    def run(self, **gains):
        """Write what a pipeline run leaves in git; a gain of a method is how many times GAINS it gains."""
        for task in self.params["tasks"]:
            for width in self.params["sweep"]["widths"]:
                for method in METHODS:
                    self.write_cell(task, method, width, score=0.5 + gains.get(method, 0) * GAINS[task])
        (self.root / "params.yaml").write_text(yaml.safe_dump(self.params))
        stage = {"params": {"params.yaml": {"model.channels": self.params["model"]["channels"]}}}
        lock = {"stages": {f"scratch@{task}-1": stage for task in self.params["tasks"]}}
        (self.root / "dvc.lock").write_text(yaml.safe_dump(lock))

    def write_cell(self, task, method, width=1, score=0.5, **fields):
        facts = {"protocol": self.params["tasks"][task]["protocol"], "folds": 1, "seeds": 1, "clips": 150}
        name = "r2" if task == "emomusic_arousal" else "accuracy"
        path = self.path(task, method, width)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts | {name: score} | fields))

    def path(self, task, method, width=1):
        return self.root / f"metrics/transfer/{task}/{method}-x{width}.json"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    repository = Repository(tmp_path)
    repository.run()
    repository.git("init", "--quiet", "--initial-branch", "main")
    repository.commit()
    return repository


def read(*names):
    return [read_revision(name) for name in names]


def printed(*names):
    return " ".join(render(read(*names)).split())


def compared(*names):
    scores, _ = align(read(*names))
    return against_first(scores, len(names)).set_index(["revision", "method"])


def test_branches_tags_commits_and_the_workspace_are_read_without_checking_them_out(repository):
    repository.branch("distil", kd=1)
    repository.git("tag", "v1", "distil")
    repository.run(kd=2)
    before = repository.path("gtzan", "kd").read_bytes()
    commit = read_revision("distil").commit
    scores, apart = align(read("main", "distil", "v1", commit, commit[:7], "workspace"))
    assert apart.empty
    assert scores.loc[("gtzan", 1, "kd"), [*range(6)]].tolist() == pytest.approx([50, 52, 52, 52, 52, 54])
    assert scores.loc[("emomusic_arousal", 1, "kd"), [0, 1]].tolist() == pytest.approx([0.5, 0.6])
    assert repository.path("gtzan", "kd").read_bytes() == before


def test_an_experiment_is_read_by_its_name(repository):
    repository.git("config", "user.email", "test@localhost")
    repository.git("config", "user.name", "test")
    (repository.root / ".dvc").mkdir()
    (repository.root / ".dvc/config").write_text("[core]\n    analytics = false\n")
    repository.commit()
    repository.params["transfer"]["kd"]["weight"] = 4.0
    repository.run(kd=1)
    command = [sys.executable, "-m", "dvc", "exp", "save", "--quiet", "--name", "keen-owl"]
    subprocess.run(command, cwd=repository.root, check=True)
    repository.git("checkout", "--quiet", "--", ".")
    assert "keen-owl transfer.kd.weight 1.0 -> 4.0" in printed("main", "keen-owl")
    assert compared("main", "keen-owl").loc[(1, "kd"), "mean"] == pytest.approx(2)


def test_a_pipeline_in_a_folder_of_a_larger_repository_is_read_from_there(repository, monkeypatch):
    folder = repository.root / "music/pipeline"
    folder.mkdir(parents=True)
    Repository(folder).run(kd=1)
    repository.commit()
    monkeypatch.chdir(folder)
    assert read_revision("main").cells["score"].max() == pytest.approx(0.6)


def test_gains_of_one_two_and_three_points_give_student_s_worked_values(repository):
    repository.branch("distil", kd=1, init=-1)
    tests = compared("main", "distil")
    # Mean 2, standard deviation 1: t is 2 sqrt(3), and with two degrees of freedom p is 1 - t / sqrt(2 + t^2).
    p = 1 - np.sqrt(12 / 14)
    for method, sign in (("kd", 1), ("init", -1)):
        row = tests.loc[(1, method)]
        assert (row["pairs"], row["wins"], row["losses"]) == ((3, 3, 0) if sign > 0 else (3, 0, 3))
        assert [row["mean"], row["t"], row["p"]] == pytest.approx([2 * sign, sign * np.sqrt(12), p])
        assert row["p_holm"] == pytest.approx(2 * p)  # two tests: base and fix have none
        assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * 4.302653 / np.sqrt(3))  # a table's t(2) at 97.5 %
    assert tests.loc[(1, "base"), "note"] == "no score differs, so there is no test."


def test_the_mean_of_all_methods_is_tested_beside_holm_s_family(repository):
    repository.branch("distil", kd=1)
    tests = compared("main", "distil")
    assert tests.loc[(1, ALL_METHODS), "mean"] == pytest.approx(0.5)  # 2 points of one method in four
    assert np.isnan(tests.loc[(1, ALL_METHODS), "p_holm"])
    assert tests.loc[(1, "kd"), "p_holm"] == tests.loc[(1, "kd"), "p"]


def test_each_revision_is_tested_against_the_first_and_holm_counts_them_all(repository):
    repository.branch("one", kd=1)
    repository.branch("two", kd=2)
    tests = compared("one", "main", "two")
    assert tests.xs("kd", level="method")["mean"].tolist() == pytest.approx([-2, 2])
    assert tests.xs("kd", level="method")["p_holm"].tolist() == pytest.approx([2 * (1 - np.sqrt(12 / 14))] * 2)


def test_capacities_of_a_task_are_one_pair_their_mean(repository):
    repository.params["sweep"]["widths"] = [1, 2]
    repository.run()
    repository.commit()
    for task in TASKS:
        repository.write_cell(task, "kd", 2, score=0.5 + 2 * GAINS[task])
    row = compared("main", "workspace").loc[(1, "kd")]
    assert (row["pairs"], row["mean"]) == (3, pytest.approx(2))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"protocol": "artist_cv", "folds": 3}, "accuracy, artist-grouped 3-fold CV, 150 clips in 3 folds"),
        ({"protocol": "official", "folds": 2}, "accuracy, official split, 150 clips in 2 folds"),
        ({"clips": 149}, "accuracy, official split, 149 clips"),
    ],
)
def test_scores_of_another_protocol_folds_or_clips_are_listed_and_not_compared(repository, fields, reason):
    for method in METHODS:
        repository.write_cell("gtzan", method, **fields)
    repository.commit()
    scores, apart = align(read("main", "HEAD~1"))
    assert "gtzan" not in scores.index.get_level_values("task")
    assert len(apart) == len(METHODS)
    text = printed("main", "HEAD~1", "workspace")
    assert f"GTZAN x1 - main, workspace: {reason}; HEAD~1: accuracy, official split, 150 clips Paired" in text
    assert "2 tasks are too few: a test needs at least 3." in text


def test_cells_that_a_revision_lacks_are_listed_together(repository):
    repository.path("gtzan", "fix").unlink()
    repository.path("dcase2016", "fix").unlink()
    repository.path("dcase2016", "kd").unlink()
    repository.commit()
    assert "GTZAN x1 (fix), DCASE2016 scenes x1 (fix, kd) - no score in main" in printed("HEAD~1", "main")
    tests = compared("HEAD~1", "main")
    assert tests["pairs"].unstack().loc[1, ["base", "fix", "kd", ALL_METHODS]].tolist() == [3, 1, 2, 1]


def test_nothing_in_common_is_no_table_and_no_test(repository):
    repository.params["tasks"] = {"gtzan": repository.params["tasks"]["gtzan"]}
    repository.params["tasks"]["gtzan"]["protocol"] = "fault_filtered"
    repository.run()
    text = printed("main", "workspace")
    assert "Accuracy, %" not in text
    assert "workspace, base, fix, init, kd, all four: no tasks are too few: a test needs at least 3." in text


def test_metrics_of_a_task_that_params_no_longer_name_are_left_alone(repository):
    del repository.params["tasks"]["dcase2016"]
    repository.run()
    assert "dcase2016" not in set(read_revision("workspace").cells["task"])
    text = printed("main", "workspace")
    assert "workspace tasks.dcase2016 removed" in text
    assert "DCASE2016 scenes x1 - no score in workspace" in text


def test_changes_name_keys_with_old_and_new_values():
    old = {"a": {"b": 1, "c": [1]}, "d": None, "e": "x", "g": {"h": 1}}
    new = {"a": {"b": 2, "c": [1, 2]}, "d": "y", "e": "x", "f": True}
    expected = ["a.b 1 -> 2", "a.c [1] -> [1, 2]", "d null -> y", "g removed", "f added"]
    assert list(changes(old, new)) == expected


def test_three_revisions_fit_into_100_columns_and_long_names_are_explained(repository):
    repository.params["tasks"]["extended_ballroom"] = {"path": "x", "protocol": "stratified_cv"}
    repository.run()
    repository.commit()
    names = ["feature/wider-estimator-256", "feature/wider-estimator-512", "main"]
    for name in names[:2]:
        repository.branch(name, kd=1)
    text = render(read(*names))
    assert max(map(len, text.splitlines())) <= 100
    assert all(f"  {name}" in text for name in names[:2])
    assert "featu…or-256" in text


def test_names_that_shorten_alike_are_numbered(repository):
    names = ["feature/a-estimator", "feature/b-estimator"]
    for name in names:
        repository.branch(name)
    lines = render(read(*names)).splitlines()
    assert [line.split()[::2] for line in lines[2:4]] == [["(1)", names[0]], ["(2)", names[1]]]


def test_generated_data_are_called_synthetic_by_revision(repository):
    assert "Synthetic" not in printed("main", "workspace")
    repository.params["tasks"]["gtzan"]["path"] = "data/demo/gtzan"
    repository.run()
    assert printed("main", "workspace").startswith(
        "Synthetic data: these numbers come from the embedded, generated data set (workspace), and"
    )


def refuses(name, *words):
    with pytest.raises(InputError) as refused:
        read_revision(name)
    assert all(word in str(refused.value) for word in (f"{name}: ", *words)), refused.value


def test_an_unknown_revision_is_named_with_what_lists_them(repository):
    refuses("mian", "not found", "git branch --all", "dvc exp list")


def test_outside_a_repository_git_s_word_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuses("HEAD", "not a git repository")


def test_a_revision_without_metrics_is_named_with_the_fix(repository):
    for task in TASKS:
        for method in METHODS:
            repository.path(task, method).unlink()
    refuses("workspace", "has a file in metrics/transfer", "Run: dvc repro")
    repository.git("checkout", "--quiet", "-b", "empty")
    repository.commit()
    refuses("empty", "has a file in metrics/transfer", "Check it out, run dvc repro and commit")


def test_params_edited_after_the_run_are_refused(repository):
    repository.params["model"]["channels"] = 32
    (repository.root / "params.yaml").write_text(yaml.safe_dump(repository.params))
    refuses("workspace", "model.channels in its params.yaml has changed since stage scratch@", "Run: dvc repro")


def test_a_stage_that_params_no_longer_ask_for_may_stay_in_the_lock(repository):
    lock = yaml.safe_load((repository.root / "dvc.lock").read_text())
    for stage in ("scratch@fma_small-1", "scratch@gtzan-4"):
        lock["stages"][stage] = {"params": {"params.yaml": {"model.channels": 99}}}
    (repository.root / "dvc.lock").write_text(yaml.safe_dump(lock))
    assert len(read_revision("workspace").cells) == 16


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("params.yaml", None, "has no params.yaml"),
        ("params.yaml", "<<<<<<< HEAD\nseed: 0\n", "params.yaml is not readable as YAML"),
        ("params.yaml", "seed: 0\n", "names no tasks and sweep.widths"),
        ("params.yaml", "- seed\n", "params.yaml holds no settings"),
        ("dvc.lock", None, "has no dvc.lock"),
        ("metrics/transfer/gtzan/kd-x1.json", "{", "metrics/transfer/gtzan/kd-x1.json is not readable as JSON"),
        ("metrics/transfer/gtzan/kd-x1.json", '{"accuracy": 0.5}', "has no protocol, folds, clips, seeds"),
        (
            "metrics/transfer/gtzan/kd-x1.json",
            '{"protocol": "loo", "folds": 1, "clips": 1, "seeds": 1, "r2": 0}',
            "a protocol that is unknown here: loo",
        ),
    ],
)
def test_files_that_cannot_be_used_are_named_with_their_revision(repository, file, content, words):
    path = repository.root / file
    path.unlink() if content is None else path.write_text(content)
    refuses("workspace", words)
    repository.git("checkout", "--quiet", "-b", "broken")
    repository.commit()
    refuses("broken", words)


def test_the_command_compares_the_last_commit_with_the_workspace(repository, capsys):
    repository.run(kd=1)
    assert main(["compare"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Revisions\n")
    assert "Paired t-tests over classification tasks, against HEAD\n" in out
    assert "workspace kd         +2.0  [-0.5, 4.5]  3.5  0.074  0.074     3     0       0      3" in out


def test_one_revision_is_compared_with_the_workspace(repository, capsys):
    repository.branch("distil", kd=1)
    assert main(["compare", "distil"]) == 0
    assert "against distil\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["mian"], "hearlog: mian: not found"),
        (["main", "main"], "hearlog: main, main: names a revision twice"),
    ],
)
def test_errors_of_the_command_are_a_message_alone(repository, capsys, names, message):
    assert main(["compare", *names]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(message)
