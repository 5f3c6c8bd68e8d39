"""Assesses a map with a real engine: points drawn, labelled with keys, reopened and continued, reported."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr
from qgis.core import QgsPointXY, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction

from satclip_qgis.gui.assess_page import AssessPage
from satclip_qgis.gui.point_file import UNSURE, read_points
from satclip_qgis.gui.workbench import Workbench
from tests.plugin.conftest import ENGINE_PYTHON
from tests.plugin.gui.conftest import write_raster
from tests.plugin.gui.hand import Hand
from tests.plugin.gui.test_dock_run import click
from tests.plugin.gui.window import Window

Until = Callable[[Callable[[], bool]], None]
NAMES = {1: "water", 2: "field", 3: "roof", 4: "road"}
COLOURS = {1: (59, 125, 216), 2: (227, 195, 75), 3: (200, 70, 60), 4: (90, 90, 90)}


def write_map(path: Path) -> Path:
    """Write three classes of four that are named: water and roof in fields, as ``fields_and_lake`` has them."""
    codes = np.full((1, 200, 300), 2, np.uint8)
    codes[:, 40:150, 30:140] = 1
    codes[:, 20:60, 200:280] = 3
    path.parent.mkdir(exist_ok=True)
    write_raster(path, codes, 25832, (356_000.0, 5_645_000.0), 0.5)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.SetMetadata({f"CLASS_{code}": name for code, name in NAMES.items()} | {"CLASS_5": "unknown"})
    table = gdal.ColorTable()
    for code, colour in COLOURS.items():
        table.SetColorEntry(code, colour)
    dataset.GetRasterBand(1).SetRasterColorTable(table)
    return path


@pytest.fixture
def thematic(scene: QgsRasterLayer, project: QgsProject, tmp_path: Path) -> QgsRasterLayer:
    """The map as a layer above the image."""
    layer = QgsRasterLayer(str(write_map(tmp_path / "maps" / "thematic.tif")), "thematic")
    assert layer.isValid()
    project.addMapLayer(layer)
    return layer


@pytest.fixture
def bench(workbench: Workbench, thematic: QgsRasterLayer) -> Workbench:
    workbench.dock.tabs.setCurrentWidget(workbench.dock.assess)
    QCoreApplication.processEvents()
    return workbench


@pytest.fixture
def page(bench: Workbench) -> AssessPage:
    return bench.dock.assess


@pytest.fixture
def hand(window: Window, bench: Workbench) -> Hand:
    return Hand(window.mapCanvas())


def draw(bench: Workbench, until: Until, total: int = 12) -> Path:
    """Draw a small sample and return its file."""
    page = bench.dock.assess
    page.least_spin.setValue(3)
    page.total_spin.setValue(total)
    until(lambda: page.plan_text.text().startswith(f"{total} points"))
    click(page.draw_button)
    until(lambda: len(bench.assess.walk.points) == total)
    assert bench.assess.walk.path is not None
    return bench.assess.walk.path


def references(path: Path) -> list[str | None]:
    dataset = ogr.Open(str(path))
    rows = sorted((row.GetField("id"), row.GetField("reference")) for row in dataset.GetLayerByName("sample_points"))
    return [label for _, label in rows]


def key_of(name: str) -> Qt.Key:
    return Qt.Key(int(Qt.Key.Key_0) + list(NAMES.values()).index(name) + 1)


def shown(page: AssessPage) -> list[str]:
    table = page.class_table
    return [table.item(row, 0).text() for row in range(table.rowCount())]


def told(window: Window) -> str:
    return " | ".join(item.text() for item in window.messageBar().items())


def test_the_plan_says_how_many_points_before_any_is_drawn(bench: Workbench, page: AssessPage, until: Until) -> None:
    assert page.map_combo.currentLayer().name() == "thematic"  # the image has three bands and is no map
    until(lambda: page.plan_table.rowCount() == 3)
    names = [page.plan_table.item(row, 0).text() for row in range(3)]
    assert names == ["water", "field", "roof"]
    before = [int(page.plan_table.item(row, 2).text()) for row in range(3)]
    assert sum(before) == int(page.plan_text.text().split()[0])
    page.error_spin.setValue(4.0)
    until(lambda: int(page.plan_table.item(1, 2).text()) < before[1])
    assert page.error_spin.isEnabled()
    page.total_spin.setValue(400)
    until(lambda: page.plan_text.text().startswith("400 points"))
    assert not page.error_spin.isEnabled()
    page.total_spin.setValue(20)
    until(lambda: "too few" in page.plan_text.text())
    assert not page.draw_button.isEnabled()
    assert not page.label_box.isEnabled()


def test_points_are_labelled_with_keys_and_every_label_is_on_disk_at_once(
    bench: Workbench, page: AssessPage, hand: Hand, window: Window, until: Until, thematic: QgsRasterLayer
) -> None:
    rival = QAction(bench.dock)
    rival.setShortcut("U")
    fired: list[bool] = []
    rival.triggered.connect(fired.append)
    window.mainWindow().addAction(rival)
    path = draw(bench, until)
    assert path == Path(thematic.source()).with_name("thematic_points.gpkg")
    assert shown(page) == ["water", "field", "roof", "road", "None of these", "Cannot tell"]
    node = QgsProject.instance().layerTreeRoot().findLayer(thematic.id())
    hand.key(Qt.Key.Key_1)
    assert references(path) == [None] * 12  # nothing is labelled before labelling has begun
    click(page.start_button)
    assert not node.isVisible()
    first = bench.assess.walk.points[0]
    canvas = window.mapCanvas()
    assert canvas.extent().center().distance(QgsPointXY(first.x, first.y)) < canvas.mapUnitsPerPixel()
    assert canvas.extent().width() == pytest.approx(60, abs=1)
    assert bench.assess.labels.marker.isVisible()

    hand.key(Qt.Key.Key_1)
    hand.key(Qt.Key.Key_U)
    hand.key(Qt.Key.Key_9)  # there is no ninth class
    hand.key(Qt.Key.Key_4)
    assert references(path)[:4] == ["water", UNSURE, "road", None]
    assert page.place_label.text() == "Point 4 of 12"
    fourth = bench.assess.walk.points[3]
    assert canvas.extent().center().distance(QgsPointXY(fourth.x, fourth.y)) < canvas.mapUnitsPerPixel()
    hand.key(Qt.Key.Key_Backspace)
    hand.key(Qt.Key.Key_Left)
    assert page.place_label.text() == "Point 2 of 12"
    assert UNSURE in page.hint.text()
    hand.key(Qt.Key.Key_3)
    hand.key(Qt.Key.Key_Right)
    assert references(path)[:4] == ["water", "roof", "road", None]
    assert page.place_label.text() == "Point 4 of 12"
    QTest.mouseClick(page.class_table.viewport(), Qt.MouseButton.LeftButton, pos=_middle(page, row=1))
    assert references(path)[3] == "field"
    page.class_table.setFocus()
    QTest.keyClick(page.class_table, Qt.Key.Key_2)
    assert references(path)[4] == "field"
    assert fired == []

    page.total_spin.setFocus()
    QTest.keyClick(page.total_spin, Qt.Key.Key_1)
    assert references(path)[5] is None
    click(page.start_button)
    assert node.isVisible()
    assert not bench.assess.labels.marker.isVisible()
    hand.key(Qt.Key.Key_1)
    assert references(path)[5] is None


def _middle(page: AssessPage, row: int) -> object:
    return page.class_table.visualItemRect(page.class_table.item(row, 0)).center()


def test_labelling_goes_on_where_it_stopped_and_the_report_tells_what_the_engine_estimates(
    bench: Workbench, page: AssessPage, hand: Hand, until: Until, tmp_path: Path
) -> None:
    path = draw(bench, until, total=40)
    click(page.start_button)
    assert not page.run_bar.run_button.isEnabled()
    for number, point in enumerate(bench.assess.walk.points[:15]):
        hand.key(key_of("field" if number in (2, 5) else point.map_class))
    # QGIS goes and comes again: what was given is on disk, and nothing else remembers it.
    bench.dock.tabs.setCurrentWidget(bench.dock.page)
    assert not bench.assess.labels.is_labelling()
    bench.assess.walk.close()
    bench.dock.tabs.setCurrentWidget(page)
    assert bench.assess.open_points(path)
    assert page.place_label.text() == "Point 16 of 40"
    click(page.start_button)
    for number, point in enumerate(bench.assess.walk.points[15:]):
        rare = {0: Qt.Key.Key_U, 4: Qt.Key.Key_0, 9: key_of("road")}
        hand.key(rare.get(number, key_of(point.map_class)))
    assert page.place_label.text() == "All 40 points are labelled."
    assert not bench.assess.labels.is_labelling()
    click(page.run_bar.run_button)
    until(page.result_box.isVisible)

    asked = ["assess", "report", page.map_combo.currentLayer().source(), path, "--out", tmp_path / "again", "--json"]
    command = [ENGINE_PYTHON, "-m", "satclip_engine", *asked]
    run = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
    expected = json.loads(run.stdout)
    overall = expected["overall_accuracy"]
    assert (expected["points"], expected["unlabelled"]) == (39, 1)
    assert 0.5 < overall["value"] < 1
    assert f"{overall['value'] * 100:.1f} ± {overall['margin_95'] * 100:.1f}" in page.overall.text()
    assert "39 labelled points" in page.overall.text()
    assert "1 point was left out" in page.result_notes.text()
    assert [one["name"] for one in expected["classes"]] == ["water", "field", "roof", "road", "none of these"]
    for row, one in enumerate(expected["classes"]):
        assert page.result_table.item(row, 0).text() == one["name"]
        for column, share in ((1, one["users_accuracy"]), (2, one["producers_accuracy"])):
            shown = "–" if share["value"] is None else f"{share['value'] * 100:.1f}"
            assert page.result_table.item(row, column).text().startswith(shown)
    with (tmp_path / "again" / "estimates.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    folder = path.with_name(f"{path.stem}_report")
    with (folder / "estimates.csv").open(encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == rows
    assert Path(bench.assess.report_path) == folder / "assessment.html"


def test_a_partial_report_says_what_is_missing(bench: Workbench, page: AssessPage, hand: Hand, until: Until) -> None:
    draw(bench, until)
    assert "still missing: water 2, field 2, roof 2" in page.run_bar.line.text()
    click(page.start_button)
    lakes = 0
    for point in bench.assess.walk.points:
        hand.key(Qt.Key.Key_1 if point.map_class == "water" else Qt.Key.Key_U)
        lakes += point.map_class == "water"
    assert "still missing: field 2, roof 2" in page.run_bar.line.text()
    click(page.run_bar.run_button)
    until(page.result_box.isVisible)
    assert page.overall.text() == f"{lakes} labelled points do not tell the overall accuracy yet."
    assert "field: no labelled point" in page.result_notes.text()


def test_a_second_sample_leaves_the_first_as_it_is(bench: Workbench, page: AssessPage, until: Until) -> None:
    first = draw(bench, until)
    second = draw(bench, until, total=15)
    assert (len(read_points(first)), len(read_points(second))) == (12, 15)
    assert second.stem == f"{first.stem}_2"


def test_a_map_without_a_place_on_earth_is_assessed_in_pixels(
    bench: Workbench, page: AssessPage, hand: Hand, project: QgsProject, tmp_path: Path, until: Until
) -> None:
    codes = np.full((1, 60, 80), 2, np.uint8)
    codes[:, :, :30] = 1
    layer = QgsRasterLayer(str(write_raster(tmp_path / "nowhere.tif", codes, 0, (0.0, 0.0), 1.0)), "nowhere")
    project.addMapLayer(layer)
    page.map_combo.setLayer(layer)
    draw(bench, until)
    assert "no coordinate reference system: areas are in pixels" in page.plan_notes.text()
    click(page.start_button)
    for point in bench.assess.walk.points:
        hand.key(Qt.Key.Key_1 if point.code == 1 else Qt.Key.Key_2)
    click(page.run_bar.run_button)
    until(page.result_box.isVisible)
    assert "Overall accuracy 100.0 ± 0.0" in page.overall.text()
    assert page.result_table.horizontalHeaderItem(3).text() == "Area, pixels"
    assert page.result_table.item(0, 3).text() == "1,800 ± 0.00"
