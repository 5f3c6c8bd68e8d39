"""What can go wrong in an assessment is said with what to do, and no label is lost; most of it needs no engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from osgeo import ogr, osr
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer
from qgis.gui import QgsMapToolPan
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt

from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.settings import Settings, save_settings
from tests.plugin.gui.conftest import write_raster
from tests.plugin.gui.hand import Hand
from tests.plugin.gui.test_assess_map import Until, references, shown, told, write_map
from tests.plugin.gui.test_dock_run import click
from tests.plugin.gui.window import Window

WEST, NORTH = 356_000.0, 5_645_000.0
# Pixels of the map (column, row) with their class: two of water, two of roof, two of field.
PLACES = ((60, 80, 1), (10, 10, 2), (220, 30, 3), (100, 100, 1), (250, 50, 3), (290, 190, 2))
FIELDS = {"x": ogr.OFTReal, "y": ogr.OFTReal, "id": ogr.OFTInteger64, "map_code": ogr.OFTInteger64}
NAMES = {1: "water", 2: "field", 3: "roof"}


def write_points(path: Path, places: tuple[tuple[int, int, int], ...] = PLACES, names: dict[int, str] = NAMES) -> Path:
    """Write points as the engine does, at pixel centres of the map."""
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(25832)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = dataset.CreateLayer("sample_points", srs, ogr.wkbPoint)
    for name, kind in (*FIELDS.items(), ("stratum_pixels", ogr.OFTInteger64)):
        layer.CreateField(ogr.FieldDefn(name, kind))
    for name in ("map_class", "reference"):
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTString))
    for number, (column, row, code) in enumerate(places, start=1):
        feature = ogr.Feature(layer.GetLayerDefn())
        x, y = WEST + (column + 0.5) / 2, NORTH - (row + 0.5) / 2
        for name, value in (("id", number), ("x", x), ("y", y), ("map_code", code), ("map_class", names[code])):
            feature.SetField(name, value)
        feature.SetField("stratum_pixels", 1000)
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT ({x} {y})"))
        layer.CreateFeature(feature)
    return path


@contextmanager
def assessing(window: Window, data: Path, scene: QgsRasterLayer) -> Iterator[Workbench]:
    """Open the Assess page; no engine runs, none is installed."""
    save_settings(Settings(data_dir=str(data)))
    connection = EngineConnection()
    bench = Workbench(window, connection)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, bench.dock)
    QCoreApplication.processEvents()
    window.mapCanvas().setExtent(scene.extent())
    bench.dock.tabs.setCurrentWidget(bench.dock.assess)
    QCoreApplication.processEvents()
    yield bench
    bench.close()
    bench.dock.deleteLater()
    bench.deleteLater()
    connection.close()
    save_settings(Settings())
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def thematic(project: QgsProject, scene: QgsRasterLayer, tmp_path: Path) -> QgsRasterLayer:
    layer = QgsRasterLayer(str(write_map(tmp_path / "maps" / "thematic.tif")), "thematic")
    project.addMapLayer(layer)
    return layer


@pytest.fixture
def points(thematic: QgsRasterLayer) -> Path:
    return write_points(Path(thematic.source()).with_name("thematic_points.gpkg"))


@pytest.fixture
def bench(window: Window, tmp_path: Path, scene: QgsRasterLayer, points: Path) -> Iterator[Workbench]:
    """Points of the map are there and found by themselves."""
    with assessing(window, tmp_path / "data", scene) as bench:
        assert len(bench.assess.walk.points) == len(PLACES)
        yield bench


@pytest.fixture
def hand(window: Window, bench: Workbench) -> Hand:
    click(bench.dock.assess.start_button)
    return Hand(window.mapCanvas())


def test_points_are_labelled_without_an_engine_which_is_missed_for_the_report_alone(
    bench: Workbench, hand: Hand, points: Path, window: Window
) -> None:
    page = bench.dock.assess
    assert "not set up" in page.plan_text.text()
    assert not page.draw_button.isEnabled()
    hand.key(Qt.Key.Key_1)
    assert references(points)[0] == "water"
    click(page.run_bar.run_button)
    assert "The engine is not set up yet" in told(window)
    assert not page.run_bar.is_running()


def test_the_project_knows_its_points_and_labelling_goes_on(
    bench: Workbench, hand: Hand, window: Window, thematic: QgsRasterLayer, scene: QgsRasterLayer, tmp_path: Path
) -> None:
    own = write_points(tmp_path / "own.gpkg")
    assert bench.assess.open_points(own)
    click(bench.dock.assess.start_button)
    hand.key(Qt.Key.Key_1)
    hand.key(Qt.Key.Key_2)
    assert references(own)[:3] == ["water", "field", None]
    # The first window is not closed properly: QGIS was killed.
    with assessing(window, tmp_path / "data", scene) as again:
        assert again.assess.walk.path == own
        assert again.dock.assess.place_label.text() == f"Point 3 of {len(PLACES)}"


@pytest.mark.parametrize("fault", ["deleted", "read-only", "locked", "changed"])
def test_a_label_that_cannot_be_written_is_not_taken(
    bench: Workbench, hand: Hand, points: Path, window: Window, fault: str
) -> None:
    hand.key(Qt.Key.Key_1)
    kept = points.with_name("kept.gpkg")
    shutil.copy(points, kept)
    if fault == "deleted":
        points.unlink()
    elif fault == "read-only":
        # Where the tests run as root, who may write anything, a folder in its place refuses as well.
        points.unlink()
        points.mkdir()
    elif fault == "locked":
        rival = ogr.Open(str(points), update=1)
        rival.ExecuteSQL("BEGIN EXCLUSIVE")
    else:
        rival = ogr.Open(str(points), update=1)
        rival.GetLayer(0).DeleteFeature(2)
        rival = None
    hand.key(Qt.Key.Key_2)
    assert points.name in told(window)
    assert bench.dock.assess.place_label.text() == f"Point 2 of {len(PLACES)}"
    assert bench.assess.walk.labelled_count() == 1
    if fault == "locked":
        rival.ExecuteSQL("ROLLBACK")
        rival = None
    elif fault == "read-only":
        points.rmdir()
    shutil.copy(kept, points)
    hand.key(Qt.Key.Key_2)
    assert references(points)[:3] == ["water", "field", None]


def test_points_of_another_map_are_refused_before_anyone_labels_them(
    bench: Workbench, window: Window, tmp_path: Path
) -> None:
    swapped = write_points(tmp_path / "swapped.gpkg", (*PLACES[:5], (60, 80, 2)))
    outside = write_points(tmp_path / "outside.gpkg", (*PLACES[:5], (5000, 80, 2)))
    for path in (swapped, outside):
        assert not bench.assess.open_points(path)
        assert f"The points in {path.name} were drawn from another map than thematic" in told(window)
    (tmp_path / "damaged.gpkg").write_bytes(b"damaged" * 100)
    assert not bench.assess.open_points(tmp_path / "damaged.gpkg")
    assert "damaged.gpkg holds no points" in told(window)
    assert not bench.assess.open_points(tmp_path / "none.gpkg")
    assert "none.gpkg are not there any more" in told(window)
    assert len(bench.assess.walk.points) == len(PLACES)


def test_the_map_goes_while_it_is_labelled(
    bench: Workbench, hand: Hand, window: Window, thematic: QgsRasterLayer, points: Path, until: Until
) -> None:
    hand.key(Qt.Key.Key_1)
    source = thematic.source()
    QgsProject.instance().removeMapLayer(thematic)
    until(lambda: f"Its labels are kept in {points}" in told(window))
    assert not bench.assess.labels.is_labelling()
    assert not bench.assess.labels.marker.isVisible()
    hand.key(Qt.Key.Key_1)
    assert references(points)[:2] == ["water", None]
    assert "There is no map to assess" in bench.dock.assess.plan_text.text()
    QgsProject.instance().addMapLayer(QgsRasterLayer(source, "thematic"))
    QCoreApplication.processEvents()
    assert bench.dock.assess.place_label.text() == f"Point 2 of {len(PLACES)}"


def test_another_tool_pauses_the_labelling_and_the_map_shows_again(
    bench: Workbench, hand: Hand, window: Window, thematic: QgsRasterLayer, points: Path
) -> None:
    node = QgsProject.instance().layerTreeRoot().findLayer(thematic.id())
    assert not node.isVisible()
    assert bench.dock.assess.start_button.text() == "&Pause"
    pan = QgsMapToolPan(window.mapCanvas())
    window.mapCanvas().setMapTool(pan)
    assert node.isVisible()
    assert not bench.dock.assess.start_button.isChecked()
    hand.key(Qt.Key.Key_1)
    assert references(points)[0] is None
    click(bench.dock.assess.start_button)
    hand.key(Qt.Key.Key_1)
    assert references(points)[0] == "water"
    bench.dock.tabs.setCurrentWidget(bench.dock.page)
    assert window.mapCanvas().mapTool() is pan
    assert node.isVisible()


def test_more_than_nine_classes_are_clicked(
    window: Window, project: QgsProject, scene: QgsRasterLayer, tmp_path: Path
) -> None:
    codes = (1 + np.arange(200 * 300, dtype=np.uint8).reshape(1, 200, 300) % 12).astype(np.uint8)
    path = write_raster(tmp_path / "many.tif", codes, 25832, (WEST, NORTH), 0.5)
    layer = QgsRasterLayer(str(path), "many")
    project.addMapLayer(layer)
    places = tuple((column, 20, int(codes[0, 20, column])) for column in range(12))
    points = write_points(tmp_path / "many_points.gpkg", places, {code: f"class {code}" for code in range(1, 13)})
    with assessing(window, tmp_path / "data", scene) as bench:
        page = bench.dock.assess
        assert shown(page) == [*(f"class {code}" for code in range(1, 13)), "None of these", "Cannot tell"]
        keys = [page.class_table.item(row, 2).text() for row in range(14)]
        assert keys == [*"123456789", "", "", "", "0", "U"]
        click(page.start_button)
        Hand(window.mapCanvas()).key(Qt.Key.Key_9)
        page.class_table.cellClicked.emit(11, 0)
        assert references(points)[:2] == ["class 9", "class 12"]


def test_points_are_shown_in_a_project_of_another_crs(
    bench: Workbench, hand: Hand, window: Window, project: QgsProject
) -> None:
    project.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    hand.key(Qt.Key.Key_1)
    centre = window.mapCanvas().extent().center()
    assert (centre.x(), centre.y()) == (pytest.approx(6.95, abs=0.1), pytest.approx(50.93, abs=0.1))
    assert bench.assess.labels.marker.isVisible()
