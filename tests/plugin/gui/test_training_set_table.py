"""Chips beside captions in the real widgets: seen, searched, edited, undone; files that are not as they should be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QModelIndex, QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QComboBox, QPlainTextEdit

from satclip_qgis.gui.pair_map import PairMap
from satclip_qgis.gui.pair_model import CAPTIONS, CHIP, LABEL, SPLIT
from satclip_qgis.gui.training_set_panel import TrainingSetPanel
from satclip_qgis.protocol import Finding, Problem
from tests.plugin.gui.conftest import fields_and_lake, write_raster
from tests.plugin.gui.pair_files import on_disk, write_pairs, write_set
from tests.plugin.gui.test_dock_run import click


@pytest.fixture
def folder(tmp_path: Path, scene_file: Path) -> Path:
    return write_set(tmp_path / "set", scene_file, 30)


@pytest.fixture
def problems() -> list[Problem]:
    return []


@pytest.fixture
def panel(project: QgsProject, folder: Path, problems: list[Problem]) -> Iterator[TrainingSetPanel]:
    with shown_panel() as panel:
        panel.store.problem.connect(problems.append)
        assert panel.store.open(folder)
        QCoreApplication.processEvents()
        yield panel


@contextmanager
def shown_panel() -> Iterator[TrainingSetPanel]:
    panel = TrainingSetPanel()
    panel.resize(470, 800)
    panel.show()
    yield panel
    panel.close()
    panel.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def cell(panel: TrainingSetPanel, row: int, column: int) -> QModelIndex:
    return panel.table.model.index(row, column)


def text(panel: TrainingSetPanel, row: int, column: int) -> str:
    return str(cell(panel, row, column).data(Qt.ItemDataRole.DisplayRole))


def double_click(panel: TrainingSetPanel, row: int, column: int) -> None:
    view = panel.table.view
    place = view.visualRect(cell(panel, row, column)).topLeft() + QPoint(6, 6)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)


def open_editor(panel: TrainingSetPanel, row: int, column: int, kind: type) -> object:
    double_click(panel, row, column)
    editors = [editor for editor in panel.table.view.viewport().findChildren(kind) if editor.isVisible()]
    assert len(editors) == 1
    return editors[0]


def type_captions(panel: TrainingSetPanel, row: int, lines: tuple[str, ...]) -> None:
    editor = open_editor(panel, row, CAPTIONS, QPlainTextEdit)
    for number, line in enumerate(lines):
        if number:
            QTest.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
        QTest.keyClicks(editor, line)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_a_set_is_shown_with_its_title_and_parts(panel: TrainingSetPanel, folder: Path) -> None:
    assert panel.folder == str(folder)
    assert panel.summary() == "Fields · 30 pairs: 12 train, 6 validation, 6 test, 6 unused"
    assert text(panel, 0, CAPTIONS).splitlines() == [
        "a field with number 0",
        "a field seen from above",
        "long: A long caption of a field.",
    ]
    assert (text(panel, 0, LABEL), text(panel, 0, SPLIT)) == ("lake", "train")


def test_only_chips_in_sight_are_read_and_show_the_ground(panel: TrainingSetPanel, qtbot: object) -> None:
    model = panel.table.model
    qtbot.waitUntil(lambda: cell(panel, 0, CHIP).data(Qt.ItemDataRole.DecorationRole) is not None)
    QTest.qWait(200)
    assert len(model._thumbnails._kept) < 20
    icon = cell(panel, 0, CHIP).data(Qt.ItemDataRole.DecorationRole)
    colour = icon.pixmap(64, 64).toImage().pixelColor(32, 32)
    assert colour.green() > colour.red() > colour.blue()


def test_captions_are_edited_in_place_written_and_undone(panel: TrainingSetPanel, folder: Path) -> None:
    before = [pair["captions"] for pair in on_disk(folder)]
    type_captions(panel, 1, ("a  lake ", "long: A lake between fields."))
    assert on_disk(folder)[1]["captions"] == ["a lake"]
    assert on_disk(folder)[1]["long_captions"] == ["A lake between fields."]
    assert on_disk(folder)[1]["window_px"] == [20, 0, 20, 20]
    assert on_disk(folder)[0]["captions"][0] == "a field with number 0"
    assert not list(folder.glob("*.partial"))
    panel.table.view.setFocus()
    QTest.keyClick(panel.table.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert on_disk(folder)[1]["captions"] == ["a field with number 1", "a field seen from above"]
    click(panel.table.redo_button)
    assert text(panel, 1, CAPTIONS).startswith("a lake\n")
    click(panel.table.undo_button)
    assert not panel.table.undo_button.isEnabled()
    assert [pair["captions"] for pair in on_disk(folder)] == before


def test_escape_leaves_captions_as_they_were(panel: TrainingSetPanel, folder: Path) -> None:
    before = (folder / "pairs.jsonl").read_bytes()
    editor = open_editor(panel, 0, CAPTIONS, QPlainTextEdit)
    QTest.keyClicks(editor, "nonsense")
    QTest.keyClick(editor, Qt.Key.Key_Escape)
    assert (folder / "pairs.jsonl").read_bytes() == before


def test_class_and_part_are_edited(panel: TrainingSetPanel, folder: Path) -> None:
    (folder / "places.geojson").write_text("{}")  # as the engine leaves it; follows the edits
    assert panel.table.model.setData(cell(panel, 2, LABEL), "  wheat   field ")
    assert on_disk(folder)[2]["label"] == "wheat field"
    editor = open_editor(panel, 0, SPLIT, QComboBox)
    editor.setCurrentIndex(editor.findData("test"))
    editor.activated.emit(editor.currentIndex())
    assert on_disk(folder)[0]["split"] == "test"
    assert "11 train, 6 validation, 7 test" in panel.counts.text()
    places = json.loads((folder / "places.geojson").read_text())["features"]
    assert (places[0]["properties"]["split"], places[2]["properties"]["label"]) == ("test", "wheat field")
    assert places[0]["geometry"]["coordinates"] == [6.94, 50.93]


def test_several_pairs_move_to_another_part_at_once(panel: TrainingSetPanel, folder: Path) -> None:
    panel.table.view.selectAll()
    menu = panel.table.menu()
    parts = next(action.menu() for action in menu.actions() if action.menu())
    parts.actions()[0].trigger()
    assert {pair["split"] for pair in on_disk(folder)} == {"train"}
    panel.store.undo.undo()
    assert {pair["split"] for pair in on_disk(folder)} == {"train", "validation", "test", "unused"}


def test_search_part_and_finding_narrow_the_table(panel: TrainingSetPanel) -> None:
    table = panel.table
    QTest.keyClicks(table.search, "NUMBER 1")
    assert table.model.rowCount() == 11  # 1 and 10 to 19
    table.split_combo.setCurrentIndex(table.split_combo.findData("test"))
    assert {table.model.pair(row).split for row in range(table.model.rowCount())} == {"test"}
    table.search.clear()
    table.split_combo.setCurrentIndex(0)
    panel.show_findings((Finding("short", "doubtful", "Two are short.", ("p003", "p007"), "Removes them."),))
    click(panel.findings.rows[0].show_button)
    assert [table.model.pair(row).id for row in range(2)] == ["p003", "p007"]
    assert table.shown.text() == "2 of 30 shown"
    click(table.finding_button)
    assert table.model.rowCount() == 30


def test_a_pair_stays_in_sight_while_it_is_edited_out_of_the_search(panel: TrainingSetPanel) -> None:
    panel.table.search.setText("number 7")
    panel.table.model.setData(cell(panel, 0, CAPTIONS), "a lake")
    assert text(panel, 0, CAPTIONS) == "a lake"


def test_findings_make_the_set_doubtful_until_it_is_edited(panel: TrainingSetPanel) -> None:
    assert not panel.is_checked
    bad = Finding("empty", "bad", "Three have <no> caption.", ("p000",), "Leaves them out.")
    panel.show_findings((bad, Finding("few", "worth knowing", "Only 30 pairs.")))
    assert panel.is_checked
    assert panel.worst_finding == bad
    assert "&lt;no>" in panel.findings.rows[0].text.text()
    assert not panel.findings.rows[1].show_button.isVisible()
    assert not panel.findings.rows[1].fix_button.isVisible()
    panel.table.model.setData(cell(panel, 0, LABEL), "lake shore")
    assert not panel.is_checked
    assert "check again" in panel.checked.text()


def test_a_double_click_on_a_chip_shows_its_place(panel: TrainingSetPanel, scene: QgsRasterLayer) -> None:
    canvas = QgsMapCanvas()
    canvas.setDestinationCrs(scene.crs())
    wanted = []
    panel.table.place_wanted.connect(wanted.append)
    double_click(panel, 1, CHIP)
    assert [pair.id for pair in wanted] == ["p001"]
    assert PairMap(canvas).go_to(panel.store.current, wanted[0])
    centre = canvas.extent().center()
    assert (round(centre.x()), round(centre.y())) == (356_015, 5_644_995)


def test_parts_are_drawn_in_their_places_once(panel: TrainingSetPanel, project: QgsProject) -> None:
    drawn = PairMap(QgsMapCanvas())
    assert drawn.show_parts(panel.store.current) == 30
    assert drawn.show_parts(panel.store.current) == 30
    layers = list(project.mapLayers().values())
    assert len(layers) == 1
    assert layers[0].featureCount() == 30
    values = [category.value() for category in layers[0].renderer().categories()]
    assert values == ["train", "validation", "test", "unused"]
    shape = next(layers[0].getFeatures("\"id\" = 'p001'")).geometry()
    assert shape.area() > 0
    drawn.hide_parts()
    assert not project.mapLayers()
    assert not project.layerTreeRoot().children()


def test_images_of_all_kinds_are_shown_and_damaged_ones_named(
    project: QgsProject, tmp_path: Path, qtbot: object
) -> None:
    folder = tmp_path / "mixed"
    write_pairs(
        folder,
        [
            {"id": "tif", "image": "images/chip.tif", "captions": ["a field"]},
            {"id": "broken", "image": "images/broken.png", "captions": ["a field"]},
            {"id": "gone", "image": "images/gone.tif", "captions": ["a field"]},
        ],
        {},
    )
    (folder / "images").mkdir()
    write_raster(folder / "images" / "chip.tif", fields_and_lake(), 0, (0, 0), 1)
    (folder / "images" / "broken.png").write_bytes(b"\x89PNG no picture")
    with shown_panel() as panel:
        assert panel.store.open(folder)
        chips = [panel.table.model.index(row, CHIP) for row in range(3)]

        def told() -> list[bool]:
            return ["cannot be read" in chip.data(Qt.ItemDataRole.ToolTipRole) for chip in chips]

        qtbot.waitUntil(lambda: chips[0].data(Qt.ItemDataRole.DecorationRole) is not None)
        qtbot.waitUntil(lambda: told() == [False, True, True])


# What goes wrong


def test_a_damaged_line_is_named_and_the_old_set_stays(
    panel: TrainingSetPanel, folder: Path, tmp_path: Path, problems: list[Problem]
) -> None:
    other = tmp_path / "damaged"
    shutil.copytree(folder, other)
    lines = (other / "pairs.jsonl").read_text().splitlines()
    lines[4] = '{"id": "p004", "image": 3}'
    (other / "pairs.jsonl").write_text("\n".join(lines))
    assert not panel.store.open(other)
    assert "Line 5 of" in problems[0].detail
    assert "Pair.image" in problems[0].detail
    assert panel.folder == str(folder)


def test_a_moved_folder_takes_no_edit(panel: TrainingSetPanel, folder: Path, problems: list[Problem]) -> None:
    folder.rename(folder.with_name("elsewhere"))
    assert not panel.table.model.setData(cell(panel, 0, LABEL), "lake shore")
    assert "cannot be written" in problems[0].detail
    assert text(panel, 0, LABEL) == "lake"
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_to_takes_no_edit(
    panel: TrainingSetPanel, folder: Path, problems: list[Problem]
) -> None:
    (folder / "pairs.jsonl.partial").mkdir()  # root may write everywhere else
    before = (folder / "pairs.jsonl").read_bytes()
    assert not panel.table.model.setData(cell(panel, 0, LABEL), "lake shore")
    assert len(problems) == 1
    assert (folder / "pairs.jsonl").read_bytes() == before
    assert not panel.table.undo_button.isEnabled()


def test_what_others_have_changed_is_not_overwritten(
    panel: TrainingSetPanel, folder: Path, problems: list[Problem]
) -> None:
    with (folder / "pairs.jsonl").open("a") as file:
        file.write('{"id": "new", "image": "a.png"}\n')
    assert not panel.table.model.setData(cell(panel, 0, LABEL), "lake shore")
    assert "Something else has changed" in problems[0].detail
    assert len(on_disk(folder)) == 31


def test_no_edit_is_taken_while_the_engine_works_on_the_set(panel: TrainingSetPanel, folder: Path) -> None:
    panel.table.model.setData(cell(panel, 0, LABEL), "shore")
    before = (folder / "pairs.jsonl").read_bytes()
    panel.set_busy(True)
    assert not panel.table.undo_button.isEnabled()
    double_click(panel, 0, CAPTIONS)
    assert not panel.table.view.viewport().findChildren(QPlainTextEdit)
    panel.set_busy(False)
    assert panel.table.undo_button.isEnabled()
    assert (folder / "pairs.jsonl").read_bytes() == before
