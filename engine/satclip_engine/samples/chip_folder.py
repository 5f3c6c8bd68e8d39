"""The folder that an export of chips fills: begun beside its place, each chip a GeoTIFF."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.windows import Window

from satclip_engine.errors import OutputError
from satclip_engine.raster.grid import Grid

CLASS_FILE = "classes.txt"


def begin_folder(folder: Path) -> Path:
    """Return a folder beside ``folder`` with empty ``images`` and ``masks``: a stopped export looks unfinished.

    Raises:
        OutputError: if ``folder`` holds something already, or nothing can be written beside it.
    """
    partial = _unfinished(folder)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(
                f"{folder} exists already and is not an empty folder.",
                remedy="Choose a new folder for the chips.",
                code="resource.output",
            )
        shutil.rmtree(partial, ignore_errors=True)
        for name in ("images", "masks"):
            (partial / name).mkdir(parents=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return partial


def discard_unfinished_chips(folder: Path) -> None:
    """Remove what a killed export to ``folder`` left beside it."""
    shutil.rmtree(_unfinished(folder), ignore_errors=True)


def cannot_write(folder: Path, error: OSError) -> OutputError:
    """Return the error of a folder that cannot be written."""
    return OutputError(
        f"The chips cannot be written to {folder} ({error}).",
        remedy="Choose a folder that you may write to, with enough free space.",
        code="resource.output",
    )


def write_chip(
    path: Path, values: npt.NDArray[np.uint8], grid: Grid, window: Window, valid: npt.NDArray[np.bool_] | None
) -> None:
    """Write (bands, height, width) bytes of ``window`` of ``grid``, with a mask of what is ``valid`` (None: all)."""
    part = grid.window_grid(window)
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": part.width,
        "height": part.height,
        "count": len(values),
        "dtype": "uint8",
        "crs": part.crs_wkt or None,
        "transform": part.map_transform,
        "compress": "deflate",
        "photometric": "RGB" if len(values) == 3 else "MINISBLACK",
    }
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as raster:
        raster.write(values)
        if valid is not None and not valid.all():
            raster.write_mask(valid)


def _unfinished(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.partial")
