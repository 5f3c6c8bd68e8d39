"""Scene: whatever the raster, the same bytes from any window, and its nodata exactly."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.windows import Window
from satclip_engine.raster.reading import Scene
from satclip_engine.raster.scene import open_scene
from satclip_engine.raster.windows import block_windows

MakeRaster = Callable[..., Path]


def whole(scene: Scene) -> Window:
    return Window(0, 0, scene.grid.width, scene.grid.height)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("kind", ["none", "value", "alpha", "mask"])
def test_valid_is_the_rasters_mask_and_images_are_stretched(make_raster: MakeRaster, dtype: str, kind: str) -> None:
    path = make_raster(dtype=dtype, nodata_kind=kind)
    with open_scene(path) as scene, rasterio.open(path) as raster:
        chip = scene.read(whole(scene))
        # GDAL itself takes no notice of an alpha band of signed integers or floats.
        expected = raster.read(4) > 0 if kind == "alpha" else raster.dataset_mask() > 0
        np.testing.assert_array_equal(chip.valid, expected)
        np.testing.assert_array_equal(scene.read_valid(whole(scene)), chip.valid)
    assert chip.image.dtype == np.uint8
    assert chip.image.shape == (3, 80, 96)
    valid = chip.image[:, chip.valid]
    assert valid.max() - valid.min() > 150, "the values span most of the bytes"


@pytest.mark.parametrize("kind", ["value", "alpha", "mask"])
def test_nodata_takes_the_scenes_mean_colour(make_raster: MakeRaster, kind: str) -> None:
    with open_scene(make_raster(nodata_kind=kind)) as scene:
        chip = scene.read(whole(scene))
        assert (chip.image[:, ~chip.valid] == np.array(scene.mean_colour)[:, None]).all()
        np.testing.assert_allclose(chip.image[:, chip.valid].mean(axis=1), scene.mean_colour, atol=1)


def test_a_saturated_pixel_is_nodata_only_if_every_band_is(make_raster: MakeRaster) -> None:
    data = np.full((4, 20, 20), 100, dtype=np.uint8)
    data[:, 0, 0] = 255
    data[:3, 5, 5] = 255  # saturated in the visible, valid in the infrared
    with open_scene(make_raster(data=data, nodata=255)) as scene:
        valid = scene.read(whole(scene)).valid
    assert not valid[0, 0]
    assert valid[5, 5]


def test_a_window_past_the_border_is_filled_and_not_valid(make_raster: MakeRaster) -> None:
    with open_scene(make_raster()) as scene:
        inside = scene.read(whole(scene))
        chip = scene.read(Window(-10, -20, 130, 140))
        outside = scene.read(Window(500, 500, 8, 8))
        np.testing.assert_array_equal(chip.image[:, 20:100, 10:106], inside.image)
        assert chip.valid.sum() == 80 * 96
        assert (chip.image[:, ~chip.valid] == np.array(scene.mean_colour)[:, None]).all()
        assert not outside.valid.any()


@pytest.mark.parametrize("gsd_m", [0.5, 1.0, 1.7, 3.0, 7.3])
@pytest.mark.parametrize("overviews", [(), (2, 4)])
def test_windows_see_the_same_pixels_as_the_whole(
    make_raster: MakeRaster, gsd_m: float, overviews: tuple[int, ...]
) -> None:
    path = make_raster(width=300, height=220, nodata_kind="value", overviews=overviews)
    with open_scene(path) as scene:
        grid = scene.working_grid(gsd_m, (None, None))
        reference = scene.read(Window(0, 0, grid.width, grid.height), grid)
        image, valid = np.zeros_like(reference.image), np.zeros_like(reference.valid)
        for window in block_windows(grid.width, grid.height, 37):
            place = window.toslices()
            chip = scene.read(window, grid)
            image[(slice(None), *place)], valid[place] = chip.image, chip.valid
    # Pillow's 8-bit filter weights may round the other way by one when the box starts elsewhere.
    assert np.abs(image.astype(int) - reference.image).max() <= 1
    assert (valid != reference.valid).mean() < 0.001


def test_a_reduced_scene_is_the_mean_of_its_pixels(make_raster: MakeRaster) -> None:
    stripes = np.zeros((3, 64, 64), dtype=np.uint8)
    stripes[:, :, ::2] = 250
    with open_scene(make_raster(data=stripes), scaling="none") as scene:
        grid = scene.grid.resampled(scene.grid.gsd_m * 4)
        image = scene.read(Window(0, 0, grid.width, grid.height), grid).image
    assert np.abs(image.astype(int) - 125).max() <= 12, "no aliasing: stripes become their mean"


def test_pieces_of_a_large_reduction_fit_together(make_raster: MakeRaster) -> None:
    path = make_raster(width=3000, height=2400, bands=1, tiled=True)
    with open_scene(path) as scene:
        grid = scene.grid.resampled(scene.grid.gsd_m * 10)
        image = scene.read(Window(0, 0, grid.width, grid.height), grid).image[0].astype(int)
        native = scene.read(whole(scene)).image[0, : 240 * 10].reshape(240, 10, 300, 10).mean(axis=(1, 3))
    assert image.shape == (240, 300)
    assert np.abs(image - native).max() <= 4


@pytest.mark.parametrize("orientation", ["north_up", "south_up", "flipped", "rotated"])
def test_any_transform_is_read_in_its_own_pixels(make_raster: MakeRaster, orientation: str) -> None:
    path = make_raster(orientation=orientation)
    with open_scene(path, scaling="none") as scene, rasterio.open(path) as raster:
        np.testing.assert_array_equal(scene.read(whole(scene)).image, raster.read())
        assert scene.grid.transform == raster.transform
        assert scene.grid.gsd_m == pytest.approx(1.0, rel=1e-3)


def test_a_scene_is_scaled_once_not_by_window(make_raster: MakeRaster) -> None:
    data = np.zeros((3, 64, 128), dtype=np.uint16)
    data[:, :, :64] = np.random.default_rng(0).integers(100, 200, (3, 64, 64))
    data[:, :, 64:] = np.random.default_rng(1).integers(5000, 9000, (3, 64, 64))
    with open_scene(make_raster(data=data)) as scene:
        dark, bright = scene.read(Window(0, 0, 64, 64)).image, scene.read(Window(64, 0, 64, 64)).image
    assert dark.max() < bright.min()


def test_a_handle_for_another_thread_reads_the_same(make_raster: MakeRaster) -> None:
    with open_scene(make_raster(width=700, height=500, tiled=True)) as scene:
        expected = scene.read(whole(scene)).image

        def read(_: int) -> bool:
            with scene.reopen() as other:
                assert other.scaling is scene.scaling
                return bool((other.read(whole(scene)).image == expected).all())

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(read, range(8)))


def test_vrt_and_vsi_paths_are_scenes(make_raster: MakeRaster, tmp_path: Path) -> None:
    path = make_raster()
    vrt = tmp_path / "scene.vrt"
    with rasterio.open(path) as raster, rasterio.vrt.WarpedVRT(raster, crs="EPSG:3857") as warped:
        rasterio.shutil.copy(warped, vrt, driver="VRT")
    with open_scene(vrt) as scene:
        assert scene.read(whole(scene)).valid.any()
        assert scene.grid.gsd_m == pytest.approx(1.0, rel=0.01)
    archive = tmp_path / "scene.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(path, "scene.tif")
    with open_scene(f"/vsizip/{archive}/scene.tif") as scene:
        assert scene.read(whole(scene)).valid.all()


def test_the_fingerprint_follows_the_content_not_the_path(make_raster: MakeRaster, tmp_path: Path) -> None:
    path = make_raster(seed=1)
    moved = tmp_path / "elsewhere.tif"
    shutil.copy2(path, moved)
    other = make_raster("other.tif", seed=2)
    fingerprints = []
    for file in (path, moved, other):
        with open_scene(file) as scene:
            fingerprints.append(scene.fingerprint)
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_a_viewers_statistics_do_not_change_the_fingerprint(make_raster: MakeRaster) -> None:
    path = make_raster()
    with open_scene(path) as scene:
        before = scene.fingerprint
    path.with_name(f"{path.name}.aux.xml").write_text("<PAMDataset></PAMDataset>")
    with open_scene(path) as scene:
        assert scene.fingerprint == before
