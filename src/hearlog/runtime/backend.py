"""Device, precision, threads and memory: decided here and nowhere else."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from hearlog.runtime import processes
from hearlog.runtime.layout import choose_layout
from hearlog.runtime.processes import Processes
from hearlog.util.errors import InputError

if TYPE_CHECKING:
    from hearlog.params.blocks import Runtime

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
# Words of CUDA and MPS, of torch's allocator on the CPU, and of MPS where a single tensor is too large.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "invalid buffer size")


@dataclass(frozen=True)
class Backend:
    """Where tensors live, in which precision the network multiplies, and who else trains it.

    Attributes
    ----------
    device
        Of this process.
    dtype
        float32, or bfloat16 for mixed precision.
    processes
        Those that train together.
    compiled
        Whether ``torch.compile`` makes kernels of the networks that are trained.
    threads
        CPU threads of this process: another number rounds otherwise.
    """

    device: torch.device
    dtype: torch.dtype
    processes: Processes = field(default_factory=Processes)
    compiled: bool = False
    threads: int = 1

    @property
    def quiet(self) -> bool | None:
        """As ``disable`` of a tqdm bar: the first process shows one if there is a terminal, the others never."""
        return None if self.processes.first else True

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision around a forward pass; does nothing in float32."""
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)

    def place_network(self, network: torch.nn.Module, training: bool = False) -> torch.nn.Module:
        """Move a network to the device, in the memory layout that is fastest there with or without gradients."""
        channels = widest_convolution(network)
        layout = choose_layout(self.device, self.dtype, channels, training)
        return network.to(self.device).to(memory_format=layout)

    def prepare(self, network: torch.nn.Module) -> torch.nn.Module:
        """Place a network for training; what is returned is to be called, and has the same weights."""
        self.place_network(network, training=True)
        if self.compiled:
            network.compile()
        return self.processes.wrap(network)

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        """Move a batch to memory that CUDA copies from while it computes; does nothing for the CPU."""
        return tensor.pin_memory() if self.device.type == "cuda" else tensor

    def place(self, tensor: torch.Tensor) -> torch.Tensor:
        """Move a batch to the device; to CUDA without waiting for it, which pinned memory allows."""
        # MPS may read what is freed meanwhile: https://github.com/pytorch/pytorch/issues/189690
        return tensor.to(self.device, non_blocking=self.device.type == "cuda")

    def random_states(self) -> list[torch.Tensor]:
        """Return the states of torch's random generators: the CPU's, and the device's where it has its own."""
        return [torch.get_rng_state(), *(module.get_rng_state(self.device) for module in self._generators())]

    def set_random_states(self, states: list[torch.Tensor]) -> None:
        """Set what `random_states` returned."""
        torch.set_rng_state(states[0])
        for module, state in zip(self._generators(), states[1:], strict=True):
            module.set_rng_state(state, self.device)

    def _generators(self) -> list[Any]:
        return [] if self.device.type == "cpu" else [torch.get_device_module(self.device)]


@contextmanager
def out_of_memory(label: str) -> Iterator[None]:
    """Name the options to change when a network does not fit.

    Raises
    ------
    InputError
        In place of torch's and Python's own errors, on every device.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        said = str(error).lower()
        if not isinstance(error, MemoryError) and not any(words in said for words in _OUT_OF_MEMORY):
            raise
        raise InputError(
            f"{label}: out of memory. Raise accumulate (in estimator.training or transfer.training), which computes a "
            "batch in parts and keeps its size, or lower batch_size beside it, or model.channels"
        ) from None


def widest_convolution(network: torch.nn.Module) -> int:
    """Return the most output channels of a network's convolutions; 1 without any."""
    return max((layer.out_channels for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)), default=1)


def count_threads(requested: int) -> int:
    """Return the number of threads to use: ``requested``, or for 0 every core this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:  # macOS: `hearlog jobs` says in a variable what it cannot bind
        allowed = int(os.environ.get("OMP_NUM_THREADS", 0)) or os.cpu_count() or 1
    return requested or allowed


def devices_here() -> list[str]:
    """List the kinds of devices that torch finds here, in the order in which ``auto`` takes the first."""
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [kind for kind, here in found.items() if here]


def choose_device(device: str) -> torch.device:
    """Return the device of a setting: ``auto`` (the first of `devices_here`), ``cpu``, ``mps``, ``cuda`` or ``cuda:N``.

    Raises
    ------
    InputError
        If the device is absent.
    """
    here = devices_here()
    chosen = torch.device(here[0] if device == "auto" else device)
    if chosen.type not in here:
        name = chosen.type.upper()
        raise InputError(f"runtime.device is {device}, but torch finds no {name} device here: set it to auto or cpu")
    return chosen


def start_backend(
    device: str = "auto",
    precision: str = "auto",
    thread_count: int = 0,
    devices: int = 1,
    strategy: str = "auto",
    compiled: bool = False,
) -> Backend:
    """Prepare this process for numerical work and choose where it runs.

    Parameters
    ----------
    device
        As of `choose_device`.
    precision
        ``auto`` takes bfloat16 where the hardware multiplies in it; ``float32`` or ``bfloat16``.
    thread_count
        CPU threads, divided among the processes of this machine; 0 for all cores.
    devices, strategy
        As of `hearlog.runtime.processes.start`.
    compiled
        As of `Backend`.

    Raises
    ------
    InputError
        If the device is absent, or there are fewer than ``devices``.
    """
    keep_freed_memory()
    torch.set_float32_matmul_precision("high")
    chosen = choose_device(device)
    if chosen.type == "cuda" and devices > torch.cuda.device_count():
        raise InputError(
            f"runtime.devices is {devices}, but torch finds {torch.cuda.device_count()} CUDA device(s) here: lower it"
        )
    bfloat16 = _multiplies_bfloat16(chosen) if precision == "auto" else precision == "bfloat16"
    together = processes.start(chosen.type, devices, strategy)
    if together.fabric is not None:
        chosen = together.fabric.device
    own_threads = max(count_threads(thread_count) // together.here, 1)
    torch.set_num_threads(own_threads)
    return Backend(chosen, torch.bfloat16 if bfloat16 else torch.float32, together, compiled, own_threads)


def configured_backend(asked: Runtime) -> Backend:
    """Prepare this process as the block ``runtime`` of the params asks."""
    return start_backend(asked.device, asked.precision, asked.threads, asked.devices, asked.strategy, asked.compile)


def keep_freed_memory() -> None:
    """Let glibc keep freed tensors instead of returning them to the kernel.

    Large tensors are otherwise mapped and page-faulted anew at every step, which halves the speed of
    training on CPU. Does nothing outside Linux with glibc.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, 2**31 - 1)
        libc.mallopt(M_TRIM_THRESHOLD, -1)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "mps":
        # M1 and M2 emulate it, and a step on an M4 was slower in it: https://github.com/karpathy/nanochat/issues/685
        return False
    in_use = torch.backends.cpu.get_cpu_capability().startswith("AVX512")  # less where ATEN_CPU_CAPABILITY asks for it
    return in_use and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
