"""How the stages train, from their params."""

from hearlog import params
from hearlog.params.blocks import Estimator, Transfer
from hearlog.training.augmentation import Augmentation
from hearlog.training.loop import Trainer
from hearlog.training.optimisation import Optimisation
from stages.backend import backend


def trainer(settings: params.Params, block: Estimator | Transfer) -> Trainer:
    """Train as ``block`` says: the estimator's, or that of the task networks."""
    augmentation = block.augmentation
    return Trainer(
        Optimisation(**block.training.model_dump()),
        backend(settings),
        Augmentation(
            window=None if augmentation.window is None else settings.frames(augmentation.window),
            mel_mask=augmentation.mel_mask,
            time_mask=settings.frames(augmentation.time_mask),
            mixup=augmentation.mixup,
        ),
    )
