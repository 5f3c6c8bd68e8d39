"""Where windows, cells and chunks of a feature map lie: pure maths.

A *cell* is one feature vector: ``cell_px`` x ``cell_px`` working pixels. A *window* is one picture for the
encoder, a square of ``window_cells`` cells that starts on a cell's corner, so that the cells of overlapping
windows coincide and can be blended. A *chunk* is the unit of storage and of the ledger.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

CHUNK_CELLS = 64


class Chunk(NamedTuple):
    """Index of a chunk, in chunks from the top left."""

    row: int
    col: int


class WindowIndex(NamedTuple):
    """Index of an encoder window, in windows from the top left."""

    row: int
    col: int


class CellBox(NamedTuple):
    """Half-open box of cells."""

    row_start: int
    row_stop: int
    col_start: int
    col_stop: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the box."""
        return self.row_stop - self.row_start, self.col_stop - self.col_start

    def overlap(self, other: CellBox) -> CellBox:
        """Return the common box; its shape is not positive where there is none."""
        return CellBox(
            max(self.row_start, other.row_start),
            min(self.row_stop, other.row_stop),
            max(self.col_start, other.col_start),
            min(self.col_stop, other.col_stop),
        )

    def slices_in(self, outer: CellBox) -> tuple[slice, slice]:
        """Return this box as slices of an array that holds ``outer``."""
        return (
            slice(self.row_start - outer.row_start, self.row_stop - outer.row_start),
            slice(self.col_start - outer.col_start, self.col_stop - outer.col_start),
        )


@dataclass(frozen=True)
class Layout:
    """Cells, windows and chunks over a working grid.

    Attributes:
        height_px: Height of the working grid.
        width_px: Width of the working grid.
        cell_px: Side of a cell in working pixels.
        window_cells: Side of an encoder window in cells.
        stride_cells: Step between windows in cells.
    """

    height_px: int
    width_px: int
    cell_px: int
    window_cells: int
    stride_cells: int

    @property
    def rows(self) -> int:
        """Cells from top to bottom; the last may reach past the raster."""
        return -(-self.height_px // self.cell_px)

    @property
    def cols(self) -> int:
        """Cells from left to right; the last may reach past the raster."""
        return -(-self.width_px // self.cell_px)

    @property
    def chunk_rows(self) -> int:
        """Chunks from top to bottom."""
        return -(-self.rows // CHUNK_CELLS)

    @property
    def chunk_cols(self) -> int:
        """Chunks from left to right."""
        return -(-self.cols // CHUNK_CELLS)

    @functools.cached_property
    def window_rows(self) -> tuple[int, ...]:
        """First cell row of each row of windows."""
        return _starts(self.rows, self.window_cells, self.stride_cells)

    @functools.cached_property
    def window_cols(self) -> tuple[int, ...]:
        """First cell column of each column of windows."""
        return _starts(self.cols, self.window_cells, self.stride_cells)

    def chunk_box(self, chunk: Chunk) -> CellBox:
        """Return the cells of ``chunk``."""
        row, col = chunk.row * CHUNK_CELLS, chunk.col * CHUNK_CELLS
        return CellBox(row, min(row + CHUNK_CELLS, self.rows), col, min(col + CHUNK_CELLS, self.cols))

    def window_box(self, window: WindowIndex) -> CellBox:
        """Return the cells of ``window``; may reach past the last cell of a small scene."""
        row, col = self.window_rows[window.row], self.window_cols[window.col]
        return CellBox(row, row + self.window_cells, col, col + self.window_cells)

    def chunk_windows(self, chunk: Chunk) -> list[WindowIndex]:
        """Return the windows that touch ``chunk``, row by row: the order in which they are blended."""
        box = self.chunk_box(chunk)
        rows = _touching(self.window_rows, self.window_cells, box.row_start, box.row_stop)
        cols = _touching(self.window_cols, self.window_cells, box.col_start, box.col_stop)
        return [WindowIndex(row, col) for row in rows for col in cols]

    def chunks_in(self, box: CellBox) -> list[Chunk]:
        """Return the chunks that hold the cells of ``box``, row by row."""
        inside = box.overlap(CellBox(0, self.rows, 0, self.cols))
        if min(inside.shape) <= 0:
            return []
        rows = range(inside.row_start // CHUNK_CELLS, -(-inside.row_stop // CHUNK_CELLS))
        cols = range(inside.col_start // CHUNK_CELLS, -(-inside.col_stop // CHUNK_CELLS))
        return [Chunk(row, col) for row in rows for col in cols]

    def all_chunks(self) -> Iterator[Chunk]:
        """Yield every chunk, row by row."""
        return (Chunk(row, col) for row in range(self.chunk_rows) for col in range(self.chunk_cols))

    @functools.cached_property
    def feather(self) -> npt.NDArray[np.float32]:
        """Blending weight of each cell of a window, (window_cells, window_cells) float32, in (0, 1].

        A linear ramp over the overlap: neighbouring windows cross-fade, and no cell has weight 0.
        """
        overlap = max(self.window_cells - self.stride_cells, 0)
        distance = np.arange(1, self.window_cells + 1, dtype=np.float32)
        ramp = np.minimum(np.minimum(distance, distance[::-1]) / (overlap + 1), 1.0).astype(np.float32)
        return np.asarray(np.outer(ramp, ramp), dtype=np.float32)


def _starts(cells: int, window: int, stride: int) -> tuple[int, ...]:
    """Return window starts: regular steps, the last window shifted inside."""
    if cells <= window:
        return (0,)
    last = cells - window
    return (*range(0, last, stride), last)


def _touching(starts: tuple[int, ...], length: int, start: int, stop: int) -> list[int]:
    return [index for index, first in enumerate(starts) if first < stop and first + length > start]
