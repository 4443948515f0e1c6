"""Arrays in files, written so that a full disk is an error.

`numpy.ndarray.tofile`, and so `numpy.save`, lose the last bytes without a word where they do not fit on the disk: they
stay in a buffer of C, which nobody asks whether it could be written.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0


def save(path: Path, array: np.ndarray) -> None:
    """Write an array as `numpy.save` does.

    Raises
    ------
    OSError
        If there is no room for all of it.
    """
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        write_array_header_1_0(file, header_data_from_array_1_0(array))
        file.write(array)
