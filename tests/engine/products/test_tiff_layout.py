"""Tiles in order: the same image and metadata, other offsets only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError
from satclip_engine.products.tiff_layout import require_complete, write_in_order

MakeRaster = Callable[..., Path]


@pytest.mark.parametrize("bigtiff", ["yes", "no"])
@pytest.mark.parametrize("interleave", ["band", "pixel"])
def test_everything_but_the_order_stays(make_raster: MakeRaster, tmp_path: Path, bigtiff: str, interleave: str) -> None:
    path = make_raster(
        width=700, height=500, nodata_kind="value", descriptions=["été", "b", "c"], overviews=(2, 4), tiled=True,
        blockxsize=128, blockysize=128, compress="deflate", bigtiff=bigtiff, interleave=interleave,
    )  # fmt: skip
    ordered = tmp_path / "ordered.tif"
    write_in_order(path, ordered)
    with rasterio.open(path) as before, rasterio.open(ordered) as after:
        assert before.profile == after.profile
        assert before.tags() == after.tags()
        assert before.descriptions == after.descriptions
        assert before.overviews(1) == after.overviews(1) == [2, 4]
        np.testing.assert_array_equal(before.read(), after.read())
    for level in (0, 1):
        with rasterio.open(path, overview_level=level) as before, rasterio.open(ordered, overview_level=level) as after:
            np.testing.assert_array_equal(before.read(), after.read())


def test_the_order_of_writing_does_not_show(make_raster: MakeRaster, tmp_path: Path) -> None:
    options = {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "deflate"}
    files = []
    for name, step in (("down.tif", 1), ("up.tif", -1)):
        source = make_raster(f"in_{name}", width=512, height=512)
        with rasterio.open(source) as raster:
            profile, values = raster.profile | options, raster.read()
        with rasterio.Env(GDAL_CACHEMAX=100_000), rasterio.open(tmp_path / name, "w", **profile) as raster:
            for row in list(range(0, 512, 128))[::step]:
                raster.write(values[:, row : row + 128], window=rasterio.windows.Window(0, row, 512, 128))
        with rasterio.open(tmp_path / name, "r+") as raster:
            raster.build_overviews([2], Resampling.nearest)
        write_in_order(tmp_path / name, tmp_path / f"ordered_{name}")
        files.append(tmp_path / name)
    assert files[0].read_bytes() != files[1].read_bytes(), "GDAL wrote the tiles in another order"
    ordered = [(tmp_path / f"ordered_{file.name}").read_bytes() for file in files]
    assert ordered[0] == ordered[1]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_file_cut_short_is_noticed(make_raster: MakeRaster, share: float) -> None:
    path = make_raster(width=700, height=500, tiled=True, compress="deflate")
    require_complete(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(RasterioIOError, match="incomplete"):
        require_complete(path)
