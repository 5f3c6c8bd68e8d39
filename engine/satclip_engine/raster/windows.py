"""Windows over a grid: boxes of cells in pixels, block rows, clipping."""

from __future__ import annotations

from collections.abc import Iterator

from rasterio.windows import Window


def pixel_window(box: tuple[int, int, int, int], cell_px: int) -> Window:
    """Return the window of a box of cells ``(row_start, row_stop, col_start, col_stop)`` of ``cell_px`` pixels."""
    row_start, row_stop, col_start, col_stop = box
    return Window(
        col_start * cell_px, row_start * cell_px, (col_stop - col_start) * cell_px, (row_stop - row_start) * cell_px
    )


def block_windows(width: int, height: int, block_px: int) -> Iterator[Window]:
    """Yield the blocks of a raster, row by row; those at the right and bottom may be smaller."""
    for row in range(0, height, block_px):
        for col in range(0, width, block_px):
            yield Window(col, row, min(block_px, width - col), min(block_px, height - row))


def block_rows(width: int, height: int, block_px: int) -> Iterator[Window]:
    """Yield full-width strips of ``block_px`` rows from top to bottom; the last may be lower."""
    for row in range(0, height, block_px):
        yield Window(0, row, width, min(block_px, height - row))


def clipped(window: Window, width: int, height: int) -> Window:
    """Return the part of ``window`` inside a raster; its width or height is 0 where there is none."""
    left, top = max(0, window.col_off), max(0, window.row_off)
    right = min(width, window.col_off + window.width)
    bottom = min(height, window.row_off + window.height)
    return Window(left, top, max(0, right - left), max(0, bottom - top))
