"""The thematic map as polygons in a GeoPackage."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.features
import shapely
from affine import Affine
from rasterio.windows import Window

from satclip_engine.products.geopackage import write_layer
from satclip_engine.products.outlines import simplify_shared, to_map
from satclip_engine.products.rasters import PROBABILITIES, PROBABILITY_STEPS, THEMATIC, category_names
from satclip_engine.protocol import ClassSet, PolygonOptions
from satclip_engine.raster.gdal import open_raster
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.windows import block_rows

POLYGONS = "polygons.gpkg"
_STRIP_ROWS = 1024

Codes = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class _Patches:
    """Connected pixels of one class, each as an exact outline in pixel coordinates.

    Attributes:
        shapes: (n,) polygons.
        codes: (n,) thematic codes.
    """

    shapes: npt.NDArray[np.object_]
    codes: npt.NDArray[np.int64]

    def __getitem__(self, keep: npt.NDArray[np.bool_]) -> _Patches:
        return _Patches(self.shapes[keep], self.codes[keep])


def write_polygons(folder: Path, classes: ClassSet, options: PolygonOptions) -> Path:
    """Write ``polygons.gpkg`` from the finished rasters in ``folder`` and return its path.

    Fields: ``class``, ``code``, ``mean_probability`` (of that class over the patch; null without a probability
    raster), ``area_m2``: true ground area of the patch's pixels in any CRS (pixels without one), before its outline
    is simplified. Patches below the minimum area go to their largest neighbour; those with no neighbour are left out.
    Outlines shared by two patches are simplified once, so that neither gaps nor overlaps appear.
    """
    scratch = folder / "codes.tmp"
    with open_raster(folder / THEMATIC) as thematic:
        grid = Grid(thematic.crs.to_wkt() if thematic.crs else "", thematic.transform, thematic.width, thematic.height)
        pixel_m2 = abs(grid.gsd_m**2)
        least_px = math.ceil(options.min_area_m2 / pixel_m2 - 1e-9)
        codes = _sieved(thematic, scratch, least_px)
    patches = _trace(codes)
    areas_m2, probabilities = _measure(folder, grid, codes, patches)
    keep = areas_m2 >= options.min_area_m2 * 0.999
    patches, areas_m2, probabilities = patches[keep], areas_m2[keep], probabilities[keep]
    shapes = to_map(simplify_shared(patches.shapes, options.simplify_px), grid.map_transform)
    del codes
    scratch.unlink()
    _save(folder / POLYGONS, grid, classes, _Patches(shapes, patches.codes), areas_m2, probabilities)
    return folder / POLYGONS


def _sieved(thematic: Any, scratch: Path, least_px: int) -> Codes:
    """Return the codes without small patches, in a file-backed array: the raster may not fit in memory."""
    shape = thematic.height, thematic.width
    codes: Codes = np.memmap(scratch, dtype=thematic.dtypes[0], mode="w+", shape=shape)
    if least_px <= 1:
        for window in block_rows(thematic.width, thematic.height, _STRIP_ROWS):
            codes[_rows(window)] = thematic.read(1, window=window)
        return codes
    mask_file = scratch.with_suffix(".mask")
    mask = np.memmap(mask_file, dtype=np.uint8, mode="w+", shape=shape)
    for window in block_rows(thematic.width, thematic.height, _STRIP_ROWS):
        mask[_rows(window)] = thematic.read(1, window=window) != 0
    rasterio.features.sieve(rasterio.band(thematic, 1), least_px, out=codes, mask=mask)
    for window in block_rows(thematic.width, thematic.height, _STRIP_ROWS):
        codes[_rows(window)][mask[_rows(window)] == 0] = 0
    del mask
    mask_file.unlink()
    return codes


def _trace(codes: Codes) -> _Patches:
    shapes, values = [], []
    for geometry, value in rasterio.features.shapes(codes, connectivity=4):
        if value > 0:
            rings = geometry["coordinates"]
            shapes.append(shapely.Polygon(rings[0], rings[1:]))
            values.append(int(value))
    patches = np.empty(len(shapes), dtype=object)
    patches[:] = shapes
    return _Patches(patches, np.array(values, dtype=np.int64))


def _measure(
    folder: Path, grid: Grid, codes: Codes, patches: _Patches
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return area in m² and mean probability (NaN where unknown) of each patch, strip by strip."""
    count = len(patches.codes)
    areas, pixels, sums = np.zeros(count + 1), np.zeros(count + 1), np.zeros(count + 1)
    tree = shapely.STRtree(patches.shapes)
    for window, probabilities in _probability_strips(folder, grid):
        row, height = int(window.row_off), int(window.height)
        touching = np.sort(tree.query(shapely.box(0, row, grid.width, row + height)))
        if not len(touching):
            continue
        numbers = rasterio.features.rasterize(
            zip(patches.shapes[touching], (touching + 1).tolist(), strict=True),
            out_shape=(height, grid.width),
            transform=Affine.translation(0, row),
            dtype="int32",
        ).ravel()
        areas += np.bincount(numbers, weights=grid.pixel_areas_m2(window).ravel(), minlength=count + 1)
        if probabilities is not None:
            band = codes[_rows(window)].astype(np.intp).ravel() - 1
            known = (band >= 0) & (band < len(probabilities))
            values = probabilities.reshape(len(probabilities), -1)[band[known], np.flatnonzero(known)]
            sums += np.bincount(numbers[known], weights=values, minlength=count + 1)
            pixels += np.bincount(numbers[known], minlength=count + 1)
    with np.errstate(invalid="ignore"):
        return areas[1:], (sums / np.where(pixels > 0, pixels, np.nan))[1:]


def _probability_strips(folder: Path, grid: Grid) -> Iterator[tuple[Window, npt.NDArray[np.float32] | None]]:
    path = folder / PROBABILITIES
    if not path.exists():
        yield from ((window, None) for window in block_rows(grid.width, grid.height, _STRIP_ROWS))
        return
    with open_raster(path) as raster:
        scale = 1.0 / PROBABILITY_STEPS if raster.dtypes[0] == "uint8" else 1.0
        for window in block_rows(grid.width, grid.height, _STRIP_ROWS):
            yield window, raster.read(window=window).astype(np.float32) * np.float32(scale)


def _save(
    path: Path,
    grid: Grid,
    classes: ClassSet,
    patches: _Patches,
    areas_m2: npt.NDArray[np.float64],
    probabilities: npt.NDArray[np.float64],
) -> None:
    names = np.array(category_names(classes), dtype=object)[patches.codes]
    fields = {
        "class": names,
        "code": patches.codes.astype(np.int32),
        "mean_probability": probabilities.round(4),
        "area_m2": areas_m2.round(3),
    }
    write_layer(path, "polygons", "MultiPolygon", np.asarray(patches.shapes), fields, grid.crs_wkt)


def _rows(window: Window) -> slice:
    return slice(int(window.row_off), int(window.row_off + window.height))
