"""The raster products: exactly what was given, on the given grid, readable by anyone, the same bytes each time."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp, Compression
from rasterio.windows import Window
from satclip_engine.products.rasters import RasterProducts
from satclip_engine.protocol import Outputs, parse_classes
from satclip_engine.raster.grid import Grid

from tests.engine.products.content import Written, content_for, utm_grid, write_blocks

MakeProducts = Callable[..., Written]


def test_every_value_is_where_it_was_given(make_products: MakeProducts) -> None:
    made = make_products()
    with rasterio.open(made.folder / "thematic.tif") as raster:
        np.testing.assert_array_equal(raster.read(1), np.where(made.valid, made.codes, 0))
        np.testing.assert_array_equal(raster.dataset_mask() > 0, made.valid)
    with rasterio.open(made.folder / "probabilities.tif") as raster:
        np.testing.assert_array_equal(raster.read(), np.where(made.valid, made.probabilities, 255))
        total = (raster.read() * np.array(raster.scales)[:, None, None]).sum(axis=0)[made.valid]
        assert np.abs(total - 1).max() <= 0.5 * len(made.classes) / 250
    with rasterio.open(made.folder / "confidence.tif") as raster:
        np.testing.assert_array_equal(raster.read(), np.where(made.valid, made.confidence, 255))


def test_what_the_files_say_about_themselves(make_products: MakeProducts) -> None:
    made = make_products()
    for name in ("thematic.tif", "probabilities.tif", "confidence.tif"):
        with rasterio.open(made.folder / name) as raster:
            assert (raster.width, raster.height) == (made.grid.width, made.grid.height)
            assert raster.transform == made.grid.transform
            assert raster.crs.to_epsg() == 32632
            assert raster.block_shapes[0] == (512, 512)
            assert raster.compression is Compression.deflate
            assert raster.overviews(1) == [4]
    with rasterio.open(made.folder / "thematic.tif") as raster:
        assert raster.nodata == 0
        assert raster.colormap(1)[1] == (0x3B, 0x7D, 0xD8, 255)
        assert raster.tags()["CLASS_2"] == "forest"
    with rasterio.open(made.folder / "probabilities.tif") as raster:
        assert raster.descriptions == ("water", "forest", "building")
        assert raster.scales == (1 / 250,) * 3
        assert raster.nodata == 255
        assert ColorInterp.red not in raster.colorinterp
    with rasterio.open(made.folder / "confidence.tif") as raster:
        assert raster.count == 2
        assert ColorInterp.alpha not in raster.colorinterp


def test_gdal_knows_the_category_names(make_products: MakeProducts) -> None:
    made = make_products(classes="water & ice; <odd> name; été")
    text = (made.folder / "thematic.tif.aux.xml").read_text(encoding="utf-8")
    assert "<Category>water &amp; ice</Category>" in text
    try:
        answer = subprocess.run(["gdalinfo", str(made.folder / "thematic.tif")], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("gdalinfo is not installed")
    lines = [line.strip() for line in answer.stdout.decode().splitlines()]
    for line in ("0: nodata", "1: water & ice", "2: <odd> name", "3: été", "4: unknown"):
        assert line in lines


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_equal_content_makes_equal_files_whatever_else_the_process_reads(
    make_products: MakeProducts, satclip_noise: None, dtype: str
) -> None:
    outputs = Outputs(probability_dtype=dtype)
    grid = utm_grid(1500, 1100)
    first, second = (make_products(grid=grid, outputs=outputs, name=name) for name in ("one", "two"))
    for path in sorted(first.folder.iterdir()):
        assert path.read_bytes() == (second.folder / path.name).read_bytes(), path.name


@pytest.fixture
def satclip_noise(make_raster: Callable[..., Path]) -> object:
    """Another thread fills GDAL's block cache meanwhile, as the scene's reader does in a run."""
    path = make_raster(width=2000, height=1500, tiled=True)
    stop = threading.Event()

    def read() -> None:
        with rasterio.Env(GDAL_CACHEMAX=6 * 1024**2), rasterio.open(path) as raster:
            while not stop.is_set():
                raster.read()

    thread = threading.Thread(target=read)
    thread.start()
    yield None
    stop.set()
    thread.join()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_float_probabilities_on_request(tmp_path: Path, dtype: str) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    content = content_for(folder, utm_grid(100, 90), parse_classes("a; b"))
    content.valid[:] = True
    content.valid[:10] = False
    given = content.probabilities.astype(dtype) / 250 if dtype == "float32" else content.probabilities
    with RasterProducts(folder, content.grid, content.classes, Outputs(probability_dtype="float32")) as products:
        products.write(Window(0, 0, 100, 90), given, content.codes, content.confidence, content.valid)
    with rasterio.open(folder / "probabilities.tif") as raster:
        values = raster.read()
        assert raster.dtypes == ("float32", "float32")
        assert np.isnan(raster.nodata)
    assert np.isnan(values[:, :10]).all()
    np.testing.assert_allclose(values[:, 10:], content.probabilities[:, 10:] / 250, atol=1e-6)


@pytest.mark.parametrize("count", [1, 3, 4, 200, 300])
def test_any_number_of_classes(make_products: MakeProducts, count: int) -> None:
    names = "; ".join(f"class {i}" for i in range(count))
    made = make_products(grid=utm_grid(60, 50), classes=names)
    with rasterio.open(made.folder / "thematic.tif") as raster:
        assert raster.dtypes == ("uint8" if count + 1 <= 255 else "uint16",)
        table = raster.colormap(1)
        expected = made.classes.classes[-1].colour
        assert "#{:02X}{:02X}{:02X}".format(*table[count][:3]) == expected
        np.testing.assert_array_equal(raster.read(1), np.where(made.valid, made.codes, 0))
    with rasterio.open(made.folder / "probabilities.tif") as raster:
        assert raster.count == count


def test_only_what_was_asked_for(make_products: MakeProducts) -> None:
    made = make_products(outputs=Outputs(probabilities=False, confidence=False))
    assert sorted(path.name for path in made.folder.iterdir()) == ["thematic.tif", "thematic.tif.aux.xml"]


@pytest.mark.parametrize(
    "transform",
    [
        Affine.identity(),
        Affine(2, 0, 100, 0, 2, 200),
        Affine(-2, 0, 100, 0, -2, 200),
        Affine.translation(100, 200) @ Affine.rotation(20) @ Affine.scale(2, -2),
    ],
)
def test_any_transform_comes_back(make_products: MakeProducts, transform: Affine) -> None:
    made = make_products(grid=Grid("", transform, 80, 70))
    with rasterio.open(made.folder / "thematic.tif") as raster:
        assert raster.transform.almost_equals(transform, 1e-9)
        assert raster.crs is None


def test_overviews_keep_to_valid_pixels_and_to_real_codes(make_products: MakeProducts) -> None:
    made = make_products(grid=utm_grid(2100, 1100))
    with rasterio.open(made.folder / "probabilities.tif", overview_level=0) as raster:
        values = raster.read(1).astype(float)
    known = values != 255
    assert values[known].max() <= 250
    fine = np.where(made.valid, made.probabilities[0], 0)[:1100, :2100].reshape(275, 4, 525, 4).sum(axis=(1, 3))
    count = made.valid[:1100, :2100].reshape(275, 4, 525, 4).sum(axis=(1, 3))
    means = fine / np.maximum(count, 1)
    both = known & (count > 0)
    assert np.abs(values - means)[both].max() <= 1
    with rasterio.open(made.folder / "thematic.tif", overview_level=0) as raster:
        assert set(np.unique(raster.read(1))) <= set(range(5))


def test_a_large_map_grows_on_disk_not_in_memory(tmp_path: Path) -> None:
    """A map of 900 Mpx that is mostly nodata is made from one block."""
    import resource

    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grid = utm_grid(30_000, 3_000)
    content = content_for(folder, utm_grid(512, 512), parse_classes("a; b"))
    with RasterProducts(folder, grid, content.classes, Outputs(probabilities=False)) as products:
        write_blocks(products, content)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000, "KiB"
    with rasterio.open(folder / "thematic.tif") as raster:
        assert raster.read(1, window=Window(29_000, 2_500, 1000, 500)).max() == 0
        assert raster.read(1, window=Window(0, 0, 512, 512)).max() > 0


def test_a_block_off_the_tiles_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    content = content_for(folder, utm_grid(600, 600), parse_classes("a; b"))
    block = np.s_[:, :100, :100]
    with (
        pytest.raises(ValueError, match="multiples of 512"),
        RasterProducts(folder, content.grid, content.classes, Outputs()) as products,
    ):
        products.write(
            Window(10, 0, 100, 100),
            content.probabilities[block],
            content.codes[:100, :100],
            content.confidence[block],
            content.valid[:100, :100],
        )
