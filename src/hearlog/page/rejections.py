"""What was left out on the way, by reason, with some examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from hearlog.page.tables import Cell, Column, Table, examples, number, text, textual

SHOWN = 3  # examples of a reason

_Row = list[Cell]


def rejection_table(
    logs: tuple[dict[str, Any], pd.DataFrame],
    left_out: pd.DataFrame,
    crops: dict[str, pd.DataFrame],
    splits: dict[str, dict[str, Any]],
) -> Table:
    """Tabulate what no result is of: log rows, songs of the catalogue, audio files, clips.

    Parameters
    ----------
    logs
        The metrics of the logs, and what was rejected of them, a row a reason (as of `hearlog.logs.ingest`).
    left_out
        Songs of the catalogue, or of the logs alone, with their ``reason`` (as of `hearlog.catalogue.select`).
    crops
        For every corpus, by its name in print, the files that were rejected (as of `hearlog.crops.crop_items`).
    splits
        For every task, by its name in print, the metrics of its split.
    """
    rows = [*_logs(*logs), *_songs(left_out)]
    for name, rejected in crops.items():
        rows += _crops(name, rejected)
    for name, split in splits.items():
        if split["left_out"]:
            rows.append(
                [text(f"{name}, split"), text("in no part of the protocol"), number(split["left_out"]), *_CLIPS]
            )
    whole = [name for name, rejected in crops.items() if not len(rejected)]
    notes = [f"Every audio file could be used: {', '.join(whole)}."] if whole else []
    notes.append("Whole lists: data/logs/rejected.parquet, data/corpora/songs/left_out.parquet and, for audio, ")
    notes[-1] += "data/corpora/*/crops/rejected.parquet."
    columns = [*textual("Where", "Reason"), Column("Left out", numeric=True), *textual("of what", "Examples")]
    return Table("left-out", "Left out, by reason", columns, rows, notes)


_CLIPS = [text("clips"), text("")]


def _logs(counts: dict[str, Any], rejected: pd.DataFrame) -> Iterator[_Row]:
    where = text("Listening logs")
    of_all = f"rows of {counts['rows']:,}"
    for row in rejected.to_dict("records"):
        example = f"{row['example_file']}, line {row['example_line']}: {row['example']}"
        reason = str(row["reason"]).replace("_", " ")
        yield [where, text(reason), number(row["rows"]), text(of_all), text(examples([example], row["rows"]))]
    for key, reason, what in (
        ("songs_below_min_plays", "played too seldom (logs.min_song_plays)", "songs"),
        ("users_without_songs", "none of whose songs is left", "users"),
    ):
        if counts[key]:
            yield [where, text(reason), number(counts[key]), text(what), text("")]


def _songs(left_out: pd.DataFrame) -> Iterator[_Row]:
    for reason, songs in left_out.groupby("reason", sort=False):
        shown = [_with_path(song["song_id"], song["path"]) for song in songs.head(SHOWN).to_dict("records")]
        yield [
            text("Catalogue"),
            text(str(reason)),
            number(len(songs)),
            text("songs"),
            text(examples(shown, len(songs))),
        ]


def _with_path(song: str, path: str | None) -> str:
    return f"song {song}" if path is None or pd.isna(path) else f"song {song} ({path})"


def _crops(name: str, rejected: pd.DataFrame) -> Iterator[_Row]:
    for reason, files in rejected.groupby("reason", sort=False):
        shown = [f"{file['path']} ({file['detail']})" for file in files.head(SHOWN).to_dict("records")]
        row = [text(f"{name}, audio"), text(str(reason)), number(len(files)), text("files")]
        yield [*row, text(examples(shown, len(files)))]
