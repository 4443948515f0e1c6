"""Training on changed clips: random windows, masks and mixtures. All of it is off unless the params ask for it.

What changes is drawn by NumPy from one generator, so that CPU and CUDA see the same clips and a resumed run goes on
with the same draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Augmentation:
    """What is done to the clips a network is trained on; those it is tested on stay as they are.

    Attributes
    ----------
    window
        Frames of a random window of each clip; None takes the whole clip.
    mel_mask, time_mask
        Most mel bands and frames that one mask a clip covers with the clip's mean (SpecAugment: Park et al. 2019,
        section 2); 0 masks nothing.
    mixup
        Alpha of the beta distribution that mixing shares are drawn from (Zhang et al. 2018); 0 mixes nothing.
    """

    window: int | None = None
    mel_mask: int = 0
    time_mask: int = 0
    mixup: float = 0.0

    def draw(self, random: np.random.Generator, clips: int, bands: int, frames: int) -> Draws:
        """Draw what happens to a batch; one that changes nothing leaves the generator untouched."""
        window = min(self.window or frames, frames)
        return Draws(
            window,
            _integers(random, frames - window, clips),
            _spans(random, self.mel_mask, bands, clips),
            _spans(random, self.time_mask, window, clips),
            float(random.beta(self.mixup, self.mixup)) if self.mixup else 1.0,
        )


@dataclass(frozen=True)
class Draws:
    """What happens to the clips of one batch.

    Attributes
    ----------
    window
        Frames kept of each clip.
    starts
        The first of them, int64, one a clip.
    bands, times
        First and past-the-last band or frame that is masked, int64, clips x 2.
    share
        Of each clip in its mixture with another one.
    """

    window: int
    starts: np.ndarray
    bands: np.ndarray
    times: np.ndarray
    share: float

    def take(self, clips: slice | np.ndarray) -> Draws:
        """Return the draws of some of the clips, by their places in the batch."""
        return Draws(self.window, self.starts[clips], self.bands[clips], self.times[clips], self.share)

    def apply(self, mels: torch.Tensor) -> torch.Tensor:
        """Cut, mask and mix spectrograms ``(clips, bands, frames)``; each is mixed with the one before it."""
        mels = _cut(mels, self.starts, self.window)
        for axis, spans in ((1, self.bands), (2, self.times)):
            mels = _mask(mels, spans, axis)
        return mels if self.share == 1 else self.share * mels + (1 - self.share) * mels.roll(1, 0)


def windows(mels: torch.Tensor, frames: int, count: int) -> list[torch.Tensor]:
    """Cut ``count`` windows of ``frames`` out of spectrograms ``(clips, bands, frames)``, evenly spaced."""
    starts = np.linspace(0, mels.shape[2] - frames, count).round().astype(int)
    return [mels[:, :, start : start + frames] for start in starts]


def _integers(random: np.random.Generator, largest: int, clips: int) -> np.ndarray:
    return random.integers(0, largest, clips, endpoint=True) if largest else np.zeros(clips, np.int64)


def _spans(random: np.random.Generator, widest: int, length: int, clips: int) -> np.ndarray:
    """Draw a span a clip: its width up to ``widest``, then where it starts."""
    if not widest:
        return np.zeros((clips, 2), np.int64)
    widths = random.integers(0, min(widest, length), clips, endpoint=True)
    starts = random.integers(0, length - widths, endpoint=True)
    return np.stack([starts, starts + widths], axis=1)


def _cut(mels: torch.Tensor, starts: np.ndarray, window: int) -> torch.Tensor:
    if window == mels.shape[2]:
        return mels
    return torch.stack([mel[:, start : start + window] for mel, start in zip(mels, starts.tolist(), strict=True)])


def _mask(mels: torch.Tensor, spans: np.ndarray, axis: int) -> torch.Tensor:
    if not spans.any():
        return mels
    places = torch.arange(mels.shape[axis], device=mels.device)
    first, last = torch.from_numpy(spans).to(mels.device).unbind(1)
    masked = (places >= first[:, None]) & (places < last[:, None])
    shape = [len(mels), 1, 1]
    shape[axis] = mels.shape[axis]
    return torch.where(masked.view(shape), mels.mean(dim=(1, 2), keepdim=True), mels)
