"""The processes that train one network together: a single one, unless ``runtime.devices`` asks for more.

Each has a device and its share of every batch; gradients are summed over them, so that they are those of the whole
batch. Only where there are several is Lightning Fabric imported, which starts them and connects them.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import distributed

from hearlog.util.errors import InputError

Value = TypeVar("Value")


@dataclass(frozen=True)
class Processes:
    """What this process is among those that train together.

    Attributes
    ----------
    count
        How many there are.
    rank
        Which one this is, from 0.
    here
        How many share this machine.
    fabric
        Lightning's, which connects them; None for a single process.
    """

    count: int = 1
    rank: int = 0
    here: int = 1
    fabric: Any = field(default=None, repr=False)

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def share(self, rows: np.ndarray) -> np.ndarray:
        """Return this process' part of some rows; the parts are as equal as can be, and in the order of the ranks."""
        return np.array_split(rows, self.count)[self.rank]

    def wrap(self, network: torch.nn.Module) -> torch.nn.Module:
        """Prepare a network on its device for training; what is returned has the same weights.

        Batch normalisation takes the statistics of the whole batch on CUDA, and of each process' share on the CPU, for
        which PyTorch has no synchronised form.
        """
        if self.fabric is None:
            return network
        if self.fabric.device.type == "cuda":
            torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return self.fabric.setup_module(network, move_to_device=False)

    def backward(self, loss: torch.Tensor) -> None:
        """Compute gradients of the whole batch's loss, of which ``loss`` is this process' share."""
        if self.fabric is None:
            loss.backward()
        else:
            self.fabric.backward(loss * self.count)  # gradients are averaged over the processes

    def accumulate(self, network: torch.nn.Module, last: bool) -> AbstractContextManager[Any]:
        """Wait with the exchange of gradients until the ``last`` part of a batch; around forward and backward."""
        return nullcontext() if self.fabric is None else self.fabric.no_backward_sync(network, enabled=not last)

    def agree(self, network: torch.nn.Module) -> None:
        """Give every process the first one's running statistics, which differ where each sees its own share."""
        if self.fabric is not None:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)

    def total(self, numbers: Sequence[float]) -> list[float]:
        """Sum each of some numbers over the processes, in double precision."""
        if self.fabric is None:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64, device=self.fabric.device)  # where CUDA's backend wants it
        distributed.all_reduce(sums)
        return sums.tolist()

    def gather(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Join the arrays of all processes along their first axis, in the order of the ranks."""
        of_all: list[Any] = [arrays]
        if self.fabric is not None:
            of_all *= self.count
            distributed.all_gather_object(of_all, arrays)
        return np.concatenate([array for of_one in of_all for array in of_one])

    def from_first(self, read: Callable[[], Value]) -> Value:
        """Call ``read`` in the first process alone, and give all its value."""
        if self.fabric is None:
            return read()
        values = [read() if self.first else None]
        distributed.broadcast_object_list(values, 0)
        return values[0]  # type: ignore[return-value]

    def leave_to_first(self) -> None:
        """End every process but the first, which goes on alone: outputs are written once."""
        if self.fabric is not None:
            distributed.destroy_process_group()
            if not self.first:
                sys.exit()


def start(device: str, devices: int, strategy: str) -> Processes:
    """Start the processes, or join those that ``torchrun`` has started.

    Parameters
    ----------
    device
        ``cpu``, ``cuda`` or ``mps``.
    devices
        Processes of this machine, one a device.
    strategy
        Of Lightning Fabric: ``auto``, ``ddp``.

    Returns
    -------
    One process where one is asked for; Lightning is then not imported.

    Raises
    ------
    InputError
        If several are asked for on MPS.
    """
    launched = int(os.environ.get("WORLD_SIZE", 1))
    if devices == 1 and launched == 1:
        return Processes()
    if device == "mps":
        raise InputError(
            f"{max(devices, launched)} processes are to train one network on MPS, which torch cannot connect: set "
            "runtime.devices to 1 and leave torchrun out, or set runtime.device to cpu"
        )
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it greets from every process
    here = int(os.environ.get("LOCAL_WORLD_SIZE", devices))
    fabric = Fabric(
        accelerator=device,
        devices=here,
        num_nodes=max(launched // here, 1),
        strategy="ddp" if strategy == "auto" else strategy,
        precision="32-true",
        # Left to itself Fabric counts the tasks of a Slurm job, whatever is asked for.
        plugins=[TorchElasticEnvironment() if "TORCHELASTIC_RUN_ID" in os.environ else LightningEnvironment()],
    )
    fabric.launch()
    return Processes(fabric.world_size, fabric.global_rank, here, fabric)
