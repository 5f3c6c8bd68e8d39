"""Where an image file lies on the ground, if it says so itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from rasterio.errors import RasterioError

from satclip_engine.protocol import Pair
from satclip_engine.raster.gdal import open_raster
from satclip_engine.raster.geodesy import apply_affine, to_lonlat
from satclip_engine.raster.grid import Grid

_SUFFIXES = (".tif", ".tiff", ".jp2", ".vrt")


def georeferenced(pair: Pair, path: Path) -> Pair:
    """Return ``pair`` with place and metres per pixel of its raster where the list tells none; else as it is."""
    if path.suffix.lower() not in _SUFFIXES:
        return pair
    try:
        with open_raster(path) as dataset:
            crs_wkt = dataset.crs.to_wkt() if dataset.crs else ""
            grid = Grid(crs_wkt, dataset.transform, dataset.width, dataset.height)
    except RasterioError:  # a picture that Pillow alone reads
        return pair
    if not grid.has_crs:
        return pair
    placed = pair if pair.gsd_m is not None else replace(pair, gsd_m=grid.gsd_m)
    lonlat = to_lonlat(crs_wkt, *apply_affine(grid.transform, np.array([grid.width / 2]), np.array([grid.height / 2])))
    if pair.lon is not None or lonlat is None or not np.isfinite(lonlat).all():
        return placed
    return replace(placed, lon=float(lonlat[0][0]), lat=float(lonlat[1][0]))
