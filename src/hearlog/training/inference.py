"""Running a trained network over clips."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from hearlog.runtime.backend import Backend, out_of_memory, widest_convolution
from hearlog.training.augmentation import windows
from hearlog.training.loader import batches, stream

# By device: bytes of one layer's maps in float32, few of which live at once without gradients, and most clips. On the
# CPU 64 clips are no faster than 16; a GPU wants more work at once, and that of MPS shares the CPU's memory.
_LIMITS = {"cpu": (2**29, 16), "cuda": (2**31, 64), "mps": (2**29, 64)}


def predict(
    network: torch.nn.Module,
    mels: np.ndarray,
    rows: np.ndarray,
    backend: Backend,
    label: str,
    select: Callable[[Any], torch.Tensor] = lambda output: output,
    window: int | None = None,
    count: int = 1,
) -> np.ndarray:
    """Run a network over clips.

    Parameters
    ----------
    network, mels
        As in `hearlog.training.loop.Trainer.fit`.
    rows
        Rows of ``mels``.
    backend
        Device and precision.
    label
        Shown beside the progress bar.
    select
        Takes one tensor from the network's output.
    window, count
        Frames and number of the windows of each clip whose outputs are averaged; without, the whole clip is taken.

    Returns
    -------
    float32, ``len(rows)`` x the width of that tensor.
    """
    backend.place_network(network).eval()  # outside of inference mode, or it could not be trained any more
    parts = batches(backend.processes.share(rows), evaluation_batch(clip_cells(network, mels), backend.device.type))
    batch_clips = stream(mels, parts, backend)
    outputs = []
    with torch.inference_mode(), out_of_memory(label):
        for clips in tqdm(batch_clips, label, len(parts), unit="batch", disable=backend.quiet, leave=False):
            views = windows(clips, window or clips.shape[2], count)
            with backend.autocast():
                looks = [select(network(view)).float() for view in views]
            outputs.append(torch.stack(looks).mean(dim=0).cpu().numpy())
    return backend.processes.gather(outputs)


def evaluation_batch(cells: int, device: str = "cpu") -> int:
    """Choose how many clips to run at once without gradients, by the values in a clip's largest maps."""
    map_bytes, most_clips = _LIMITS[device]
    return min(max(map_bytes // (4 * cells), 1), most_clips)


def clip_cells(network: torch.nn.Module, mels: np.ndarray) -> int:
    """Count the values in the largest maps of a clip: those of the first convolution."""
    return widest_convolution(network) * int(np.prod(mels.shape[1:]))
