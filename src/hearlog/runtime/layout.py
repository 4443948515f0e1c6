"""Memory layout of feature maps, chosen from what `python -m benchmarks.layout` measured."""

from __future__ import annotations

import torch

# Float32 on AVX2: with at least this many channels, oneDNN takes up to four times as long for the gradient of the
# weights in channels_last as in NCHW. With fewer, and everywhere without gradients, channels_last is faster.
_NCHW_CHANNELS = 32


def choose_layout(device: torch.device, dtype: torch.dtype, channels: int, training: bool) -> torch.memory_format:
    """Choose how feature maps lie in memory.

    The choice follows from its arguments and the instruction set of the CPU, so a second run on the same machine
    computes the same bytes.

    Parameters
    ----------
    device
        Device of the network.
    dtype
        Type that convolutions multiply in.
    channels
        Feature maps of the widest convolution.
    training
        Whether gradients are computed.

    Returns
    -------
    ``torch.channels_last``, or ``torch.contiguous_format`` for NCHW.
    """
    if device.type == "cuda":
        return torch.channels_last
    if device.type == "cpu":
        instructions = torch.backends.cpu.get_cpu_capability()
        slow = instructions == "AVX2" and dtype == torch.float32 and training and channels >= _NCHW_CHANNELS
        if instructions.startswith("AVX") and not slow:
            return torch.channels_last
    # Torch's own elsewhere: other processors were not measured, and on MPS batch normalisation had wrong gradients in
    # channels_last (https://github.com/pytorch/pytorch/issues/175189).
    return torch.contiguous_format
