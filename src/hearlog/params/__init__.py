"""``params.yaml`` as one typed model: the only place that knows which settings exist.

Every value is checked before a stage starts: an unknown key, a wrong type or an impossible value
is refused with a message that names the key, what was given and what is allowed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from hearlog.model.architecture import LEAST_CHANNELS, POOLED_BANDS, POOLED_FRAMES
from hearlog.params.blocks import (
    Audio,
    Demo,
    Estimator,
    Mel,
    Model,
    Pilot,
    Probe,
    Runtime,
    Songs,
    Sweep,
    Task,
    Transfer,
)
from hearlog.params.log_blocks import Als, Logs, Spark
from hearlog.params.validation import Block, describe, read_yaml
from hearlog.util.errors import InputError

# Folders of dvc.yaml's outputs; DVC refuses a stage that would read what a later one writes.
OUTPUTS = (
    "data/logs",
    "data/embeddings",
    "data/corpora",
    "data/transfer",
    "data/evaluation",
    "data/pilot",
    "models",
    "metrics",
    "plots",
)
TaskName = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=64)]


class Params(Block):
    """The whole of ``params.yaml``."""

    seed: Annotated[int, Field(ge=0)]
    demo: Demo
    runtime: Runtime
    spark: Spark
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
    pilot: Pilot
    probe: Probe

    def task(self, name: str) -> Task:
        """Return the settings of a task; `InputError` where it has none."""
        if name not in self.tasks:
            raise InputError(f"tasks.{name}: not in params.yaml, which has {', '.join(self.tasks)}")
        return self.tasks[name]

    def frames(self, seconds: float) -> int:
        """Spectrogram frames in so many seconds."""
        return round(seconds * self.audio.sample_rate) // self.mel.hop_length

    @property
    def _pooled_seconds(self) -> float:
        return POOLED_FRAMES * self.mel.hop_length / self.audio.sample_rate

    def network(self, divisor: int) -> dict[str, Any]:
        """Return the fields of `hearlog.model.folder.Network` at the capacity of a divisor."""
        channels = self.model.channels // divisor
        return self.model.model_dump() | {"channels": channels, "factors": self.als.factors}

    @model_validator(mode="after")
    def _divisors_fit_channels(self) -> Params:
        fitting = self.model.divisors()
        if wrong := sorted(set(self.sweep.divisors) - set(fitting)):
            raise ValueError(
                f"sweep.divisors {self.sweep.divisors}: model.channels {self.model.channels} cannot be divided by "
                f"{', '.join(map(str, wrong))}: a network has {LEAST_CHANNELS} channels or more, divisible by 8 and by "
                f"model.se_ratio {self.model.se_ratio}. Divisors that fit: {', '.join(map(str, fitting))}"
            )
        return self

    @model_validator(mode="after")
    def _pilot_has_an_estimator(self) -> Params:
        if missing := sorted(set(self.pilot.divisors) - set(self.sweep.divisors)):
            raise ValueError(
                f"pilot.divisors {self.pilot.divisors} asks for estimators of {missing}, which are not in "
                f"sweep.divisors {self.sweep.divisors}: take those, or [] to go without the pilot"
            )
        return self

    @model_validator(mode="after")
    def _probes_have_an_estimator(self) -> Params:
        if missing := sorted(set(self.probe.divisors) - set(self.sweep.divisors)):
            raise ValueError(
                f"probe.divisors {self.probe.divisors} asks for estimators of {missing}, which are not in "
                f"sweep.divisors {self.sweep.divisors}: take those"
            )
        return self

    @model_validator(mode="after")
    def _dvc_can_follow_the_logs(self) -> Params:
        if set("*?[") & set(self.logs.path):
            raise ValueError(
                f"logs.path {self.logs.path!r} is a glob, which DVC cannot follow: "
                "name the folder here and the pattern inside it in logs.files"
            )
        return self

    @model_validator(mode="after")
    def _inputs_are_no_outputs(self) -> Params:
        inputs = {"logs.path": self.logs.path, "songs.catalog": self.songs.catalog}
        inputs |= {"songs.audio_root": self.songs.audio_root}
        inputs |= {f"tasks.{name}.path": task.path for name, task in self.tasks.items()}
        for key, path in inputs.items():
            for output in map(Path, OUTPUTS):
                if Path(path).is_relative_to(output) or output.is_relative_to(path):
                    raise ValueError(f"{key} {path!r} meets {output}, which stages write: keep your data in data/raw")
        return self

    @model_validator(mode="after")
    def _songs_are_no_task(self) -> Params:
        if "songs" in self.tasks:
            raise ValueError("tasks.songs: that name is the songs' own corpus; give the task another")
        return self

    @model_validator(mode="after")
    def _crop_fits_network(self) -> Params:
        if self.audio.samples == 0 or self.audio.samples % (POOLED_FRAMES * self.mel.hop_length):
            raise ValueError(
                f"audio.seconds {self.audio.seconds:g} x audio.sample_rate {self.audio.sample_rate} must be a "
                f"multiple of {POOLED_FRAMES} x mel.hop_length {self.mel.hop_length} ({self._pooled_seconds:g} s): the "
                f"network pools time by {POOLED_FRAMES} and would drop the rest"
            )
        if self.audio.min_seconds > self.audio.seconds:
            raise ValueError("audio.min_seconds must not exceed audio.seconds")
        if self.mel.n_mels % POOLED_BANDS:
            raise ValueError(
                f"mel.n_mels {self.mel.n_mels} must be a multiple of {POOLED_BANDS}: the network pools frequency "
                "by as many"
            )
        if self.demo.seconds < self.audio.min_seconds:
            raise ValueError("demo.seconds must not be below audio.min_seconds: every generated file would be rejected")
        return self

    @model_validator(mode="after")
    def _windows_fit_network(self) -> Params:
        for name, block in (("estimator", self.estimator), ("transfer", self.transfer)):
            window = block.augmentation.window
            if window is None:
                continue
            if window <= self.audio.seconds and self.frames(window) and not self.frames(window) % POOLED_FRAMES:
                continue
            raise ValueError(
                f"{name}.augmentation.window {window:g} must be a multiple of {POOLED_FRAMES} x mel.hop_length "
                f"({self._pooled_seconds:g} s) and at most audio.seconds {self.audio.seconds:g}"
            )
        if self.transfer.test_windows > 1 and self.transfer.augmentation.window == self.audio.seconds:
            raise ValueError(
                f"transfer.test_windows {self.transfer.test_windows} windows of {self.audio.seconds:g} s are the whole "
                "clip each: set transfer.augmentation.window below audio.seconds"
            )
        return self


def load(path: Path | str = "params.yaml") -> Params:
    """Read and check a params file.

    Parameters
    ----------
    path
        A YAML file; nothing in it is executed.

    Raises
    ------
    InputError
        Naming the file and, for each fault, the key, what was given and what is allowed.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Start from a preset: cp presets/demo.yaml {path}")
    content = read_yaml(path)
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        faults = "\n".join(f"  {describe(fault, Params)}" for fault in error.errors())
        raise InputError(f"{path} has settings that cannot be used (a preset holds every key):\n{faults}") from None
