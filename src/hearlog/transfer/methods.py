"""The methods that learn a labelled task, a function each (paper, section 3.2.2 and Figure 3).

`METHODS` is the table that everything else asks: the stages, the plan, the report, the figures. A further method is a
function and a row here, a block of settings in ``transfer`` (`hearlog.params.blocks`, params.yaml and the presets), its
name in the matrix of dvc.yaml, and a colour and marker in `hearlog.figures.style`. This module imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hearlog.transfer.fold import Fold, Outcome


def base(fold: Fold) -> Outcome:
    """Train a network from scratch."""
    return fold.train(fold.student(), fold.task_loss())


def fix(fold: Fold, max_iterations: int) -> Outcome:
    """Fit an output layer on the frozen embeddings of the estimator."""
    return fold.fit_output_layer(max_iterations)


def init(fold: Fold) -> Outcome:
    """Train all weights, starting from those of the estimator."""
    return fold.train(fold.copy_of_estimator(), fold.task_loss())


def kd(fold: Fold, weight: float) -> Outcome:
    """Train from scratch, the penultimate layer imitating the embedding that the estimator gives (distillation)."""
    return fold.train(fold.student(), fold.task_loss() + weight * fold.distillation())


@dataclass(frozen=True)
class Method:
    """One row of the table of methods.

    Attributes
    ----------
    run
        Trains on a fold and predicts its test clips. Its keyword arguments are the method's block in ``transfer``.
    teacher
        Whether it uses the estimator.
    epochs
        Whether it trains a network on spectrograms, epoch by epoch.
    """

    run: Callable[..., Outcome]
    teacher: bool = True
    epochs: bool = True

    @property
    def stage(self) -> str:
        """Name of the stage in dvc.yaml that runs it."""
        if not self.teacher:
            return "scratch"
        return "transfer" if self.epochs else "frozen"

    @property
    def summary(self) -> str:
        """What the method does, as part of a sentence: the docstring of its function."""
        text = (self.run.__doc__ or "").splitlines()[0].removesuffix(".")
        return text[:1].lower() + text[1:]


METHODS = {
    "base": Method(base, teacher=False),
    "fix": Method(fix, epochs=False),
    "init": Method(init),
    "kd": Method(kd),
}
TRAINED = tuple(name for name, method in METHODS.items() if method.epochs)
_PAPER = (("kd", "base"), ("init", "base"), ("fix", "base"), ("kd", "init"))
# The comparisons of the paper (section 4); then every further method against base.
COMPARISONS = _PAPER + tuple((name, "base") for name in METHODS if not any(name in pair for pair in _PAPER))
