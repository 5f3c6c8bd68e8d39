"""From a raster to chips: they lie where layers do, the choice is balanced, and what is stopped leaves nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window
from satclip_engine.config import Config
from satclip_engine.errors import CancelledError, OptionError, OutputError, PairsError, SamplesError
from satclip_engine.pairs.build import build_captions
from satclip_engine.pairs.facts import read_facts
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import PairSet, write_pair_set
from satclip_engine.pairs.resources import code_list
from satclip_engine.pairs.sampling import Describe
from satclip_engine.protocol import (
    BuildCaptionsRequest,
    ClassSet,
    ClassSpec,
    CodedRaster,
    Pair,
    PairSetInfo,
    SampleFile,
)
from satclip_engine.raster.scene import open_scene
from shapely.geometry import Polygon

from tests.engine.pairs.ground import layer_of, pixels

Make = Callable[..., Path]
Build = Callable[..., PairSet]


@pytest.mark.parametrize("orientation", ["north_up", "south_up", "flipped", "rotated"])
def test_layers_lie_where_the_pixels_are(
    make_raster: Make, make_layer: Make, build: Build, config: Config, orientation: str
) -> None:
    scene = make_raster(width=128, height=64, orientation=orientation)
    codes = np.full((1, 64, 128), 10, dtype=np.uint8)
    codes[:, :, 64:] = 80
    cover = make_raster("cover.tif", data=codes)  # north up: the layer decides what is right
    with rasterio.open(scene) as raster:
        corners = [(64, 0), (128, 0), (128, 64), (64, 64)]
        water = make_layer([Polygon([raster.transform @ corner for corner in corners])], cover=["water"])
        centres = [raster.transform @ (32, 32), raster.transform @ (96, 32)]
        lon, lat = rasterio.warp.transform(raster.crs, "EPSG:4326", *zip(*centres, strict=True))
    made = build(scene, layers=(SampleFile(str(water)),), chip_px=64)
    assert [pair.window_px for pair in made.pairs] == [(64, 0, 64, 64)]
    assert (made.pairs[0].lon, made.pairs[0].lat) == (pytest.approx(lon[1]), pytest.approx(lat[1]))
    raster_cover = CodedRaster(str(cover), code_list(config, "worldcover"))
    covered = build(scene, "covered", landcover=raster_cover, chip_px=64)
    by_place = {pair.lon: pair.label for pair in covered.pairs}
    if orientation != "rotated":  # where a chip lies on both sides of the border
        assert [by_place[place] for place in sorted(by_place)] == ["tree cover", "water"]


def test_chips_of_another_resolution_are_files(make_raster: Make, make_layer: Make, build: Build) -> None:
    scene = make_raster(width=256, height=128, dtype="uint16")
    layer = layer_of(make_layer, [pixels(0, 0, 128, 128), pixels(128, 0, 128, 128)], ["water", "meadow"])
    made = build(scene, layers=(layer,), chip_px=64, gsd_m=2.0)
    assert [pair.label for pair in made.pairs] == ["water", "meadow"]
    assert made.info.rasters == ()
    with PairImages(made) as images, open_scene(scene) as opened:
        grid = opened.working_grid(2.0, (None, None))
        for col, pair in zip((0, 64), made.pairs, strict=True):
            assert (pair.window_px, pair.gsd_m) == (None, pytest.approx(2.0, abs=0.03))
            np.testing.assert_array_equal(images.read(pair), opened.read(Window(col, 0, 64, 64), grid).image)


def test_chips_on_nodata_are_left_out(make_raster: Make, make_layer: Make, build: Build) -> None:
    invalid = np.zeros((64, 128), dtype=bool)
    invalid[:, :10] = True
    layer = layer_of(make_layer, [pixels(0, 0, 128, 64)], ["water"])
    scene = make_raster(width=128, height=64, nodata_kind="mask", invalid=invalid)
    made = build(scene, layers=(layer,), chip_px=64)
    assert [pair.window_px for pair in made.pairs] == [(64, 0, 64, 64)]
    assert "1 on nodata left out" in made.info.origin[0]
    empty = make_raster("empty.tif", width=64, height=64, nodata_kind="mask", invalid=np.tri(64, dtype=bool))
    with pytest.raises(PairsError) as refused:
        build(empty, "other", layers=(layer,), chip_px=64)
    assert refused.value.code == "pairs.no_chips"


def test_a_choice_is_balanced_and_repeatable(make_raster: Make, make_layer: Make, build: Build) -> None:
    data = np.tile(np.random.default_rng(1).integers(60, 90, (3, 32, 32), dtype=np.uint8), (1, 12, 12))
    striped = [(32 * number, 32 * (5 * number % 11)) for number in range(12)]
    for col, row in striped:
        data[:, row : row + 32 : 8, col : col + 32] = 220
    scene = make_raster(data=data)
    layer = layer_of(make_layer, [pixels(0, 0, 384, 352), pixels(0, 352, 384, 32)], ["meadow", "water"])
    made = build(scene, layers=(layer,), chip_px=32, count=24, seed=5)
    labels = [pair.label for pair in made.pairs]
    # A twelfth of the chips is water, and one as large shows stripes: chance alone would choose two of each.
    assert len(labels) == 24
    assert 8 <= labels.count("water") <= 12
    assert sum(pair.window_px is not None and pair.window_px[:2] in striped for pair in made.pairs) >= 6
    columns = [pair.window_px[0] // 64 for pair in made.pairs if pair.window_px]
    assert set(columns) == set(range(6))
    again = build(scene, "again", layers=(layer,), chip_px=32, count=24, seed=5)
    assert again.pairs == made.pairs


def test_a_set_grows_by_other_scenes(make_raster: Make, make_layer: Make, build: Build) -> None:
    layer = layer_of(make_layer, [pixels(0, 0, 64, 64)], ["water"])
    build(make_raster("a.tif", width=64, height=64), layers=(layer,), chip_px=64, region="A")
    other = make_raster("b.tif", width=64, height=64, seed=2)
    made = build(other, layers=(layer,), chip_px=64, region="B")
    assert [pair.region for pair in made.pairs] == ["A", "B"]
    assert len(made.info.rasters) == 2
    assert len(read_facts(made.folder)) == 2
    with PairImages(made) as images:
        assert all(images.read(pair).shape == (3, 64, 64) for pair in made.pairs)
    for again in ({}, {"bands": "3,2,1", "chip_px": 32}):
        with pytest.raises(PairsError) as refused:
            build(other, **{"layers": (layer,), "chip_px": 64, **again})
        assert refused.value.code == "pairs.double"


def test_classes_that_masks_count_keep_their_codes(
    make_raster: Make, make_layer: Make, build: Build, tmp_path: Path
) -> None:
    classes = ClassSet((ClassSpec("wood", colour="#112233"), ClassSpec("Water")))
    write_pair_set(PairSet(tmp_path / "set", PairSetInfo(classes=classes), (Pair("a", "a.png", mask="a.tif"),)))
    layer = layer_of(make_layer, [pixels(0, 0, 64, 64), pixels(64, 0, 64, 64)], ["alps", "water"])
    made = build(make_raster(width=128, height=64), layers=(layer,), chip_px=64)
    assert made.info.classes is not None
    assert made.info.classes.names == ("wood", "Water", "alps")
    assert made.info.classes.classes[:2] == classes.classes
    assert [pair.label for pair in made.pairs] == ["", "alps", "Water"]


def test_a_build_that_is_stopped_leaves_nothing(
    make_raster: Make, make_layer: Make, config: Config, described: Describe, tmp_path: Path
) -> None:
    layer = layer_of(make_layer, [pixels(0, 0, 128, 64)], ["water"])
    folder = tmp_path / "set"
    request = BuildCaptionsRequest(
        str(make_raster(width=128, height=64)), str(folder), (layer,), chip_px=64, save_chips=True
    )
    run = functools.partial(build_captions, request, config=config, describe=described, progress=lambda _: None)

    def stop_when_a_chip_is_there() -> None:
        if list(tmp_path.glob("set*/images/*.tif")):
            raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        run(check_cancelled=stop_when_a_chip_is_there)
    assert not list(tmp_path.glob("set*"))
    made = run(check_cancelled=lambda: None)
    assert len(list((folder / "images").iterdir())) == len(made.pairs) == 2


def test_without_a_crs_places_are_unknown(make_raster: Make, make_layer: Make, build: Build) -> None:
    scene = make_raster(width=64, height=64, crs=None)
    cover = make_raster("cover.tif", data=np.full((1, 64, 64), 10, np.uint8), crs=None)
    made = build(scene, landcover=CodedRaster(str(cover), ClassSet((ClassSpec("10", ("trees",)),))), chip_px=64)
    assert (made.pairs[0].lon, made.pairs[0].gsd_m, made.pairs[0].label) == (None, None, "trees")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"chip_px": 8}, OptionError),
        ({"chip_px": 128}, OptionError),
        ({"date": "2020-13"}, OptionError),
        ({"date": "yesterday"}, OptionError),
        ({"count": 0}, OptionError),
        ({}, PairsError),
        ({"layers": (SampleFile("nowhere.gpkg"),)}, SamplesError),
    ],
)
def test_what_cannot_be_is_refused(make_raster: Make, build: Build, options: dict[str, Any], error: type) -> None:
    with pytest.raises(error):
        build(make_raster(width=64, height=64), **{"chip_px": 64, **options})


def test_a_folder_of_other_things_is_not_touched(make_raster: Make, build: Build, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError):
        build(make_raster(width=64, height=64), chip_px=64)
