"""The network of the paper (section 3.1.2, Table 1): five double convolution blocks with squeeze-excitation."""

from __future__ import annotations

import torch
from torch import nn

from hearlog.model.architecture import LAYERS, POOLS


def initialise(module: nn.Module) -> None:
    """Glorot's uniform weights and zero biases: the default of Keras, which the paper used (section 3.1.3).

    PyTorch's own default has a third of the variance in the convolutions; in 24 epochs on a hundred clips it
    hardly leaves the start.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        assert module.bias is not None
        nn.init.zeros_(module.bias)


def channel_means(maps: torch.Tensor) -> torch.Tensor:
    """Average maps ``(clips, channels, bands, frames)`` over bands and frames.

    It is a product with ones, whose gradient has the memory layout of the maps. torch's own mean of bfloat16 copies the
    maps to float32 on the CPU, and its gradient has another layout than that of the pooling: a quarter of a step.
    """
    clips, channels = maps.shape[:2]
    if maps.is_contiguous(memory_format=torch.channels_last):
        pixels = maps.permute(0, 2, 3, 1).reshape(clips, -1, channels)
        return torch.bmm(maps.new_ones(clips, 1, pixels.shape[1]), pixels)[:, 0] / pixels.shape[1]
    pixels = maps.reshape(clips, channels, -1)
    return torch.bmm(pixels, maps.new_ones(clips, pixels.shape[2], 1))[:, :, 0] / pixels.shape[2]


class SqueezeExcitation(nn.Module):
    """Channel gate of Hu, Shen and Sun (2018): means over the map, through a bottleneck, to a weight a channel."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // ratio)
        self.excite = nn.Linear(channels // ratio, channels)

    def forward(self, means: torch.Tensor) -> torch.Tensor:
        """Turn channel means ``(clips, channels)`` into gates in (0, 1) of the same shape."""
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(means))))


class DoubleConvBlock(nn.Module):
    """Twice batch normalisation, ReLU and 3x3 convolution; then squeeze-excitation; then pooling.

    The gate is applied after the max-pooling: it is positive, so it commutes with the maximum, and the product is
    taken on a map up to 20 times smaller. The squeeze still reads the map before pooling.

    Parameters
    ----------
    in_channels, channels
        Feature maps in and out.
    se_ratio
        Channels to one hidden unit of the gate.
    pool
        Max-pooling (mel bands, frames), or None for global average pooling.
    """

    def __init__(self, in_channels: int, channels: int, se_ratio: int, pool: tuple[int, int] | None) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate = SqueezeExcitation(channels, se_ratio)
        self.pool = nn.MaxPool2d(pool) if pool else None

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Map ``(clips, in_channels, bands, frames)`` to pooled maps, or to ``(clips, channels)`` means."""
        maps = self.conv1(torch.relu_(self.norm1(maps)))
        maps = self.conv2(torch.relu_(self.norm2(maps)))
        means = channel_means(maps)
        gates = self.gate(means)
        if self.pool is None:
            return means * gates
        return self.pool(maps) * gates[:, :, None, None]


class EmbeddingNetwork(nn.Module):
    """Predicts a song's CF embedding from its mel spectrogram.

    Feature maps have the memory layout of the weights (`hearlog.runtime.layout`).

    Parameters
    ----------
    channels
        F of Table 1: feature maps of every convolution (paper: 32, 64, 128, 256).
    factors
        Dimensions of the embedding (paper: 40).
    se_ratio
        Squeeze-excitation ratio (paper: 8).
    """

    def __init__(self, channels: int, factors: int = 40, se_ratio: int = 8) -> None:
        super().__init__()
        inputs = [1] + [channels] * len(POOLS)
        pools = [*POOLS, None]
        self.blocks = nn.ModuleList(
            DoubleConvBlock(i, channels, se_ratio, pool) for i, pool in zip(inputs, pools, strict=True)
        )
        self.embedding = nn.Linear(channels, factors)
        self.apply(initialise)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Map mel spectrograms ``(clips, bands, frames)`` in dB to embeddings ``(clips, factors)``."""
        maps = self._lay_out(mel)
        for block in self.blocks:
            maps = block(maps)
        return self.embedding(maps)

    def layers(self, mel: torch.Tensor) -> dict[str, torch.Tensor]:
        """Map as `forward` does; return each of `LAYERS`, ``(clips, channels)``, that of the embedding its factors.

        Maps of a block are averaged over bands and frames; those of the fifth are averages already.
        """
        maps = self._lay_out(mel)
        found = {}
        for name, block in zip(LAYERS, self.blocks, strict=False):
            maps = block(maps)
            found[name] = maps if maps.dim() == 2 else channel_means(maps)
        return found | {"embedding": self.embedding(maps)}

    def _lay_out(self, mel: torch.Tensor) -> torch.Tensor:
        """Add the channel, in the memory layout of the weights: all maps follow it."""
        last = self.get_parameter("blocks.0.conv2.weight").is_contiguous(memory_format=torch.channels_last)
        return mel[:, None].contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


class SeparableBlock(nn.Module):
    """Batch normalisation, ReLU, depthwise 3x3 and pointwise 1x1 convolution (Howard et al. 2017); then pooling.

    Parameters
    ----------
    in_channels, channels, pool
        As of `DoubleConvBlock`.
    """

    def __init__(self, in_channels: int, channels: int, pool: tuple[int, int] | None) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels)
        self.pointwise = nn.Conv2d(in_channels, channels, 1)
        self.pool = nn.MaxPool2d(pool) if pool else None

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Map as `DoubleConvBlock` does."""
        maps = self.pointwise(self.depthwise(torch.relu_(self.norm(maps))))
        return channel_means(maps) if self.pool is None else self.pool(maps)


class SeparableNetwork(nn.Module):
    """A small student of another structure: one separable convolution a block, no gates.

    The paper claims that distillation works whatever the student's structure (section 4).

    Parameters
    ----------
    channels, factors
        As of `EmbeddingNetwork`.
    """

    def __init__(self, channels: int, factors: int = 40) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, channels, 3, padding=1)
        self.blocks = nn.ModuleList(SeparableBlock(channels, channels, pool) for pool in [*POOLS, None])
        self.embedding = nn.Linear(channels, factors)
        self.apply(initialise)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Map as `EmbeddingNetwork` does."""
        maps = self.first(mel[:, None].contiguous())  # one channel: the weights decide the layout of the maps
        for block in self.blocks:
            maps = block(maps)
        return self.embedding(maps)


class TaskNetwork(nn.Module):
    """The same network with an output layer on its embedding, which is the penultimate layer (section 3.2.2).

    Parameters
    ----------
    backbone
        The network below the output layer.
    outputs
        Number of classes, or 1 for a regression.
    """

    def __init__(self, backbone: EmbeddingNetwork | SeparableNetwork, outputs: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.output = nn.Linear(backbone.embedding.out_features, outputs)
        initialise(self.output)

    def forward(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map mel spectrograms to penultimate activations ``(clips, factors)`` and outputs ``(clips, outputs)``."""
        penultimate = self.backbone(mel)
        return penultimate, self.output(penultimate)
