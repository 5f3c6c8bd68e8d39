"""Teaches a real engine with the mouse: words first, samples next, the map repaints, is advised on, made and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtTest import QTest

from satclip_qgis.gui.class_tally import F1, PLACES
from satclip_qgis.gui.teach_page import TeachPage
from satclip_qgis.gui.tool_row import POINT, RECTANGLE, SELECT
from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.protocol import ClassSpec
from tests.plugin.gui.hand import Hand
from tests.plugin.gui.test_dock_run import click, results
from tests.plugin.gui.window import Window

Until = Callable[[Callable[[], bool]], None]
WEST, NORTH = 356_000.0, 5_645_000.0
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def bench(workbench: Workbench, tmp_path: Path, until: Until) -> Workbench:
    """The Teach page with two classes, the whole scene encoded and painted by words."""
    state = workbench.page.state()
    # The page's own switch is off: teaching shows its map all the same.
    classes = (ClassSpec("water", colour="#3B7DD8"), ClassSpec("field", colour="#E3C34B"))
    workbench.page.set_state(replace(state, classes=classes, folder=str(tmp_path / "maps"), live=False))
    known: list[float] = []
    workbench.preview.noted.connect(lambda noted: known.append(noted[1]))
    workbench.dock.tabs.setCurrentWidget(workbench.dock.teach)
    until(lambda: bool(known) and known[-1] == 1.0)
    return workbench


@pytest.fixture
def hand(window: Window, bench: Workbench) -> Hand:
    return Hand(window.mapCanvas())


def page_of(bench: Workbench) -> TeachPage:
    return bench.dock.teach


def teach(bench: Workbench, hand: Hand, until: Until) -> None:
    """Draw a rectangle in the lake and one in the fields."""
    click(page_of(bench).tools.buttons[RECTANGLE])
    hand.key(Qt.Key.Key_1)
    hand.drag([(WEST + 20, NORTH - 25), (WEST + 65, NORTH - 70)])
    hand.key(Qt.Key.Key_2)
    hand.drag([(WEST + 80, NORTH - 40), (WEST + 145, NORTH - 95)])
    until(lambda: "2 samples" in page_of(bench).status.text())


def agreement(picture: QImage, codes: np.ndarray) -> float:
    """Return the share of the live map, which shows the whole layer, that the finished map agrees with."""
    code_of = {QColor("#3B7DD8").rgb(): 1, QColor("#E3C34B").rgb(): 2}
    height, width = codes.shape
    columns, rows = range(2, picture.width(), 5), range(2, picture.height(), 5)
    there = [y * height // picture.height() for y in rows], [x * width // picture.width() for x in columns]
    mapped = codes[np.ix_(*there)]
    seen = np.array([[code_of.get(picture.pixelColor(x, y).rgb(), 0) for x in columns] for y in rows])
    return float(np.mean(seen == mapped))


def test_the_map_of_words_is_there_first_and_samples_repaint_it(bench: Workbench, hand: Hand, until: Until) -> None:
    assert "map of the words" in page_of(bench).status.text()
    item = bench.preview.item
    words = item.picture()
    assert not words.isNull()
    teach(bench, hand, until)
    until(lambda: item.picture() != words)
    assert page_of(bench).status.text().startswith("Taught: ")
    tally = page_of(bench).tally
    assert [tally.index(row, PLACES).data() for row in range(2)] == ["1", "1"]
    assert "water" in page_of(bench).warnings.text()

    hand.key(Qt.Key.Key_Z, CONTROL)
    hand.key(Qt.Key.Key_Z, CONTROL)
    until(lambda: item.picture() == words)
    assert "map of the words" in page_of(bench).status.text()
    hand.key(Qt.Key.Key_Y, CONTROL)
    hand.key(Qt.Key.Key_Y, CONTROL)
    until(lambda: item.picture() != words and "2 samples" in page_of(bench).status.text())
    # The Map page goes on with words alone; its preview is off.
    bench.dock.tabs.setCurrentWidget(bench.page)
    assert item.is_empty()


def test_what_held_out_places_say_is_shown(bench: Workbench, hand: Hand, until: Until) -> None:
    page = page_of(bench)
    click(page.tools.buttons[POINT])
    for row in (15, 85):
        for column in (25, 45, 65, 90, 120, 145):
            hand.key(Qt.Key.Key_1 if row == 15 else Qt.Key.Key_2)
            hand.click(WEST + column, NORTH - row)
    # The search for the best head runs beside the answers; what it finds is told without another edit.
    until(lambda: page.tally.index(0, F1).data() != "" and page.tally.index(1, F1).data() != "")
    assert "held-out F1" in page.status.text()
    assert page.curve.isVisible()
    assert page.learning.text().startswith("Mean F1 ")
    assert page.curve.accessibleName() == page.learning.text()
    assert int(page.tally.index(0, PLACES).data()) > 1
    for _ in range(12):
        hand.key(Qt.Key.Key_Z, CONTROL)
    until(lambda: not page.curve.isVisible() and not page.learning.isVisible())


def test_a_class_added_while_teaching_is_learnt_from_its_samples(bench: Workbench, hand: Hand, until: Until) -> None:
    teach(bench, hand, until)
    bench.page.classes.model.add(ClassSpec("roof", colour="#FF00FF"))
    hand.key(Qt.Key.Key_3)
    hand.drag([(WEST + 101, NORTH - 11), (WEST + 139, NORTH - 29)])
    until(lambda: "3 samples" in page_of(bench).status.text())

    def shows_roof() -> bool:
        picture = bench.preview.item.picture()
        colours = {
            picture.pixelColor(x, y).name().upper()
            for x in range(0, picture.width(), 8)
            for y in range(0, picture.height(), 8)
        }
        return "#FF00FF" in colours

    until(shows_roof)


def test_the_layer_is_mapped_with_what_was_learnt(bench: Workbench, hand: Hand, until: Until) -> None:
    page = page_of(bench)
    click(page.run_bar.run_button)
    assert not page.run_bar.is_running()
    teach(bench, hand, until)
    until(lambda: not bench.teach.fit.is_behind() and not bench.preview.call.is_busy())
    seen = bench.preview.item.picture()
    click(page.run_bar.run_button)
    until(page.run_bar.is_running)
    until(lambda: not page.run_bar.is_running() and len(results(bench)) == 3)
    thematic = results(bench)[0]
    folder = Path(thematic.source()).parent
    assert (folder / "head").is_dir()
    card = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert card["request"]["head"] == str(folder / "head")
    codes = gdal.Open(thematic.source()).ReadAsArray()
    assert set(np.unique(codes)) == {1, 2}
    assert agreement(seen, codes) > 0.9


def test_what_was_learnt_is_kept_in_a_folder(
    bench: Workbench, hand: Hand, window: Window, tmp_path: Path, until: Until
) -> None:
    keeper, folder = bench.teach.heads, tmp_path / "lakes"
    keeper.save(folder)
    assert "Nothing was learnt yet" in window.messageBar().items()[-1].text()
    teach(bench, hand, until)
    until(lambda: not bench.teach.fit.is_behind())
    keeper.save(folder)
    until(lambda: any(str(folder) in item.text() for item in window.messageBar().items()))
    assert list(folder.glob("*.safetensors"))


def test_the_engine_says_where_a_sample_would_help(bench: Workbench, hand: Hand, until: Until) -> None:
    page, store = page_of(bench), bench.teach.samples.store
    # Before the first sample too: the words know where they doubt.
    click(page.advice_button)
    until(lambda: page.advice.isVisible() and page.advice.count() > 0)
    count, first = page.advice.count(), page.advice.current_place()
    assert "water" in page.advice.item(0).text()
    assert "field" in page.advice.item(0).text()
    assert not page.advice.item(0).icon().isNull()
    row = page.advice.visualItemRect(page.advice.item(count - 1)).center()
    page.advice.scrollToItem(page.advice.item(count - 1))
    row = page.advice.visualItemRect(page.advice.item(count - 1)).center()
    QTest.mouseClick(page.advice.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(row))
    last = page.advice.current_place()
    centre = hand.canvas.center()
    assert (centre.x(), centre.y()) == (pytest.approx(last.x, abs=1), pytest.approx(last.y, abs=1))
    page.advice.setCurrentRow(0)
    QTest.keyClick(page.advice, Qt.Key.Key_2)
    (sample,) = store.samples()
    assert (sample.class_name, sample.source) == ("field", "advised")
    place = sample.geometry.asPoint()
    assert (place.x(), place.y()) == (pytest.approx(first.x), pytest.approx(first.y))
    assert page.advice.count() == count - 1
    until(lambda: "1 samples" in page.status.text())


def test_contradictions_and_one_class_alone_are_told(bench: Workbench, hand: Hand, until: Until) -> None:
    page = page_of(bench)
    click(page.tools.buttons[POINT])
    hand.click(WEST + 40, NORTH - 50)
    until(lambda: "1 samples" in page.status.text())
    hand.key(Qt.Key.Key_2)
    hand.click(WEST + 40, NORTH - 50)
    until(lambda: bool(page.notes.text()))
    told = " ".join((page.status.text(), page.warnings.text(), page.notes.text()))
    assert "Traceback" not in told


def test_a_vertex_that_is_dragged_is_learnt_and_a_crossing_is_told(bench: Workbench, hand: Hand, until: Until) -> None:
    page, item = page_of(bench), bench.preview.item
    teach(bench, hand, until)
    until(lambda: not bench.teach.fit.is_behind() and not bench.preview.call.is_busy())
    taught, seen = bench.teach.fit.result().head_id, item.picture()
    click(page.tools.buttons[SELECT])
    hand.click(WEST + 110, NORTH - 60)
    # The corner of the field in the lake: other ground is learnt, another map is painted.
    hand.drag([(WEST + 80, NORTH - 40), (WEST + 25, NORTH - 30)])
    until(lambda: bench.teach.fit.result() is not None and bench.teach.fit.result().head_id != taught)
    until(lambda: item.picture() != seen)
    hand.drag([(WEST + 25, NORTH - 30), (WEST + 149, NORTH - 75)])
    until(lambda: "crossed itself: repaired" in page.notes.text())


def test_layers_that_go_while_a_fit_runs_leave_the_page_at_rest(bench: Workbench, hand: Hand, until: Until) -> None:
    page = page_of(bench)
    survey = QgsVectorLayer("Point?crs=EPSG:25832&field=kind:string", "survey", "memory")
    for x, kind in ((40, "water"), (120, "field")):
        feature = QgsFeature(survey.fields())
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(WEST + x, NORTH - 50)))
        feature.setAttribute(0, kind)
        survey.dataProvider().addFeatures([feature])
    survey.updateExtents()
    QgsProject.instance().addMapLayer(survey)
    page.layer_action.trigger()
    click(bench.teach.dialogs.dialog.ok_button)
    until(lambda: bench.teach.fit.call._pending is not None)
    QgsProject.instance().removeMapLayer(survey)
    until(lambda: "2 samples" in page.status.text())
    click(page.tools.buttons[POINT])
    hand.click(WEST + 60, NORTH - 50)
    until(lambda: bench.teach.fit.call._pending is not None)
    QgsProject.instance().removeMapLayer(bench.page.layer())
    until(lambda: not bench.teach.fit.is_behind())
    assert "Add a raster layer" in page.status.text()
    assert not page.learning.isVisible()


def test_a_head_that_the_engine_forgot_is_made_again(bench: Workbench, hand: Hand, until: Until) -> None:
    teach(bench, hand, until)
    until(lambda: not bench.preview.item.is_empty())
    before = bench.teach.fit.result().head_id
    bench.teach.fit._result = replace(bench.teach.fit.result(), head_id="0" * 16)
    bench.preview.refresh()
    until(lambda: bench.teach.fit.result() is not None and bench.teach.fit.result().head_id not in ("0" * 16, before))
    until(lambda: not bench.preview.item.is_empty())
