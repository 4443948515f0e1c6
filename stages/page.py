"""Write report.html, one self-contained page of what the pipeline found.

The page names its date, the commit and the times of the stages, so it is no pure function of its dependencies: made
again from the same results it differs in these, and so does its hash in dvc.lock, on which nothing depends.

The items, splits and rejected clips of the tasks are read but not listed in dvc.yaml, in which a stage cannot have a
dependency a task, and so are the rejected songs; metrics/crops and metrics/splits, which are listed, change with them
(groups of clips aside, where a protocol does not look at these). Sounds to listen to are read from the audio itself.
"""

from pathlib import Path
from typing import Any

from hearlog import params
from hearlog.corpora.corpus import Corpus
from hearlog.corpora.readers.registry import READERS
from hearlog.page import (
    estimator,
    figures,
    files,
    neighbours,
    protocols,
    provenance,
    rejections,
    results,
    strip,
    times,
    words,
)
from hearlog.page.render import render
from hearlog.params import Params, synthetic
from hearlog.params.synthetic import is_generated
from hearlog.report import coverage
from hearlog.report.text import pilot_sentence
from hearlog.results.comparisons import find
from hearlog.results.files import read_json
from hearlog.results.names import title
from hearlog.results.over_tasks import pair_scores
from hearlog.results.run import read_results
from hearlog.transfer.methods import METHODS
from hearlog.util.plain_text import counted, data_size
from stages import TIMES, paths, run

PAGE = Path("report.html")


def main() -> None:
    """Gather the results of the last run and write the page."""
    settings = params.load()
    text = render(_results(settings) | _data(settings) | _origin(settings))
    PAGE.unlink(missing_ok=True)  # it may be a link into DVC's cache, whose file must stay as it is
    PAGE.write_text(text, encoding="utf-8")
    print(f"page: {PAGE}, {data_size(PAGE.stat().st_size)}, for any browser")


def _results(settings: Params) -> dict[str, Any]:
    """Gather scores, tests, figures and songs."""
    found = read_results(settings, paths.METRICS, paths.PLOTS)
    divisors, channels = sorted(settings.sweep.divisors, reverse=True), settings.model.channels
    estimators = {
        channels // divisor: read_json(paths.METRICS / f"estimator-div{divisor}.json") for divisor in divisors
    }
    largest = channels // divisors[-1]
    facts = {
        "tasks": counted(found.cells["task"].nunique(), "task"),
        "pairs": str(len(pair_scores(found.cells))),
        "capacities": f"{', '.join(str(channels // divisor) for divisor in divisors)} channels",
        "largest": str(largest),
        "songs": f"{estimators[largest]['test_songs']:,}",
        "pilot": pilot_sentence(found.pilot),
        "bars": coverage.scores(found.seeds),
        "within": coverage.within_tasks(found.within["covers"]),
    }
    return {
        "synthetic": found.synthetic,
        "answer": words.answer(found.over_pairs, found.over_tasks, len(divisors), found.seeds),
        "several": found.several_capacities,
        "strip": strip.draw(found.cells, find(found.over_tasks, "kd-base")),
        "score_tables": results.score_tables(found.cells),
        "test_tables": results.tables_of_tests(found),
        "within_tables": results.within_tables(found.within),
        "estimator_tables": estimator.estimator_tables(estimators),
        "probe_tables": estimator.probe_tables(found.probes),
        "kd_follows_fix": results.kd_follows_fix(found.kd_follows_fix),
        "figures": figures.read_figures(paths.PLOTS, facts),
        "largest": largest,
        "panel": neighbours.listening_panel(
            paths.EVALUATION / f"estimator-div{divisors[-1]}",
            Corpus(paths.CORPORA / "songs").items,
            settings.songs.audio_root,
        ),
    }


def _data(settings: Params) -> dict[str, Any]:
    """Describe every task, and what was left out of the data."""
    tasks, crops, splits = {}, {}, {}
    for name in ("songs", *settings.tasks):
        corpus, shown = Corpus(paths.CORPORA / name), "Songs" if name == "songs" else title(name)
        crops[shown] = files.read_parquet(corpus.crops / "rejected.parquet")
        if name != "songs":
            task = settings.tasks[name]
            reader, split = READERS[task.reader], read_json(paths.METRICS / f"splits/{name}.json")
            groups = protocols.shared_groups(files.read_parquet(corpus.items), files.read_parquet(corpus.splits))
            facts = {"data_set": reader.title, "target": task.target, "group": reader.group}
            tasks[name] = facts | {"split": split, "groups": groups}
            splits[shown] = split
    logs = read_json(paths.METRICS / "logs.json"), files.read_parquet(paths.LOGS / "rejected.parquet")
    left_out = files.read_parquet(paths.CORPORA / "songs/left_out.parquet")
    return {
        "protocol_table": protocols.protocol_table(tasks),
        "rejection_table": rejections.rejection_table(logs, left_out, crops, splits),
    }


def _origin(settings: Params) -> dict[str, Any]:
    """Say what ran, on which data, and how long it took."""
    inputs = {"Listening logs": settings.logs.path, "Catalogue": settings.songs.catalog}
    inputs |= {"Songs' audio": settings.songs.audio_root}
    inputs |= {title(name): task.path for name, task in settings.tasks.items()}
    called = {*settings.tasks, *map(str, settings.sweep.divisors), *METHODS, "songs"}
    stages, demo = files.read_stages(Path("dvc.lock"), called), synthetic.FOLDER / "dvc.lock"
    generator = files.read_stages(demo, called) if any(map(is_generated, inputs.values())) and demo.is_file() else {}
    table = times.read_times(generator | stages, TIMES)
    return {
        "origin": provenance.describe(Path("params.yaml"), Path("presets"), settings.runtime.model_dump()),
        "input_table": provenance.input_table(inputs, stages, generator),
        "time_tables": times.time_tables(table[table["kind"] != "page"]),
        "settings_text": Path("params.yaml").read_text(encoding="utf-8"),
    }


if __name__ == "__main__":
    run(main)
