"""``params.yaml`` as one typed model: the only place that knows which settings exist.

Every value is checked before a stage starts: an unknown key, a wrong type or an impossible value
is refused with a message that names the key, what was given and what is allowed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from hearlog.corpora import READERS
from hearlog.errors import InputError
from hearlog.splits import DRAWN_FOLDS, PUBLISHED
from hearlog.validation import Block, Count, InnerShare, NonNegative, Positive, Share, describe, one_of

TaskName = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


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
    threads: Annotated[int, Field(ge=0)]
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?(MB|GB|TB)$")]


class LogColumns(Block):
    """Which column holds what: a name, or a position from 1 where the files have no header."""

    user: str | Count
    song: str | Count
    plays: str | Count | None


class Logs(Block):
    """Listening logs, one row a listen or one row a (user, song, plays) triple."""

    path: str
    delimiter: Annotated[str, Field(min_length=1, max_length=1)]
    header: bool
    columns: LogColumns
    min_song_plays: Count
    max_rejected: Share

    @model_validator(mode="after")
    def _positions_without_header(self) -> Logs:
        named = [c for c in (self.columns.user, self.columns.song, self.columns.plays) if isinstance(c, str)]
        if named and not self.header:
            raise ValueError(f"columns {named} are names, but header is false: give positions from 1")
        return self


class Als(Block):
    """Alternating least squares for implicit feedback (Hu, Koren, Volinsky 2008)."""

    factors: Count
    alpha: Positive
    regularization: Positive
    iterations: Count


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

    catalog: str
    audio_root: str
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


class Estimator(Block):
    """Training of the CF estimator."""

    training: Training


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
    fix: Fix
    init: Init
    kd: Kd

    @model_validator(mode="after")
    def _no_repeats(self) -> Transfer:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {self.seeds} name a seed twice")
        return self


class Task(Block):
    """A labelled data set and one target of it."""

    reader: str
    path: str
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
            raise ValueError(f"missing; protocol {protocol} draws a number of folds (paper: 10)")
        if protocol in PUBLISHED and folds is not None:
            raise ValueError(f"given {folds}, but protocol {protocol} has published parts: set it to null")
        return folds


class Params(Block):
    """The whole of ``params.yaml``."""

    seed: Annotated[int, Field(ge=0)]
    demo: Demo
    runtime: Runtime
    logs: Logs
    als: Als
    songs: Songs
    audio: Audio
    mel: Mel
    model: Model
    sweep: Sweep
    estimator: Estimator
    tasks: Annotated[dict[TaskName, Task], Field(min_length=1)]
    transfer: Transfer

    @model_validator(mode="after")
    def _capacity_within_limit(self) -> Params:
        widest = self.model.channels * max(self.sweep.widths)
        if widest > self.model.max_channels:
            raise ValueError(
                f"model.channels {self.model.channels} x sweep.widths {max(self.sweep.widths)} asks for {widest} "
                f"channels, above model.max_channels {self.model.max_channels}: lower one of the first two "
                "(one capacity: sweep.widths: [1]) or raise the limit"
            )
        return self

    @model_validator(mode="after")
    def _dvc_can_follow_the_logs(self) -> Params:
        if set("*?[") & set(self.logs.path):
            raise ValueError(f"logs.path {self.logs.path!r} is a glob, which DVC cannot follow: name the folder")
        return self

    @model_validator(mode="after")
    def _songs_are_no_task(self) -> Params:
        if "songs" in self.tasks:
            raise ValueError("tasks.songs: that name is the songs' own corpus; give the task another")
        return self

    @model_validator(mode="after")
    def _crop_fits_network(self) -> Params:
        if self.audio.samples == 0 or self.audio.samples % (320 * self.mel.hop_length):
            raise ValueError(
                f"audio.seconds {self.audio.seconds:g} x audio.sample_rate {self.audio.sample_rate} must be a "
                f"multiple of 320 x mel.hop_length {self.mel.hop_length} (7.5 s at 16000 Hz): the network pools "
                "time by 320 and would drop the rest"
            )
        if self.audio.min_seconds > self.audio.seconds:
            raise ValueError("audio.min_seconds must not exceed audio.seconds")
        if self.mel.n_mels % 48:
            raise ValueError(
                f"mel.n_mels {self.mel.n_mels} must be a multiple of 48: the network pools frequency by 48"
            )
        if self.demo.seconds < self.audio.min_seconds:
            raise ValueError("demo.seconds must not be below audio.min_seconds: every generated file would be rejected")
        return self


def load(path: Path | str = "params.yaml") -> Params:
    """Read and check a params file.

    Parameters
    ----------
    path
        A YAML file, read with ``safe_load``.

    Raises
    ------
    InputError
        Naming the file and, for each fault, the key, what was given and what is allowed.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Start from a preset: cp presets/demo.yaml {path}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as YAML: {error}") from None
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        faults = "\n".join(f"  {describe(fault, Params)}" for fault in error.errors())
        raise InputError(f"{path} has settings that cannot be used:\n{faults}") from None
