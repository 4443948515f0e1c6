"""Where the time of a training step goes, seen from outside the training loop."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook


class StepClock:
    """Clocks around forward pass, backward pass and optimiser while a training loop runs, whatever the loop looks like.

    A step lasts from the end of one optimiser step to the end of the next; the first is not counted. The parts are only
    right on CPU, where calls return when the work is done.

    Attributes
    ----------
    seconds
        Of all counted steps.
    parts
        Seconds in ``forward``, ``backward`` and ``optimiser``, of all counted steps.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network
        self.seconds, self.parts = 0.0, {"forward": 0.0, "backward": 0.0, "optimiser": 0.0}
        self._step = dict.fromkeys(self.parts, 0.0)
        self._begins: dict[str, float] = {}
        self._last_end: float | None = None

    @property
    def overhead_share(self) -> float:
        """Share of the steps outside the three parts."""
        return 1 - sum(self.parts.values()) / self.seconds

    def __enter__(self) -> StepClock:
        self._backward = torch.Tensor.backward

        def backward(*arguments: Any, **options: Any) -> None:
            self._begin("backward")
            self._backward(*arguments, **options)
            self._end("backward")

        torch.Tensor.backward = backward  # type: ignore[method-assign]
        self._hooks = [
            self.network.register_forward_pre_hook(lambda *_: self._begin("forward")),
            self.network.register_forward_hook(lambda *_: self._end("forward")),
            register_optimizer_step_pre_hook(lambda *_: self._begin("optimiser")),
            register_optimizer_step_post_hook(lambda *_: self._end_step()),
        ]
        return self

    def __exit__(self, *error: object) -> None:
        torch.Tensor.backward = self._backward  # type: ignore[method-assign]
        for hook in self._hooks:
            hook.remove()

    def _begin(self, part: str) -> None:
        self._begins[part] = time.perf_counter()

    def _end(self, part: str) -> None:
        self._step[part] += time.perf_counter() - self._begins[part]

    def _end_step(self) -> None:
        self._end("optimiser")
        now = time.perf_counter()
        if self._last_end is not None:
            self.seconds += now - self._last_end
            for part, seconds in self._step.items():
                self.parts[part] += seconds
        self._last_end, self._step = now, dict.fromkeys(self.parts, 0.0)
