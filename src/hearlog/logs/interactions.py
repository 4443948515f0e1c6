"""The user x song matrix on disk, in compressed sparse row form, read through memory maps.

The folder ``data/logs``:

``indptr.npy`` (int64, users + 1), ``indices.npy`` (int32, interactions)
    Columns of row i are ``indices[indptr[i]:indptr[i + 1]]``, ascending.
``plays.npy`` (int32, interactions)
    Plays of each entry; only where `logs.values` is ``counts``. Without it the matrix is binary.
``users.parquet``
    ``user_id`` (text); row i is row i of the matrix. Ascending by the id's UTF-8 bytes, so that neither the
    order of the files nor the number of threads shows in the result.
``songs.parquet``
    ``song_id`` (text), ``plays`` and ``listeners`` (int64); row i is column i, ascending by id.
``rejected.parquet``
    What could not be used, see `hearlog.logs.rejected`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix
from tqdm import tqdm

from hearlog.util import arrays

# Entries of a block of rows: few enough for int32 positions and bounded copies, many enough to keep threads busy.
BLOCK = 2**24
# Of the block that is transposed at once: each goes through all pages of the new arrays, so they should be few.
TRANSPOSED = 2**27


@dataclass(frozen=True)
class Interactions:
    """A sparse matrix, rows x columns, whose arrays may be larger than memory.

    ``indptr`` is int64, (rows + 1,); ``indices`` int32, (entries,), ascending within a row; ``plays`` int32,
    (entries,), or None where every entry is a one.
    """

    indptr: np.ndarray
    indices: np.ndarray
    plays: np.ndarray | None
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.indptr) - 1, self.columns

    @property
    def entries(self) -> int:
        """Number of stored entries."""
        return len(self.indices)

    def blocks(self, most: int = BLOCK) -> Iterator[slice]:
        """Cut the rows into consecutive blocks with at most so many entries each; a longer row has its own."""
        rows, start = len(self.indptr) - 1, 0
        while start < rows:
            stop = int(np.searchsorted(self.indptr, self.indptr[start] + most, side="right")) - 1
            yield slice(start, max(stop, start + 1))
            start = max(stop, start + 1)

    def block(self, rows: slice) -> Interactions:
        """Return consecutive rows; ``indices`` and ``plays`` are views."""
        first, last = self.indptr[rows.start], self.indptr[rows.stop]
        plays = None if self.plays is None else self.plays[first:last]
        indptr = self.indptr[rows.start : rows.stop + 1] - first
        return Interactions(indptr, self.indices[first:last], plays, self.columns)

    def count(self, columns: np.ndarray) -> np.ndarray:
        """Count the entries of each row that stand in the columns of a bool mask, int64, (rows,)."""
        counts = np.zeros(self.shape[0], dtype=np.int64)
        for rows in self.blocks(BLOCK // 4):
            block = self.block(rows)
            counted = np.concatenate([[0], np.cumsum(columns[block.indices])])
            counts[rows] = np.diff(counted[block.indptr])
        return counts

    def keep(self, rows: np.ndarray) -> Interactions:
        """Return a copy in which the rows outside a bool mask are empty."""
        filled = np.diff(self.indptr)
        entries = np.repeat(rows, filled)
        plays = None if self.plays is None else self.plays[entries]
        indptr = np.concatenate([[0], np.cumsum(np.where(rows, filled, 0))])
        return Interactions(indptr, self.indices[entries], plays, self.columns)

    def select(self, rows: np.ndarray) -> Interactions:
        """Return a copy of the rows of a bool mask."""
        kept = self.keep(rows)
        return Interactions(np.append(0, kept.indptr[1:][rows]), kept.indices, kept.plays, self.columns)

    def to_csr(self) -> csr_matrix:
        """Return the matrix for scipy: bool and all True, or int32 plays; ``indices`` are not copied."""
        values = np.ones(self.entries, dtype=bool) if self.plays is None else self.plays
        return csr_matrix((values, self.indices, self.indptr), shape=self.shape)

    def transpose(self, folder: Path) -> Interactions:
        """Write the transposed matrix to arrays in a folder, and map them.

        Takes about 6 bytes an entry of a block beside the arrays (10 with plays), which the operating system may
        write to disk and forget.
        """
        rows, columns = self.shape
        indptr = np.zeros(columns + 1, dtype=np.int64)
        for block in self.blocks():
            indptr[1:] += np.bincount(self.block(block).indices, minlength=columns)
        np.cumsum(indptr, out=indptr)
        names = ["indices"] if self.plays is None else ["indices", "plays"]
        made = {name: arrays.create(folder / f"{name}.npy", (self.entries,), np.int32) for name in names}
        free = indptr[:-1].copy()
        bar = tqdm(total=self.entries, desc="transpose", unit="entry", unit_scale=True, disable=None)
        for block in self.blocks(TRANSPOSED):
            part = self.block(block).to_csr().tocsc()
            turned = Interactions(part.indptr.astype(np.int64), part.indices, part.data, rows)
            for songs in turned.blocks(BLOCK // 4):
                piece = turned.block(songs)
                target = np.repeat(free[songs] - piece.indptr[:-1], np.diff(piece.indptr))
                target += np.arange(piece.entries)
                made["indices"][target] = piece.indices + np.int32(block.start)
                if self.plays is not None:
                    made["plays"][target] = piece.plays
            free += np.diff(turned.indptr)
            bar.update(part.nnz)
        bar.close()
        return Interactions(indptr, made["indices"], made.get("plays"), rows)


def read_interactions(folder: Path) -> Interactions:
    """Map the matrix that `hearlog.logs.ingest.ingest` wrote.

    Its arrays are copy-on-write memory maps: implicit's solver refuses read-only arrays, and DVC's files are read-only.
    """
    indptr = np.load(folder / "indptr.npy", mmap_mode="c")
    indices = np.load(folder / "indices.npy", mmap_mode="c")
    plays = np.load(folder / "plays.npy", mmap_mode="c") if (folder / "plays.npy").exists() else None
    return Interactions(indptr, indices, plays, pq.read_metadata(folder / "songs.parquet").num_rows)
