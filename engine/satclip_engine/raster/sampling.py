"""A small, fixed sample of a scene's pixels: for scaling, mean colour and fingerprint."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from satclip_engine.raster.source import Bools, Source
from satclip_engine.raster.windows import block_windows

_SAMPLE_SIDE_PX = 1024
_BLOCK_PX = 128
_BLOCKS_PER_SIDE = 8
_SCAN_PX = 1024


def sample_pixels(source: Source, bands: tuple[int, ...]) -> tuple[npt.NDArray[Any], Bools]:
    """Return sampled values (bands, rows, cols) in the raster's dtype and where they are valid (rows, cols).

    A small raster is read whole, a larger one through an overview, and one without overviews by 64 blocks spread
    evenly, laid out as one picture. The same file always gives the same sample.

    Raises:
        SceneError: if the file is damaged.
    """
    level = _sampling_level(source)
    width, height = source.level_size(level)
    if width <= 2 * _SAMPLE_SIDE_PX and height <= 2 * _SAMPLE_SIDE_PX:
        return _read(source, bands, Window(0, 0, width, height), level)
    rows = _starts(height)
    cols = _starts(width)
    block_height, block_width = min(_BLOCK_PX, height), min(_BLOCK_PX, width)
    values = np.empty((len(bands), len(rows) * block_height, len(cols) * block_width), dtype=source.dtype)
    valid = np.empty(values.shape[1:], dtype=bool)
    for (i, row), (j, col) in itertools.product(enumerate(rows), enumerate(cols)):
        place = np.s_[i * block_height : (i + 1) * block_height, j * block_width : (j + 1) * block_width]
        values[(slice(None), *place)], valid[place] = _read(
            source, bands, Window(col, row, block_width, block_height), level
        )
    return values, valid


def first_valid_pixels(source: Source, bands: tuple[int, ...]) -> tuple[npt.NDArray[Any], Bools] | None:
    """Search the whole raster by blocks and return the first block with valid pixels, or None.

    Only for rasters whose sample held none: most of a sparse mosaic may be empty.
    """
    for window in block_windows(source.width, source.height, _SCAN_PX):
        values, valid = _read(source, bands, window, None)
        if valid.any():
            return values, valid
    return None


def _sampling_level(source: Source) -> int | None:
    """The finest overview that is small enough to be read whole; None where full size is, or no overview."""
    for level, factor in ((None, 1), *enumerate(source.overview_factors)):
        if max(source.width, source.height) / factor <= 2 * _SAMPLE_SIDE_PX:
            return level
    return None


def _starts(length: int) -> list[int]:
    """Starts of evenly spread blocks, the first and last half a step from the borders."""
    count = min(_BLOCKS_PER_SIDE, max(1, length // _BLOCK_PX))
    step = length / count
    block = min(_BLOCK_PX, length)
    return [int((i + 0.5) * step - block / 2) for i in range(count)]


def _read(source: Source, bands: tuple[int, ...], window: Window, level: int | None) -> tuple[npt.NDArray[Any], Bools]:
    pixels = source.read(bands, window, level)
    valid = np.ones(pixels.values.shape[1:], dtype=bool) if pixels.valid is None else pixels.valid
    return pixels.values, valid
