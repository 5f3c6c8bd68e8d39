"""Vector layers become samples in the scene's CRS, or are refused with a sentence that helps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points
from satclip_engine.errors import SamplesError
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.source import Source
from satclip_engine.samples.reading import read_samples
from shapely.geometry import LineString, MultiPoint, MultiPolygon, Point, Polygon, box, shape

MakeLayer = Callable[..., Path]


def utm_grid(orientation: Affine | None = None) -> Grid:
    """1,000 x 800 m of UTM 32N at 1 m."""
    wkt = CRS.from_epsg(32632).to_wkt()
    return Grid(wkt, orientation or Affine(1, 0, 600_000, 0, -1, 5_200_000), 1000, 800)


def at(col: float, row: float) -> tuple[float, float]:
    """Map coordinates of a pixel position of ``utm_grid``."""
    return 600_000 + col, 5_200_000 - row


def in_lonlat(geometry: object) -> object:
    def move(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(transform_points("EPSG:32632", "EPSG:4326", xy[:, 0].tolist(), xy[:, 1].tolist()))

    return shapely.transform(geometry, move)


def test_points_lines_polygons_and_several_of_them(make_layer: MakeLayer) -> None:
    shapes = [
        Point(at(10, 10)),
        LineString([at(0, 0), at(50, 50)]),
        box(*at(100, 200), *at(200, 100)),
        MultiPoint([at(1, 1), at(2, 2)]),
        MultiPolygon([box(*at(300, 310), *at(310, 300)), box(*at(400, 410), *at(410, 400))]),
    ]
    found = read_samples(make_layer(shapes, **{"class": ["b", "a", "b", "c", "a"]}), utm_grid())
    assert found.attribute == "class"
    assert found.class_names == ("a", "b", "c")
    assert [sample.label for sample in found.samples] == [1, 0, 1, 2, 0]
    assert len({sample.id for sample in found.samples}) == 5
    assert found.notes == ()
    for sample, geometry in zip(found.samples, shapes, strict=True):
        assert shape(sample.geometry).equals(geometry)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson"])
def test_other_crs_is_reprojected(make_layer: MakeLayer, name: str) -> None:
    drawn = [box(*at(100, 200), *at(300, 100)), box(*at(500, 600), *at(700, 500))]
    path = make_layer([in_lonlat(polygon) for polygon in drawn], name, crs="EPSG:4326", kind=["x", "y"])
    found = read_samples(path, utm_grid())
    for sample, polygon in zip(found.samples, drawn, strict=True):
        assert shape(sample.geometry).hausdorff_distance(polygon) < 0.01


def test_polygon_far_larger_than_the_raster_is_bent_like_its_projection(make_layer: MakeLayer) -> None:
    """The whole hemisphere, up to where UTM has no coordinates, with a hole in the raster."""
    hole = in_lonlat(box(*at(400, 500), *at(500, 400)))
    world = Polygon(box(-80, -89.9, 100, 89.9).exterior, [hole.exterior])
    found = read_samples(make_layer([world], crs="EPSG:4326", kind=["land"]), utm_grid())
    covered = shape(found.samples[0].geometry)
    assert covered.covers(box(*at(0, 800), *at(390, 0)))
    assert not covered.intersects(Point(at(450, 450)))


def test_nulls_blanks_and_outside_are_left_out_and_counted(make_layer: MakeLayer) -> None:
    shapes = [Point(at(5, 5)), Point(at(6, 6)), Point(at(7, 7)), None, Point(at(-500, 5)), Point()]
    path = make_layer(shapes, kind=["water", None, "  ", "water", "water", "water"])
    found = read_samples(path, utm_grid())
    assert len(found.samples) == 1
    assert [note.split(":")[0] for note in found.notes] == [
        "1 of 6 features outside the raster",
        "2 of 6 features without a value in 'kind'",
        "2 of 6 features without a usable geometry",
    ]


def test_spellings_of_one_class_are_merged(make_layer: MakeLayer) -> None:
    path = make_layer([Point(at(n, n)) for n in range(1, 5)], kind=["Water", "water ", "bare  soil", "bare soil"])
    found = read_samples(path, utm_grid())
    assert found.class_names == ("bare soil", "Water")
    assert [sample.label for sample in found.samples] == [1, 1, 0, 0]
    assert found.notes == ("1 class written with and without capitals: merged.",)


def test_integers_with_nulls_are_classes(make_layer: MakeLayer) -> None:
    path = make_layer([Point(at(n, n)) for n in range(1, 4)], code=[3.0, np.nan, 7.0])
    assert read_samples(path, utm_grid(), attribute="code").class_names == ("3", "7")


def test_self_intersecting_polygons_are_repaired_and_counted(make_layer: MakeLayer) -> None:
    bow_tie = Polygon([at(10, 10), at(30, 30), at(30, 10), at(10, 30)])
    flat = Polygon([at(50, 50), at(60, 50), at(70, 50)])
    found = read_samples(make_layer([bow_tie, flat], kind=["a", "b"]), utm_grid())
    assert shape(found.samples[0].geometry).area == pytest.approx(200)
    assert shape(found.samples[1].geometry).buffer(0.1).covers(LineString([at(50, 50), at(70, 50)]))
    assert found.notes == ("2 geometries crossed themselves: repaired.",)


def test_attribute_is_guessed_only_from_one_text_field(make_layer: MakeLayer) -> None:
    points = [Point(at(1, 1)), Point(at(2, 2))]
    two = make_layer(points, "two.gpkg", kind=["a", "b"], source=["x", "y"], year=[1, 2])
    with pytest.raises(SamplesError) as caught:
        read_samples(two, utm_grid())
    assert caught.value.code == "samples.attribute"
    assert "kind (text), source (text), year (int" in caught.value.detail
    assert read_samples(two, utm_grid(), attribute="kind").class_names == ("a", "b")
    with pytest.raises(SamplesError, match="no text fields"):
        read_samples(make_layer(points, "none.gpkg", year=[1, 2]), utm_grid())
    with pytest.raises(SamplesError, match="no field 'colour'"):
        read_samples(two, utm_grid(), attribute="colour")


def test_layer_is_guessed_only_where_there_is_one(make_layer: MakeLayer) -> None:
    make_layer([Point(at(1, 1))], layer="first", kind=["a"])
    path = make_layer([Point(at(1, 1))], layer="second", append=True, kind=["b"])
    with pytest.raises(SamplesError, match="first, second") as caught:
        read_samples(path, utm_grid())
    assert caught.value.code == "samples.layer"
    assert read_samples(path, utm_grid(), layer="second").class_names == ("b",)


def test_identifiers_are_no_classes(make_layer: MakeLayer) -> None:
    path = make_layer([Point(at(n, n)) for n in range(1, 301)], name_of=[f"plot {n}" for n in range(300)])
    with pytest.raises(SamplesError, match="300 different values") as caught:
        read_samples(path, utm_grid())
    assert caught.value.code == "samples.classes"


@pytest.mark.parametrize(
    ("shapes", "crs", "code", "said"),
    [
        ([Point(600_010, 5_199_990)], None, "samples.crs", "declares no coordinate reference system"),
        ([Point(600_010, 5_199_990)], "EPSG:4326", "samples.crs", "no degrees"),
        ([Point(10.0, 46.0)], "EPSG:4326", "samples.no_overlap", "10.00000"),
        ([Point(600_010, 5_199_990)], "EPSG:32633", "samples.no_overlap", "they would lie on it"),
        ([Point(599_000, 5_199_500), Point(602_000, 5_199_500)], "EPSG:32632", "samples.no_overlap", "599,000"),
    ],
)
def test_layer_that_does_not_belong_is_refused_naming_both_extents(
    make_layer: MakeLayer, shapes: list[Point], crs: str | None, code: str, said: str
) -> None:
    path = make_layer(shapes, crs=crs, kind=["a"] * len(shapes))
    with pytest.raises(SamplesError) as caught:
        read_samples(path, utm_grid())
    assert caught.value.code == code
    assert said in caught.value.detail
    assert "600,000 to 601,000 by 5,199,200 to 5,200,000 (EPSG:32632)" in caught.value.detail
    assert caught.value.remedy


def test_raster_without_crs_takes_samples_in_its_pixels(make_layer: MakeLayer) -> None:
    grid = Grid("", Affine.identity(), 100, 80)
    path = make_layer([Point(10, -20), Point(10, 20)], crs=None, kind=["a", "a"])
    found = read_samples(path, grid)
    assert [sample.geometry["coordinates"] for sample in found.samples] == [[10, -20]]
    with pytest.raises(SamplesError, match="the raster has none"):
        read_samples(make_layer([Point(10, 46)], "b.gpkg", crs="EPSG:4326", kind=["a"]), grid)


def test_what_is_no_layer_is_said(make_layer: MakeLayer, tmp_path: Path) -> None:
    (tmp_path / "text.gpkg").write_text("not a database")
    for path, code in (
        (tmp_path / "absent.gpkg", "samples.missing"),
        (tmp_path / "text.gpkg", "samples.unreadable"),
        (make_layer([], "empty.gpkg", kind=[]), "samples.empty"),
        (make_layer([Point(at(1, 1))], "nulls.gpkg", kind=[None]), "samples.empty"),
    ):
        with pytest.raises(SamplesError) as caught:
            read_samples(path, utm_grid(), attribute="kind")
        assert caught.value.code == code


def test_a_hundred_thousand_points_in_many_batches(make_layer: MakeLayer) -> None:
    rng = np.random.default_rng(0)
    xy = np.column_stack(at(rng.uniform(0, 1000, 100_000), rng.uniform(0, 800, 100_000)))
    kinds = np.array(["a", "b", "c"])[rng.integers(0, 3, len(xy))]
    found = read_samples(make_layer(shapely.points(xy), kind=kinds), utm_grid())
    assert len({sample.id for sample in found.samples}) == len(xy)
    np.testing.assert_allclose([sample.geometry["coordinates"] for sample in found.samples], xy)
    assert [found.class_names[sample.label] for sample in found.samples] == kinds.tolist()


def test_labels_follow_the_classes_that_are_asked(make_layer: MakeLayer) -> None:
    path = make_layer([Point(at(n, n)) for n in range(1, 4)], kind=["water", "forest", "snow"])
    samples, notes = read_samples(path, utm_grid()).labelled_by(("Forest", "WATER"))
    assert [sample.label for sample in samples] == [1, 0]
    assert notes == ("1 sample left out, of classes that were not asked for: snow.",)


def test_the_layers_of_a_real_scene(satclip_data: Path) -> None:
    folder = satclip_data / "s2_fewshot"
    grid = Source(str(folder / "test.tif")).grid
    polygons = read_samples(folder / "ml_poly.shp", grid)
    assert polygons.attribute == "Type"
    assert polygons.class_names == ("dense_forest", "open", "river")
    assert all(shape(sample.geometry).is_valid for sample in polygons.samples)
    points = read_samples(folder / "ml.shp", grid)
    assert len(points.samples) == 23
    assert points.notes == ("4 of 27 features outside the raster: left out.",)
    with pytest.raises(SamplesError, match=r"540,110 to 542,959.*230,653 to 240,333") as caught:
        read_samples(folder / "ml.gpkg", grid)
    assert caught.value.code == "samples.crs"
