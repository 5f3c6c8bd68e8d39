"""Grid: metres on the ground for every CRS, and exact maths between grids of one extent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window
from satclip_engine.errors import OptionError
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.working_grid import working_grid

UTM = CRS.from_epsg(32632).to_wkt()
DEGREES = CRS.from_epsg(4326).to_wkt()
MERCATOR = CRS.from_epsg(3857).to_wkt()


def north_up(crs: str, x: float, y: float, gsd: float, width: int = 100, height: int = 80) -> Grid:
    return Grid(crs, Affine(gsd, 0, x, 0, -gsd, y), width, height)


def test_utm_pixels_measure_their_size_within_the_projections_scale() -> None:
    # The scale factor on the central meridian is 0.9996: ground metres are a little longer than grid metres.
    assert north_up(UTM, 500_000, 5_200_000, 0.5).gsd_m == pytest.approx(0.5 / 0.9996, rel=1e-5)


def test_mercator_pixels_shrink_with_latitude() -> None:
    latitude = 60.0
    y = 6_378_137 * math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))
    assert north_up(MERCATOR, 1_000_000, y + 40, 1.0).gsd_m == pytest.approx(0.5, rel=0.005)


def test_degree_pixels_are_wide_at_the_equator_and_narrow_in_the_north() -> None:
    # Source: one degree of longitude is 111.320 km at the equator and 55.800 km at 60° (WGS 84).
    width_m, height_m = Grid(DEGREES, Affine(1e-3, 0, 10, 0, -1e-3, 0.04), 100, 80).pixel_size_m
    assert width_m == pytest.approx(111.320, rel=1e-4)
    assert height_m == pytest.approx(110.574, rel=1e-4)
    assert Grid(DEGREES, Affine(1e-3, 0, 10, 0, -1e-3, 60.04), 100, 80).pixel_size_m[0] == pytest.approx(
        55.800, rel=1e-3
    )


def test_a_raster_over_the_date_line_has_ordinary_pixels() -> None:
    assert Grid(DEGREES, Affine(1e-3, 0, 179.95, 0, -1e-3, 0.04), 100, 80).gsd_m == pytest.approx(110.95, rel=1e-3)


def test_feet_become_metres() -> None:
    assert north_up(CRS.from_epsg(2263).to_wkt(), 980_000, 200_000, 3.0).gsd_m == pytest.approx(3 * 0.3048, rel=1e-3)


@pytest.mark.parametrize("angle", [0, 30, 90, 180])
def test_turning_a_raster_changes_no_size(angle: float) -> None:
    transform = Affine.translation(500_000, 5_200_000) @ Affine.rotation(angle) @ Affine.scale(2, -2)
    grid = Grid(UTM, transform, 50, 50)
    assert grid.gsd_m == pytest.approx(2 / 0.9996, rel=1e-5)
    assert grid.is_north_up == (angle == 0)


def test_without_crs_a_pixel_is_the_unit_and_lies_where_qgis_draws_it() -> None:
    grid = Grid("", Affine.identity(), 30, 20)
    assert (grid.gsd_m, grid.has_crs) == (1.0, False)
    assert grid.bounds == (0.0, -20.0, 30.0, 0.0)
    assert grid.window_grid(Window(5, 4, 10, 10)).bounds == (5.0, -14.0, 15.0, -4.0)


def test_resampling_keeps_the_extent_exactly() -> None:
    grid = north_up(UTM, 500_000, 5_200_000, 0.3, 1003, 777)
    coarse = grid.resampled(1.0)
    assert (coarse.width, coarse.height) == (math.ceil(1003 * grid.gsd_m), math.ceil(777 * grid.gsd_m))
    assert coarse.bounds == pytest.approx(grid.bounds, abs=1e-6)
    assert coarse.gsd_m <= 1.0 + 1e-9


def test_resampling_degrees_makes_pixels_square_on_the_ground() -> None:
    width_m, height_m = Grid(DEGREES, Affine(1e-4, 0, 10, 0, -1e-4, 60.0), 2000, 2000).resampled(30.0).pixel_size_m
    assert width_m == pytest.approx(height_m, rel=0.01)


def test_windows_map_back_and_forth() -> None:
    grid = north_up(UTM, 500_000, 5_200_000, 0.3, 1000, 700)
    coarse = grid.resampled(1.1)
    window = Window(10, 20, 30, 40)
    back = grid.window_in(coarse, coarse.window_in(grid, window))
    assert (back.col_off, back.row_off, back.width, back.height) == pytest.approx((10, 20, 30, 40))


def test_pixel_areas_add_up_to_the_ellipsoids_area() -> None:
    # Source: the cell 0-1° N, 0-1° E covers 12 308.8 km² of the WGS 84 ellipsoid (geodesic area, Karney 2013).
    grid = Grid(DEGREES, Affine(0.01, 0, 0, 0, -0.01, 1), 100, 100)
    assert grid.pixel_areas_m2(Window(0, 0, 100, 100)).sum() == pytest.approx(12_308.8e6, rel=1e-4)


def test_pixel_areas_do_not_depend_on_the_window() -> None:
    grid = Grid(DEGREES, Affine(0.001, 0, 0, 0, -0.001, 50), 300, 200)
    whole = grid.pixel_areas_m2(Window(0, 0, 300, 200))
    np.testing.assert_allclose(grid.pixel_areas_m2(Window(40, 90, 50, 30)), whole[90:120, 40:90], rtol=1e-6)
    assert grid.pixel_areas_m2(Window(7, 7, 1, 1)).shape == (1, 1)


def test_automatic_scale_is_clamped_into_the_models_range() -> None:
    grid = north_up(UTM, 500_000, 5_200_000, 0.1, 1000, 1000)
    assert working_grid(grid, None, (0.3, 2.0)).gsd_m == pytest.approx(0.3, rel=0.01)
    assert working_grid(grid, None, (0.05, 2.0)) is grid
    assert working_grid(grid, None, (None, None)) is grid


def test_automatic_scale_enlarges_a_coarse_scene_at_most_twice() -> None:
    grid = north_up(UTM, 500_000, 5_200_000, 30.0)
    assert working_grid(grid, None, (0.3, 2.0)).gsd_m == pytest.approx(15.0, rel=0.01)


def test_without_crs_only_an_asked_scale_changes_the_grid() -> None:
    grid = Grid("", Affine.identity(), 100, 60)
    assert working_grid(grid, None, (0.3, 2.0)) is grid
    assert (working_grid(grid, 2.0, (0.3, 2.0)).width, working_grid(grid, 2.0, (0.3, 2.0)).height) == (50, 30)


@pytest.mark.parametrize("gsd_m", [0.0, -1.0, math.nan, math.inf, 0.001])
def test_an_impossible_scale_is_refused(gsd_m: float) -> None:
    with pytest.raises(OptionError) as caught:
        working_grid(north_up(UTM, 500_000, 5_200_000, 0.5), gsd_m, (None, None))
    assert caught.value.code == "option.gsd"
    assert caught.value.remedy
