"""The area of interest: exact pixels in any CRS."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_geom
from rasterio.windows import Window
from satclip_engine.errors import AoiError
from satclip_engine.protocol import Aoi
from satclip_engine.raster.aoi import locate_aoi
from satclip_engine.raster.grid import Grid

GRID = Grid(CRS.from_epsg(32632).to_wkt(), Affine(2, 0, 600_000, 0, -2, 5_200_000), 200, 150)


def box_of(grid: Grid, col: float, row: float, width: float, height: float) -> dict[str, Any]:
    corners = [(col, row), (col + width, row), (col + width, row + height), (col, row + height), (col, row)]
    return {"type": "Polygon", "coordinates": [[grid.map_transform @ corner for corner in corners]]}


def test_no_area_is_the_whole_scene() -> None:
    aoi = locate_aoi(None, GRID)
    assert aoi.grid is GRID
    assert aoi.mask(Window(190, 140, 10, 10)).all()


@pytest.mark.parametrize("rotation", [0, 33])
def test_a_box_on_pixel_edges_is_exactly_its_pixels(rotation: float) -> None:
    grid = Grid(GRID.crs_wkt, GRID.transform @ Affine.rotation(rotation), 200, 150)
    aoi = locate_aoi(Aoi(box_of(grid, 20, 30, 40, 50)), grid)
    assert aoi.window == Window(20, 30, 40, 50)
    assert aoi.mask(aoi.window).all()
    assert aoi.grid.transform @ (0, 0) == pytest.approx(grid.transform @ (20, 30))


def test_parts_of_the_mask_fit_together_and_follow_pixel_centres() -> None:
    circle = shapely.Point(GRID.transform @ (100, 70)).buffer(80)
    aoi = locate_aoi(Aoi(shapely.geometry.mapping(circle)), GRID)
    whole = aoi.mask(aoi.window)
    part = Window(aoi.window.col_off + 7, aoi.window.row_off + 11, 20, 30)
    np.testing.assert_array_equal(aoi.mask(part), whole[11:41, 7:27])
    rows, cols = np.mgrid[0 : whole.shape[0], 0 : whole.shape[1]] + 0.5
    x, y = cols + aoi.window.col_off - 100, rows + aoi.window.row_off - 70
    assert (whole != (np.hypot(x, y) < 40)).mean() < 0.01


def test_another_crs_finds_the_same_pixels() -> None:
    geometry = transform_geom("EPSG:32632", "EPSG:4326", box_of(GRID, 20, 30, 40, 50), precision=12)
    aoi = locate_aoi(Aoi(geometry, "EPSG:4326"), GRID)
    assert aoi.window == Window(20, 30, 40, 50)
    assert aoi.mask(aoi.window).mean() > 0.99


def test_an_area_over_the_border_is_clipped() -> None:
    assert locate_aoi(Aoi(box_of(GRID, -50, -50, 80, 90)), GRID).window == Window(0, 0, 30, 40)


def test_without_crs_an_area_is_where_qgis_draws_it() -> None:
    grid = Grid("", Affine.identity(), 100, 60)
    geometry = {"type": "Polygon", "coordinates": [[[10, -5], [30, -5], [30, -25], [10, -25], [10, -5]]]}
    aoi = locate_aoi(Aoi(geometry), grid)
    assert aoi.window == Window(10, 5, 20, 20)
    assert aoi.mask(aoi.window).all()


@pytest.mark.parametrize(
    ("geometry", "crs", "code"),
    [
        (box_of(GRID, 500, 500, 10, 10), "", "aoi.outside"),
        (box_of(GRID, 10.1, 10.1, 0.2, 0.2), "", "aoi.outside"),
        (box_of(GRID, 10, 10, 10, 10), "EPSG:999999", "aoi.crs"),
        ({"type": "Point", "coordinates": [600_010, 5_199_990]}, "", "aoi.geometry"),
        ({"type": "Polygon", "coordinates": []}, "", "aoi.geometry"),
        ({"type": "Polygon"}, "", "aoi.geometry"),
        ({}, "", "aoi.geometry"),
        ({"type": "Polygon", "coordinates": [[[float("nan"), 0], [1, 1], [2, 0], [0, 0]]]}, "", "aoi.geometry"),
    ],
)
def test_an_area_that_cannot_be_used_is_refused(geometry: dict[str, Any], crs: str, code: str) -> None:
    with pytest.raises(AoiError) as caught:
        locate_aoi(Aoi(geometry, crs), GRID)
    assert caught.value.code == code
    assert caught.value.remedy


def test_a_bow_tie_is_repaired() -> None:
    corners = [GRID.transform @ corner for corner in [(10, 10), (50, 50), (50, 10), (10, 50), (10, 10)]]
    aoi = locate_aoi(Aoi({"type": "Polygon", "coordinates": [corners]}), GRID)
    assert 0.3 < aoi.mask(aoi.window).mean() < 0.7


def test_an_area_with_crs_over_a_scene_without_is_refused() -> None:
    with pytest.raises(AoiError) as caught:
        locate_aoi(Aoi(box_of(GRID, 1, 1, 9, 9), "EPSG:32632"), Grid("", Affine.identity(), 50, 50))
    assert caught.value.code == "aoi.crs"
