"""The report in print: plain text of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pandas as pd

from hearlog.corpora.protocols import protocol_label
from hearlog.params.blocks import Training
from hearlog.report import coverage
from hearlog.results.comparisons import ADJUSTED, Comparison
from hearlog.results.pilot import Pilot
from hearlog.results.probes import CONTROLS, REPRESENTATIONS, largest
from hearlog.results.run import Results
from hearlog.statistics.paired_tests import CORRECTION, Correlation
from hearlog.transfer.methods import METHODS
from hearlog.util.plain_text import WIDTH, counted, p_equals, p_value, paragraph, section, won_and_lost

SYNTHETIC = (
    "Synthetic data: these numbers come from the embedded, generated data set. It is too small to\n"
    "resolve the paper's 2.6 points: the intervals of a run say what it does resolve."
)
WITHIN = paragraph(
    "Tasks with folds are tested over these by Nadeau and Bengio's corrected t-test, which allows for training parts "
    "that overlap (validation clips count as training ones); tasks with one test part over its clips. With one seed "
    "this is McNemar's exact test (sign flips for r2) with a bootstrap interval; with several it is a t-test with "
    "clips and seeds as crossed random effects (crossed t). Clips are taken as independent. Intervals are 95 %, p "
    f"two-sided, {CORRECTION}'s p adjusted for the rows of one comparison."
)
CAVEAT = paragraph(
    f"Intervals are 95 %, p two-sided, {CORRECTION}'s p (of the t-test) adjusted for the number of comparisons. Over "
    "pairs, the paper's test takes the capacities of one data set as independent, though they share its clips: a claim "
    "needs both tests, over pairs and over tasks. FMA small is part of FMA medium, which no test here takes into "
    "account. d_z is the mean in standard deviations of the differences; Wilcoxon leaves ties out. With n tasks that "
    f"differ, neither sign-flip nor Wilcoxon can have a p below 2/2^n. {coverage.OVER_TASKS}"
)
MORE_EPOCHS = {
    "constant": "These were still improving: their scores might rise with more epochs.",
    "cosine": "A cosine schedule lets the loss fall to its end: only a run with more epochs tells whether scores rise.",
}
PAPER = (
    "The paper, not measured here (24 pairs, Melon logs): kd - base +2.62 points, significant;\n"
    "init - base +2.20 points; kd - init not significant."
)


def render(results: Results) -> str:
    """Write all that a run prints at its end, and ``hearlog report`` again."""
    sections = [
        *([SYNTHETIC] if results.synthetic else []),
        *([paragraph(coverage.ONE_SEED)] if results.seeds == 1 else []),
        *_score_tables(results.cells),
        *_within_tables(results.within),
        *_tests_over_tasks(results),
        render_unfinished(results.unfinished, results.training),
        render_pilot(results.pilot),
        render_probes(results.probes),
        "Figures: plots/*.png and *.pdf",
    ]
    return "\n\n".join(sections)


def _tests_over_tasks(results: Results) -> list[str]:
    heading, sections = "Paired t-tests over the classification tasks", []
    if results.several_capacities:
        pairs = "Paired t-tests over (task, capacity) pairs of the classification tasks"
        sections.append(section(pairs, _comparisons(results.over_pairs)))
    heading += ", each the mean of its capacities" if sections else " (one capacity: the pairs are the tasks)"
    return [
        *sections,
        section(heading, _comparisons(results.over_tasks)),
        CAVEAT,
        section("How the gain of kd follows the gain of fix", _correlation(results.kd_follows_fix)),
        PAPER,
    ]


def render_unfinished(unfinished: pd.DataFrame, training: Training) -> str:
    """Write the section on networks whose last epoch was the best.

    Parameters
    ----------
    unfinished
        Counts as returned by `hearlog.results.curves.count_unfinished`.
    training
        Settings of these networks, ``transfer.training``.
    """
    limit = f"transfer.training.epochs ({training.epochs})"
    if not unfinished["unfinished"].any():
        text = f"No network kept the last of {limit}."
    else:
        by_number = unfinished.sort_values("unfinished", ascending=False, kind="stable")
        first, *others = [f"{row.Index} {row.unfinished} of {row.networks}" for row in by_number.itertuples()]
        counts = ", ".join([f"{first} networks", *others])
        text = f"The last of {limit} was the best of {counts}. {MORE_EPOCHS[training.schedule]}"
    return section("Networks that kept their last epoch", paragraph(text))


def render_pilot(pilot: Pilot) -> str:
    """Write the section of the pilot experiment."""
    heading = "Pilot experiment: genre by tags (base) and by listening logs (fix)"
    return section(heading, paragraph(pilot_sentence(pilot)))


def pilot_sentence(pilot: Pilot) -> str:
    """Say what the pilot experiment found."""
    if not pilot.songs:
        return pilot.note
    right = pilot.right
    test = f"[{pilot.ci_low:.1f}, {pilot.ci_high:.1f}], {pilot.test} {p_equals(pilot.p)}"
    if pilot.note:
        test = f"({pilot.note.removesuffix('.')})"
    return (
        f"Tags {pilot.accuracy['base']:.1f} %, logs {pilot.accuracy['fix']:.1f} % on {pilot.songs:,} test songs of "
        f"{pilot.genres} genres at {pilot.channels} channels. Right by both {right['both']:.4g}, by tags "
        f"alone {right['base_alone']:.4g}, by logs alone {right['fix_alone']:.4g}, by none {right['none']:.4g}: "
        f"fix - base {pilot.points:+.1f} points {test}. {coverage.pilot(pilot)}"
    )


def render_probes(probes: pd.DataFrame) -> str:
    """Write the section of the linear probes, at the largest capacity.

    Parameters
    ----------
    probes
        Scores as returned by `hearlog.results.probes.read_probes`.
    """
    probes = largest(probes)
    channels, shown = probes["channels"].iloc[0], ["log_mel", "mfcc", "random_blocks", "blocks", "embedding"]
    tables = []
    for kind, of_kind in probes.groupby("kind", sort=True):
        name, percent, decimals = ("accuracy, %", 100, 1) if kind == "classification" else ("r2", 1, 3)
        protocols = [protocol_label(*row) for row in zip(of_kind["protocol"], of_kind["folds"], strict=True)]
        named = of_kind.assign(protocol=protocols)
        table = named.pivot_table("score", ["title", "protocol"], "representation", sort=False)[shown]
        table = (table * percent).map(lambda value, decimals=decimals: f"{value:.{decimals}f}")
        table = table.rename(columns=REPRESENTATIONS | {"random_blocks": "random"}).rename_axis(columns=None)
        tables.append(table.rename_axis(index=[name, "protocol"]).to_string(col_space=5))
    scores = probes.pivot_table(index="task", columns="representation", values="score")
    above = int((scores["blocks"] > scores[[*CONTROLS]].max(axis="columns")).sum())
    text = (
        f"Linear models on frozen features at {channels} channels: statistics of the log-mel spectrogram and of MFCC, "
        "blocks 1-5 of a network with random weights, those of the estimator, and its embedding. "
        f"The estimator's blocks score above every control in {above} of {counted(len(scores), 'task')}. "
        "One estimator and one random network: no interval includes their training noise. Single blocks and intervals: "
        "plots/probe.png, plots/probe/*.tsv."
    )
    return section("Linear probes", "\n\n".join([*tables, paragraph(text)]))


def _score_tables(cells: pd.DataFrame) -> list[str]:
    seeds = cells["seeds"].iloc[0]
    mean = "" if seeds == 1 else f", mean of {seeds} seeds"
    sections = []
    if (classification := cells["kind"] == "classification").any():
        shares = ["accuracy", "macro_f1", "chance", "majority", "seed_spread"]
        percent = cells[classification].assign(**cells.loc[classification, shares] * 100)
        facts = ["chance", "majority"]
        sections.append(section(f"Accuracy, %{mean}", _table(percent, "accuracy", 1, facts)))
        if seeds > 1:
            heading = f"Accuracy, standard deviation over {seeds} seeds in points"
            sections.append(section(heading, _table(percent, "seed_spread", 1)))
        sections.append(section(f"Macro-F1, %{mean}", _table(percent, "macro_f1", 1)))
    if (regression := cells["kind"] == "regression").any():
        numbers = cells[regression]
        sections.append(section(f"Regression, r2 (coefficient of determination){mean}", _table(numbers, "r2", 3)))
        if seeds > 1:
            heading = f"Regression, standard deviation of r2 over {seeds} seeds"
            sections.append(section(heading, _table(numbers, "seed_spread", 3)))
        heading = f"Regression, squared correlation{mean}"
        sections.append(section(heading, _table(numbers, "squared_correlation", 3)))
    return sections


def _table(cells: pd.DataFrame, score: str, decimals: int, facts: Sequence[str] = ()) -> str:
    """One row per task and capacity, named with its protocol; one column per method, then what they have in common."""
    rows = ["title", "protocol", "channels"]
    protocols = [protocol_label(*cell) for cell in zip(cells["protocol"], cells["folds"], strict=True)]
    cells = cells.assign(protocol=protocols)
    common = cells.drop_duplicates(rows).set_index(rows)
    methods = cells.pivot_table(index=rows, columns="method", values=score)[list(METHODS)]
    table = methods.join(common[[*facts]]).loc[common.index].map(lambda value: f"{value:.{decimals}f}")
    table["clips"] = common["clips"]
    return table.rename_axis(index=["task", "protocol", "channels"]).to_string(col_space=5)


def _within_tables(within: pd.DataFrame) -> list[str]:
    groups = within.groupby(["comparison", "kind"], sort=False, observed=True)
    return [*(_within_table(tests) for _, tests in groups), WITHIN]


def _within_table(tests: pd.DataFrame) -> str:
    """One row per task and capacity; below, the reasons for missing tests, and what the tests include."""
    comparison, kind = tests[["comparison", "kind"]].iloc[0]
    unit, decimals = ("points", 1) if kind == "classification" else ("r2", 3)
    table = pd.DataFrame(
        {
            unit: [f"{value:+.{decimals}f}" for value in tests["difference"]],
            "95 % CI": [
                "-" if pd.isna(low) else f"[{low:.{decimals}f}, {high:.{decimals}f}]"
                for low, high in zip(tests["ci_low"], tests["ci_high"], strict=True)
            ],
            "p": tests["p"].map(p_value),
            CORRECTION: tests[ADJUSTED].map(p_value),
            "over": tests["n"].astype(str) + " " + tests["unit"],
        }
    )
    table.index = pd.MultiIndex.from_frame(
        tests[["title", "protocol", "channels"]], names=["task", "protocol", "channels"]
    )
    untested = tests[tests["note"] != ""]
    notes = [f"{row.title}, {row.channels} channels: {row.note}" for row in untested.itertuples()]
    notes.append(coverage.within_tasks(tests["covers"]))
    heading = f"Within tasks: {comparison.replace('-', ' - ')}, {'accuracy' if kind == 'classification' else 'r2'}"
    return section(heading, "\n".join([table.to_string(), *(textwrap.fill(note, WIDTH) for note in notes)]))


def _comparisons(table: Sequence[Comparison]) -> str:
    return "\n".join(f"{f'{row.method} - {row.against}':<13}{row.note or _verdict(row)}" for row in table)


def _verdict(row: Comparison) -> str:
    test = row.test
    counts = won_and_lost(test.wins, test.ties, test.losses)
    lines = [
        f"{test.mean:+.1f} points [{test.ci_low:.1f}, {test.ci_high:.1f}], t({test.pairs - 1}) = {test.t:.1f}, "
        f"{p_equals(test.p)}, {counts} of {test.pairs} {row.over}",
        f"{CORRECTION} {p_equals(row.p_adjusted)}, d_z = {test.d_z:.2f}",
    ]
    if row.note_exact:
        lines.append(f"Sign-flip and Wilcoxon: {row.note_exact}")
    elif row.sign_flip and row.wilcoxon:
        lines[1] += f", sign-flip {p_equals(row.sign_flip.p)}, Wilcoxon {p_equals(row.wilcoxon.p)}"
    return f"\n{'':<13}".join(lines)


def _correlation(found: Correlation) -> str:
    return found.note or (
        f"r = {found.r:.2f} [{found.ci_low:.2f}, {found.ci_high:.2f}] over {found.pairs} tasks. "
        "Both gains subtract the same base scores,\nwhose error alone correlates them."
    )
