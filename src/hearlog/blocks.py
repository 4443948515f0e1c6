"""The blocks of ``params.yaml``, each checked by itself; `hearlog.params` checks them against each other."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from hearlog.corpora import READERS
from hearlog.splits import DRAWN_FOLDS, PUBLISHED
from hearlog.validation import Block, Count, InnerShare, NonNegative, Positive, Share, one_of

Location = Annotated[str, Field(min_length=1)]


class Demo(Block):
    """The embedded data set: how many files of each kind the generator writes."""

    songs: Count
    listeners: Count
    plays: Count
    seconds: Positive
    gtzan: Count
    extended_ballroom: Count
    emomusic: Count
    fma: Count
    dcase2016: Count


class Runtime(Block):
    """Where and how fast things run. No stage lists this block, so it never invalidates a result."""

    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
    precision: Literal["auto", "float32", "bfloat16"]
    threads: Annotated[int, Field(ge=0, le=1024)]
    devices: Annotated[int, Field(ge=1, le=1024)]
    strategy: Literal["auto", "ddp"]
    compile: bool
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?(MB|GB|TB)$")]

    @model_validator(mode="after")
    def _one_device_is_one(self) -> Runtime:
        if self.devices > 1 and ":" in self.device:
            raise ValueError(f"device {self.device} is one, devices are {self.devices}: set device to cuda")
        return self


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
    format: Literal["rows", "song_lists", "playlists"]
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
        if self.format == "rows":
            named = [column for _, column in self.columns if isinstance(column, str)]
            if named and not self.header:
                raise ValueError(f"columns {named} are names, but header is false: give positions from 1")
        elif self.columns.plays is not None:
            raise ValueError(f"columns.plays {self.columns.plays!r}: {self.format} have no counts: set it to null")
        elif self.format == "song_lists" and self.columns.time is not None:
            raise ValueError(f"columns.time {self.columns.time!r}: song_lists have no times: set it to null")
        elif self.format == "playlists":
            self._keys_of_playlists()
        return self

    def _keys_of_playlists(self) -> None:
        for key, column in self.columns:
            if isinstance(column, int):
                raise ValueError(f"columns.{key} {column} is a position, but playlists have keys: give its name")
        if not re.fullmatch(r"[^.]+([.][^.]+)?", str(self.columns.song)):
            raise ValueError(
                f"columns.song {self.columns.song!r}: give the key of the list of songs, 'songs', or that and the key "
                "of the id within it, 'tracks.track_uri'"
            )

    @field_validator("since", "until", mode="before")
    @classmethod
    def _is_a_date(cls, value: object) -> object:
        if isinstance(value, date):
            raise ValueError(f"put the date in quotes: '{value}'. DVC cannot keep YAML's own dates")
        if isinstance(value, str):
            try:
                datetime.fromisoformat(value)
            except ValueError:
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


class SongSplit(Block):
    """Shares of the songs in the three parts."""

    train: InnerShare
    valid: InnerShare
    test: InnerShare

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> SongSplit:
        total = self.train + self.valid + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + valid + test is {total:g}: the shares must sum to 1")
        return self


class Songs(Block):
    """The catalogue (song_id, path; optional title, artist, genre) and its audio."""

    catalog: Location
    audio_root: Location
    sample: Count | None
    split: SongSplit


class Audio(Block):
    """The crop: the middle of a file, mono."""

    sample_rate: Count
    seconds: Positive
    min_seconds: Positive
    max_rejected: Share

    @property
    def samples(self) -> int:
        """Length of a crop in samples."""
        return round(self.seconds * self.sample_rate)


class Mel(Block):
    """The mel spectrogram."""

    n_fft: Count
    hop_length: Count
    n_mels: Count


class Model(Block):
    """The network of the paper's Table 1."""

    channels: Annotated[int, Field(ge=16, multiple_of=8)]
    se_ratio: Count
    max_channels: Annotated[int, Field(ge=16)]

    @model_validator(mode="after")
    def _gate_has_units(self) -> Model:
        if self.channels % self.se_ratio or self.channels // self.se_ratio < 2:
            raise ValueError(
                f"se_ratio {self.se_ratio} must divide channels {self.channels} and leave 2 hidden units or more"
            )
        return self


class Sweep(Block):
    """The capacity grid: multipliers of ``model.channels``."""

    widths: Annotated[list[Count], Field(min_length=1)]

    @model_validator(mode="after")
    def _no_repeats(self) -> Sweep:
        if len(set(self.widths)) < len(self.widths):
            raise ValueError(f"widths {self.widths} name a multiplier twice")
        return self


class Training(Block):
    """One training run: Adam until the validation loss stops falling."""

    batch_size: Annotated[int, Field(ge=2)]
    epochs: Count
    patience: Count
    learning_rate: Positive
    schedule: Literal["constant", "cosine"]
    weight_decay: NonNegative
    accumulate: Count

    @model_validator(mode="after")
    def _parts_have_statistics(self) -> Training:
        if self.batch_size < 2 * self.accumulate:
            raise ValueError(
                f"accumulate {self.accumulate} cuts a batch_size of {self.batch_size} into parts of one clip, which "
                f"have no batch statistics: lower it to at most {self.batch_size // 2}"
            )
        return self


class Augmentation(Block):
    """What is done to the clips a network is trained on."""

    window: Positive | None
    mel_mask: Annotated[int, Field(ge=0)]
    time_mask: NonNegative
    mixup: NonNegative


class Estimator(Block):
    """Training of the CF estimator."""

    training: Training
    augmentation: Augmentation


class Kd(Block):
    """Knowledge distillation: task loss + weight x distillation loss."""

    weight: NonNegative


class Fix(Block):
    """The output layer on frozen embeddings."""

    max_iterations: Count


class Init(Block):
    """Fine-tuning from the estimator's weights: nothing to set."""


class Transfer(Block):
    """The four methods on the labelled tasks."""

    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    training: Training
    augmentation: Augmentation
    test_windows: Count
    student: Literal["paper", "separable"]
    fix: Fix
    init: Init
    kd: Kd

    @model_validator(mode="after")
    def _no_repeats(self) -> Transfer:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {self.seeds} name a seed twice")
        return self

    @model_validator(mode="after")
    def _windows_have_a_length(self) -> Transfer:
        if self.test_windows > 1 and self.augmentation.window is None:
            raise ValueError(f"test_windows {self.test_windows} needs the windows' length: set augmentation.window")
        return self


class Pilot(Block):
    """The capacities of the pilot experiment: multipliers of ``model.channels``; none to go without it."""

    widths: list[Count]

    @model_validator(mode="after")
    def _no_repeats(self) -> Pilot:
        if len(set(self.widths)) < len(self.widths):
            raise ValueError(f"widths {self.widths} name a multiplier twice")
        return self


class Task(Block):
    """A labelled data set and one target of it."""

    reader: str
    path: Location
    target: str
    protocol: str
    folds: Annotated[int, Field(ge=2)] | None = Field(default=None, validate_default=True)
    valid: InnerShare

    # A validator is given those of the fields above its own that can be used.

    @field_validator("reader")
    @classmethod
    def _reader_exists(cls, reader: str) -> str:
        return one_of(READERS, reader)

    @field_validator("target")
    @classmethod
    def _data_set_has_target(cls, target: str, fields: ValidationInfo) -> str:
        data_set = READERS.get(fields.data.get("reader", ""))
        return one_of(data_set.targets, target) if data_set and data_set.targets else target

    @field_validator("protocol")
    @classmethod
    def _data_set_has_protocol(cls, protocol: str, fields: ValidationInfo) -> str:
        data_set = READERS.get(fields.data.get("reader", ""))
        return one_of(data_set.protocols, protocol) if data_set else protocol

    @field_validator("folds")
    @classmethod
    def _folds_are_of_protocols_that_draw_them(cls, folds: int | None, fields: ValidationInfo) -> int | None:
        protocol = fields.data.get("protocol")
        if protocol in DRAWN_FOLDS and folds is None:
            raise ValueError(f"missing; protocol {protocol} draws a number of folds")
        if protocol in PUBLISHED and folds is not None:
            raise ValueError(f"given {folds}, but protocol {protocol} has published parts: set it to null")
        return folds
