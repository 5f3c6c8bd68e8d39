"""An export of samples is a data set that the evaluation reads back, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from satclip_engine.errors import ClassesError, OptionError, OutputError, SamplesError
from satclip_engine.harness.datasets import IGNORED, load_folder
from satclip_engine.protocol import ClassSet, ClassSpec, Sample
from satclip_engine.raster.scene import Scene, open_scene
from satclip_engine.samples.chips import export_chips
from shapely.geometry import LineString, Point, Polygon, box, mapping

LEFT, TOP = 600_000.0, 5_200_000.0
CLASSES = ClassSet((ClassSpec("water", ("river", "lake"), "#3B7DD8"), ClassSpec("wood"), ClassSpec("never drawn")))


@pytest.fixture
def scene(make_raster: Callable[..., Path]) -> Scene:
    """200 x 150 px with nodata in the first ten columns."""
    invalid = np.zeros((150, 200), dtype=bool)
    invalid[:, :10] = True
    return open_scene(make_raster(width=200, height=150, dtype="uint16", nodata_kind="mask", invalid=invalid))


def drawn(label: int, *geometry: object) -> list[Sample]:
    return [Sample(f"{label}-{n}", label, mapping(shape)) for n, shape in enumerate(geometry)]


def pixels(col: float, row: float, width: float, height: float) -> Polygon:
    return box(LEFT + col, TOP - row - height, LEFT + col + width, TOP - row)


def read_back(folder: Path, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Codes of the whole scene (-1 ignored, -2 in no chip) and its colours, put together from the chips."""
    codes = np.full((scene.grid.height, scene.grid.width), -2)
    colours = np.zeros((3, *codes.shape), np.uint8)
    dataset = load_folder(folder)
    assert dataset.tasks == ("segmentation",)
    assert dataset.classes == CLASSES
    for item in dataset.items():
        with rasterio.open(item.image) as raster, open_scene(item.image) as chip:
            assert raster.crs == "EPSG:32632"
            col, row = (round(value) for value in ~scene.grid.transform @ (raster.transform.c, raster.transform.f))
            where = np.s_[row : row + raster.height, col : col + raster.width]
            assert (codes[where] == -2).all(), "a pixel is in two chips"
            codes[where] = np.where(item.reference.read() == IGNORED, -1, item.reference.read())
            colours[(slice(None), *where)] = raster.read()
            assert chip.read_valid(rasterio.windows.Window(0, 0, raster.width, raster.height)).sum() == np.sum(
                scene.read_valid(rasterio.windows.Window(col, row, raster.width, raster.height))
            )
    return codes, colours


def test_round_trip_through_the_evaluation(scene: Scene, tmp_path: Path) -> None:
    line = LineString([(LEFT + 70.5, TOP - 140.5), (LEFT + 90.5, TOP - 140.5)])
    samples = [
        *drawn(0, pixels(5, 5, 20, 10), Point(LEFT + 100.5, TOP - 70.5)),
        *drawn(1, pixels(20, 10, 50, 5), pixels(120.6, 80.6, 0.3, 0.3), line),
    ]
    done = export_chips(tmp_path / "chips", scene, samples, CLASSES, chip_px=64)
    expected = np.full((150, 200), -1)
    expected[5:15, 10:25] = 0  # what lies on nodata is not labelled
    expected[70, 100] = 0
    expected[10:15, 20:70] = 1  # the later sample counts
    expected[80, 120] = 1
    expected[140, 70:91] = 1
    codes, colours = read_back(tmp_path / "chips", scene)
    np.testing.assert_array_equal(codes[codes != -2], expected[codes != -2])
    assert (expected[codes == -2] == -1).all()
    assert done.labelled_px == tuple((expected == label).sum() for label in range(3))
    assert done.chips == 4
    seen = scene.read(rasterio.windows.Window(0, 0, 200, 150))
    inside = (codes != -2) & seen.valid
    np.testing.assert_array_equal(colours[:, inside], seen.image[:, inside])


def test_large_polygon_needs_every_tile_once(scene: Scene, tmp_path: Path) -> None:
    done = export_chips(tmp_path / "chips", scene, drawn(1, box(0, 0, 1e7, 1e7)), CLASSES, chip_px=64)
    assert done.chips == 4 * 3
    assert done.labelled_px == (0, 190 * 150, 0)
    codes, _ = read_back(tmp_path / "chips", scene)
    assert (codes[:, 10:] == 1).all()


def test_raster_without_crs(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    scene = open_scene(make_raster(width=100, height=80, crs=None))
    export_chips(tmp_path / "chips", scene, drawn(0, box(70, -79, 75, -70)), CLASSES, chip_px=64)
    (item,) = load_folder(tmp_path / "chips").items()
    codes = item.reference.read()
    assert (codes[6:15, 6:11] == 0).all()
    assert (codes == 0).sum() == 45


def test_what_cannot_be_exported_is_said_and_leaves_nothing(scene: Scene, tmp_path: Path) -> None:
    good = drawn(0, pixels(50, 50, 5, 5))
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    colons = ClassSet((ClassSpec("water: fresh"),))
    for error, folder, samples, classes, chip_px in (
        (OutputError, full, good, CLASSES, 64),
        (OutputError, full / "notes.txt" / "below", good, CLASSES, 64),
        (ClassesError, tmp_path / "a", good, colons, 64),
        (OptionError, tmp_path / "a", good, CLASSES, 8),
        (SamplesError, tmp_path / "a", drawn(0, pixels(2, 2, 3, 3)), CLASSES, 64),
        (SamplesError, tmp_path / "a", [], CLASSES, 64),
        (SamplesError, tmp_path / "a", [Sample("x", 0, {"type": "Point"})], CLASSES, 64),
    ):
        with pytest.raises(error):
            export_chips(folder, scene, samples, classes, chip_px=chip_px)
    assert {path.name for path in tmp_path.iterdir()} == {"full", "scene.tif"}
    assert [path.name for path in full.iterdir()] == ["notes.txt"]
