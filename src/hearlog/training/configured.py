"""The trainer that params ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hearlog.runtime.backend import configured_backend
from hearlog.training.augmentation import Augmentation
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation

if TYPE_CHECKING:
    from hearlog.params import Params
    from hearlog.params.blocks import Estimator, Transfer


def configured_trainer(settings: Params, block: Estimator | Transfer) -> Trainer:
    """Return the trainer of a block of the params: of the estimator or of the task networks."""
    augmentation = block.augmentation
    return Trainer(
        Optimisation(**block.training.model_dump()),
        configured_backend(settings.runtime),
        Augmentation(
            window=None if augmentation.window is None else settings.frames(augmentation.window),
            mel_mask=augmentation.mel_mask,
            time_mask=settings.frames(augmentation.time_mask),
            mixup=augmentation.mixup,
        ),
    )
