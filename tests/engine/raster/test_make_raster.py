"""The fixture itself: what it promises is what GDAL reads back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import rasterio
from rasterio.enums import MaskFlags


@pytest.mark.parametrize(
    ("kind", "flag"),
    [
        ("none", MaskFlags.all_valid),
        ("value", MaskFlags.nodata),
        ("alpha", MaskFlags.alpha),
        ("mask", MaskFlags.per_dataset),
    ],
)
def test_invalid_pixels_of_every_kind_are_seen_by_gdal(
    make_raster: Callable[..., Path], kind: str, flag: MaskFlags
) -> None:
    with rasterio.open(make_raster(nodata_kind=kind)) as raster:
        assert flag in raster.mask_flag_enums[0]
        assert (raster.dataset_mask()[0, 0] == 0) == (kind != "none")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "complex64"])
def test_orientations_cover_the_same_ground(make_raster: Callable[..., Path], dtype: str) -> None:
    bounds = set()
    for orientation in ("north_up", "south_up", "flipped"):
        with rasterio.open(make_raster(f"{orientation}.tif", dtype=dtype, orientation=orientation)) as raster:
            corners = [raster.transform * (x, y) for x in (0, raster.width) for y in (0, raster.height)]
            bounds.add((min(x for x, _ in corners), max(y for _, y in corners)))
    assert len(bounds) == 1
