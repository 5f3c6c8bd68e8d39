"""Bringing the geometries of a vector layer onto a raster, or saying why that cannot be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform as transform_points
from rasterio.warp import transform_bounds

from satclip_engine.errors import SamplesError
from satclip_engine.raster.grid import Grid
from satclip_engine.samples.shapes import Shapes, moved
from satclip_engine.samples.vector_file import Bounds, VectorLayer

# A straight line of one CRS is curved in another: edges get this many points per extent of the raster.
_POINTS_PER_EXTENT = 100
_SET_CRS = (
    "Set the layer's CRS in QGIS to the one its coordinates are in (Layer > Set CRS of Layer), then save it again."
)


@dataclass(frozen=True)
class Placement:
    """Where a raster lies among the coordinates of a vector layer.

    Attributes:
        layer: The vector layer.
        grid: The raster's own grid.
        extent: The raster's ``(left, bottom, right, top)`` in the layer's CRS.
    """

    layer: VectorLayer
    grid: Grid
    extent: Bounds

    @classmethod
    def of(cls, layer: VectorLayer, grid: Grid) -> Placement:
        """Return the placement of ``layer`` on the raster of ``grid``.

        Raises:
            SamplesError: ``samples.crs`` if one of them has a CRS and the other has none, if the layer's coordinates
                cannot be in the CRS that it declares, or if there is no way from one to the other;
                ``samples.no_overlap`` if their extents do not meet.
        """
        _check_declared(layer, grid)
        placement = cls(layer, grid, _extent_in_layer(layer, grid))
        if layer.bounds is not None and not _meet(layer.bounds, placement.extent):
            raise placement.no_overlap()
        return placement

    def place(self, shapes: Shapes) -> tuple[Shapes, npt.NDArray[np.bool_]]:
        """Return those of valid ``shapes`` (n,) that lie on the raster, in its CRS, and which they are, (n,) bool."""
        # Far from the raster its projection may have no coordinates at all: nothing but its surroundings is moved.
        left, bottom, right, top = self.extent
        width, height = right - left, top - bottom
        around = left - width, bottom - height, right + width, top + height
        bounds = shapely.bounds(shapes).reshape(-1, 4)
        near = (bounds[:, 0] <= right) & (bounds[:, 2] >= left) & (bounds[:, 1] <= top) & (bounds[:, 3] >= bottom)
        chosen = np.flatnonzero(near)
        if self.layer.crs is not None and not self._is_same_crs():
            wide = (bounds[chosen, :2] < around[:2]).any(axis=1) | (bounds[chosen, 2:] > around[2:]).any(axis=1)
            candidates = shapes[chosen]
            candidates[wide] = shapely.intersection(candidates[wide], shapely.box(*around))
            candidates = self._reprojected(candidates, max(width, height) / _POINTS_PER_EXTENT)
        else:
            candidates = shapes[chosen]
        frame = shapely.box(0, 0, self.grid.width, self.grid.height)
        touches = shapely.intersects(moved(candidates, ~self.grid.map_transform), frame)
        inside = np.zeros(len(shapes), dtype=bool)
        inside[chosen[touches]] = True
        return candidates[touches], inside

    def no_overlap(self) -> SamplesError:
        """Return the error that names both extents."""
        hint = ""
        bounds, raster = self.layer.bounds, self.grid.bounds
        if bounds is not None and not self._is_same_crs() and _meet(bounds, raster):
            hint = " Read as coordinates of the raster's CRS they would lie on it."
        return SamplesError(
            f"No sample of {self.layer.path.name} lies on the raster. {_both(self.layer, self.grid)}{hint}",
            remedy=_SET_CRS if hint else "Choose the raster the samples were drawn on, or check the CRS of both.",
            code="samples.no_overlap",
            layer_bounds=bounds,
            raster_bounds=raster,
        )

    def _is_same_crs(self) -> bool:
        return self.layer.crs is None or bool(self.layer.crs == CRS.from_wkt(self.grid.crs_wkt))

    def _reprojected(self, shapes: Shapes, longest: float) -> Shapes:
        dense = shapely.segmentize(shapes, longest)
        xy = shapely.get_coordinates(dense)
        if not len(xy):
            return shapes
        try:
            x, y = transform_points(
                self.layer.crs, CRS.from_wkt(self.grid.crs_wkt), xy[:, 0].tolist(), xy[:, 1].tolist()
            )
        except RasterioError as error:
            raise _no_way(self.layer, self.grid, error) from error
        return np.asarray(shapely.set_coordinates(dense.copy(), np.column_stack([x, y])), dtype=object)


def _check_declared(layer: VectorLayer, grid: Grid) -> None:
    name = layer.path.name
    if layer.crs is None and grid.has_crs:
        raise SamplesError(
            f"{name} declares no coordinate reference system. {_both(layer, grid)}", remedy=_SET_CRS, code="samples.crs"
        )
    if layer.crs is not None and not grid.has_crs:
        raise SamplesError(
            f"{name} has a coordinate reference system, the raster has none. {_both(layer, grid)}",
            remedy="Assign the raster its CRS, or give the samples in the raster's pixels, without a CRS.",
            code="samples.crs",
        )
    if layer.crs is None or not layer.crs.is_geographic or layer.bounds is None:
        return
    left, bottom, right, top = layer.bounds
    # Longitudes up to 360 are in use; grads reach 400.
    if max(abs(left), abs(right)) > 400 or max(abs(bottom), abs(top)) > 100:
        raise SamplesError(
            f"{name} declares {_crs_name(layer.crs)}, but its coordinates are no degrees: the declared CRS is wrong. "
            f"{_both(layer, grid)}",
            remedy=_SET_CRS,
            code="samples.crs",
            layer_bounds=layer.bounds,
            raster_bounds=grid.bounds,
        )


def _extent_in_layer(layer: VectorLayer, grid: Grid) -> Bounds:
    if layer.crs is None or layer.crs == CRS.from_wkt(grid.crs_wkt):
        return grid.bounds
    try:
        left, bottom, right, top = transform_bounds(CRS.from_wkt(grid.crs_wkt), layer.crs, *grid.bounds)
    except RasterioError as error:
        raise _no_way(layer, grid, error) from error
    if left > right:  # across the date line
        left, right = -180.0, 180.0
    return left, bottom, right, top


def _no_way(layer: VectorLayer, grid: Grid, error: Exception) -> SamplesError:
    return SamplesError(
        f"{layer.path.name} cannot be brought into the raster's coordinate reference system ({error}). "
        f"{_both(layer, grid)}",
        remedy="Export the layer in the raster's CRS (Export > Save Features As).",
        code="samples.crs",
    )


def _both(layer: VectorLayer, grid: Grid) -> str:
    raster_crs = CRS.from_wkt(grid.crs_wkt) if grid.has_crs else None
    of_layer = _covers(layer.bounds, layer.crs) if layer.bounds else "is empty"
    return f"The layer {of_layer}; the raster {_covers(grid.bounds, raster_crs)}."


def _covers(bounds: Bounds, crs: CRS | None) -> str:
    digits = 5 if crs is not None and crs.is_geographic and max(map(abs, bounds)) <= 400 else 0
    left, bottom, right, top = (f"{value:,.{digits}f}" for value in bounds)
    return f"covers {left} to {right} by {bottom} to {top} ({_crs_name(crs) if crs else 'no CRS'})"


def _crs_name(crs: CRS) -> str:
    authority = crs.to_authority()
    return ":".join(authority) if authority else "a CRS without a code"


def _meet(one: Bounds, other: Bounds) -> bool:
    return one[0] <= other[2] and one[2] >= other[0] and one[1] <= other[3] and one[3] >= other[1]
