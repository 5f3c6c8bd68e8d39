"""The area of interest in pixels of the scene: a window, and a mask for every part of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.features import geometry_mask
from rasterio.warp import transform as transform_points
from rasterio.windows import Window

from satclip_engine.errors import AoiError
from satclip_engine.protocol import Aoi
from satclip_engine.raster.grid import Grid

# A straight line of one CRS is curved in another: edges get this many points before they are transformed.
_POINTS_PER_EXTENT = 100


@dataclass(frozen=True)
class PixelAoi:
    """The part of a scene that is asked for.

    Attributes:
        window: Whole pixels of the scene's grid that cover it.
        grid: The grid of that window, which is the grid of every product.
        shape: The area in pixel coordinates (x = column, y = row) of the scene, or None for everything.
    """

    window: Window
    grid: Grid
    shape: Any = None

    def mask(self, window: Window) -> npt.NDArray[np.bool_]:
        """Return which pixels of ``window`` (on the scene's grid) have their centre inside, (height, width) bool."""
        size = int(window.height), int(window.width)
        if self.shape is None:
            return np.ones(size, dtype=bool)
        place = Affine.translation(window.col_off, window.row_off)
        return np.asarray(geometry_mask([self.shape], size, place, invert=True))


def locate_aoi(aoi: Aoi | None, grid: Grid) -> PixelAoi:
    """Return the pixels of the scene's ``grid`` that ``aoi`` covers; everything without one.

    Raises:
        AoiError: if the geometry is not a polygon, its CRS is unknown, or no pixel's centre lies inside.
    """
    if aoi is None:
        return PixelAoi(Window(0, 0, grid.width, grid.height), grid)
    shape = _to_pixels(_in_scene_crs(_polygon(aoi.geometry), aoi.crs, grid), grid)
    left, top, right, bottom = shape.bounds
    # A pixel belongs to the area when its centre does.
    first_col, last_col = max(0, math.ceil(left - 0.5)), min(grid.width, math.floor(right - 0.5) + 1)
    first_row, last_row = max(0, math.ceil(top - 0.5)), min(grid.height, math.floor(bottom - 0.5) + 1)
    if first_col >= last_col or first_row >= last_row:
        raise AoiError(
            "The area of interest lies outside the raster, or is smaller than one of its pixels.",
            remedy="Draw it over the layer, and check the coordinate reference system of area and layer.",
            code="aoi.outside",
        )
    window = Window(first_col, first_row, last_col - first_col, last_row - first_row)
    return PixelAoi(window, grid.window_grid(window), shape)


def _polygon(geometry: dict[str, Any]) -> Any:
    try:
        shape = shapely.geometry.shape(geometry)
    except (shapely.errors.ShapelyError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise _not_a_polygon(str(error)) from error
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise _not_a_polygon(f"it is {shape.geom_type}{', empty' if shape.is_empty else ''}")
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise _not_a_polygon("it has coordinates that are not finite")
    return shape if shape.is_valid else shapely.make_valid(shape)


def _not_a_polygon(why: str) -> AoiError:
    return AoiError(
        f"The area of interest is not a polygon ({why}).",
        remedy="Use a GeoJSON Polygon or MultiPolygon.",
        code="aoi.geometry",
    )


def _in_scene_crs(shape: Any, crs_text: str, grid: Grid) -> Any:
    if not crs_text:
        return shape
    if not grid.has_crs:
        raise AoiError(
            "The area of interest has a coordinate reference system, the raster has none.",
            remedy="Assign the raster its CRS, or give the area in the raster's own coordinates.",
            code="aoi.crs",
        )
    try:
        source, target = CRS.from_user_input(crs_text), CRS.from_wkt(grid.crs_wkt)
        if source == target:
            return shape
        left, bottom, right, top = shape.bounds
        dense = shapely.segmentize(shape, max(right - left, top - bottom) / _POINTS_PER_EXTENT)
        coordinates = shapely.get_coordinates(dense)
        x, y = transform_points(source, target, coordinates[:, 0].tolist(), coordinates[:, 1].tolist())
    except (CRSError, RasterioError) as error:
        raise AoiError(
            f"The area of interest cannot be brought into the raster's coordinate reference system ({error}).",
            remedy="Give the area in the raster's CRS, or in EPSG:4326.",
            code="aoi.crs",
        ) from error
    return shapely.set_coordinates(dense, np.column_stack([x, y]))


def _to_pixels(shape: Any, grid: Grid) -> Any:
    inverse = ~grid.map_transform
    return shapely.transform(
        shape,
        lambda xy: np.column_stack(
            [
                inverse.a * xy[:, 0] + inverse.b * xy[:, 1] + inverse.c,
                inverse.d * xy[:, 0] + inverse.e * xy[:, 1] + inverse.f,
            ]
        ),
    )
