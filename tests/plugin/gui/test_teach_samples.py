"""Draws samples on the real canvas with mouse and keys, takes them back, and finds them on disk; no engine runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.gui import QgsMapToolPan
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QLineEdit

from satclip_qgis.gui.class_tally import NAME, SAMPLES
from satclip_qgis.gui.tool_row import BRUSH, POINT, POLYGON, RECTANGLE, SELECT
from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.protocol import ClassSpec
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.settings import Settings, save_settings
from tests.plugin.gui.hand import RIGHT, Hand
from tests.plugin.gui.test_dock_run import click
from tests.plugin.gui.window import Window

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
WEST, NORTH = 356_000.0, 5_645_000.0
CLASSES = (ClassSpec("water", colour="#3B7DD8"), ClassSpec("field", colour="#E3C34B"), ClassSpec("roof"))


@contextmanager
def bench_without_engine(window: Window, data: Path, scene: QgsRasterLayer) -> Iterator[Workbench]:
    save_settings(Settings(data_dir=str(data)))
    connection = EngineConnection()
    bench = Workbench(window, connection)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, bench.dock)
    bench.page.classes.set_classes(CLASSES)
    QCoreApplication.processEvents()
    window.mapCanvas().setExtent(scene.extent())
    window.mapCanvas().refresh()
    bench.dock.tabs.setCurrentWidget(bench.dock.teach)
    QCoreApplication.processEvents()
    yield bench
    bench.close()
    bench.dock.deleteLater()
    bench.deleteLater()
    connection.close()
    save_settings(Settings())
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def bench(window: Window, tmp_path: Path, scene: QgsRasterLayer) -> Iterator[Workbench]:
    with bench_without_engine(window, tmp_path / "data", scene) as bench:
        yield bench


@pytest.fixture
def hand(window: Window, bench: Workbench) -> Hand:
    return Hand(window.mapCanvas())


def take(bench: Workbench, tool: str) -> None:
    click(bench.dock.teach.tools.buttons[tool])


def drawn(bench: Workbench) -> list[tuple[str, str]]:
    """Return class and kind of shape of every sample, in the order of drawing."""
    samples = bench.teach.samples.store.samples()
    return [(one.class_name, one.geometry.constGet().geometryType()) for one in samples]


def on_disk(path: Path) -> list[tuple[str, str, str]]:
    dataset = ogr.Open(str(path))
    return [(row.GetField("class"), row.GetField("source"), row.GetField("id")) for row in dataset.GetLayer("samples")]


def test_every_tool_draws_in_the_layers_coordinates(bench: Workbench, hand: Hand) -> None:
    store = bench.teach.samples.store
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 50)
    take(bench, BRUSH)
    bench.dock.teach.tools.brush_spin.setValue(10)
    hand.drag([(WEST + 20, NORTH - 30), (WEST + 60, NORTH - 30)])
    take(bench, RECTANGLE)
    hand.drag([(WEST + 100, NORTH - 10), (WEST + 130, NORTH - 30)])
    take(bench, POLYGON)
    for place in ((80, 60), (120, 60), (100, 90)):
        hand.click(WEST + place[0], NORTH - place[1])
    hand.click(WEST + 90, NORTH - 80, RIGHT)
    assert drawn(bench) == [("water", "Point"), ("water", "Polygon"), ("water", "Polygon"), ("water", "Polygon")]

    point, stroke, rectangle, polygon = (one.geometry for one in store.samples())
    unit = hand.canvas.mapUnitsPerPixel()
    assert point.asPoint().x() == pytest.approx(WEST + 40, abs=unit)
    assert point.asPoint().y() == pytest.approx(NORTH - 50, abs=unit)
    box = stroke.boundingBox()
    assert box.height() == pytest.approx(20 * unit, rel=0.02)
    assert box.width() == pytest.approx(40 + 20 * unit, abs=3 * unit)
    assert rectangle.area() == pytest.approx(30 * 20, rel=0.05)
    assert polygon.area() == pytest.approx(40 * 30 / 2, rel=0.05)


def test_a_polygon_can_be_shortened_dropped_and_ended_with_keys(bench: Workbench, hand: Hand) -> None:
    take(bench, POLYGON)
    for place in ((20, 20), (60, 20), (60, 60), (140, 90)):
        hand.click(WEST + place[0], NORTH - place[1])
    hand.key(Qt.Key.Key_Backspace)
    hand.key(Qt.Key.Key_Return)
    assert drawn(bench) == [("water", "Polygon")]
    assert bench.teach.samples.store.samples()[0].geometry.area() == pytest.approx(40 * 40 / 2, rel=0.05)
    hand.click(WEST + 20, NORTH - 20)
    hand.click(WEST + 30, NORTH - 20)
    hand.key(Qt.Key.Key_Escape)
    hand.key(Qt.Key.Key_Return)
    assert len(drawn(bench)) == 1


def test_keys_choose_classes_and_undo_while_a_tool_is_in_hand(bench: Workbench, hand: Hand) -> None:
    # QGIS's own window has shortcuts on the same keys.
    rival = QAction(bench.dock)
    rival.setShortcut("Ctrl+Z")
    fired: list[bool] = []
    rival.triggered.connect(fired.append)
    hand.canvas.window().addAction(rival)
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 40)
    hand.key(Qt.Key.Key_2)
    assert bench.dock.teach.view.current_name() == "field"
    hand.click(WEST + 100, NORTH - 80)
    hand.key(Qt.Key.Key_9)
    assert bench.dock.teach.view.current_name() == "field"
    assert [name for name, _ in drawn(bench)] == ["water", "field"]
    hand.key(Qt.Key.Key_Z, CONTROL)
    assert [name for name, _ in drawn(bench)] == ["water"]
    hand.key(Qt.Key.Key_Z, CONTROL | SHIFT)
    assert [name for name, _ in drawn(bench)] == ["water", "field"]
    assert fired == []
    tally = bench.dock.teach.tally
    assert [tally.index(row, SAMPLES).data() for row in range(3)] == ["1", "1", ""]


def test_samples_are_selected_moved_relabelled_and_removed(bench: Workbench, hand: Hand) -> None:
    store = bench.teach.samples.store
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 40)
    hand.click(WEST + 100, NORTH - 80)
    take(bench, SELECT)
    hand.click(WEST + 40, NORTH - 40)
    assert len(bench.teach.samples.selection.ids) == 1
    hand.drag([(WEST + 40, NORTH - 40), (WEST + 60, NORTH - 50)])
    unit = hand.canvas.mapUnitsPerPixel()
    moved = store.samples()[0].geometry.asPoint()
    assert (moved.x(), moved.y()) == (pytest.approx(WEST + 60, abs=2 * unit), pytest.approx(NORTH - 50, abs=2 * unit))
    hand.key(Qt.Key.Key_3)
    assert [one.class_name for one in store.samples()] == ["roof", "water"]
    hand.drag([(WEST + 20, NORTH - 20), (WEST + 120, NORTH - 95)])
    assert len(bench.teach.samples.selection.ids) == 2
    hand.key(Qt.Key.Key_Delete)
    assert drawn(bench) == []
    for _ in range(3):
        hand.key(Qt.Key.Key_Z, CONTROL)
    first = store.samples()[0]
    assert first.class_name == "water"
    assert first.geometry.asPoint().x() == pytest.approx(WEST + 40, abs=unit)


def test_every_edit_is_on_disk_at_once_and_comes_back_in_another_session(
    bench: Workbench, hand: Hand, window: Window, tmp_path: Path, scene: QgsRasterLayer
) -> None:
    store = bench.teach.samples.store
    path = store.path
    assert path is not None
    assert not path.exists()
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 40)
    hand.key(Qt.Key.Key_2)
    hand.click(WEST + 100, NORTH - 80)
    assert on_disk(path) == [(one.class_name, "drawn", one.id) for one in store.samples()]
    hand.key(Qt.Key.Key_Z, CONTROL)
    assert [row[0] for row in on_disk(path)] == ["water"]
    hand.key(Qt.Key.Key_Z, CONTROL | SHIFT)
    before = [(one.id, one.class_name, one.geometry.asWkt(3)) for one in store.samples()]
    # Neither the project nor the first window is closed properly: QGIS was killed.
    with bench_without_engine(window, tmp_path / "data", scene) as again:
        there = again.teach.samples.store
        assert there.path == path
        assert [(one.id, one.class_name, one.geometry.asWkt(3)) for one in there.samples()] == before


def test_a_file_of_ones_own_is_remembered_in_the_project(bench: Workbench, hand: Hand, tmp_path: Path) -> None:
    desk = bench.teach.samples
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 40)
    default, own = desk.store.path, tmp_path / "own.gpkg"
    desk.keep_file(own)
    hand.click(WEST + 60, NORTH - 40)
    assert (len(on_disk(default)), len(on_disk(own))) == (1, 2)
    project = QgsProject.instance()
    assert own.name in project.readEntry("satclip", f"samples/{bench.page.layer().id()}")[0]
    desk.open_file(default)
    assert len(desk.store) == 1


def test_a_renamed_or_removed_class_takes_its_samples_along(bench: Workbench, hand: Hand) -> None:
    page, store = bench.dock.teach, bench.teach.samples.store
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 40)
    hand.click(WEST + 50, NORTH - 40)
    hand.key(Qt.Key.Key_2)
    hand.click(WEST + 100, NORTH - 80)
    page.view.choose(0)
    page.view.edit(page.tally.index(0, NAME))
    (editor,) = (one for one in page.view.findChildren(QLineEdit) if one.isVisible())
    editor.selectAll()
    QTest.keyClicks(editor, "lake")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QCoreApplication.processEvents()
    assert store.counts() == {"lake": 2, "field": 1}
    assert bench.page.classes.classes()[0].name == "lake"
    page.view.choose(0)
    click(page.remove_button)
    assert store.counts() == {"field": 1}
    assert [spec.name for spec in bench.page.classes.classes()] == ["field", "roof"]
    assert [row[0] for row in on_disk(store.path)] == ["field"]
    click(page.tools.undo_button)
    assert store.counts() == {"lake": 2, "field": 1}
    back = bench.page.classes.classes()[0]
    assert (back.name, back.colour) == ("lake", "#3B7DD8")
    click(page.tools.undo_button)
    assert bench.page.classes.classes()[0].name == "water"
    assert store.counts() == {"water": 2, "field": 1}
    click(page.tools.redo_button)
    click(page.tools.redo_button)
    assert [spec.name for spec in bench.page.classes.classes()] == ["field", "roof"]


def test_the_samples_shine_in_their_colour_and_a_white_halo(bench: Workbench, hand: Hand) -> None:
    take(bench, POINT)
    hand.click(WEST + 100, NORTH - 80)
    pixel = hand.pixel(WEST + 100, NORTH - 80)
    picture = hand.canvas.grab().toImage()
    assert picture.pixelColor(pixel) == QColor("#3B7DD8")
    rim = [picture.pixelColor(pixel.x() + dx, pixel.y()) for dx in range(4, 8)]
    assert max(min(one.red(), one.green(), one.blue()) for one in rim) > 230
    bench.dock.tabs.setCurrentWidget(bench.page)
    assert hand.canvas.grab().toImage().pixelColor(pixel) != QColor("#3B7DD8")


def test_samples_lie_right_where_the_view_has_another_crs(bench: Workbench, hand: Hand, scene: QgsRasterLayer) -> None:
    project = QgsProject.instance()
    project.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    to_view = QgsCoordinateTransform(scene.crs(), project.crs(), project.transformContext())
    hand.canvas.setExtent(to_view.transformBoundingBox(scene.extent()))
    there = to_view.transform(QgsPointXY(WEST + 100, NORTH - 80))
    take(bench, POINT)
    hand.click(there.x(), there.y())
    place = bench.teach.samples.store.samples()[0].geometry.asPoint()
    assert (place.x(), place.y()) == (pytest.approx(WEST + 100, abs=1), pytest.approx(NORTH - 80, abs=1))
    assert hand.canvas.grab().toImage().pixelColor(hand.pixel(there.x(), there.y())) == QColor("#3B7DD8")
    take(bench, SELECT)
    hand.click(there.x(), there.y())
    assert len(bench.teach.samples.selection.ids) == 1


def test_leaving_the_page_gives_the_map_its_tool_back(bench: Workbench, hand: Hand) -> None:
    pan = QgsMapToolPan(hand.canvas)
    hand.canvas.setMapTool(pan)
    take(bench, BRUSH)
    take(bench, POINT)
    assert hand.canvas.mapTool() is bench.teach.samples.box.tools[POINT]
    bench.dock.tabs.setCurrentWidget(bench.page)
    assert hand.canvas.mapTool() is pan
    assert not any(button.isChecked() for button in bench.dock.teach.tools.buttons.values())


def test_what_cannot_be_a_sample_is_said(bench: Workbench, hand: Hand, window: Window) -> None:
    hand.canvas.zoomByFactor(4)
    take(bench, POINT)
    hand.click(WEST - 50, NORTH + 50)
    assert drawn(bench) == []
    assert "outside the layer fields" in window.messageBar().items()[-1].text()
    bench.page.classes.set_classes(())
    hand.click(WEST + 50, NORTH - 50)
    assert any("No class is chosen" in item.text() for item in window.messageBar().items())


def test_a_file_that_holds_no_samples_is_refused_in_words(bench: Workbench, window: Window, tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.gpkg"
    rubbish.write_bytes(b"nothing of use" * 40)
    before = bench.teach.samples.store.path
    bench.teach.samples.open_file(rubbish)
    text = window.messageBar().items()[-1].text()
    assert "rubbish.gpkg" in text
    assert "Traceback" not in text
    assert bench.teach.samples.store.path == before


def test_samples_that_cannot_be_written_stay_and_are_written_later(
    bench: Workbench, hand: Hand, window: Window
) -> None:
    path = bench.teach.samples.store.path
    path.mkdir(parents=True)
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 40)
    assert len(drawn(bench)) == 1
    assert path.name in window.messageBar().items()[-1].text()
    path.rmdir()
    hand.click(WEST + 50, NORTH - 40)
    assert len(on_disk(path)) == 2


def test_samples_of_classes_that_are_not_listed_are_told_and_can_be_listed(bench: Workbench, hand: Hand) -> None:
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 40)
    bench.page.classes.set_classes((ClassSpec("field"),))
    page = bench.dock.teach
    assert page.unlisted.isVisible()
    assert "water" in page.unlisted.text()
    click(page.unlisted_button)
    assert [spec.name for spec in bench.page.classes.classes()] == ["field", "water"]
    assert not page.unlisted.isVisible()


def test_a_layer_that_goes_takes_its_samples_off_the_map_but_not_off_the_disk(bench: Workbench, hand: Hand) -> None:
    store, layer = bench.teach.samples.store, bench.page.layer()
    path, source = store.path, layer.source()
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 40)
    QgsProject.instance().removeMapLayer(layer)
    QCoreApplication.processEvents()
    assert (len(store), store.path) == (0, None)
    assert "Add a raster layer" in bench.dock.teach.status.text()
    hand.click(WEST + 40, NORTH - 40)
    assert len(store) == 0
    QgsProject.instance().addMapLayer(QgsRasterLayer(source, "fields"))
    QCoreApplication.processEvents()
    assert store.path == path
    assert len(store) == 1


def test_what_to_do_with_a_layer_that_only_qgis_can_read_is_said(bench: Workbench, scene: QgsRasterLayer) -> None:
    gdal.FileFromMemBuffer("/vsimem/teach.tif", Path(scene.source()).read_bytes())
    virtual = QgsRasterLayer("/vsimem/teach.tif", "virtual")
    assert virtual.isValid()
    QgsProject.instance().addMapLayer(virtual)
    bench.page.source.layer_combo.setLayer(virtual)
    QCoreApplication.processEvents()
    for words in ("Only QGIS can read this layer", "Export → Save As…", "GeoTIFF", "Map page"):
        assert words in bench.dock.teach.status.text()
    QgsProject.instance().removeMapLayer(virtual)
    gdal.Unlink("/vsimem/teach.tif")


def test_ten_thousand_samples_are_one_edit(bench: Workbench, hand: Hand) -> None:
    desk = bench.teach.samples
    places = [QgsGeometry.fromPointXY(QgsPointXY(WEST + i % 140, NORTH - i // 140 - 1)) for i in range(10_000)]
    desk.take_in({"water": tuple(places[:5000]), "field": tuple(places[5000:])}, "layer many")
    assert len(on_disk(desk.store.path)) == 10_000
    assert hand.canvas.grab().toImage().pixelColor(hand.pixel(WEST + 70, NORTH - 20)) == QColor("#3B7DD8")
    click(bench.dock.teach.tools.undo_button)
    assert len(on_disk(desk.store.path)) == 0


def test_a_row_that_was_copied_in_a_table_is_a_sample_of_its_own(bench: Workbench, hand: Hand) -> None:
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 40)
    store = bench.teach.samples.store
    path = store.path
    store.close()
    dataset = ogr.Open(str(path), update=1)
    table = dataset.GetLayer("samples")
    copy = table.GetNextFeature().Clone()
    copy.SetFID(-1)
    table.CreateFeature(copy)
    dataset = table = None
    bench.teach.samples.open_file(path)
    assert len({one.id for one in store.samples()}) == 2


def test_a_damaged_or_missing_file_is_said_and_new_samples_are_kept_all_the_same(
    bench: Workbench, hand: Hand, window: Window, tmp_path: Path, scene: QgsRasterLayer
) -> None:
    path = bench.teach.samples.store.path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged" * 100)
    QgsProject.instance().writeEntry("satclip", f"samples/{scene.id()}", str(tmp_path / "gone.gpkg"))
    with bench_without_engine(window, tmp_path / "data", scene) as again:
        told = " ".join(item.text() for item in window.messageBar().items())
        assert "gone.gpkg" in told
        assert path.name in told
        again.teach.samples.take_in({"water": (QgsGeometry.fromWkt(f"POINT({WEST + 9} {NORTH - 9})"),)}, "layer x")
        assert again.teach.samples.store.path.stem == f"{path.stem}_2"
        assert len(on_disk(again.teach.samples.store.path)) == 1
    with bench_without_engine(window, tmp_path / "data", scene) as later:
        assert len(later.teach.samples.store) == 1
    assert path.read_bytes().startswith(b"damaged")


def test_other_programs_find_the_samples_where_they_lie(bench: Workbench, hand: Hand) -> None:
    take(bench, POINT)
    hand.click(WEST + 40, NORTH - 40)
    hand.click(WEST + 80, NORTH - 60)
    path = bench.teach.samples.store.path
    bench.teach.samples.store.let_go()
    layer = QgsVectorLayer(f"{path}|layername=samples", "samples", "ogr")
    assert layer.featureCount() == 2
    assert layer.crs().authid() == "EPSG:25832"
    assert layer.extent().width() == pytest.approx(40, abs=1)
    hand.key(Qt.Key.Key_Z, CONTROL)
    assert len(on_disk(path)) == 1
