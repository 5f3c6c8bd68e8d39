"""The pixels of pairs: windows of rasters as scenes give them, files, and everything that cannot be read."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.windows import Window
from satclip_engine.errors import PairsError, SceneError
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import Pair, PairRaster, PairSetInfo
from satclip_engine.raster.scene import open_scene

Make = Callable[..., Path]


def windows_of(path: Path, *corners: tuple[int, int], fingerprint: str = "", bands: str = "auto") -> PairSet:
    pairs = tuple(Pair(f"{col}-{row}", str(path), window_px=(col, row, 32, 32)) for col, row in corners)
    return PairSet(path.parent, PairSetInfo(rasters=(PairRaster(str(path), bands, "auto", fingerprint),)), pairs)


def test_a_window_is_what_the_scene_scales(make_raster: Make) -> None:
    path = make_raster(width=200, height=160, bands=4, dtype="uint16", nodata_kind="value")
    with (
        open_scene(path, bands="4,3,2") as scene,
        PairImages(windows_of(path, (0, 0), (150, 100), bands="4,3,2")) as images,
    ):
        for pair in windows_of(path, (0, 0), (150, 100)).pairs:
            expected = scene.read(Window(*pair.window_px)).image
            np.testing.assert_array_equal(images.read(pair), expected)
            assert expected.std() > 0


def test_many_threads_read_the_same(make_raster: Make) -> None:
    path = make_raster(
        width=320, height=320, dtype="uint16", compress="deflate", tiled=True, blockxsize=64, blockysize=64
    )
    pair_set = windows_of(path, *[(col, row) for col in range(0, 288, 16) for row in range(0, 288, 32)])
    with PairImages(pair_set) as images, ThreadPoolExecutor(4) as threads:
        alone = [images.read(pair) for pair in pair_set.pairs]
        together = list(threads.map(images.read, pair_set.pairs * 2))
    for one, other in zip(alone * 2, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_raster_that_changed_is_refused(make_raster: Make) -> None:
    path = make_raster()
    with open_scene(path) as scene:
        pair_set = windows_of(path, (0, 0), fingerprint=scene.fingerprint)
    PairImages(pair_set).close()
    with rasterio.open(path, "r+") as raster:
        raster.write(np.zeros((3, 20, 20), np.uint8), window=Window(0, 0, 20, 20))
    os.utime(path, (1, 1))
    with pytest.raises(PairsError, match=r"scene\.tif") as refused:
        PairImages(pair_set)
    assert refused.value.code == "pairs.changed"


def test_a_raster_that_is_gone_is_refused(make_raster: Make) -> None:
    path = make_raster()
    pair_set = windows_of(path, (0, 0))
    path.unlink()
    with pytest.raises(SceneError) as refused:
        PairImages(pair_set)
    assert refused.value.code == "scene.missing"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_files_are_read_whole(make_raster: Make, tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    name = f"chip{suffix}"
    if suffix == ".tif":
        make_raster(name, data=pixels.transpose(2, 0, 1))
    else:
        Image.fromarray(pixels).save(tmp_path / name)
    with PairImages(PairSet(tmp_path, PairSetInfo(), ())) as images:
        read = images.read(Pair("a", name))
    assert read.shape == (3, 40, 60)
    if suffix != ".jpg":
        np.testing.assert_array_equal(read, pixels.transpose(2, 0, 1))


@pytest.mark.parametrize("name", ["missing.png", "broken.png", "broken.tif", "cut.png"])
def test_a_damaged_file_is_one_error_that_names_it(tmp_path: Path, name: str) -> None:
    for broken in ("broken.png", "broken.tif"):
        (tmp_path / broken).write_bytes(b"neither of the two")
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3000])
    with PairImages(PairSet(tmp_path, PairSetInfo(), ())) as images:
        with pytest.raises(PairsError, match=name) as refused:
            images.read(Pair("a", name))
        assert refused.value.code == "pairs.image"
        with pytest.raises(PairsError, match=name):
            images.read_mask(Pair("a", "whole.png", mask=name))


def test_a_mask_keeps_its_codes(make_raster: Make, tmp_path: Path) -> None:
    codes = np.arange(48, dtype=np.uint8).reshape(1, 6, 8)
    make_raster("mask.tif", data=codes)
    with PairImages(PairSet(tmp_path, PairSetInfo(), ())) as images:
        np.testing.assert_array_equal(images.read_mask(Pair("a", "a.png", mask="mask.tif")), codes[0])


def test_what_lies_around_is_read_from_the_raster_or_mirrored(make_raster: Make, tmp_path: Path) -> None:
    values = np.random.default_rng(4).integers(0, 255, (3, 50, 70), np.uint8)
    scene = make_raster(data=values)
    window = Pair("corner", str(scene), ("a",), window_px=(60, 4, 8, 12))
    Image.fromarray(values[:, :20, :30].transpose(1, 2, 0)).save(tmp_path / "chip.png")
    with PairImages(PairSet(tmp_path, PairSetInfo(rasters=(PairRaster(str(scene)),)), (window,))) as images:
        around = images.read_around(window, 32)
        assert (around.corner, around.size) == ((4, 22), (12, 8))  # moved back into the raster
        np.testing.assert_array_equal(around.image, values[:, :32, 38:70])
        assert images.read_around(window, 8).image.shape == (3, 12, 8)
        chip = images.read_around(Pair("chip", "chip.png"), 26)
    assert (chip.corner, chip.size) == ((3, 0), (20, 30))
    np.testing.assert_array_equal(chip.image[:, 3:23], values[:, :20, :30])
    np.testing.assert_array_equal(chip.image[:, :3], values[:, 2::-1, :30])
