"""Resampling by torchaudio's best kernel, from any part of a sound (paper, section 3.1.3: 16 kHz)."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch.nn import functional
from torchaudio.transforms import Resample

# torchaudio's default kernel loses 1.8 dB at 7 kHz and aliases; this is its documented "Kaiser best".
KERNEL_WIDTH, ROLLOFF, KAISER_BETA = 64, 0.9475937167399596, 14.769656459379492
# The kernel has a phase for each output sample of the ratio's period: 160 from 44,100 Hz, 640 from 11,025 Hz; at
# 44,099 Hz it would have 16,000, and take gigabytes.
MOST_PHASES = 640
PHASES_TOGETHER = 32
NEGLIGIBLE = 1e-15  # of the kernel: torchaudio keeps some 1e-20 beyond its window, which no float32 sum shows


@lru_cache(maxsize=32)
def resampler(source_rate: int, sample_rate: int) -> tuple[torch.nn.Module, int, int]:
    """Return a resampler, the frames to read beyond both ends for its kernel, and the samples they become."""
    if source_rate == sample_rate:
        return torch.nn.Identity(), 0, 0
    common = math.gcd(source_rate, sample_rate)
    source_step, step = source_rate // common, sample_rate // common
    blocks = math.ceil(KERNEL_WIDTH / ROLLOFF / min(source_step, step))
    resample = Resample(source_rate, sample_rate, "sinc_interp_kaiser", KERNEL_WIDTH, ROLLOFF, KAISER_BETA)
    return BlockResample(resample, source_step, step), blocks * source_step, blocks * step


class BlockResample(torch.nn.Module):
    """Resampling with torchaudio's kernel, but few of its zeros.

    Each phase of that kernel has room for the taps of all: from 44,100 to 16,000 Hz half of it is zero. Here
    `PHASES_TOGETHER` neighbours share what they need. Where there are fewer phases, as the one from 48,000 Hz, they are
    repeated for the samples that follow: torchaudio's single output channel takes 7 to 10 times longer.

    Parameters
    ----------
    resample
        torchaudio's, whose kernel is taken.
    source_step, step
        The ratio of the sample rates in lowest terms: so many samples become so many.
    """

    def __init__(self, resample: Resample, source_step: int, step: int) -> None:
        super().__init__()
        copies = math.ceil(PHASES_TOGETHER / step)
        kernel = resample.kernel[:, 0]
        taps = kernel.shape[1]
        self.stride, self.step, self.source_step, self.width = copies * source_step, step, source_step, resample.width
        phases = torch.zeros(copies * step, taps + (copies - 1) * source_step)
        for copy in range(copies):
            begin = copy * source_step
            phases[copy * step : (copy + 1) * step, begin : begin + taps] = kernel
        self.parts = [_without_zeros(part) for part in phases.chunk(math.ceil(len(phases) / PHASES_TOGETHER))]

    def forward(self, mono: torch.Tensor) -> torch.Tensor:
        """Resample one channel."""
        blocks = math.ceil(len(mono) / self.stride)
        padded = functional.pad(mono, (self.width, self.width + blocks * self.stride - len(mono)))
        channels = []
        for begin, kernel in self.parts:
            end = begin + (blocks - 1) * self.stride + kernel.shape[-1]
            channels.append(functional.conv1d(padded[None, begin:end], kernel, stride=self.stride))
        return torch.cat(channels).T.reshape(-1)[: -(-len(mono) * self.step // self.source_step)]


def _without_zeros(phases: torch.Tensor) -> tuple[int, torch.Tensor]:
    """Return the first tap that any of some phases needs, and their kernel, (phases, 1, taps), from it to the last."""
    needed = (phases.abs() > NEGLIGIBLE).any(dim=0).nonzero()
    begin, end = int(needed[0]), int(needed[-1]) + 1
    return begin, phases[:, None, begin:end].contiguous()
