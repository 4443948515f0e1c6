"""Device, precision, threads and memory: decided here and nowhere else."""

from __future__ import annotations

import ctypes
import os
import platform
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from hearlog.errors import InputError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True)
class Backend:
    """Where tensors live and in which precision the network multiplies."""

    device: torch.device
    dtype: torch.dtype

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision around a forward pass; does nothing in float32."""
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)

    def place_network(self, network: torch.nn.Module) -> torch.nn.Module:
        """Move a network to the device; its convolutions run in channels_last."""
        return network.to(self.device).to(memory_format=torch.channels_last)

    def place(self, tensor: torch.Tensor) -> torch.Tensor:
        """Move a batch to the device, from pinned memory and without waiting on CUDA."""
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)


def threads(requested: int) -> int:
    """Return the number of threads to use: ``requested``, or for 0 every core this process may run on."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return requested or allowed


def start(device: str = "auto", precision: str = "auto", thread_count: int = 0) -> Backend:
    """Prepare this process for numerical work and choose where it runs.

    Parameters
    ----------
    device
        ``auto`` takes CUDA where it exists; ``cpu``, ``cuda`` or ``cuda:N``.
    precision
        ``auto`` takes bfloat16 where the hardware multiplies in it; ``float32`` or ``bfloat16``.
    thread_count
        CPU threads; 0 for all cores.

    Raises
    ------
    InputError
        If CUDA is asked for and absent.
    """
    keep_freed_memory()
    torch.set_num_threads(threads(thread_count))
    torch.set_float32_matmul_precision("high")
    chosen = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"runtime.device is {device}, but torch finds no CUDA device here: set it to auto or cpu")
    bfloat16 = _multiplies_bfloat16(chosen) if precision == "auto" else precision == "bfloat16"
    return Backend(chosen, torch.bfloat16 if bfloat16 else torch.float32)


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
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
