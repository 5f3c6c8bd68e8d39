"""From layers to captions: shares are exact, words are right, and nothing is said that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window
from satclip_engine.config import Config
from satclip_engine.errors import OptionError, PairsError
from satclip_engine.pairs.facts import read_facts
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import PairSet, read_pair_set
from satclip_engine.pairs.resources import code_list
from satclip_engine.protocol import (
    ClassSet,
    ClassSpec,
    CodedRaster,
    Indices,
    SampleFile,
)
from satclip_engine.raster.scene import open_scene
from shapely.geometry import LineString, Point

from tests.engine.pairs.ground import LEFT, TOP, layer_of, pixels

Make = Callable[..., Path]
Build = Callable[..., PairSet]


def captions_of(made: PairSet) -> list[tuple[str, ...]]:
    return [pair.captions for pair in made.pairs]


def test_attributes_become_shares_labels_and_words(make_raster: Make, make_layer: Make, build: Build) -> None:
    scene = make_raster(width=130, height=64)
    # Overlapping polygons of one class count once; the rest of the second chip is of nobody.
    shapes = [pixels(1, 0, 40, 64), pixels(11, 0, 30, 64), pixels(41, 0, 24, 64), pixels(65, 0, 16, 64)]
    layer = layer_of(make_layer, shapes, ["Dense_Forest", "Dense_Forest", "river", "building"])
    made = build(scene, layers=(layer,), chip_px=64, region="Bonn", date="2020-07-04")
    first, second = made.pairs
    facts = read_facts(made.folder)
    assert [(share.name, share.share) for share in facts[first.id].covers[0].shares] == [
        ("dense forest", 0.625),
        ("river", 0.375),
    ]
    assert (first.label, second.label) == ("dense forest", "building")
    assert first.captions == (
        "a satellite image of dense forest and a river in Bonn",
        "dense forest and a river in Bonn seen from above in summer",
        "mostly dense forest, with a river",
    )
    assert first.long_captions == (
        "A satellite image of Bonn taken on 4 July 2020 shows dense forest on about 60 percent of the area and a river "
        "on about 40 percent.",
    )
    assert "buildings" in second.captions[0]
    assert (first.window_px, second.window_px) == ((1, 0, 64, 64), (65, 0, 64, 64))
    assert first.gsd_m == pytest.approx(1.0, rel=1e-3)
    assert (first.lon, first.lat) == (pytest.approx(10.3, abs=0.1), pytest.approx(46.9, abs=0.1))
    assert read_pair_set(made.folder) == made
    assert made.info.classes is not None
    assert made.info.classes.names == ("building", "dense forest")
    with PairImages(made) as images, open_scene(scene) as opened:
        np.testing.assert_array_equal(images.read(second), opened.read(Window(65, 0, 64, 64)).image)


def test_lines_and_points_count_by_length_and_number(make_raster: Make, make_layer: Make, build: Build) -> None:
    scene = make_raster(width=64, height=64)
    lines = [LineString([(LEFT, TOP - 9), (LEFT + 48, TOP - 9)]), LineString([(LEFT + 5, TOP), (LEFT + 5, TOP - 16)])]
    roads = layer_of(make_layer, lines, ["motorway", "path"], name="roads.gpkg")
    points = [Point(LEFT + 3 + step, TOP - 3) for step in range(4)]
    trees = layer_of(make_layer, points, ["oak", "oak", "beech", "oak"], name="trees.gpkg")
    made = build(scene, layers=(roads, trees), chip_px=64)
    covers = read_facts(made.folder)[made.pairs[0].id].covers
    assert [(cover.measure, [(share.name, share.share) for share in cover.shares]) for cover in covers] == [
        ("length", [("motorway", 0.75), ("path", 0.25)]),
        ("count", [("oak", 0.75), ("beech", 0.25)]),
    ]
    assert made.pairs[0].captions[0] == "a satellite image of a motorway, a path, oak and beech"
    assert made.pairs[0].long_captions == ()


def test_values_that_say_only_yes_are_named_by_their_field(make_raster: Make, make_layer: Make, build: Build) -> None:
    path = make_layer([pixels(0, 0, 64, 30)], building=["yes"])
    made = build(make_raster(width=64, height=64), layers=(SampleFile(str(path)),), chip_px=64)
    assert made.pairs[0].label == "building"
    assert made.pairs[0].captions[0] == "a satellite image of buildings"


def test_numbers_need_words(make_raster: Make, make_layer: Make, build: Build) -> None:
    scene = make_raster(width=64, height=64)
    path = str(make_layer([pixels(0, 0, 64, 40), pixels(0, 40, 64, 24)], crop=["411", "412"]))
    with pytest.raises(PairsError, match="411") as refused:
        build(scene, layers=(SampleFile(path),), chip_px=64)
    assert refused.value.code == "pairs.codes"
    words = ClassSet((ClassSpec("411", ("winter wheat",)),))
    made = build(scene, layers=(SampleFile(path, classes=words),), chip_px=64)
    assert made.pairs[0].label == "winter wheat"
    assert "412" in made.info.origin[0]


def test_templates_of_the_user_take_fields_of_sources(make_raster: Make, make_layer: Make, build: Build) -> None:
    path = str(make_layer([pixels(0, 0, 64, 64)], **{"Land Use": ["meadow"], "class": ["green"]}))
    layers = (SampleFile(path, attribute="Land Use"), SampleFile(path, attribute="class"))
    scene = make_raster(width=64, height=64)
    made = build(scene, layers=layers, chip_px=64, templates="{land_use} here: {class}\nwith {ndvi}")
    # A source named as a standard field does not take its place.
    assert captions_of(made) == [("meadows here: meadows",)]
    with pytest.raises(OptionError, match="landuse"):
        build(scene, "other", layers=layers, chip_px=64, templates="{landuse}")
    with pytest.raises(PairsError) as refused:
        build(scene, "third", layers=layers, chip_px=64, templates="{ndvi}")
    assert refused.value.code == "pairs.no_captions"


def test_landcover_of_another_crs_and_resolution(make_raster: Make, build: Build, config: Any) -> None:
    scene = make_raster(width=128, height=64, gsd=10.0)
    codes = np.full((1, 200, 300), 40, dtype=np.uint8)
    codes[:, :, 150:] = 80
    with rasterio.open(scene) as raster:
        left, bottom, right, top = rasterio.warp.transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
    width, height = right - left, top - bottom
    place = rasterio.transform.from_bounds(left - width, bottom - height, right + width, top + height, 300, 200)
    cover = make_raster("cover.tif", data=codes, crs="EPSG:4326", transform=place)
    made = build(scene, landcover=CodedRaster(str(cover), code_list(config, "worldcover")), chip_px=64)
    assert [pair.label for pair in made.pairs] == ["cropland", "water"]
    assert made.pairs[0].captions[0] == "a satellite image of cropland"


def test_corine_is_known_by_both_of_its_codes(config: Config) -> None:
    listed = {int(spec.name): spec.prompts[0] for spec in code_list(config, "corine").classes}
    names = [listed[code] for code in sorted(listed)]
    assert len(names) == 88
    assert names[:44] == names[44:]
    assert (listed[28], listed[323], listed[523]) == ("sclerophyllous shrubs", "sclerophyllous shrubs", "sea")


def test_landcover_carries_its_names(make_raster: Make, build: Build) -> None:
    codes = np.full((1, 64, 64), 1, dtype=np.uint8)
    codes[:, :16] = 2
    cover = make_raster("cover.tif", data=codes)
    scene = make_raster(width=64, height=64)
    with pytest.raises(PairsError) as refused:
        build(scene, landcover=CodedRaster(str(cover)), chip_px=64)
    assert refused.value.code == "pairs.codes"
    cells = "<F>1</F><F>Tree_Cover</F>", "<F>2</F><F>Water bodies</F>"
    table = "".join(f'<Row index="{number}">{row}</Row>' for number, row in enumerate(cells))
    Path(f"{cover}.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><GDALRasterAttributeTable>'
        '<FieldDefn index="0"><Name>Value</Name><Type>0</Type><Usage>5</Usage></FieldDefn>'
        '<FieldDefn index="1"><Name>Class</Name><Type>2</Type><Usage>2</Usage></FieldDefn>'
        f"{table}</GDALRasterAttributeTable></PAMRasterBand></PAMDataset>"
    )
    made = build(scene, landcover=CodedRaster(str(cover)), chip_px=64)
    shares = read_facts(made.folder)[made.pairs[0].id].covers[0].shares
    assert [(share.name, share.share) for share in shares] == [("tree cover", 0.75), ("water bodies", 0.25)]
    assert made.pairs[0].captions[0] == "a satellite image of trees and water"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"bands": 3}, "3 bands"),
        ({"dtype": "float32", "bands": 1}, "measured values"),
        ({"crs": None, "bands": 1}, "has none"),
        ({"origin": (0.0, 0.0), "bands": 1}, "none of its named codes"),
    ],
)
def test_what_is_no_landcover_is_refused(
    make_raster: Make, build: Build, config: Any, options: dict[str, Any], word: str
) -> None:
    cover = make_raster("cover.tif", width=64, height=64, **options)
    with pytest.raises(PairsError, match=word) as refused:
        build(
            make_raster(width=64, height=64),
            landcover=CodedRaster(str(cover), code_list(config, "worldcover")),
            chip_px=64,
        )
    assert refused.value.code == "pairs.landcover"


def reflectances(**chips: tuple[int, int, int, int]) -> np.ndarray:
    """Chips of 32 px side by side, each of one value of green, red, NIR and SWIR."""
    return np.concatenate([np.tile(np.array(v, np.uint16)[:, None, None], (1, 32, 32)) for v in chips.values()], axis=2)


def test_indices_are_those_of_the_formulas(make_raster: Make, build: Build) -> None:
    data = reflectances(forest=(600, 400, 3600, 1500), water=(800, 500, 200, 100), town=(1000, 1200, 1500, 2500))
    scene = make_raster(data=data, descriptions=("green", "red", "nir", "swir1"))
    made = build(scene, indices=True, chip_px=32, bands="3,2,1")
    forest, water, town = (read_facts(made.folder)[pair.id].indices for pair in made.pairs)
    assert forest == Indices(ndvi=0.8, ndwi=round(-3000 / 4200, 4), ndbi=round(-2100 / 5100, 4), water=0.0)
    assert (water.ndvi, water.water, water.ndwi) == (None, 1.0, 0.6)
    assert town.ndbi == 0.25
    assert captions_of(made) == [
        ("a satellite image of land with dense vegetation", "land with dense vegetation seen from above"),
        ("a satellite image of open water",),
        (
            "a satellite image of land with little vegetation",
            "land with little vegetation seen from above",
            "a satellite image of built-up or bare ground",
        ),
    ]


def test_what_water_hides_is_not_said(make_raster: Make, make_layer: Make, build: Build) -> None:
    # A muddy river looks like bare land; the field of the layer is under water on this day.
    data = reflectances(muddy=(900, 1000, 1100, 600), flooded=(800, 500, 200, 100), dry=(900, 1000, 1800, 2000))
    scene = make_raster(data=data, descriptions=("green", "red", "nir", "swir1"))
    fields = [pixels(0, 0, 32, 32), pixels(32, 0, 64, 32)]
    layer = layer_of(make_layer, fields, ["river", "rice field"])
    made = build(scene, layers=(layer,), indices=True, chip_px=32, bands="3,2,1")
    assert [pair.long_captions for pair in made.pairs] == [
        ("A satellite image shows a river on almost all of the area.",),
        (),
        (
            "A satellite image shows a rice field on almost all of the area. "
            "The land has moderate vegetation (moderate NDVI).",
        ),
    ]


def test_the_forest_of_the_issue(make_raster: Make, make_layer: Make, build: Build) -> None:
    data = reflectances(sparse=(800, 900, 1300, 1500), dense=(600, 400, 3600, 1500))
    scene = make_raster(data=data, descriptions=("green", "red", "nir", "swir1"))
    layer = layer_of(make_layer, [pixels(0, 0, 64, 32)], ["coniferous forest"])
    made = build(scene, layers=(layer,), indices=True, chip_px=32, bands="3,2,1")
    assert [pair.captions[-1] for pair in made.pairs] == [
        "low NDVI coniferous forest with sparse canopy",
        "high NDVI coniferous forest with dense canopy",
    ]


def test_indices_need_their_bands(make_raster: Make, build: Build) -> None:
    with pytest.raises(OptionError) as refused:
        build(make_raster(width=64, height=64), indices=True, chip_px=64)
    assert refused.value.code == "option.indices"


def test_regions_of_a_layer_keep_their_spelling(make_raster: Make, make_layer: Make, build: Build) -> None:
    regions = make_layer([pixels(0, 0, 64, 64), pixels(64, 0, 64, 64)], name="r.gpkg", name_=["Upper Egypt", "Nubia"])
    cover = layer_of(make_layer, [pixels(0, 0, 128, 64)], ["desert"])
    scene = make_raster(width=128, height=64)
    made = build(scene, layers=(cover,), regions=SampleFile(str(regions)), chip_px=64)
    assert [pair.region for pair in made.pairs] == ["Upper Egypt", "Nubia"]
    assert made.pairs[0].captions[0] == "a satellite image of desert in Upper Egypt"


@pytest.mark.parametrize(
    ("date", "lat_origin", "season"),
    [("2020-07", 5_200_000.0, "summer"), ("2020-01-31", 5_200_000.0, "winter"), ("2020", 5_200_000.0, "")],
)
def test_the_season_is_that_of_the_place(
    make_raster: Make, make_layer: Make, build: Build, date: str, lat_origin: float, season: str
) -> None:
    layer = layer_of(make_layer, [pixels(0, 0, 64, 64)], ["water"])
    scene = make_raster(width=64, height=64, origin=(LEFT, lat_origin))
    made = build(scene, layers=(layer,), chip_px=64, date=date, templates="water in {season}\nwater")
    assert made.pairs[0].captions[0] == (f"water in {season}" if season else "water")


def test_real_imagery_with_real_layers(satclip_data: Path, build: Build, config: Any) -> None:
    folder = satclip_data / "s2_fewshot"
    layer = SampleFile(str(folder / "ml_poly.shp"))
    made = build(folder / "test.tif", layers=(layer,), indices=True, chip_px=48, sensor="Sentinel-2")
    assert {pair.label for pair in made.pairs} == {"", "river", "dense forest", "open"}
    assert any(pair.captions[0] == "a Sentinel-2 image of open land" for pair in made.pairs)
    assert "Bytes are no reflectances" in made.info.origin[0]
    chips = build(
        satclip_data / "landsat_water" / "images" / "025.tif",
        "landsat",
        landcover=CodedRaster(
            str(satclip_data / "landsat_water" / "worldcover" / "025.png"), code_list(config, "worldcover")
        ),
        indices=True,
        chip_px=42,
    )
    assert {pair.label for pair in chips.pairs} <= {"grassland", "tree cover", "water", "cropland"}
    assert all(pair.captions for pair in chips.pairs)
