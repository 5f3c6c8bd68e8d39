"""Fixtures every engine test may use: rasters of any kind, and the folder of real imagery."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

from tests.engine.helpers.hypothesis_profile import use_patient_profile

ROOT = Path(__file__).resolve().parents[2]

use_patient_profile()


def transform_of(orientation: str, origin: tuple[float, float], gsd: float, width: int, height: int) -> Affine:
    """A transform over the same ground: north_up, south_up, flipped (mirrored in x) or rotated (30 degrees)."""
    x, y = origin
    return {
        "north_up": Affine(gsd, 0, x, 0, -gsd, y),
        "south_up": Affine(gsd, 0, x, 0, gsd, y - height * gsd),
        "flipped": Affine(-gsd, 0, x + width * gsd, 0, -gsd, y),
        "rotated": Affine.translation(x, y) @ Affine.rotation(30) @ Affine.scale(gsd, -gsd),
    }[orientation]


def pattern(bands: int, height: int, width: int, dtype: str, seed: int = 0) -> np.ndarray:
    """Smooth blobs with a little noise, different in every band, over the usual range of ``dtype``."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 6, height)[:, None]
    cols = np.linspace(0, 6, width)[None, :]
    waves = [np.sin(rows * (0.7 + 0.3 * b) + b) * np.cos(cols * (0.9 + 0.2 * b)) for b in range(bands)]
    unit = 0.5 + 0.38 * np.stack(waves) + 0.02 * rng.standard_normal((bands, height, width))
    unit = unit.clip(0.02, 0.98)
    if dtype.startswith("complex"):
        return (unit * np.exp(2j * np.pi * rng.random(unit.shape))).astype(dtype)
    if dtype.startswith("float"):
        return unit.astype(dtype)
    top = {"uint8": 255, "int8": 127, "int16": 10_000, "uint16": 10_000}.get(dtype, 100_000)
    return (unit * top).astype(dtype)


def _colours(bands: int) -> list[ColorInterp]:
    names = [ColorInterp.red, ColorInterp.green, ColorInterp.blue] if bands == 3 else [ColorInterp.gray]
    return names + [ColorInterp.undefined] * (bands - len(names))


def _invalid_area(invalid: np.ndarray | None, height: int, width: int) -> np.ndarray:
    if invalid is not None:
        return invalid
    return np.add.outer(np.arange(height), np.arange(width)) < min(height, width) // 2


@pytest.fixture
def make_raster(tmp_path: Path) -> Callable[..., Path]:
    """Return ``make(name="scene.tif", ...) -> Path``, which writes a GeoTIFF of any kind.

    Keywords: ``data`` (bands, height, width) or ``width, height, bands, dtype, seed``; ``crs`` (None: none);
    ``transform`` or ``gsd, origin, orientation``; ``nodata_kind`` none | value | alpha | mask, the invalid area
    being ``invalid`` (bool (height, width); default a triangle in the upper left); ``nodata`` its value;
    ``descriptions``, ``colormap``, ``overviews`` and any creation option of the driver.
    """

    def make(
        name: str = "scene.tif",
        *,
        data: np.ndarray | None = None,
        width: int = 96,
        height: int = 80,
        bands: int = 3,
        dtype: str = "uint8",
        seed: int = 0,
        crs: str | None = "EPSG:32632",
        transform: Affine | None = None,
        gsd: float = 1.0,
        origin: tuple[float, float] = (600_000.0, 5_200_000.0),
        orientation: str = "north_up",
        nodata_kind: str = "none",
        nodata: float | None = None,
        invalid: np.ndarray | None = None,
        descriptions: Sequence[str] = (),
        colormap: dict[int, tuple[int, ...]] | None = None,
        overviews: Sequence[int] = (),
        **options: Any,
    ) -> Path:
        values = pattern(bands, height, width, dtype, seed) if data is None else np.array(data)
        bands, height, width = values.shape
        invalid = _invalid_area(invalid, height, width)
        if nodata_kind == "value":
            nodata = 0.0 if nodata is None else nodata
            values[:, invalid] = nodata
        if nodata_kind == "alpha":
            values = np.concatenate([values, np.where(invalid, 0, 255)[None].astype(values.dtype)])
        profile: dict[str, Any] = {"driver": "GTiff", "width": width, "height": height, "count": len(values)}
        profile |= {"dtype": values.dtype, "crs": crs, "nodata": nodata}
        # By itself GDAL takes a fourth band of bytes for alpha.
        profile |= {"photometric": "RGB" if bands == 3 else "MINISBLACK", "alpha": "NO"} | options
        if transform is not None or crs is not None:
            profile["transform"] = transform or transform_of(orientation, origin, gsd, width, height)
        path = tmp_path / name
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as raster:
            if nodata_kind == "alpha":
                raster.colorinterp = (*_colours(bands), ColorInterp.alpha)
            if colormap is not None:
                raster.write_colormap(1, colormap)
            raster.write(values)
            if nodata_kind == "mask":
                raster.write_mask(~invalid)
            if descriptions:
                raster.descriptions = tuple(descriptions)
        if overviews:
            with rasterio.open(path, "r+") as raster:
                raster.build_overviews(list(overviews), rasterio.enums.Resampling.average)
        return path

    return make


@pytest.fixture(scope="session")
def satclip_data() -> Path:
    """The folder of real imagery (``SATCLIP_DATA``); the test is skipped where it is absent."""
    folder = Path(os.environ.get("SATCLIP_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real imagery: {folder.name} is absent (set SATCLIP_DATA)")
    return folder
