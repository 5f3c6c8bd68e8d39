"""Rasters that cannot be used are refused with a remedy; odd ones that can be used are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window
from satclip_engine.errors import SceneError
from satclip_engine.raster.scene import open_scene

MakeRaster = Callable[..., Path]


def refusal(path: Path | str, **options: str) -> SceneError:
    with pytest.raises(SceneError) as caught:
        open_scene(path, **options)
    assert caught.value.remedy
    assert len(caught.value.detail.splitlines()) == 1
    return caught.value


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.tif").code == "scene.missing"


def test_a_file_that_is_no_raster(tmp_path: Path) -> None:
    path = tmp_path / "notes.tif"
    path.write_text("not a raster")
    assert refusal(path).code == "scene.unreadable"
    assert refusal(tmp_path).code == "scene.unreadable"


@pytest.mark.parametrize("options", [{}, {"tiled": True, "compress": "deflate"}])
def test_a_truncated_file(make_raster: MakeRaster, options: dict[str, object]) -> None:
    path = make_raster(width=1200, height=900, **options)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    assert refusal(path).code in ("scene.damaged", "scene.unreadable")


def test_a_file_damaged_in_the_middle_fails_when_it_is_read(make_raster: MakeRaster) -> None:
    path = make_raster(width=2600, height=2600, tiled=True, compress="deflate", bands=1)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = b"\xff" * 20_000
    path.write_bytes(bytes(content))
    with pytest.raises(SceneError) as caught, open_scene(path) as scene:
        scene.read(Window(0, 0, 2600, 2600))
    assert caught.value.code == "scene.damaged"


def test_a_colour_table_is_never_read_as_grey(make_raster: MakeRaster) -> None:
    path = make_raster(bands=1, colormap={0: (0, 0, 0, 255), 1: (255, 0, 0, 255), 2: (0, 90, 0, 255)})
    assert refusal(path).code == "scene.paletted"
    assert refusal(path, bands="1").code == "scene.paletted"


def test_a_table_of_greys_is_an_image(make_raster: MakeRaster) -> None:
    path = make_raster(bands=1, colormap={i: (i, i, i, 255) for i in range(256)})
    with open_scene(path) as scene:
        assert scene.bands.preset == "pan"


def test_a_map_of_codes_without_colours_is_refused_until_asked_for(make_raster: MakeRaster) -> None:
    codes = np.kron(np.random.default_rng(0).integers(1, 9, (8, 10)), np.ones((16, 16))).astype(np.uint8)[None]
    path = make_raster(data=codes)
    assert refusal(path).code == "scene.paletted"
    with open_scene(path, bands="1") as scene:
        assert scene.bands.bands == (1,)


@pytest.mark.parametrize("kind", ["value", "mask", "alpha"])
def test_everything_is_nodata(make_raster: MakeRaster, kind: str) -> None:
    path = make_raster(nodata_kind=kind, invalid=np.ones((80, 96), dtype=bool))
    assert refusal(path).code == "scene.no_valid"


def test_nothing_is_finite(make_raster: MakeRaster) -> None:
    assert refusal(make_raster(data=np.full((3, 30, 30), np.nan, dtype=np.float32))).code == "scene.no_valid"


def test_one_valid_corner_in_a_large_empty_mosaic_is_found(make_raster: MakeRaster) -> None:
    data = np.zeros((1, 2300, 2300), dtype=np.uint8)
    data[0, 10:14, 20:24] = [[10, 60, 90, 200]]
    with open_scene(make_raster(data=data, nodata=0, compress="deflate", tiled=True)) as scene:
        assert scene.read(Window(0, 0, 64, 64)).valid.sum() == 16


def test_not_finite_values_are_nodata_and_spoil_nothing(make_raster: MakeRaster) -> None:
    data = np.random.default_rng(0).uniform(0, 1, (3, 60, 60)).astype(np.float32)
    data[:, :5] = np.nan
    data[:, 5:10] = np.inf
    data[0, 30, 30] = np.nan  # one band only: the pixel stays
    with open_scene(make_raster(data=data)) as scene:
        chip = scene.read(Window(0, 0, 60, 60))
        coarse_grid = scene.grid.resampled(scene.grid.gsd_m * 3)
        coarse = scene.read(Window(0, 0, coarse_grid.width, coarse_grid.height), coarse_grid)
    assert not chip.valid[:10].any()
    assert chip.valid[10:].all()
    assert 100 < chip.image[:, 10:].mean() < 155
    assert coarse.valid[5:].all(), "a single bad value does not spread"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("value", [0, 7, 200])
def test_a_constant_image_is_mid_grey(make_raster: MakeRaster, dtype: str, value: int) -> None:
    with open_scene(make_raster(data=np.full((3, 40, 40), value, dtype=dtype))) as scene:
        chip = scene.read(Window(0, 0, 40, 40))
    assert chip.valid.all()
    assert np.abs(chip.image.astype(int) - 128).max() <= 1


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5, 7, 13])
def test_any_number_of_bands(make_raster: MakeRaster, bands: int) -> None:
    with open_scene(make_raster(bands=bands, dtype="uint16")) as scene:
        assert scene.read(Window(0, 0, 96, 80)).image.shape == (3, 80, 96)
        assert scene.bands.note or bands <= 3


def test_one_pixel(make_raster: MakeRaster) -> None:
    with open_scene(make_raster(data=np.array([[[10]], [[20]], [[30]]], dtype=np.uint8))) as scene:
        chip = scene.read(Window(-5, -5, 11, 11))
        assert chip.valid.sum() == 1
        grid = scene.working_grid(None, (5.0, 10.0))
        assert (grid.width, grid.height) == (1, 1)
        assert scene.read(Window(0, 0, 1, 1), grid).valid.all()


def test_thirty_thousand_pixels_wide(make_raster: MakeRaster) -> None:
    with open_scene(make_raster(width=30_000, height=40)) as scene:
        assert scene.read(Window(29_990, 0, 20, 40)).valid[:, :10].all()
        grid = scene.working_grid(10.0, (None, None))
        assert scene.read(Window(0, 0, grid.width, grid.height), grid).image.shape == (3, 5, 3001)


def test_no_crs_is_said(make_raster: MakeRaster) -> None:
    with open_scene(make_raster(crs=None)) as scene:
        assert scene.grid.gsd_m == 1.0
        assert any("no coordinate reference system" in note for note in scene.notes)


def test_a_black_border_without_nodata_is_said_and_left_out_of_the_scaling(make_raster: MakeRaster) -> None:
    data = np.random.default_rng(0).integers(1000, 2000, (3, 60, 60)).astype(np.uint16)
    data[:, :20] = 0
    with open_scene(make_raster(data=data)) as scene:
        assert any("nodata" in note for note in scene.notes)
        assert min(scene.scaling.low) > 900
        assert scene.read(Window(0, 0, 60, 60)).valid.all()


def test_a_container_names_its_parts(make_raster: MakeRaster, tmp_path: Path) -> None:
    container = tmp_path / "two.gpkg"
    for number, name in enumerate(("first", "second")):
        with rasterio.open(make_raster(f"{name}.tif", seed=number)) as raster:
            profile = raster.profile | {"driver": "GPKG", "raster_table": name, "append_subdataset": number > 0}
            values = raster.read()
        for key in ("tiled", "interleave", "blockxsize", "blockysize", "nodata"):
            profile.pop(key, None)
        with rasterio.open(container, "w", **profile) as copy:
            copy.write(values)
    error = refusal(container)
    assert error.code == "scene.no_bands"
    assert len(error.params["parts"]) == 2
    with open_scene(error.params["parts"][1]) as scene:
        assert scene.read(Window(0, 0, 10, 10)).valid.any()
