"""Rasters with known content, to write and to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window
from satclip_engine.products.raster_file import BLOCK_PX
from satclip_engine.products.rasters import RasterProducts
from satclip_engine.protocol import ClassSet
from satclip_engine.raster.grid import Grid


@dataclass
class Written:
    """What was given to the products: probabilities (K, h, w) DN, codes (h, w), confidence (2, h, w), valid."""

    folder: Path
    grid: Grid
    classes: ClassSet
    probabilities: np.ndarray
    codes: np.ndarray
    confidence: np.ndarray
    valid: np.ndarray


def utm_grid(width: int = 700, height: int = 600, gsd: float = 2.0) -> Grid:
    return Grid(CRS.from_epsg(32632).to_wkt(), Affine(gsd, 0, 600_000, 0, -gsd, 5_200_000), width, height)


def write_blocks(products: RasterProducts, content: Written) -> None:
    """Write everything in block-row order; a block without data is left to ``write_nodata``."""
    for row in range(0, content.grid.height, BLOCK_PX):
        for col in range(0, content.grid.width, BLOCK_PX):
            place = np.s_[row : row + BLOCK_PX, col : col + BLOCK_PX]
            valid = content.valid[place]
            window = Window(col, row, valid.shape[1], valid.shape[0])
            if not valid.any():
                products.write_nodata(window)
                continue
            everywhere = (slice(None), *place)
            products.write(
                window, content.probabilities[everywhere], content.codes[place], content.confidence[everywhere], valid
            )


def content_for(folder: Path, grid: Grid, classes: ClassSet, seed: int = 0) -> Written:
    """Smooth class patches with noise, and an invalid corner that covers whole blocks and parts of others."""
    rng = np.random.default_rng(seed)
    count = len(classes)
    rows, cols = np.linspace(0, 9, grid.height)[:, None], np.linspace(0, 9, grid.width)[None]
    scores = np.stack([3 * np.sin(rows * (1 + k / 7) + k) * np.cos(cols * (1 + k / 5) - k) for k in range(count)])
    scores += 0.3 * rng.standard_normal(scores.shape)
    unit = np.exp(scores) / np.exp(scores).sum(axis=0)
    steps = np.floor(unit * 250 + 0.5).astype(np.uint8)
    ordered = np.sort(steps, axis=0)
    codes = steps.argmax(axis=0) + 1
    codes[ordered[-1] < 80] = classes.unknown_code
    second = ordered[-2] if count > 1 else np.zeros_like(ordered[-1])
    valid = np.add.outer(np.arange(grid.height), np.arange(grid.width)) > 300
    return Written(folder, grid, classes, steps, codes, np.stack([ordered[-1], ordered[-1] - second]), valid)
