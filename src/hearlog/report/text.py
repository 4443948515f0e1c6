"""The report in print: plain text of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from hearlog.params.synthetic import is_synthetic
from hearlog.results.cells import protocol_label
from hearlog.results.probes import CONTROLS, REPRESENTATIONS, largest
from hearlog.transfer.methods import METHODS
from hearlog.util.plain_text import WIDTH, counted, p_equals, p_value, paragraph, section, won_and_lost

if TYPE_CHECKING:
    from hearlog.params import Params

SYNTHETIC = (
    "Synthetic data: these numbers come from the embedded, generated data set. It is too small to\n"
    "resolve the paper's 2.6 points: the intervals of a run say what it does resolve."
)
WITHIN = (
    "Tasks with folds are tested over these by Nadeau and Bengio's corrected t-test, which allows for\n"
    "training parts that overlap (validation clips count as training ones); tasks with one test part\n"
    "over its clips, by McNemar's exact test (by sign flips for several seeds and for r2) with a\n"
    "bootstrap interval. Tests over clips take these as independent, and say whether the trained\n"
    "networks differ, not whether newly trained ones would. Intervals are 95 %, p two-sided, Holm's p\n"
    "adjusted for the rows of one comparison."
)
CAVEAT = (
    "Intervals are 95 %, p two-sided, Holm's p (of the t-test) adjusted for the number of comparisons.\n"
    "Over pairs, the paper's test takes the capacities of one data set as independent, though they share\n"
    "its clips: a claim needs both tests, over pairs and over tasks. FMA small is part of FMA medium,\n"
    "which no test here takes into account. d_z is the mean in standard deviations of the differences;\n"
    "Wilcoxon leaves ties out. With n tasks that differ, neither sign-flip nor Wilcoxon can have a p\n"
    "below 2/2^n."
)
PAPER = (
    "The paper, not measured here (24 pairs, Melon logs): kd - base +2.62 points, significant;\n"
    "init - base +2.20 points; kd - init not significant."
)


def render_all(
    params: Params,
    cells: pd.DataFrame,
    summary: dict[str, Any],
    within: pd.DataFrame,
    unfinished: pd.DataFrame,
    pilot: dict[str, Any],
    probes: pd.DataFrame,
) -> str:
    """Write all that a run prints at its end, and ``hearlog report`` again.

    Parameters
    ----------
    params
        Of the run.
    cells, summary, within
        As of `render`.
    unfinished, pilot, probes
        As of `render_unfinished`, `render_pilot` and `render_probes`.
    """
    sections = [
        render(cells, summary, within, is_synthetic(params)),
        render_unfinished(unfinished, params.transfer.training.epochs),
        render_pilot(pilot),
        render_probes(probes),
        "Figures: plots/*.png and *.pdf",
    ]
    return "\n\n".join(sections)


def render(cells: pd.DataFrame, summary: dict[str, Any], within: pd.DataFrame, synthetic: bool) -> str:
    """Write the sections on transfer: scores, tests within tasks, tests over them.

    Parameters
    ----------
    cells
        As of `hearlog.results.cells.read_cells`, with its ``seed_spread`` (as of
        `hearlog.results.cells.read_seed_spread`).
    summary
        As of `hearlog.results.over_tasks.summarise`.
    within
        As of `hearlog.results.within_tasks.compare`.
    synthetic
        Whether to say that the numbers are of the embedded data set.
    """
    sections = [SYNTHETIC] if synthetic else []
    sections += _score_tables(cells)
    sections += [_within_table(table) for _, table in within.groupby(["comparison", "kind"], sort=False, observed=True)]
    sections.append(WITHIN)
    one_capacity = len(cells["divisor"].unique()) == 1
    if not one_capacity:
        heading = "Paired t-tests over (task, capacity) pairs of the classification tasks"
        sections.append(section(heading, _comparisons(summary["pairs"], "pairs")))
    heading = "Paired t-tests over the classification tasks"
    heading += " (one capacity: the pairs are the tasks)" if one_capacity else ", each the mean of its capacities"
    sections += [
        section(heading, _comparisons(summary["tasks"], "tasks")),
        CAVEAT,
        section("How the gain of kd follows the gain of fix", _correlation(summary["kd_follows_fix"])),
        PAPER,
    ]
    return "\n\n".join(sections)


def render_unfinished(unfinished: pd.DataFrame, epochs: int) -> str:
    """Write the section on networks that the limit of epochs stopped.

    Parameters
    ----------
    unfinished
        As of `hearlog.results.over_tasks.count_unfinished`.
    epochs
        ``transfer.training.epochs``.
    """
    limit = f"transfer.training.epochs ({epochs})"
    if not unfinished["unfinished"].any():
        text = f"No network kept the last epoch that {limit} allows."
    else:
        by_number = unfinished.sort_values("unfinished", ascending=False, kind="stable")
        first, *others = [f"{row.Index} {row.unfinished} of {row.networks}" for row in by_number.itertuples()]
        counts = ", ".join([f"{first} networks", *others])
        text = f"Stopped by {limit}, still improving: {counts}. Their scores might rise with more epochs."
    return section("Networks that the limit of epochs stopped", paragraph(text))


def render_pilot(summary: dict[str, Any]) -> str:
    """Write the section of the pilot experiment.

    Parameters
    ----------
    summary
        As of `hearlog.results.pilot.summarise`.
    """
    heading = "Pilot experiment: genre by tags (base) and by listening logs (fix)"
    return section(heading, paragraph(pilot_sentence(summary)))


def pilot_sentence(summary: dict[str, Any]) -> str:
    """Say what the pilot experiment found.

    Parameters
    ----------
    summary
        As of `hearlog.results.pilot.summarise`.
    """
    if not summary["songs"]:
        return str(summary["note"])
    accuracy, right, difference = summary["accuracy"], summary["right"], summary["fix-base"]
    if note := difference.get("note"):
        test = f"({note.removesuffix('.')})"
    else:
        interval = f"[{difference['ci_low']:.1f}, {difference['ci_high']:.1f}]"
        test = f"{interval}, {difference['test']} {p_equals(difference['p'])}"
    return (
        f"Tags {accuracy['base']:.1f} %, logs {accuracy['fix']:.1f} % on {summary['songs']:,} test songs of "
        f"{summary['genres']} genres at {summary['channels']} channels. Right by both {right['both']:.4g}, by tags "
        f"alone {right['base_alone']:.4g}, by logs alone {right['fix_alone']:.4g}, by none {right['none']:.4g}: "
        f"fix - base {difference['points']:+.1f} points {test}."
    )


def render_probes(probes: pd.DataFrame) -> str:
    """Write the section of the linear probes, at the largest capacity.

    Parameters
    ----------
    probes
        As of `hearlog.results.probes.read_probes`.
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
        "Single blocks and intervals: plots/probe.png, plots/probe/*.tsv."
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
    """One row a task and capacity, named with its protocol; one column a method, then what they have in common."""
    rows = ["title", "protocol", "channels"]
    protocols = [protocol_label(*cell) for cell in zip(cells["protocol"], cells["folds"], strict=True)]
    cells = cells.assign(protocol=protocols)
    common = cells.drop_duplicates(rows).set_index(rows)
    methods = cells.pivot_table(index=rows, columns="method", values=score)[list(METHODS)]
    table = methods.join(common[[*facts]]).loc[common.index].map(lambda value: f"{value:.{decimals}f}")
    table["clips"] = common["clips"]
    return table.rename_axis(index=["task", "protocol", "channels"]).to_string(col_space=5)


def _within_table(tests: pd.DataFrame) -> str:
    """One row a task and capacity; what could not be tested is said beneath."""
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
            "Holm": tests["p_holm"].map(p_value),
            "over": tests["n"].astype(str) + " " + tests["unit"],
        }
    )
    table.index = pd.MultiIndex.from_frame(
        tests[["title", "protocol", "channels"]], names=["task", "protocol", "channels"]
    )
    untested = tests[tests["note"] != ""]
    notes = [f"{row.title}, {row.channels} channels: {row.note}" for row in untested.itertuples()]
    heading = f"Within tasks: {comparison.replace('-', ' - ')}, {'accuracy' if kind == 'classification' else 'r2'}"
    return section(heading, "\n".join([table.to_string(), *(textwrap.fill(note, WIDTH) for note in notes)]))


def _comparisons(rows: dict[str, dict[str, Any]], unit: str) -> str:
    return "\n".join(
        f"{name.replace('-', ' - '):<13}{row['note'] if 'note' in row else _verdict(row, unit)}"
        for name, row in rows.items()
    )


def _verdict(row: dict[str, Any], unit: str) -> str:
    lines = [
        f"{row['points']:+.1f} points [{row['ci_low']:.1f}, {row['ci_high']:.1f}], t({row['pairs'] - 1}) = "
        f"{row['t']:.1f}, {p_equals(row['p'])}, {won_and_lost(row)} of {row['pairs']} {unit}",
        f"Holm {p_equals(row['p_holm'])}, d_z = {row['d_z']:.2f}",
    ]
    if "p_sign_flip" in row:
        lines[1] += f", sign-flip {p_equals(row['p_sign_flip'])}, Wilcoxon {p_equals(row['p_wilcoxon'])}"
    if "note_exact" in row:
        lines.append(f"Sign-flip and Wilcoxon: {row['note_exact']}")
    return f"\n{'':<13}".join(lines)


def _correlation(row: dict[str, Any]) -> str:
    if "note" in row:
        return row["note"]
    return (
        f"r = {row['r']:.2f} [{row['ci_low']:.2f}, {row['ci_high']:.2f}] over {row['tasks']} tasks. "
        "Both gains subtract the same base scores,\nwhose error alone correlates them."
    )
