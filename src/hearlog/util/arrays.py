"""Arrays in files, written so that a full disk is an error.

`numpy.ndarray.tofile`, and so `numpy.save`, lose the last bytes without a word where they do not fit on the disk: they
stay in a buffer of C, which nobody asks whether it could be written.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.lib.format import header_data_from_array_1_0, open_memmap, write_array_header_1_0

FULL_SCALE = 2**15  # of sound as int16: a 16-bit file at the rate of the crops passes through unchanged


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
        file.write(array.data)


def create(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> np.memmap:
    """Map a new array in a file whose room on disk is taken at once.

    Without, a disk that fills up would kill the process when it writes to the map.

    Raises
    ------
    OSError
        If the disk has no room.
    """
    array = open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


class RowWriter:
    """Writes a ``.npy`` array row by row, for a number of rows known only at the end.

    NumPy pads the header so that it keeps its length whatever the first dimension becomes.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        self.row_shape, self.dtype, self.rows = row_shape, np.dtype(dtype), 0
        self._file = path.open("wb")

    def __enter__(self) -> RowWriter:
        self._write_header()
        return self

    def append(self, row: np.ndarray) -> None:
        """Add one row of shape ``row_shape``."""
        self._file.write(np.ascontiguousarray(row, self.dtype).reshape(self.row_shape).tobytes())
        self.rows += 1

    def __exit__(self, *error: object) -> None:
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        shape = (self.rows, *self.row_shape)
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
        write_array_header_1_0(self._file, header)
