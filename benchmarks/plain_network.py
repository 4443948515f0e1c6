"""The paper's network, its training and its use as one writes them in plain torch: a peer on every device.

Maps lie in NCHW, the gate is applied before pooling, batches are taken out of float32 in memory, and the optimiser is
`torch.optim.Adam` as it comes. Weights have the names of hearlog's network, so one state fits both.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from hearlog.model.architecture import POOLS
from hearlog.model.network import SqueezeExcitation


class PlainBlock(nn.Module):
    """Twice batch normalisation, ReLU and convolution, then squeeze-excitation and pooling, as Table 1 lists them."""

    def __init__(self, in_channels: int, channels: int, se_ratio: int, pool: tuple[int, int] | None) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate = SqueezeExcitation(channels, se_ratio)
        self.pool = nn.MaxPool2d(pool) if pool else None

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Map ``(clips, in_channels, bands, frames)`` to pooled maps, or to ``(clips, channels)``."""
        maps = self.conv1(torch.relu(self.norm1(maps)))
        maps = self.conv2(torch.relu(self.norm2(maps)))
        maps = maps * self.gate(maps.mean(dim=(2, 3)))[:, :, None, None]
        return maps.mean(dim=(2, 3)) if self.pool is None else self.pool(maps)


class PlainNetwork(nn.Module):
    """Five blocks and a linear layer, as `hearlog.model.network.EmbeddingNetwork`."""

    def __init__(self, channels: int, factors: int, se_ratio: int = 8) -> None:
        super().__init__()
        inputs, pools = [1] + [channels] * len(POOLS), [*POOLS, None]
        self.blocks = nn.ModuleList(
            PlainBlock(i, channels, se_ratio, pool) for i, pool in zip(inputs, pools, strict=True)
        )
        self.embedding = nn.Linear(channels, factors)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Map mel spectrograms ``(clips, bands, frames)`` to embeddings ``(clips, factors)``."""
        maps = mel[:, None]
        for block in self.blocks:
            maps = block(maps)
        return self.embedding(maps)


def train(
    network: PlainNetwork, mels: torch.Tensor, targets: torch.Tensor, batch: int, steps: int, dtype: torch.dtype
) -> float:
    """Train for some steps on the device that the network is on; return the last loss."""
    device = network.embedding.weight.device
    optimiser = torch.optim.Adam(network.train().parameters(), lr=0.001)
    for _ in range(steps):
        rows = torch.randperm(len(mels))[:batch]
        clips, truth = mels[rows].to(device), targets[rows].to(device)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            output = network(clips).float()
        loss = functional.mse_loss(output, truth) + 1 - functional.cosine_similarity(output, truth).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.item()


@torch.inference_mode()
def predict(network: PlainNetwork, mels: torch.Tensor, batch: int, dtype: torch.dtype) -> torch.Tensor:
    """Embed clips on the device that the network is on; float32, on the CPU."""
    device = network.eval().embedding.weight.device
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        return torch.cat([network(clips.to(device)).float().cpu() for clips in mels.split(batch)])
