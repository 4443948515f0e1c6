"""What was left out on the way, by reason, with some examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from hearlog.page.tables import Cell, Column, Table, examples, number, text, textual

SHOWN = 3  # examples of a reason


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
        Songs of the catalogue, or of the logs alone, with their ``reason`` (as of `hearlog.corpora.catalogue.select`).
    crops
        For every corpus, by its name in print, the files that were rejected (as of `hearlog.corpora.crops.crop_items`).
    splits
        For every task, by its name in print, the metrics of its split.
    """
    rows = [*_logs(*logs), *_songs(left_out)]
    for name, rejected in crops.items():
        rows += _crops(name, rejected)
    for name, split in splits.items():
        if split["left_out"]:
            rows.append(_row(f"{name}, split", split["left_out"], "clips", "in no part of the protocol"))
    whole = [name for name, rejected in crops.items() if not len(rejected)]
    notes = [f"Every audio file could be used: {', '.join(whole)}."] if whole else []
    notes.append(
        "Whole lists: data/logs/rejected.parquet, data/corpora/songs/left_out.parquet and, for audio, "
        "data/corpora/*/crops/rejected.parquet."
    )
    columns = [Column("Where"), Column("Left out", numeric=True), *textual("of what", "Reason, and examples")]
    return Table("left-out", "Left out, by reason", columns, rows, notes)


def _row(where: str, count: int, what: str, reason: str, shown: Sequence[str] = ()) -> list[Cell]:
    return [text(where), number(count), text(what), text(reason, examples(shown, count) if shown else "")]


def _logs(counts: dict[str, Any], rejected: pd.DataFrame) -> Iterator[list[Cell]]:
    rows = f"rows of {counts['rows']:,}"
    for row in rejected.to_dict("records"):
        example = f"{row['example_file']}, line {row['example_line']}" + (
            f": {row['example']}" if row["example"] else ""
        )
        yield _row("Listening logs", row["rows"], rows, str(row["reason"]).replace("_", " "), [example])
    for key, what, reason in (
        ("rows_outside_window", rows, "not from logs.since to logs.until"),
        ("users_above_max_plays", "users", "more plays than logs.max_user_plays"),
        ("songs_below_limits", "songs", "too few plays or users (logs.min_song_plays, logs.min_song_users)"),
        ("users_below_limits", "users", "too few songs (logs.min_user_songs)"),
    ):
        if counts[key]:
            yield _row("Listening logs", counts[key], what, reason)


def _songs(left_out: pd.DataFrame) -> Iterator[list[Cell]]:
    for reason, songs in left_out.groupby("reason", sort=False):
        shown = [_with_path(song["song_id"], song["path"]) for song in songs.head(SHOWN).to_dict("records")]
        yield _row("Catalogue", len(songs), "songs", str(reason), shown)


def _with_path(song: str, path: str | None) -> str:
    return f"song {song}" if path is None or pd.isna(path) else f"song {song} ({path})"


def _crops(name: str, rejected: pd.DataFrame) -> Iterator[list[Cell]]:
    for reason, files in rejected.groupby("reason", sort=False):
        shown = [f"{file['path']} ({file['detail']})" for file in files.head(SHOWN).to_dict("records")]
        yield _row(f"{name}, audio", len(files), "files", str(reason), shown)
