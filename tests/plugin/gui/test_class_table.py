"""The class table under real keys and clicks; the rectangle dragged on the map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from qgis.core import QgsRasterLayer
from qgis.gui import QgsColorDialog
from qgis.PyQt.QtCore import QCoreApplication, QPoint, Qt
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDoubleSpinBox

from satclip_qgis.gui.class_model import COLOUR, NAME, THRESHOLD, VISIBLE
from satclip_qgis.gui.class_table import ClassTable
from satclip_qgis.gui.map_tools import RectangleDrawer
from satclip_qgis.protocol import ClassSpec
from tests.plugin.gui.window import Window


@pytest.fixture
def table(qtbot: object) -> Iterator[ClassTable]:
    table = ClassTable()
    table.set_classes(tuple(ClassSpec(name, colour="#112233") for name in ("water", "forest", "building")))
    table.resize(500, 300)
    qtbot.addWidget(table)
    table.show()
    return table


def names(table: ClassTable) -> list[str]:
    return [spec.name for spec in table.classes()]


def click_cell(table: ClassTable, row: int, column: int) -> None:
    place = table.view.visualRect(table.model.index(row, column)).center()
    QTest.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_keys_reorder_and_remove(table: ClassTable) -> None:
    click_cell(table, 0, COLOUR + 1)
    QTest.keyClick(table.view, Qt.Key.Key_Escape)
    table.view.setCurrentIndex(table.model.index(0, NAME))
    QTest.keyClick(table.view, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert names(table) == ["forest", "water", "building"]
    QTest.keyClick(table.view, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert names(table) == ["water", "forest", "building"]
    QTest.keyClick(table.view, Qt.Key.Key_Delete)
    assert names(table) == ["forest", "building"]


def test_space_hides_a_class(table: ClassTable) -> None:
    table.view.setCurrentIndex(table.model.index(1, VISIBLE))
    QTest.keyClick(table.view, Qt.Key.Key_Space)
    assert [spec.visible for spec in table.classes()] == [True, False, True]


def test_the_threshold_follows_the_spin_box_while_it_turns(table: ClassTable) -> None:
    index = table.model.index(0, THRESHOLD)
    table.view.setCurrentIndex(index)
    table.view.edit(index)
    spin = table.view.findChild(QDoubleSpinBox)
    assert spin.text() == "auto"
    for _ in range(7):
        QTest.keyClick(spin, Qt.Key.Key_Up)
    assert table.classes()[0].threshold == 0.3
    QTest.keyClick(spin, Qt.Key.Key_Return)
    QCoreApplication.processEvents()
    assert table.model.data(index) == "0.30"


def test_cancelling_the_colour_brings_the_old_one_back(table: ClassTable) -> None:
    click_cell(table, 0, COLOUR)
    dialog = table.findChild(QgsColorDialog)
    dialog.setColor(QColor("#ff0000"))
    assert table.classes()[0].colour == "#FF0000"
    dialog.reject()
    assert table.classes()[0].colour == "#112233"


def test_the_background_box_adds_and_removes_its_class(table: ClassTable) -> None:
    QTest.mouseClick(
        table.background_check, Qt.MouseButton.LeftButton, pos=QPoint(8, table.background_check.height() // 2)
    )
    assert [spec.background for spec in table.classes()] == [False, False, False, True]
    table.view.setCurrentIndex(table.model.index(3, NAME))
    QTest.keyClick(table.view, Qt.Key.Key_Delete)
    assert not table.background_check.isChecked()


def test_presets_replace_the_classes(table: ClassTable) -> None:
    actions = table.presets_button.menu().actions()
    assert [action.text() for action in actions][-1] == "Flood"
    actions[-1].trigger()
    assert names(table)[0] == "flood water"


def test_a_broken_class_file_names_its_line(table: ClassTable, tmp_path: Path, qtbot: object) -> None:
    path = tmp_path / "classes.txt"
    path.write_text("water\nforest: \n", encoding="utf-8")
    with qtbot.waitSignal(table.failed) as caught:
        table.load_file(path)
    assert "Line 2" in caught.args[0]
    assert caught.args[1]
    assert names(table) == ["water", "forest", "building"]
    path.write_bytes(b"\xff\xfe\x00")
    with qtbot.waitSignal(table.failed):
        table.load_file(path)


def test_classes_cannot_be_saved_into_nowhere(table: ClassTable, tmp_path: Path, qtbot: object) -> None:
    with qtbot.waitSignal(table.failed) as caught:
        table.save_file(tmp_path / "missing" / "classes.txt")
    assert "cannot be written" in caught.args[0]


def test_a_rectangle_is_dragged_on_the_map(window: Window, scene: QgsRasterLayer, qtbot: object) -> None:
    canvas = window.mapCanvas()
    canvas.setExtent(scene.extent())
    drawer = RectangleDrawer(canvas)
    drawer.start()
    assert canvas.mapTool() is drawer.tool
    middle = QPoint(canvas.width() // 2, canvas.height() // 2)
    with qtbot.waitSignal(drawer.drawn) as caught:
        QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=middle - QPoint(60, 40))
        QTest.mouseMove(canvas.viewport(), middle)
        QTest.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 40))
    rectangle, crs = caught.args
    assert crs == "EPSG:25832"
    assert rectangle.width() == pytest.approx(120 * canvas.mapUnitsPerPixel(), rel=0.05)
    assert canvas.mapTool() is not drawer.tool
    drawer.close()
