"""The grid of a raster: where its pixels lie and how large they are on the ground. Pure maths."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from affine import Affine
from rasterio.windows import Window

from satclip_engine.raster.geodesy import Floats, apply_affine, pixel_jacobians

# Pixel sides this close to the wished size count as equal: reading at native size is exact and fastest.
_SAME_SIZE_TOLERANCE = 0.02


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie.

    Attributes:
        crs_wkt: WKT of the coordinate reference system; empty means none.
        transform: Pixel (col, row) to coordinates (x, y); any affine: rotated, flipped, south-up.
        width: Columns.
        height: Rows.
    """

    crs_wkt: str
    transform: Affine
    width: int
    height: int

    @property
    def has_crs(self) -> bool:
        """Whether positions on the ground are known; otherwise a pixel is the unit of length."""
        return bool(self.crs_wkt)

    @functools.cached_property
    def pixel_size_m(self) -> tuple[float, float]:
        """Width and height of the pixel at the raster's centre in metres; (1.0, 1.0) without a CRS."""
        centre = np.array([self.width / 2]), np.array([self.height / 2])
        jacobian = pixel_jacobians(self.crs_wkt, self.transform, *centre)[0]
        return float(np.hypot(*jacobian[:, 0])), float(np.hypot(*jacobian[:, 1]))

    @property
    def gsd_m(self) -> float:
        """Ground sampling distance at the centre: side of the square as large as a pixel, in metres."""
        return math.sqrt(self.pixel_size_m[0] * self.pixel_size_m[1])

    @property
    def map_transform(self) -> Affine:
        """The transform to map coordinates as QGIS shows them.

        A raster with neither CRS nor transform lies in QGIS between y = 0 (top) and y = -height.
        """
        return Affine(1, 0, 0, 0, -1, 0) if not self.has_crs and self.transform == Affine.identity() else self.transform

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """``(left, bottom, right, top)`` around all four corners, in map coordinates."""
        cols = np.array([0.0, self.width, self.width, 0.0])
        rows = np.array([0.0, 0.0, self.height, self.height])
        x, y = apply_affine(self.map_transform, cols, rows)
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    @property
    def is_north_up(self) -> bool:
        """Whether columns run east and rows run south."""
        transform = self.map_transform
        return transform.b == 0 and transform.d == 0 and transform.a > 0 and transform.e < 0

    def resampled(self, gsd_m: float) -> Grid:
        """Return the grid of square pixels of at most ``gsd_m`` metres that covers exactly the same extent.

        Without a CRS ``gsd_m`` counts this grid's pixels. A grid whose pixels have that size already is returned
        as it is.
        """
        width_m, height_m = self.pixel_size_m
        if max(abs(width_m / gsd_m - 1), abs(height_m / gsd_m - 1)) <= _SAME_SIZE_TOLERANCE:
            return self
        width = max(1, math.ceil(self.width * width_m / gsd_m - 1e-6))
        height = max(1, math.ceil(self.height * height_m / gsd_m - 1e-6))
        scale = Affine.scale(self.width / width, self.height / height)
        return Grid(self.crs_wkt, self.transform @ scale, width, height)

    def window_grid(self, window: Window) -> Grid:
        """Return the part of this grid that ``window`` (whole pixels) covers."""
        col, row = int(window.col_off), int(window.row_off)
        width, height = int(window.width), int(window.height)
        if (col, row, width, height) == (0, 0, self.width, self.height):
            return self
        return Grid(self.crs_wkt, self.map_transform @ Affine.translation(col, row), width, height)

    def scale_to(self, other: Grid) -> tuple[float, float]:
        """Return the pixels of ``other`` per pixel of this grid (x, y); both must cover the same extent."""
        return other.width / self.width, other.height / self.height

    def window_in(self, other: Grid, window: Window) -> Window:
        """Return ``window`` of this grid in fractional pixels of ``other``, which covers the same extent."""
        x, y = self.scale_to(other)
        return Window(window.col_off * x, window.row_off * y, window.width * x, window.height * y)

    def pixel_areas_m2(self, window: Window) -> Floats:
        """Return the true ground area of each pixel of ``window`` in m², (height, width) float64; 1 without a CRS.

        Exact on a lattice of at most 9 x 9 positions, bilinear between them.
        """
        width, height = int(window.width), int(window.height)
        cols: Floats = np.linspace(0.0, width, min(9, width + 1), dtype=np.float64)
        rows: Floats = np.linspace(0.0, height, min(9, height + 1), dtype=np.float64)
        lattice_cols, lattice_rows = np.meshgrid(cols + window.col_off, rows + window.row_off)
        jacobians = pixel_jacobians(self.crs_wkt, self.transform, lattice_cols.ravel(), lattice_rows.ravel())
        areas = np.abs(np.linalg.det(jacobians)).reshape(lattice_cols.shape)
        across = np.stack([np.interp(np.arange(width) + 0.5, cols, line) for line in areas])
        weights, upper = _interpolation(np.arange(height, dtype=np.float64) + 0.5, rows)
        return np.asarray(across[upper - 1] * (1 - weights)[:, None] + across[upper] * weights[:, None])


def _interpolation(positions: Floats, knots: Floats) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    upper = np.clip(np.searchsorted(knots, positions), 1, len(knots) - 1)
    return (positions - knots[upper - 1]) / (knots[upper] - knots[upper - 1]), upper
