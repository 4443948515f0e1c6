"""The blocks of ``params.yaml`` for listening logs and what is made of them: ``logs``, ``als`` and ``spark``."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from hearlog.logs.formats import FORMATS
from hearlog.params.validation import Block, Count, InnerShare, Location, Positive, Share, one_of


class LogColumns(Block):
    """Which column holds what: a name, or a position from 1 where the files have no header.

    Of playlists, the keys: ``user`` of a playlist's id and ``song`` of its list of ids, or, where the list holds
    objects, of the list and of the id within them, with a dot between: ``tracks.track_uri``.
    """

    user: str | Count
    song: str | Count
    plays: str | Count | None
    time: str | Count | None

    @model_validator(mode="after")
    def _one_thing_a_column(self) -> LogColumns:
        used: dict[str | int, str] = {}
        for key, column in self:
            if column in used:
                raise ValueError(f"{used[column]} and {key} are both {column!r}: a column holds one thing")
            if column is not None:
                used[column] = key
        return self


class Logs(Block):
    """Listening logs, one row a listen or one row a (user, song, plays) triple, or lists of songs."""

    path: Location
    files: Annotated[str, Field(min_length=1)] | None
    format: Annotated[str, AfterValidator(partial(one_of, FORMATS))]
    delimiter: Annotated[str, Field(min_length=1, max_length=1)]
    header: bool
    columns: LogColumns
    since: str | None
    until: str | None
    max_user_plays: Count | None
    min_song_plays: Count
    min_song_users: Count
    min_user_songs: Count
    values: Literal["binary", "counts"]
    hash_users: bool
    max_rejected: Share
    engine: Literal["duckdb", "spark"]

    @field_validator("files")
    @classmethod
    def _is_inside_the_folder(cls, files: str | None) -> str | None:
        parts = (files or "").split("/")
        if (files and not parts[0]) or ".." in parts:
            raise ValueError(
                f"{files!r} leaves the folder logs.path: write a pattern inside it, such as '2018-*/*.csv'"
            )
        if any("**" in part and part != "**" for part in parts):
            raise ValueError(f"{files!r} has ** beside other characters: it stands for whole folders, '**/*.csv'")
        return files

    @field_validator("delimiter")
    @classmethod
    def _separates(cls, delimiter: str) -> str:
        if delimiter in '\r\n"':
            raise ValueError(f"{delimiter!r} ends lines or quotes values, and cannot separate them as well")
        return delimiter

    @model_validator(mode="after")
    def _columns_of_the_format(self) -> Logs:
        FORMATS[self.format].check(self)
        return self

    @field_validator("since", "until", mode="before")
    @classmethod
    def _is_a_date(cls, value: object) -> object:
        if isinstance(value, date):
            raise ValueError(f"put the date in quotes: '{value}'. DVC cannot keep YAML's own dates")
        if isinstance(value, str):
            try:
                _utc(value)
            except (ValueError, OverflowError):  # of the years 1 and 9999, the day before or after in UTC is none
                raise ValueError(f"{value!r} is no date: write '2018-01-31', or '2018-01-31T18:00:00'") from None
        return value

    @model_validator(mode="after")
    def _window_has_times(self) -> Logs:
        since, until = self.window
        if (since or until) and self.columns.time is None:
            raise ValueError("since and until need columns.time, the column that says when")
        if since and until and since >= until:
            raise ValueError(f"since {self.since} is not before until {self.until}")
        return self

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """``since`` and ``until`` in UTC, without a zone; what they say without one is UTC."""
        return _utc(self.since), _utc(self.until)


def _utc(moment: str | None) -> datetime | None:
    if moment is None:
        return None
    time = datetime.fromisoformat(moment)
    return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC).replace(tzinfo=None)


class Als(Block):
    """Alternating least squares for implicit feedback (Hu, Koren, Volinsky 2008)."""

    engine: Literal["implicit", "torch", "spark"]
    factors: Count
    alpha: Positive
    regularization: Positive
    iterations: Count
    held_out: InnerShare | None
    patience: Count | None

    @model_validator(mode="after")
    def _patience_has_scores(self) -> Als:
        if self.patience and not self.held_out:
            raise ValueError("patience stops by held-out scores: set held_out (0.2), or patience: null")
        if self.patience and self.engine == "spark":
            raise ValueError("patience needs scores of every iteration, and Spark gives the last: set patience: null")
        return self


class Spark(Block):
    """Where Spark runs, for ``logs.engine`` and ``als.engine``."""

    master: Annotated[str, Field(min_length=1)]
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*[mg]$")]
