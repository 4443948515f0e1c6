import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from hearlog.cli import main
from hearlog.pipeline.lock import cell_stage
from hearlog.report.comparison import to_json, to_text
from hearlog.results.compare import align, compare
from hearlog.results.revisions import read_revision
from hearlog.transfer.methods import METHODS
from hearlog.util.errors import InputError

TASKS = ("emomusic_genre", "gtzan", "dcase2016", "emomusic_arousal")
GAINS = {"emomusic_genre": 0.01, "gtzan": 0.02, "dcase2016": 0.03, "emomusic_arousal": 0.1, "extended_ballroom": 0.04}
TASK = {"protocol": "official"}


class Repository:
    """A pipeline's params, lock and metrics under git; every method scores 0.5 until a test says otherwise."""

    def __init__(self, root):
        self.root = root
        self.code = {"src/hearlog/model/network.py": "1", "stages/transfer.py": "1"}
        self.params = {
            "seed": 0,
            "model": {"channels": 16},
            "sweep": {"divisors": [1]},
            "tasks": {task: {"path": f"data/raw/{task}"} | TASK for task in TASKS},
            "transfer": {"seeds": [0], "kd": {"weight": 1.0}, "training": {"learning_rate": 1e-05}},
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
        stages = {}
        for task, settings in self.params["tasks"].items():
            stages |= self.list_and_split(task, settings)
            for divisor in self.params["sweep"]["divisors"]:
                for method in METHODS:
                    self.write_cell(task, method, divisor, score=0.5 + gains.get(method, 0) * GAINS[task])
                    stages[cell_stage(task, method, divisor)] = self.stage_of_cell(task, method)
        self.save("params.yaml", self.params)
        self.save("dvc.lock", {"stages": stages})

    def list_and_split(self, task, settings):
        folder, splits = f"data/corpora/{task}", f"{self.params['seed']}{settings['protocol']}"
        return {
            f"list_items@{task}": {
                "deps": [{"path": settings["path"], "md5": settings.get("data", "1")}],
                "params": {"params.yaml": {f"tasks.{task}.path": settings["path"]}},
                "outs": [{"path": f"{folder}/items.parquet", "md5": "1a2b3c4d"}],
            },
            f"split_items@{task}": {
                "deps": [{"path": f"{folder}/items.parquet", "md5": "1a2b3c4d"}],
                "params": {"params.yaml": {"seed": self.params["seed"]}},
                "outs": [{"path": f"{folder}/splits.parquet", "md5": splits}],
            },
        }

    def stage_of_cell(self, task, method):
        folder = f"data/corpora/{task}"
        splits = f"{self.params['seed']}{self.params['tasks'][task]['protocol']}"
        params = {
            "model.channels": self.params["model"]["channels"],
            "transfer.training": self.params["transfer"]["training"],
        }
        if method == "kd":
            params["transfer.kd"] = self.params["transfer"]["kd"]
        return {
            "deps": [
                {"path": f"{folder}/splits.parquet", "md5": splits},
                *({"path": path, "md5": md5} for path, md5 in self.code.items()),
            ],
            "params": {"params.yaml": params},
        }

    def save(self, name, content):
        (self.root / name).write_text(yaml.safe_dump(content))

    def edit_lock(self, stage, **fields):
        lock = yaml.safe_load((self.root / "dvc.lock").read_text())
        lock["stages"].setdefault(stage, {}).update(fields)
        self.save("dvc.lock", lock)

    def write_cell(self, task, method, divisor=1, score=0.5, **fields):
        protocol = self.params["tasks"][task]["protocol"]
        seeds = len(self.params["transfer"].get("seeds", [0]))
        facts = {"protocol": protocol, "folds": 3 if protocol.endswith("cv") else 1, "seeds": seeds, "clips": 150}
        name = "r2" if task == "emomusic_arousal" else "accuracy"
        path = self.path(task, method, divisor)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts | {name: score} | fields))

    def path(self, task, method, divisor=1):
        return self.root / f"metrics/transfer/{task}/{method}-div{divisor}.json"


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
    return " ".join(to_text(compare(read(*names))).split())


def compared(*names, over="tasks"):
    """The tests of one table, one row per revision and method."""
    rows = [
        {"revision": row.revision, "method": row.method, **vars(row.test), "p_holm": row.p_adjusted, "note": row.note}
        | {"p_sign_flip": row.sign_flip.p if row.sign_flip else np.nan, "note_exact": row.note_exact}
        for row in compare(read(*names)).tests
        if row.over == over
    ]
    return pd.DataFrame(rows).set_index(["revision", "method"])


def scores_of(scores, task, method, divisor=1):
    found = scores.set_index(["task", "divisor", "method"]).loc[(task, divisor, method)]
    return [found[column] for column in scores if isinstance(column, int)]


def test_branches_tags_commits_and_the_workspace_are_read_without_checking_them_out(repository):
    repository.branch("distil", kd=1)
    repository.git("tag", "v1", "distil")
    repository.git("tag", "--annotate", "--message", "second", "v2", "distil")
    repository.run(kd=2)
    before = repository.path("gtzan", "kd").read_bytes()
    commit = read_revision("distil").commit
    scores, apart = align(read("main", "distil", "v1", "v2", commit, commit[:7], "workspace"))
    assert apart.empty
    assert scores_of(scores, "gtzan", "kd") == pytest.approx([50, 52, 52, 52, 52, 52, 54])
    assert scores_of(scores, "emomusic_arousal", "kd")[:2] == pytest.approx([0.5, 0.6])
    assert repository.path("gtzan", "kd").read_bytes() == before
    assert len({read_revision(name).commit for name in ("distil", "v1", "v2", commit, commit[:7])}) == 1


def test_experiments_are_read_by_the_names_dvc_prints(repository):
    repository.git("config", "user.email", "test@localhost")
    repository.git("config", "user.name", "test")
    (repository.root / ".dvc").mkdir()
    (repository.root / ".dvc/config").write_text("[core]\n    analytics = false\n")
    repository.commit()
    for name, weight in (("kd-weight-0.3", 0.3), ("keen-owl", 4.0)):
        repository.params["transfer"]["kd"]["weight"] = weight
        repository.run(kd=weight)
        command = [sys.executable, "-m", "dvc", "exp", "save", "--quiet", "--name", name]
        subprocess.run(command, cwd=repository.root, check=True)
        repository.git("checkout", "--quiet", "--", ".")
    text = printed("main", "kd-weight-0.3", "keen-owl")
    assert "kd-weight-0.3 transfer.kd.weight 1.0 -> 0.3 keen-owl transfer.kd.weight 1.0 -> 4.0" in text
    tests = compared("main", "kd-weight-0.3", "keen-owl")
    assert tests.xs("kd", level="method")["mean"].tolist() == pytest.approx([0.6, 8])


def test_a_pipeline_in_a_folder_of_a_larger_repository_is_read_from_there_and_from_beneath(repository, monkeypatch):
    folder = repository.root / "music/pipeline"
    folder.mkdir(parents=True)
    Repository(folder).run(kd=1)
    repository.commit()
    for place in (folder, folder / "metrics/transfer"):
        monkeypatch.chdir(place)
        for name in ("main", "workspace"):
            assert read_revision(name).scores["emomusic_arousal", 1, "kd"].value == pytest.approx(0.6)


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
        assert row["p_sign_flip"] == pytest.approx(2 / 2**3)
        assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * 4.302653 / np.sqrt(3))  # a table's t(2) at 97.5 %
    assert tests.loc[(1, "base"), "note"] == "no score differs, so there is no test."


def test_each_revision_is_tested_against_the_first_and_holm_counts_them_all(repository):
    repository.branch("one", kd=1)
    repository.branch("two", kd=2)
    tests = compared("one", "main", "two").xs("kd", level="method")
    assert tests["mean"].tolist() == pytest.approx([-2, 2])
    assert tests["p_holm"].tolist() == pytest.approx([2 * (1 - np.sqrt(12 / 14))] * 2)


def test_equal_gains_everywhere_have_no_variance_and_no_test(repository):
    for task in TASKS:
        repository.write_cell(task, "kd", score=0.52)
    note = "+2.0 points in all 3 tasks: without variance there is no test."
    assert compared("HEAD", "workspace").loc[(1, "kd"), "note"] == note
    assert f"workspace kd: {note}" in printed("HEAD", "workspace")


def test_a_task_without_a_difference_is_a_tie(repository):
    repository.params["tasks"]["extended_ballroom"] = {"path": "x", **TASK}
    repository.run()
    repository.commit()
    repository.run(kd=1)
    repository.write_cell("gtzan", "kd", score=0.5)
    assert compared("HEAD", "workspace").loc[(1, "kd"), ["pairs", "wins", "ties", "losses"]].tolist() == [4, 3, 1, 0]


def test_where_a_single_task_differs_it_is_said_why_there_is_no_sign_flip_test(repository):
    repository.write_cell("gtzan", "kd", score=0.52)
    row = compared("HEAD", "workspace").loc[(1, "kd")]
    assert (row["t"], row["note"]) == (pytest.approx(1), "")
    text = printed("HEAD", "workspace")
    assert "kd: no sign-flip test, 1 task that differs is too few: a test needs at least 3." in text


def test_capacities_are_pairs_as_in_the_paper_and_beside_it_a_task_is_one_pair_their_mean(repository):
    repository.params["sweep"]["divisors"] = [1, 2]
    repository.run()
    repository.commit()
    for task in TASKS:
        repository.write_cell(task, "kd", 2, score=0.5 + 2 * GAINS[task])
    assert list(compare(read("main", "workspace")).scores["divisor"].unique()) == [2, 1], "channels ascend"
    pairs, tasks = (compared("main", "workspace", over=over).loc[(1, "kd")] for over in ("pairs", "tasks"))
    assert (pairs["pairs"], pairs["ties"], pairs["mean"]) == (6, 3, pytest.approx(2))
    assert (tasks["pairs"], tasks["ties"], tasks["mean"]) == (3, 0, pytest.approx(2))
    assert np.isnan(pairs["p_sign_flip"])
    text = printed("main", "workspace")
    assert "over (task, capacity) pairs of the classification tasks, against main" in text
    assert "over the classification tasks, each the mean of its capacities, against main" in text


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
    assert "gtzan" not in set(scores["task"])
    assert len(apart) == len(METHODS)
    text = printed("main", "HEAD~1")
    assert f"HEAD~1 GTZAN 1/1 - main: {reason}; HEAD~1: accuracy, official split, 150 clips Paired" in text
    assert "2 tasks are too few: a test needs at least 3." in text


def test_another_seed_draws_other_splits_which_do_not_compare(repository):
    repository.params["seed"] = 7
    repository.run()
    text = printed("HEAD", "workspace")
    assert "workspace seed 0 -> 7" in text
    assert "HEAD: labels and splits 0offici; workspace: labels and splits 7offici" in text
    assert "Accuracy, %" not in text


def test_a_revision_that_does_not_compare_leaves_the_others_tests_as_they_are(repository):
    repository.branch("distil", kd=1)
    repository.params["tasks"] = {"gtzan": repository.params["tasks"]["gtzan"]}
    repository.run(kd=3)
    tests = compared("main", "distil", "workspace")
    assert tests.loc[(1, "kd"), ["pairs", "mean"]].tolist() == pytest.approx([3, 2])
    assert tests.loc[(2, "kd"), "note"] == "1 task is too few: a test needs at least 3."
    text = printed("main", "distil", "workspace")
    assert "DCASE2016 scenes official split 1/1 base 50.0 50.0 -" in text
    arousal = "EmoMusic genre 1/1, EmoMusic arousal 1/1, DCASE2016 scenes 1/1"
    assert f"workspace {arousal} - not in its params.yaml" in text


def test_the_end_says_which_chance_the_tests_include_and_what_one_seed_cannot_say(repository):
    one_seed = "One seed: every network was trained once"
    assert "No test or interval includes that of the estimator" in printed("main", "workspace")
    assert one_seed in printed("main", "workspace")
    repository.params["transfer"]["seeds"] = [0, 1, 2]
    repository.run()
    assert one_seed in printed("main", "workspace"), "the first has one"
    assert one_seed not in printed("workspace", "workspace")


def test_cells_without_a_file_are_listed_together(repository):
    for task, method in (("gtzan", "fix"), ("dcase2016", "fix"), ("dcase2016", "kd")):
        repository.path(task, method).unlink()
    repository.commit()
    assert "GTZAN 1/1 (fix), DCASE2016 scenes 1/1 (fix, kd) - no file in metrics/transfer" in printed("main~1", "main")
    assert compared("main~1", "main")["pairs"].loc[1].tolist() == [3, 1, 3, 2]


def test_nothing_in_common_is_no_table_and_no_test(repository):
    repository.params["tasks"] = {"gtzan": {"path": "data/raw/gtzan", "protocol": "fault_filtered"}}
    repository.run()
    text = printed("main", "workspace")
    assert "Accuracy, %" not in text
    assert "workspace base, fix, init, kd: there are no tasks: a test needs at least 3." in text


def test_settings_code_and_data_that_differ_are_named(repository):
    repository.params["model"] = {"se_ratio": 8, "channels": 32}
    repository.params["sweep"] = {"divisors": [1, 2]}
    repository.params["transfer"].pop("seeds")
    repository.params["tasks"]["gtzan"] = {"path": "data/raw/gtzan", "data": "2", **TASK}
    repository.code |= {"src/hearlog/model/network.py": "2"}
    repository.run()
    assert compare(read("HEAD", "workspace")).changes == [
        [
            "model.channels 16 -> 32",
            "model.se_ratio added",
            "sweep.divisors [1] -> [1, 2]",
            "tasks.gtzan.data added",
            "transfer.seeds removed",
            "code: src/hearlog/model/network.py",
            "data: data/raw/gtzan",
        ]
    ]


def test_three_revisions_fit_into_100_columns_and_long_names_are_explained(repository):
    repository.params["tasks"]["extended_ballroom"] = {"path": "x", "protocol": "stratified_cv"}
    repository.run()
    repository.commit()
    names = ["feature/wider-estimator-256", "feature/wider-estimator-512", "main"]
    for name in names[:2]:
        repository.branch(name, kd=1)
    text = to_text(compare(read(*names)))
    assert max(map(len, text.splitlines())) <= 100
    assert all(f"  {name}" in text for name in names[:2])
    assert "featu…or-256" in text


def test_names_that_shorten_alike_are_numbered(repository):
    names = ["feature/a-estimator", "feature/b-estimator"]
    for name in names:
        repository.branch(name)
    lines = to_text(compare(read(*names))).splitlines()
    assert [line.split()[::2] for line in lines[2:4]] == [["(1)", names[0]], ["(2)", names[1]]]


def test_many_revisions_are_numbered_to_fit_into_100_columns(repository):
    repository.params["tasks"]["extended_ballroom"] = {"path": "x", "protocol": "grouped_cv"}
    repository.run()
    repository.commit()
    names = [f"capacity-{channels}" for channels in (16, 32, 64, 128, 256)]
    for name in names:
        repository.branch(name)
    lines = to_text(compare(read(*names))).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[6].startswith("(5)") and lines[6].endswith("capacity-256")


def test_generated_data_are_called_synthetic_by_revision(repository):
    assert "Synthetic" not in printed("main", "workspace")
    repository.params["tasks"]["gtzan"]["path"] = "data/demo/gtzan"
    repository.run()
    text = printed("main", "workspace")
    assert text.startswith("Synthetic data: these numbers come from the embedded, generated data set. It is too small")
    assert "That is said of workspace." in text
    repository.commit()
    assert "That is said" not in printed("main", "workspace")


def test_json_agrees_with_the_tables(repository):
    repository.branch("distil", kd=1)
    repository.path("gtzan", "fix").unlink()
    comparison = compare(read("workspace", "distil"))
    document = json.loads(to_json(comparison))
    assert [(of["name"], of["commit"]) for of in document["revisions"]] == [
        ("workspace", None),
        ("distil", read_revision("distil").commit),
    ]
    assert document["units"] == {
        "scores": {"classification": "per cent", "regression": "r2"},
        "tests": "points of accuracy",
    }
    kd = next(row for row in document["scores"] if (row["task"], row["method"]) == ("gtzan", "kd"))
    assert kd["score"] == pytest.approx({"workspace": 50, "distil": 52})
    assert document["not_compared"] == [
        {
            "revision": "distil",
            "task": "gtzan",
            "divisor": 1,
            "method": "fix",
            "first": "no file in metrics/transfer",
            "here": "",
        }
    ]
    tests = {row["method"]: row for row in document["tests"]}
    assert (tests["kd"]["mean"], tests["kd"]["note"]) == (pytest.approx(2), "")
    assert (tests["base"]["p"], tests["base"]["note"]) == (None, "no score differs, so there is no test.")


def refuses(name, *words):
    with pytest.raises(InputError) as refused:
        read_revision(name)
    assert all(word in str(refused.value) for word in (f"{name}: ", *words)), refused.value


def test_an_unknown_revision_is_named_with_what_lists_them(repository):
    refuses("mian", "not found", "git branch --all", "dvc exp list")


def test_before_the_first_commit_there_is_no_head(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Repository(tmp_path).git("init", "--quiet")
    refuses("HEAD", "no commit yet")


def test_outside_a_repository_git_s_word_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuses("HEAD", "not a git repository")
    refuses("workspace", "has no params.yaml")


def test_a_revision_without_metrics_is_named_with_the_fix(repository):
    for task in TASKS:
        for method in METHODS:
            repository.path(task, method).unlink()
    refuses("workspace", "no cell has a score", "no file in metrics/transfer", "Run: dvc repro")
    repository.git("checkout", "--quiet", "-b", "empty")
    repository.commit()
    refuses("empty", "no file in metrics/transfer", "Check it out, run dvc repro and commit")


def test_params_edited_after_the_run_are_refused(repository):
    repository.params["model"]["channels"] = 32
    repository.save("params.yaml", repository.params)
    refuses("workspace", "model.channels in params.yaml has changed since the last run", "Run: dvc repro")


def test_of_a_run_of_some_cells_only_these_are_compared(repository):
    before = yaml.safe_load((repository.root / "dvc.lock").read_text())["stages"]
    repository.params["transfer"]["kd"]["weight"] = 3.0
    repository.run(kd=1)
    repository.edit_lock("transfer@dcase2016-kd-1", **before["transfer@dcase2016-kd-1"])
    changed = "transfer.kd in params.yaml has changed since the last run"
    assert f"workspace DCASE2016 scenes 1/1 (kd) - {changed}" in printed("main", "workspace")
    assert compared("main", "workspace")["pairs"].loc[1].tolist() == [3, 3, 3, 2]


def test_a_setting_of_an_earlier_stage_counts_as_well(repository):
    repository.params["tasks"]["gtzan"]["path"] = "data/raw/gtzan-2"
    repository.save("params.yaml", repository.params)
    left_out = read_revision("workspace").left_out
    assert set(left_out) == {("gtzan", 1, method) for method in METHODS}
    assert set(left_out.values()) == {"tasks.gtzan.path in params.yaml has changed since the last run"}


def test_a_stage_that_is_not_behind_the_cells_may_be_outdated(repository):
    for stage in ("scratch@fma_small-base-1", "scratch@gtzan-base-4", "report", "split_items@fma_small"):
        repository.edit_lock(stage, params={"params.yaml": {"model.channels": 99}})
    assert len(read_revision("workspace").scores) == 16


def test_a_cell_that_never_ran_is_left_out(repository):
    repository.edit_lock("scratch@gtzan-base-1")
    lock = yaml.safe_load((repository.root / "dvc.lock").read_text())
    del lock["stages"]["scratch@gtzan-base-1"]
    repository.save("dvc.lock", lock)
    left_out = read_revision("workspace").left_out
    assert left_out == {("gtzan", 1, "base"): "stage scratch@gtzan-base-1 has not run with these settings"}


def test_a_number_may_be_written_in_two_ways(repository):
    path = repository.root / "params.yaml"
    assert "learning_rate: 1.0e-05" in path.read_text()
    path.write_text(path.read_text().replace("1.0e-05", "1e-05"))  # as DVC writes it
    assert len(read_revision("workspace").scores) == 16
    assert compare(read("HEAD", "workspace")).changes == [[]]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("params.yaml", None, "has no params.yaml"),
        ("params.yaml", "seed: [\n", "params.yaml is not readable as YAML"),
        ("params.yaml", "<<<<<<< HEAD\nseed: 0\n", "a merge has left both versions in params.yaml"),
        ("params.yaml", "seed: 0\n", "names no tasks and sweep.divisors"),
        ("params.yaml", "- seed\n", "params.yaml holds no settings"),
        ("dvc.lock", None, "has no dvc.lock"),
        ("dvc.lock", "stages:\n<<<<<<< HEAD\n", "a merge has left both versions in dvc.lock"),
        ("dvc.lock", "stages: 1\n", "dvc.lock: stages is not as DVC writes it"),
        ("dvc.lock", "stages:\n  report:\n    deps: [a]\n", "dvc.lock: stages.report.deps.0 is not as DVC writes it"),
        ("dvc.lock", "schema: '2.0'\n", "has not run with these settings, and 15 more"),
        ("metrics/transfer/gtzan/kd-div1.json", "[]", "gtzan/kd-div1.json: holds no scores"),
        ("metrics/transfer/gtzan/kd-div1.json", "{", "metrics/transfer/gtzan/kd-div1.json is not readable as JSON"),
        ("metrics/transfer/gtzan/kd-div1.json", "{\n<<<<<<< HEAD\n", "a merge has left both versions in metrics/"),
        ("metrics/transfer/gtzan/kd-div1.json", '{"accuracy": 0.5}', "has no protocol, folds, clips, seeds"),
        (
            "metrics/transfer/gtzan/kd-div1.json",
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


def test_a_score_that_is_no_number_is_left_out(repository):
    repository.write_cell("emomusic_arousal", "kd", score=float("nan"))
    assert read_revision("workspace").left_out == {("emomusic_arousal", 1, "kd"): "r2 is nan"}


def test_scores_that_were_edited_after_the_run_are_left_out_with_the_reason(repository):
    path = repository.path("gtzan", "kd")
    recorded = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    outs = [{"path": path.relative_to(repository.root).as_posix(), "hash": "md5", "md5": recorded}]
    repository.edit_lock("transfer@gtzan-kd-1", outs=outs)
    assert len(read_revision("workspace").scores) == 16
    repository.write_cell("gtzan", "kd", score=0.99)
    repository.branch("honest")
    repository.edit_lock("transfer@gtzan-kd-1", outs=outs)
    repository.write_cell("gtzan", "kd", score=0.99)
    reason = "its file in metrics/transfer is not the one that dvc.lock records: edited, or of another run"
    assert read_revision("workspace").left_out == {("gtzan", 1, "kd"): reason}
    assert f"workspace GTZAN 1/1 (kd) - {reason}" in printed("honest", "workspace")


def test_the_command_compares_the_last_commit_with_the_workspace(repository, capsys):
    repository.run(kd=1)
    assert main(["compare"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Revisions\n")
    assert "Paired t-tests over the classification tasks, against HEAD\n" in out
    assert "workspace kd +2.0 [-0.5, 4.5] 3.5 0.074 0.074 0.250 3 0 3" in " ".join(out.split())


def test_one_revision_is_compared_with_the_workspace(repository, capsys):
    repository.branch("distil", kd=1)
    assert main(["compare", "distil"]) == 0
    assert "against distil\n" in capsys.readouterr().out
    assert main(["compare", "--json", "distil"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [revision["name"] for revision in document["revisions"]] == ["distil", "workspace"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["mian"], "hearlog: mian: not found"),
        (["main", "main"], "hearlog: main, main: names a revision twice"),
        (["workspace"], "hearlog: workspace: these files are what one revision is compared with. Name another"),
        ([""], "hearlog: a revision's name is empty"),
        (["HEAD:params.yaml"], "hearlog: HEAD:params.yaml: not a commit"),
        (["HEAD^{tree}"], "hearlog: HEAD^{tree}: not a commit"),
    ],
)
def test_errors_of_the_command_are_a_message_alone(repository, capsys, names, message):
    assert main(["compare", *names]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(message)
