"""Cutting chips: a lattice over a scene, without the chips that lie on nodata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform as transform_points
from rasterio.windows import Window

from satclip_engine.errors import OptionError, PairsError
from satclip_engine.raster.geodesy import apply_affine
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.scene import Scene

# Told the finished share of a step in [0, 1]; raises when the user asked to stop.
Advance = Callable[[float], None]

LEAST_CHIP_PX, LARGEST_CHIP_PX = 32, 2048
# A chip whose tenth is missing still shows what its caption says.
LEAST_VALID_SHARE = 0.9


@dataclass(frozen=True)
class Place:
    """Where a chip lies.

    Attributes:
        col: Left column in pixels of the lattice's grid.
        row: Upper row.
        lon: Longitude of its centre in degrees, or None without a CRS on the Earth.
        lat: Latitude, or None.
    """

    col: int
    row: int
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True)
class Lattice:
    """The chips of a scene that hold data.

    Attributes:
        grid: The working grid; of the scene's extent.
        chip_px: Side of a chip in its pixels.
        places: Of the chips, row by row.
        left_out: Chips that lie on nodata.
    """

    grid: Grid
    chip_px: int
    places: tuple[Place, ...]
    left_out: int

    def window(self, place: Place) -> Window:
        """Return the window of a chip, in pixels of the working grid."""
        return Window(place.col, place.row, self.chip_px, self.chip_px)


def cut(scene: Scene, grid: Grid, chip_px: int, advance: Advance) -> Lattice:
    """Return the chips of a scene, side by side, the lattice in the middle of the scene; none reaches past its border.

    Args:
        scene: Opened with its bands and scaling.
        grid: The scene's own or one from ``Scene.working_grid``.
        chip_px: Side of a chip in pixels of ``grid``.
        advance: Told the share that is done; raises when the user asked to stop.

    Raises:
        OptionError: ``option.chip`` if the side is out of 32 to 2048 or larger than the scene.
        PairsError: ``pairs.no_chips`` if every chip lies on nodata.
    """
    _check(grid, chip_px)
    left, top = (grid.width % chip_px) // 2, (grid.height % chip_px) // 2
    corners = [
        (col, row)
        for row in range(top, grid.height - chip_px + 1, chip_px)
        for col in range(left, grid.width - chip_px + 1, chip_px)
    ]
    kept = []
    for done, (col, row) in enumerate(corners):
        advance(done / len(corners))
        if scene.read_valid(native_window(scene, grid, Window(col, row, chip_px, chip_px))).mean() >= LEAST_VALID_SHARE:
            kept.append((col, row))
    if not kept:
        raise PairsError(
            f"Every chip of {chip_px} pixels lies on nodata, at least in part.",
            remedy="Choose smaller chips, or another raster.",
            code="pairs.no_chips",
        )
    return Lattice(grid, chip_px, _placed(grid, kept, chip_px), len(corners) - len(kept))


def native_window(scene: Scene, grid: Grid, window: Window) -> Window:
    """Return the whole pixels of the scene that a window of its working grid covers."""
    inner = grid.window_in(scene.grid, window)
    col, row = round(inner.col_off), round(inner.row_off)
    return Window(col, row, max(1, round(inner.width)), max(1, round(inner.height)))


def _placed(grid: Grid, corners: list[tuple[int, int]], chip_px: int) -> tuple[Place, ...]:
    centres = np.array(corners, dtype=np.float64) + chip_px / 2
    x, y = apply_affine(grid.map_transform, centres[:, 0], centres[:, 1])
    unknown = tuple(Place(col, row) for col, row in corners)
    if not grid.has_crs:
        return unknown
    try:
        lon, lat = transform_points(CRS.from_wkt(grid.crs_wkt), CRS.from_epsg(4326), x.tolist(), y.tolist())
    except RasterioError:  # a local CRS has no way to longitude and latitude
        return unknown
    return tuple(Place(col, row, *at) for (col, row), at in zip(corners, zip(lon, lat, strict=True), strict=True))


def _check(grid: Grid, chip_px: int) -> None:
    if not LEAST_CHIP_PX <= chip_px <= LARGEST_CHIP_PX:
        raise OptionError(
            f"Chips of {chip_px} pixels are asked for.",
            remedy=f"Use a side from {LEAST_CHIP_PX} to {LARGEST_CHIP_PX} pixels.",
            code="option.chip",
        )
    if chip_px > min(grid.width, grid.height):
        raise OptionError(
            f"A chip of {chip_px} pixels is larger than the image, which has {grid.width} x {grid.height}.",
            remedy="Choose smaller chips, or a finer working resolution.",
            code="option.chip",
        )
