"""Real imagery: what is chosen without asking, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window
from satclip_engine.errors import SceneError
from satclip_engine.raster.scene import open_scene


@pytest.mark.parametrize(
    ("name", "preset", "bands", "scaling", "gsd_m"),
    [
        # Source of the sampling distances: README of the data; web Mercator's are larger by 1 / cos(latitude).
        ("scenes/ortho_nepal.tif", "natural", (1, 2, 3), "none", 0.066),
        ("scenes/landsat_hyderabad.tif", "natural", (1, 2, 3), "percentile:2,98", 72.8),
        ("scenes/oem_koeln_50.tif", "natural", (1, 2, 3), "none", 0.5),
        ("s2_fewshot/test.tif", "natural", (3, 2, 1), "none", 10.0),
        ("naip_series/naip_20090818.tif", "natural", (1, 2, 3), "none", 5.0),
        ("landsat_series/2020.tif", "natural", (1, 2, 3), "none", 89.2),
        ("change_taizhou/t1.tif", "natural", (3, 2, 1), "percentile:2,98", 30.0),
        ("neon_trees/SJER_004.tif", "natural", (1, 2, 3), "none", 0.1),
        ("landsat_water/images/002.tif", "natural", (4, 3, 2), "percentile:2,98", 1.0),
        ("spacenet/ms1.tif", "natural", (3, 2, 1), "percentile:2,98", 1.0),
        ("spacenet/pan1.tif", "pan", (1,), "percentile:2,98", 0.5),
        ("spacenet/sar_hh.tif", "sar", (1,), "percentile:2,98", 2.5),
        ("spacenet/sample_geotiff.tif", "pan", (1,), "percentile:2,98", 0.5),
    ],
)
def test_choices_without_asking(
    satclip_data: Path, name: str, preset: str, bands: tuple[int, ...], scaling: str, gsd_m: float
) -> None:
    with open_scene(satclip_data / name) as scene, rasterio.open(satclip_data / name) as raster:
        assert (scene.bands.preset, scene.bands.bands, scene.scaling.kind) == (preset, bands, scaling)
        assert scene.grid.gsd_m == pytest.approx(gsd_m, rel=0.005)
        side = min(scene.grid.width, scene.grid.height, 1500)
        window = Window((scene.grid.width - side) // 2, (scene.grid.height - side) // 2, side, side)
        chip = scene.read(window)
        np.testing.assert_array_equal(chip.valid, raster.dataset_mask(window=window) > 0)
    shown = chip.image[:, chip.valid]
    assert shown.std() > 20, "an image one can read"
    assert 40 < shown.mean() < 215


@pytest.mark.parametrize("name", ["scenes/paletted_landcover.tif", "change_taizhou/label.tif"])
def test_maps_are_not_images(satclip_data: Path, name: str) -> None:
    with pytest.raises(SceneError) as caught:
        open_scene(satclip_data / name)
    assert caught.value.code == "scene.paletted"


def test_an_overview_shows_what_full_size_shows(satclip_data: Path) -> None:
    with open_scene(satclip_data / "scenes/ortho_nepal.tif") as scene:
        window = Window(2000, 2000, 1024, 1024)
        native = scene.read(window).image.reshape(3, 128, 8, 128, 8).mean(axis=(2, 4))
        eighth = type(scene.grid)(
            scene.grid.crs_wkt, scene.grid.transform, scene.grid.width // 8, scene.grid.height // 8
        )
        small = scene.read(Window(250, 250, 128, 128), eighth).image
    difference = native - small
    assert abs(difference.mean()) < 1.5
    correlation = np.corrcoef(native.ravel(), small.ravel())[0, 1]
    assert correlation > 0.97
