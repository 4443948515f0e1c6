"""What the listening logs hold, and whether enough of it can be used."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hearlog.check.findings import Section
from hearlog.logs.rejected import place
from hearlog.logs.survey import Survey, survey
from hearlog.params import Params
from hearlog.params.log_blocks import Logs
from hearlog.plan.workload import LogSize
from hearlog.util.plain_text import counted

QUICK_ROWS = 1_000_000
DOUBT = "in the rows that were read (`hearlog check --full` reads all)"


@dataclass(frozen=True)
class Plays:
    """Plays by song id.

    Where all rows were read, of the songs with enough of them, and ``size`` says how much is in the logs; otherwise of
    all songs, and ``size`` is None.
    """

    songs: pd.Series
    size: LogSize | None

    @property
    def complete(self) -> bool:
        """Whether all rows were read."""
        return self.size is not None

    @property
    def doubt(self) -> str:
        """Why what they lack is no problem yet; empty where all rows were read."""
        return "" if self.complete else DOUBT


def check_logs(section: Section, params: Params, full: bool) -> Plays | None:
    """Report what the logs hold, or their first `QUICK_ROWS` rows; None where they cannot be read."""
    settings, runtime = params.logs, params.runtime
    with section.errors_are("problem"):
        most_rows = None if full else QUICK_ROWS
        found = survey(settings, runtime.memory_limit, runtime.threads, Path(tempfile.gettempdir()), most_rows)
        plays = found.songs.to_pandas().set_index("song_id")["plays"]
        kept = plays[plays >= settings.min_song_plays]
        _report_counts(section, found, len(plays), len(kept), settings.min_song_plays)
        with section.problems_are_warnings("" if found.complete else DOUBT):
            _report_rejected(section, found, settings)
        if found.complete:
            return Plays(kept, LogSize(found.rows, found.users, len(plays)))
        return Plays(plays, None)
    return None


def _report_counts(section: Section, found: Survey, songs: int, kept: int, min_plays: int) -> None:
    section.facts |= {
        "files": len(found.files),
        "on disk": sum(file.stat().st_size for file in found.files),
        "rows": found.rows,
        "users": found.users,
        "songs": {"played": songs, "often enough": kept},
    }
    if found.outside:
        section.facts["outside the window"] = found.outside
    if not found.complete:
        section.note(
            f"only the first {counted(found.rows, 'row')} were read, so users and songs are more than these, and "
            "faults further on are not seen. `hearlog check --full` reads all"
        )
    elif not kept:
        section.problem(
            f"no song was played {counted(min_plays, 'time')} or more: lower logs.min_song_plays, or add logs"
        )


def _report_rejected(section: Section, found: Survey, settings: Logs) -> None:
    """List the rows that cannot be used; too many are a problem, and the columns may be wrong."""
    total = sum(row["rows"] for row in found.rejected)
    if not total:
        return
    section.facts["rejected"] = {row["reason"]: row["rows"] for row in found.rejected}
    rows = f"{total:,} of {found.rows:,} rows ({total / found.rows:.2%}) cannot be used"
    limit = f"logs.max_rejected {settings.max_rejected:g}"
    examples = "\n".join(f"{row['reason'].replace('_', ' ')}: {row['rows']:,}{place(row)}" for row in found.rejected)
    if total > settings.max_rejected * found.rows:
        advice = "Check logs.delimiter, logs.header and logs.columns, or mend the rows"
        section.problem(f"{rows}, above {limit}. {advice}:\n{examples}")
    else:
        section.warning(f"{rows} and are left out, within {limit}:\n{examples}")
