"""Band mapping by name, by number, by order; and the scaling that follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rasterio.windows import Window
from satclip_engine.errors import BandsError
from satclip_engine.raster.bands import BandFacts, choose_bands
from satclip_engine.raster.roles import describe_roles
from satclip_engine.raster.scene import open_scene

MakeRaster = Callable[..., Path]
SENTINEL2 = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"]
LANDSAT = ["SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"]


def facts(count: int, dtype: str = "uint16", names: list[str] | None = None) -> BandFacts:
    described = describe_roles(names or [None] * count, ["undefined"] * count)
    return BandFacts(tuple(range(1, count + 1)), described, dtype)


@pytest.mark.parametrize(
    ("names", "preset", "bands"),
    [
        (SENTINEL2, "auto", (4, 3, 2)),
        (SENTINEL2, "false_colour", (8, 4, 3)),
        (SENTINEL2, "swir", (12, 8, 4)),
        (LANDSAT, "auto", (4, 3, 2)),
        (LANDSAT, "false_colour", (5, 4, 3)),
        (LANDSAT, "swir", (7, 5, 4)),
        (["Blue", "Green", "Red", "Near Infrared"], "auto", (3, 2, 1)),
        (["coastal", "blue", "green", "red", "nir", "swir1", "swir2"], "swir", (7, 5, 4)),
        (["red", "green", "blue", "red edge", "nir"], "false_colour", (5, 1, 2)),
        (["VV", "VH"], "auto", (1, 2)),
        (["VH", "VV"], "auto", (2, 1)),
    ],
)
def test_names_decide(names: list[str], preset: str, bands: tuple[int, ...]) -> None:
    assert choose_bands(preset, facts(len(names), names=names)).bands == bands


@pytest.mark.parametrize(
    ("count", "dtype", "preset", "bands"),
    [
        (1, "uint8", "auto", (1,)),
        (2, "uint8", "auto", (1,)),
        (2, "float32", "auto", (1, 2)),
        (3, "uint8", "auto", (1, 2, 3)),
        (4, "uint8", "auto", (1, 2, 3)),
        (4, "uint16", "auto", (3, 2, 1)),
        (4, "uint8", "false_colour", (4, 1, 2)),
        (6, "uint8", "swir", (6, 4, 3)),
        (13, "uint16", "sentinel2", (4, 3, 2)),
        (10, "uint16", "sentinel2", (3, 2, 1)),
        (40, "uint16", "auto", (1, 2, 3)),
        (5, "uint16", "5,3,1", (5, 3, 1)),
        (5, "uint16", " 2 ", (2,)),
    ],
)
def test_order_decides_where_there_are_no_names(count: int, dtype: str, preset: str, bands: tuple[int, ...]) -> None:
    assert choose_bands(preset, facts(count, dtype)).bands == bands


@pytest.mark.parametrize("spec", ["9,1,2", "0", "1,2", "1,2,3,4", "red,green", "magic", "swir", "sentinel2"])
def test_a_mapping_that_does_not_fit_is_refused(spec: str) -> None:
    with pytest.raises(BandsError) as caught:
        choose_bands(spec, facts(3))
    assert caught.value.remedy


def test_one_band_is_grey(make_raster: MakeRaster) -> None:
    with open_scene(make_raster(bands=5, dtype="uint16"), bands="4") as scene:
        image = scene.read(Window(0, 0, 96, 80)).image
    assert (image[0] == image[1]).all()
    assert (image[0] == image[2]).all()


def test_complex_radar_becomes_decibels(make_raster: MakeRaster) -> None:
    amplitude = np.array([[1.0, 10.0], [100.0, 1000.0]]).repeat(20, 0).repeat(20, 1)
    phase = np.exp(2j * np.pi * np.random.default_rng(0).random(amplitude.shape))
    with open_scene(make_raster(data=(amplitude * phase).astype(np.complex64)[None])) as scene:
        image = scene.read(Window(0, 0, 40, 40)).image[0]
        assert scene.bands.expression == "amplitude"
    # Each factor of ten in amplitude is 20 dB: equal steps of grey.
    steps = np.diff([int(image[5, 5]), int(image[5, 30]), int(image[30, 5]), int(image[30, 30])])
    assert np.ptp(steps) <= 1
    assert (steps > 60).all()


def test_two_polarisations_make_three_channels(make_raster: MakeRaster) -> None:
    rng = np.random.default_rng(0)
    power = rng.gamma(4, 0.05, (2, 50, 50)).astype(np.float32)
    with open_scene(make_raster(data=power, descriptions=["VV", "VH"])) as scene:
        assert scene.bands.expression == "power"
        linear = scene.read(Window(0, 0, 50, 50)).image
    decibels = (10 * np.log10(power)).astype(np.float32)
    with open_scene(make_raster("db.tif", data=decibels, descriptions=["VV", "VH"])) as scene:
        assert scene.bands.expression == "decibels"
        logarithmic = scene.read(Window(0, 0, 50, 50)).image
    assert np.abs(linear.astype(int) - logarithmic).max() <= 1
    assert len({linear[c].tobytes() for c in range(3)}) == 3


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_percentiles_clip_both_tails(make_raster: MakeRaster, dtype: str) -> None:
    ramp = np.linspace(-500 if dtype != "uint16" else 0, 9500, 100 * 100).reshape(1, 100, 100).astype(dtype)
    with open_scene(make_raster(data=ramp), scaling="percentile:10,90") as scene:
        image = scene.read(Window(0, 0, 100, 100)).image[0].ravel()
    assert scene.scaling.kind == "percentile:10,90"
    assert np.mean(image == 0) == pytest.approx(0.1, abs=0.01)
    assert np.mean(image == 255) == pytest.approx(0.1, abs=0.01)
    assert (np.diff(image.astype(int)) >= 0).all()


@pytest.mark.parametrize(("dtype", "unit"), [("uint16", 10_000), ("int16", 10_000), ("float32", 1)])
def test_reflectance_is_fixed(make_raster: MakeRaster, dtype: str, unit: int) -> None:
    data = (np.array([0.0, 0.15, 0.3, 0.9])[None, None, :] * unit).repeat(3, 0).repeat(4, 1).astype(dtype)
    with open_scene(make_raster(data=data), scaling="reflectance") as scene:
        np.testing.assert_allclose(scene.read(Window(0, 0, 4, 4)).image[0, 0], [0, 128, 255, 255], atol=1)


def test_bytes_that_fill_their_range_pass_unchanged_and_dark_ones_are_stretched(make_raster: MakeRaster) -> None:
    with open_scene(make_raster()) as scene:
        assert scene.scaling.kind == "none"
    dark = np.random.default_rng(0).integers(20, 60, (3, 50, 50)).astype(np.uint8)
    with open_scene(make_raster("dark.tif", data=dark)) as scene:
        assert scene.scaling.kind == "percentile:2,98"
        assert np.ptp(scene.read(Window(0, 0, 50, 50)).image) == 255


@pytest.mark.parametrize("spec", ["linear", "percentile:90,10", "percentile:a,b", "none:3", "percentile:-1,50"])
def test_a_scaling_that_does_not_exist_is_refused(make_raster: MakeRaster, spec: str) -> None:
    with pytest.raises(BandsError) as caught:
        open_scene(make_raster(dtype="uint16"), scaling=spec)
    assert caught.value.code == "bands.scaling"
    assert caught.value.remedy


def test_reflectance_of_bytes_or_radar_is_refused(make_raster: MakeRaster) -> None:
    for path in (make_raster(), make_raster("sar.tif", bands=1, dtype="complex64")):
        with pytest.raises(BandsError):
            open_scene(path, scaling="reflectance")
