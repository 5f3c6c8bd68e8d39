"""Polygons: the map's patches with true areas, shared borders and mean probabilities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window
from satclip_engine.products.polygons import write_polygons
from satclip_engine.products.rasters import RasterProducts
from satclip_engine.protocol import Outputs, PolygonOptions, parse_classes
from satclip_engine.raster.grid import Grid

from tests.engine.products.content import utm_grid

CLASSES = parse_classes("water; forest; building")


@pytest.fixture
def polygons_of(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return ``make(codes, grid, options, probabilities=None) -> fields and shapes`` as read back from the file."""

    def make(
        codes: np.ndarray, grid: Grid, options: PolygonOptions, probabilities: np.ndarray | None = None
    ) -> dict[str, Any]:
        folder = tmp_path / "a" / "b"
        folder.mkdir(parents=True)
        height, width = codes.shape
        outputs = Outputs(probabilities=probabilities is not None, confidence=False)
        given = np.zeros((3, height, width), np.uint8) if probabilities is None else probabilities
        with RasterProducts(folder, grid, CLASSES, outputs) as products:
            products.write(Window(0, 0, width, height), given, codes, None, codes > 0)
        path = write_polygons(folder, CLASSES, options)
        assert sorted(p.name for p in folder.iterdir() if p.suffix != ".tif")[-1] == "thematic.tif.aux.xml"
        meta, _, wkb, fields = pyogrio.raw.read(path)
        read = dict(zip(meta["fields"], fields, strict=True))
        return {"shapes": shapely.from_wkb(wkb), "crs": meta["crs"], **read}

    return make


def quarters() -> np.ndarray:
    codes = np.ones((80, 100), dtype=np.uint8)
    codes[:40, :50] = 2
    codes[40:, 50:] = 3
    codes[:5] = 0
    return codes


def test_fields_and_areas(polygons_of: Callable[..., dict[str, Any]]) -> None:
    codes = quarters()
    probabilities = np.zeros((3, 80, 100), dtype=np.uint8)
    for code, dn in ((1, 100), (2, 150), (3, 200)):
        probabilities[code - 1][codes == code] = dn
    found = polygons_of(codes, utm_grid(100, 80), PolygonOptions(simplify_px=0), probabilities)
    assert found["crs"] == "EPSG:32632"
    assert sorted(found["class"]) == ["building", "forest", "water", "water"]
    # Source: point scale of the transverse Mercator projection, k0 (1 + x² / 2R²), 100 km off the central meridian.
    scale2 = (0.9996 * (1 + 1e5**2 / (2 * 6.38e6**2))) ** 2
    for code, name, dn in ((2, "forest", 150), (3, "building", 200)):
        (index,) = np.flatnonzero(found["code"] == code)
        assert found["class"][index] == name
        assert found["mean_probability"][index] == pytest.approx(dn / 250, abs=1e-4)
        assert found["area_m2"][index] == pytest.approx((codes == code).sum() * 4 / scale2, rel=2e-5)
        assert found["shapes"][index].area == pytest.approx((codes == code).sum() * 4)


@pytest.mark.parametrize("latitude", [0.0, 60.0])
def test_areas_are_true_in_degrees(polygons_of: Callable[..., dict[str, Any]], latitude: float) -> None:
    grid = Grid(CRS.from_epsg(4326).to_wkt(), Affine(1e-4, 0, 10, 0, -1e-4, latitude), 100, 80)
    found = polygons_of(quarters(), grid, PolygonOptions())
    expected = grid.pixel_areas_m2(Window(0, 0, 100, 80))[quarters() > 0].sum()
    assert found["area_m2"].sum() == pytest.approx(expected, rel=1e-6)
    # Source: a square of 1e-4 degrees is 11.132 m x 11.057 m at the equator, 5.58 m x 11.141 m at 60°.
    per_pixel = {0.0: 11.132 * 11.057, 60.0: 5.580 * 11.141}[latitude]
    assert found["area_m2"].sum() == pytest.approx(per_pixel * (quarters() > 0).sum(), rel=2e-3)


def test_small_patches_go_to_their_neighbour_and_lone_ones_go(polygons_of: Callable[..., dict[str, Any]]) -> None:
    codes = quarters()
    codes[20:23, 20:23] = 1  # 36 m² inside the forest
    codes[:10, 80:] = 0
    codes[2:4, 90:92] = 3  # 16 m² alone in nodata
    found = polygons_of(codes, utm_grid(100, 80), PolygonOptions(min_area_m2=100))
    assert len(found["code"]) == 4
    assert found["area_m2"].min() >= 100
    forest = found["area_m2"][found["code"] == 2]
    assert forest == pytest.approx(35 * 50 * 4, rel=2e-3)


def test_simplified_neighbours_share_their_border(polygons_of: Callable[..., dict[str, Any]]) -> None:
    rows, cols = np.mgrid[0:200, 0:240]
    codes = np.where(np.hypot(rows - 100, cols - 120) < 60, 1, 2).astype(np.uint8)
    codes[(cols > 130 + 15 * np.sin(rows / 9)) & (codes == 2)] = 3
    found = polygons_of(codes, utm_grid(240, 200), PolygonOptions(simplify_px=2))
    shapes = found["shapes"]
    assert shapely.is_valid(shapes).all()
    together = shapely.union_all(shapes)
    assert together.area == pytest.approx(shapely.area(shapes).sum(), rel=1e-9), "no overlaps"
    assert together.area == pytest.approx(240 * 200 * 4, rel=1e-3), "no gaps"
    assert shapely.get_num_coordinates(shapes).sum() < 400
    exact = {code: (codes == code).sum() * 4 for code in (1, 2, 3)}
    for code, area in exact.items():
        assert shapely.area(shapes[found["code"] == code]).sum() == pytest.approx(area, rel=0.02)


def test_an_empty_map_is_an_empty_layer(polygons_of: Callable[..., dict[str, Any]]) -> None:
    found = polygons_of(np.zeros((30, 30), dtype=np.uint8), utm_grid(30, 30), PolygonOptions(min_area_m2=50))
    assert len(found["shapes"]) == 0


def test_unknown_is_a_patch_without_probability(polygons_of: Callable[..., dict[str, Any]]) -> None:
    codes = np.full((30, 30), 4, dtype=np.uint8)
    found = polygons_of(codes, utm_grid(30, 30), PolygonOptions(), np.full((3, 30, 30), 80, dtype=np.uint8))
    assert list(found["class"]) == ["unknown"]
    assert np.isnan(found["mean_probability"][0])


def test_patches_over_several_strips_are_measured_once(polygons_of: Callable[..., dict[str, Any]]) -> None:
    codes = np.ones((2300, 30), dtype=np.uint8)
    codes[1000:1100, 10:20] = 2
    probabilities = np.full((3, 2300, 30), 125, dtype=np.uint8)
    found = polygons_of(codes, Grid("", Affine.identity(), 30, 2300), PolygonOptions(), probabilities)
    areas = dict(zip(found["code"].tolist(), found["area_m2"].tolist(), strict=True))
    assert areas == {1: 68_000.0, 2: 1_000.0}
    assert found["mean_probability"] == pytest.approx([0.5, 0.5], abs=1e-3)
