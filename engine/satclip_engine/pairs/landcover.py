"""What covers chips according to a categorical raster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from satclip_engine.errors import PairsError
from satclip_engine.pairs.attributes import largest_first
from satclip_engine.pairs.cut import Advance
from satclip_engine.pairs.raster_names import carried_names
from satclip_engine.protocol import AREA, ClassSet, CodedRaster, Cover
from satclip_engine.raster.gdal import open_raster
from satclip_engine.raster.grid import Grid

SOURCE = "landcover"


def landcover_covers(
    raster: CodedRaster,
    grid: Grid,
    corners: Sequence[tuple[int, int]],
    chip_px: int,
    advance: Advance,
) -> tuple[tuple[Cover, ...], tuple[str, ...]]:
    """Return what covers each chip according to a categorical raster, and a note on codes without a name.

    The raster may have another CRS and resolution; each pixel of the chip takes the nearest code.

    Args:
        raster: The raster and what its codes mean.
        grid: That the chips are windows of.
        corners: (column, row) of each chip's upper left pixel.
        chip_px: Their side in pixels.
        advance: Told the share that is done; raises when the user asked to stop.

    Raises:
        PairsError: ``pairs.landcover`` if the raster cannot be read, does not lie on the scene or holds no codes;
            ``pairs.codes`` if nothing says what its codes mean.
    """
    path = Path(raster.path)
    try:
        with rasterio.Env(), open_raster(path) as dataset:
            _check(dataset, path, grid)
            names = _given_names(raster.codes) if raster.codes is not None else carried_names(dataset)
            _refuse_nameless(names, path)
            with _on(dataset, grid) as placed:
                covers, strangers = _covers(placed, names, corners, chip_px, advance)
    except (RasterioError, OSError) as error:
        raise _unusable(path, f"cannot be read: {error}", "Check that it is a complete raster file.") from error
    if not any(cover.shares for cover in covers):
        raise _unusable(path, "has none of its named codes on the image", "Choose one of the same place.")
    listed = ", ".join(str(code) for code in sorted(strangers)[:10])
    return covers, (f"Codes of {path.name} without a name, left out: {listed}.",) if strangers else ()


def _covers(
    dataset: Any,
    names: Mapping[int, str],
    corners: Sequence[tuple[int, int]],
    chip_px: int,
    advance: Advance,
) -> tuple[tuple[Cover, ...], set[int]]:
    covers, strangers = [], set[int]()
    for done, (col, row) in enumerate(corners):
        advance(done / len(corners))
        window = Window(col, row, chip_px, chip_px)
        codes = dataset.read(1, window=window)[dataset.read_masks(1, window=window) > 0]
        sizes: dict[str, float] = defaultdict(float)
        for code, pixels in zip(*np.unique(codes, return_counts=True), strict=True):
            if int(code) in names:
                sizes[names[int(code)]] += float(pixels)
            else:
                strangers.add(int(code))
        covers.append(Cover(SOURCE, AREA, largest_first(sizes, chip_px**2)))
    return tuple(covers), strangers


def _on(dataset: Any, grid: Grid) -> Any:
    """Return the raster as it lies on the pixels of ``grid``."""
    if not grid.has_crs:
        return dataset
    return WarpedVRT(
        dataset,
        crs=CRS.from_wkt(grid.crs_wkt),
        transform=grid.map_transform,
        width=grid.width,
        height=grid.height,
        resampling=Resampling.nearest,
        add_alpha=dataset.nodata is None,
    )


def _given_names(codes: ClassSet) -> dict[int, str]:
    names = {}
    for spec in codes.classes:
        try:
            names[int(spec.name)] = spec.prompts[0]
        except ValueError as error:
            raise PairsError(
                f"{spec.name!r} is no code of a raster.",
                remedy="Write the code, a colon and what it means: 10: trees",
                code="pairs.codes",
            ) from error
    return names


def _refuse_nameless(names: Mapping[int, str], path: Path) -> None:
    if not names:
        raise PairsError(
            f"{path.name} does not say what its codes mean.",
            remedy="Say it, one code per line (10: trees), or choose one of the lists that come with SatCLIP.",
            code="pairs.codes",
        )


def _check(dataset: Any, path: Path, grid: Grid) -> None:
    if np.dtype(dataset.dtypes[0]).kind not in "iu" or dataset.count > 1:
        what = f"has {dataset.count} bands of {dataset.dtypes[0]}" if dataset.count > 1 else "holds measured values"
        raise _unusable(path, f"{what}, not one band of codes", "Choose a classified raster.")
    if bool(dataset.crs) != grid.has_crs:
        which = "the image has none" if dataset.crs else "has none, the image has one"
        raise _unusable(
            path, f"{'has a coordinate reference system, ' if dataset.crs else ''}{which}", "Assign the missing CRS."
        )
    if not dataset.crs and (dataset.width, dataset.height) != (grid.width, grid.height):
        raise _unusable(
            path,
            f"has {dataset.width} x {dataset.height} pixels, the image {grid.width} x {grid.height}, and neither has a "
            "coordinate reference system",
            "Assign both their CRS.",
        )


def _unusable(path: Path, what: str, remedy: str) -> PairsError:
    return PairsError(f"The land cover {path.name} {what}.", remedy=remedy, code="pairs.landcover", path=str(path))
