"""Areas of interest as bounds, GeoJSON text and vector files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyogrio.raw
import pytest
import shapely
from satclip_engine.cli.aoi import parse_aoi
from satclip_engine.errors import AoiError

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}


def feature(geometry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": geometry}


def test_bounds_are_in_the_scenes_crs() -> None:
    aoi = parse_aoi("600000, 5199000,600500.5,5200000")
    assert aoi.crs == ""
    assert shapely.geometry.shape(aoi.geometry).bounds == (600000.0, 5199000.0, 600500.5, 5200000.0)


@pytest.mark.parametrize("text", ["1,1,0,2", "0,3,1,2", "1,1,1,2", "nan,0,1,1"])
def test_bounds_that_hold_nothing_are_refused(text: str) -> None:
    with pytest.raises(AoiError) as caught:
        parse_aoi(text)
    assert caught.value.code == "aoi.empty"


@pytest.mark.parametrize(
    "wrap", [lambda g: g, feature, lambda g: {"type": "FeatureCollection", "features": [feature(g)]}]
)
def test_geojson_text_of_every_kind_is_in_degrees(wrap: Any) -> None:
    aoi = parse_aoi(json.dumps(wrap(SQUARE)))
    assert (aoi.geometry["type"], aoi.crs) == ("Polygon", "EPSG:4326")


def test_several_polygons_become_one_area() -> None:
    collection = {"type": "FeatureCollection", "features": [feature(SQUARE), feature(SQUARE)]}
    assert len(parse_aoi(json.dumps(collection)).geometry["coordinates"]) == 2


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:EPSG::32633", "EPSG:32633"])
def test_an_old_crs_member_is_understood(name: str) -> None:
    text = json.dumps({**SQUARE, "crs": {"type": "name", "properties": {"name": name}}})
    assert parse_aoi(text).crs == "EPSG:32633"


@pytest.mark.parametrize("text", ['{"type": "Point", "coordinates": [0, 0]}', '{"type": "FeatureCollection"}', "{}"])
def test_geojson_without_polygon_is_refused(text: str) -> None:
    with pytest.raises(AoiError, match="no polygon"):
        parse_aoi(text)


@pytest.mark.parametrize("text", ["{broken", "somewhere", "1,2,3", "/nowhere/area.gpkg"])
def test_anything_else_is_refused_with_the_three_ways(text: str) -> None:
    with pytest.raises(AoiError) as caught:
        parse_aoi(text)
    assert "left,bottom,right,top" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "driver"), [("a.gpkg", "GPKG"), ("a.shp", "ESRI Shapefile"), ("a.geojson", "GeoJSON")]
)
def test_vector_files_bring_their_crs(tmp_path: Path, name: str, driver: str) -> None:
    polygons = shapely.to_wkb([shapely.box(10, 50, 11, 51), shapely.box(10.5, 50, 12, 51)])
    pyogrio.raw.write(tmp_path / name, polygons, [], [], geometry_type="Polygon", crs="EPSG:4326", driver=driver)
    aoi = parse_aoi(str(tmp_path / name))
    assert shapely.geometry.shape(aoi.geometry).bounds == (10.0, 50.0, 12.0, 51.0)
    assert "4326" in aoi.crs


def test_a_file_without_polygons_is_refused(tmp_path: Path) -> None:
    points = shapely.to_wkb([shapely.Point(1, 2)])
    pyogrio.raw.write(tmp_path / "p.gpkg", points, [], [], geometry_type="Point", crs="EPSG:4326", driver="GPKG")
    with pytest.raises(AoiError, match="no polygon"):
        parse_aoi(str(tmp_path / "p.gpkg"))
    (tmp_path / "text.gpkg").write_text("nothing")
    with pytest.raises(AoiError, match="cannot be read"):
        parse_aoi(str(tmp_path / "text.gpkg"))
