"""The blocks of ``params.yaml``, each checked by itself; `hearlog.params` checks them against each other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from hearlog.corpora.protocols import DRAWN_FOLDS, PUBLISHED
from hearlog.model.architecture import LEAST_CHANNELS, STUDENTS
from hearlog.params.validation import Block, Count, Float, InnerShare, Location, NonNegative, Positive, Share, one_of

if TYPE_CHECKING:
    from hearlog.corpora.readers.dataset import DataSet


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


DEVICE = r"auto|cpu|mps|cuda(:\d+)?"  # what can be asked for


class Runtime(Block):
    """Where and how fast things run. No stage lists this block, so it never invalidates a result."""

    device: Annotated[str, Field(pattern=f"^({DEVICE})$")]
    precision: Literal["auto", "float32", "bfloat16"]
    threads: Annotated[int, Field(ge=0, le=1024)]
    devices: Annotated[int, Field(ge=1, le=1024)]
    strategy: Literal["auto", "ddp"]
    compile: bool
    memory_limit: Annotated[str, Field(pattern=r"^\d{1,6}(\.\d+)? ?(MB|GB|TB)$")]

    @model_validator(mode="after")
    def _one_device_is_one(self) -> Runtime:
        if self.devices > 1 and (self.device == "mps" or ":" in self.device):
            fix = "devices to 1" if self.device == "mps" else "device to cuda"
            raise ValueError(f"device {self.device} is one, devices are {self.devices}: set {fix}")
        return self


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

    sample_rate: Annotated[int, Field(ge=1, le=384_000)]
    seconds: Annotated[Positive, Field(le=3600)]
    min_seconds: Positive
    max_rejected: Share

    @property
    def samples(self) -> int:
        """Length of a crop in samples."""
        return round(self.seconds * self.sample_rate)


class Mel(Block):
    """The mel spectrogram."""

    n_fft: Annotated[int, Field(ge=1, le=2**16)]
    hop_length: Count
    n_mels: Annotated[int, Field(ge=1, le=2**12)]


class NetworkSettings(Block):
    """Settings of the network besides its size; `hearlog.model.folder.Network` has them as well."""

    se_ratio: Count


class Model(NetworkSettings):
    """The network of the paper's Table 1."""

    channels: Annotated[int, Field(ge=LEAST_CHANNELS, multiple_of=8)]

    @model_validator(mode="after")
    def _gate_has_units(self) -> Model:
        if self.channels % self.se_ratio or self.channels // self.se_ratio < 2:
            raise ValueError(
                f"se_ratio {self.se_ratio} must divide channels {self.channels} and leave 2 hidden units or more"
            )
        return self

    def divisors(self) -> list[int]:
        """Return every divisor of ``channels`` that leaves a network of 16 channels or more, divisible by 8."""
        candidates = range(1, self.channels // LEAST_CHANNELS + 1)
        return [divisor for divisor in candidates if self._fits(divisor)]

    def _fits(self, divisor: int) -> bool:
        channels, rest = divmod(self.channels, divisor)
        return not (rest or channels % 8 or channels % self.se_ratio) and channels >= 2 * self.se_ratio


class Sweep(Block):
    """The capacity grid: divisors of ``model.channels``."""

    divisors: Annotated[list[Count], Field(min_length=1)]

    @model_validator(mode="after")
    def _no_repeats(self) -> Sweep:
        if len(set(self.divisors)) < len(self.divisors):
            raise ValueError(f"divisors {self.divisors} name a divisor twice")
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


class Base(Block):
    """Training from scratch: nothing to set."""


class Kd(Block):
    """Knowledge distillation: task loss + weight x distillation loss."""

    weight: Annotated[NonNegative, Field(le=1e6)]


class Fix(Block):
    """The output layer on frozen embeddings."""

    max_iterations: Count


class Init(Block):
    """Fine-tuning from the estimator's weights: nothing to set."""


class Transfer(Block):
    """The methods on the labelled tasks."""

    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    training: Training
    augmentation: Augmentation
    test_windows: Count
    student: Annotated[str, AfterValidator(partial(one_of, STUDENTS))]
    base: Base
    fix: Fix
    init: Init
    kd: Kd

    def own(self, method: str) -> dict[str, Any]:
        """Return the settings of one method: the keyword arguments of its function in `hearlog.transfer.methods`."""
        block: Block = getattr(self, method)
        return block.model_dump()

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
    """The capacities of the pilot experiment: divisors of ``model.channels``; none to go without it."""

    divisors: list[Count]

    @model_validator(mode="after")
    def _no_repeats(self) -> Pilot:
        if len(set(self.divisors)) < len(self.divisors):
            raise ValueError(f"divisors {self.divisors} name a divisor twice")
        return self


class Probe(Block):
    """Linear probes of the estimator's layers: capacities as divisors of ``model.channels``, and the penalty."""

    divisors: Annotated[list[Count], Field(min_length=1)]
    strengths: Annotated[list[Annotated[Float, Field(ge=1e-12)]], Field(min_length=1)]
    max_iterations: Count

    @model_validator(mode="after")
    def _no_repeats(self) -> Probe:
        for name, values in (("divisors", self.divisors), ("strengths", self.strengths)):
            if len(set(values)) < len(values):
                raise ValueError(f"{name} {values} name a value twice")
        return self


def _readers() -> dict[str, DataSet]:
    from hearlog.corpora.readers.registry import READERS  # takes pandas, which other users of params do without

    return READERS


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
        return one_of(_readers(), reader)

    @field_validator("target")
    @classmethod
    def _data_set_has_target(cls, target: str, fields: ValidationInfo) -> str:
        data_set = _readers().get(fields.data.get("reader", ""))
        return one_of(data_set.targets, target) if data_set and data_set.targets else target

    @field_validator("protocol")
    @classmethod
    def _data_set_has_protocol(cls, protocol: str, fields: ValidationInfo) -> str:
        data_set = _readers().get(fields.data.get("reader", ""))
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
