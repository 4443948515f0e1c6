"""The long form of the fault suite, and the table of docs/robustness.md: what was tried, and what came of it."""

import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import small_world

TABLE = Path(__file__).parents[2] / "docs/robustness.md"
BEGIN, END = "<!-- make faults -->\n", "<!-- end -->\n"
# In `make test`: what ends soon and writes much. What trains is killed in test_killed.py.
SHORT = {"ingest_logs", "crop_songs-songs", "mel_songs-songs"}
# And what other tests need besides: songs, and a model of them.
NEEDED = SHORT | {"factorize", "select_songs", "split_songs-songs", "train_estimator-1"}


def pytest_addoption(parser):
    """Known where tests/faults is named on the command line, as `make faults` does."""
    parser.addoption("--faults-rounds", type=int, metavar="N", help="try every fault with N seeds, and write the table")


def pytest_configure(config):
    config.addinivalue_line("markers", "attack(fault, outcome): an input that means harm, and what comes of it")


def pytest_ignore_collect(collection_path, config):
    """Leave out what mounts disks where that is not allowed, and in the short form."""
    if collection_path.name == "test_mounts.py" and not (rounds(config) and may_mount()):
        return True
    return None


def may_mount() -> bool:
    """Whether this process may mount a disk in memory."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True)
        return done.returncode == 0 and subprocess.run(["umount", folder]).returncode == 0


def rounds(config) -> int | None:
    """Seeds to try in the long form; None in the short one."""
    return config.getoption("faults_rounds", default=None)


def pytest_generate_tests(metafunc):
    many = rounds(metafunc.config)
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(many or 1))
    if "stage" in metafunc.fixturenames:
        chosen = [stage for stage in small_world.stages() if many or stage.name in SHORT]
        metafunc.parametrize("stage", chosen, ids=[stage.name for stage in chosen])


@pytest.fixture(scope="session")
def long_form(request) -> bool:
    return rounds(request.config) is not None


@pytest.fixture(scope="session")
def world(long_form, tmp_path_factory):
    """A small world through its stages, the seconds that each took, and its files."""
    folder = tmp_path_factory.mktemp("faults") / "world"
    seconds = small_world.make(folder, None if long_form else NEEDED)
    return folder, seconds, small_world.files(folder)


@pytest.fixture
def place(world, tmp_path):
    """A copy of the world to spoil."""
    return small_world.copy(world[0], tmp_path / "world")


@pytest.fixture
def tried(record_property):
    """Count inputs: the table's part, the fault, what came of it, and how many."""
    return lambda part, fault, outcome, count=1: record_property("tried", (part, fault, outcome, count))


@pytest.fixture(autouse=True)
def attack(request, tried):
    """Count a test that is marked as an attack."""
    if mark := request.node.get_closest_marker("attack"):
        tried("hostile input", *mark.args)


OUTCOMES = Counter()


def pytest_runtest_logreport(report):
    if report.when == "teardown":
        for name, value in report.user_properties:
            if name == "tried":
                OUTCOMES[tuple(value[:3])] += value[3]


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    if rounds(config) and not hasattr(config, "workerinput"):
        table = make_table(OUTCOMES)
        terminalreporter.write(f"\n{table}\n")
        if exitstatus == pytest.ExitCode.OK:
            text = TABLE.read_text(encoding="utf-8")
            before, after = text.partition(BEGIN)[0], text.partition(END)[2]
            TABLE.write_text(f"{before}{BEGIN}{table}{END}{after}", encoding="utf-8")


def make_table(outcomes: Counter) -> str:
    """One row a fault: how many inputs were tried, and the outcomes by number."""
    rows = ["| where | fault | inputs tried | outcome |", "|---|---|---|---|"]
    for part, fault in sorted({key[:2] for key in outcomes}):
        found = {key[2]: count for key, count in outcomes.items() if key[:2] == (part, fault)}
        said = "; ".join(f"{count} {outcome}" for outcome, count in sorted(found.items()))
        rows.append(f"| {part} | {fault} | {sum(found.values())} | {said} |")
    return "\n".join(rows) + "\n"
