"""Reshapes drawn samples vertex by vertex with the mouse, on the real canvas; no engine runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from osgeo import ogr
from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsGeometry, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtTest import QTest

from satclip_qgis.gui.tool_row import POINT, SELECT
from satclip_qgis.gui.workbench import Workbench
from tests.plugin.gui.hand import LEFT, NONE, Hand
from tests.plugin.gui.test_dock_run import click
from tests.plugin.gui.test_teach_samples import CONTROL, NORTH, SHIFT, WEST, bench_without_engine, take
from tests.plugin.gui.window import Window

SQUARE = ((20, 20), (60, 20), (60, 60), (20, 60))
LINE = ((80, 20), (120, 20), (120, 60))


@pytest.fixture
def bench(window: Window, tmp_path: Path, scene: QgsRasterLayer) -> Iterator[Workbench]:
    """A polygon and a line are drawn, and the Select tool is in hand."""
    with bench_without_engine(window, tmp_path / "data", scene) as bench:
        bench.teach.samples.take_in({"water": (shape("Polygon", SQUARE),), "field": (shape("Line", LINE),)}, "drawn")
        take(bench, SELECT)
        yield bench


@pytest.fixture
def hand(window: Window, bench: Workbench) -> Hand:
    return Hand(window.mapCanvas())


def at(x: float, y: float) -> tuple[float, float]:
    return WEST + x, NORTH - y


def shape(kind: str, places: tuple[tuple[float, float], ...]) -> QgsGeometry:
    corners = ", ".join(f"{x} {y}" for x, y in (at(*place) for place in places))
    first = " ".join(str(value) for value in at(*places[0]))
    return QgsGeometry.fromWkt(f"POLYGON(({corners}, {first}))" if kind == "Polygon" else f"LINESTRING({corners})")


def corners(bench: Workbench, sample: int) -> list[tuple[float, float]]:
    """Return the vertices of a sample from the scene's north-west corner, in whole metres; a ring's first only once."""
    places = [(round(one.x() - WEST), round(NORTH - one.y())) for one in geometry(bench, sample).vertices()]
    return places[:-1] if places[0] == places[-1] else places


def geometry(bench: Workbench, sample: int) -> QgsGeometry:
    return bench.teach.samples.store.samples()[sample].geometry


def on_disk(bench: Workbench, sample: int) -> QgsGeometry:
    dataset = ogr.Open(str(bench.teach.samples.store.path))
    written = [bytes(row.GetGeometryRef().ExportToWkb()) for row in dataset.GetLayer("samples")]
    found = QgsGeometry()
    found.fromWkb(written[sample])
    return found


def test_a_selected_sample_shows_its_vertices_and_the_one_under_the_mouse(bench: Workbench, hand: Hand) -> None:
    def colour(x: float, y: float) -> QColor:
        return hand.canvas.grab().toImage().pixelColor(hand.pixel(*at(x, y)))

    white, yellow = QColor(Qt.GlobalColor.white), QColor("#FFD400")
    assert colour(20, 20) != white
    hand.click(*at(40, 40))
    assert [colour(*place) for place in SQUARE] == [white] * 4
    assert colour(*LINE[0]) != white
    hand.hover(*at(60, 60))
    assert [colour(*place) for place in SQUARE] == [white, white, yellow, white]
    hand.hover(*at(40, 40))
    assert colour(60, 60) == white
    # Of two nobody could tell whose the vertices are.
    hand.drag([at(10, 10), at(140, 90)])
    assert len(bench.teach.samples.selection.ids) == 2
    assert colour(20, 20) != white


def test_a_vertex_is_dragged_and_the_rest_stays(bench: Workbench, hand: Hand) -> None:
    before = geometry(bench, 0)
    hand.click(*at(40, 40))
    hand.drag([at(20, 20), at(10, 5)])
    assert corners(bench, 0) == [(10, 5), (60, 20), (60, 60), (20, 60)]
    assert on_disk(bench, 0).equals(geometry(bench, 0))
    assert corners(bench, 1) == list(LINE)
    hand.key(Qt.Key.Key_Z, CONTROL)
    assert geometry(bench, 0).equals(before)
    assert on_disk(bench, 0).equals(before)
    hand.key(Qt.Key.Key_Z, CONTROL | SHIFT)
    assert corners(bench, 0)[0] == (10, 5)
    # Still selected: the whole is dragged at any other place.
    hand.drag([at(45, 45), at(55, 50)])
    assert corners(bench, 0) == [(20, 10), (70, 25), (70, 65), (30, 65)]


def test_a_press_on_a_vertex_that_is_not_shown_moves_the_whole(bench: Workbench, hand: Hand) -> None:
    hand.drag([at(20, 20), at(30, 25)])
    assert corners(bench, 0) == [(30, 25), (70, 25), (70, 65), (30, 65)]


def test_a_double_click_on_an_edge_adds_a_vertex_that_can_be_dragged(bench: Workbench, hand: Hand) -> None:
    hand.click(*at(40, 40))
    hand.double_click(*at(40, 20))
    assert corners(bench, 0) == [(20, 20), (40, 20), (60, 20), (60, 60), (20, 60)]
    hand.drag([at(40, 20), at(40, 10)])
    assert corners(bench, 0)[1] == (40, 10)
    hand.double_click(*at(100, 20))
    assert corners(bench, 1) == [(80, 20), (100, 20), (120, 20), (120, 60)]
    assert len(corners(bench, 0)) == 5
    for _ in range(3):
        hand.key(Qt.Key.Key_Z, CONTROL)
    assert (corners(bench, 0), corners(bench, 1)) == (list(SQUARE), list(LINE))
    # Neither in the middle nor on a vertex there is an edge to add to.
    hand.double_click(*at(40, 40))
    hand.double_click(*at(60, 60))
    assert corners(bench, 0) == list(SQUARE)


def test_delete_removes_the_marked_vertex_and_never_one_too_many(bench: Workbench, hand: Hand, window: Window) -> None:
    hand.click(*at(40, 40))
    hand.hover(*at(60, 20))
    hand.key(Qt.Key.Key_Delete)
    assert corners(bench, 0) == [(20, 20), (60, 60), (20, 60)]
    assert len(on_disk(bench, 0).asPolygon()[0]) == 4
    hand.key(Qt.Key.Key_Delete)
    assert len(corners(bench, 0)) == 3
    assert "a polygon three" in window.messageBar().items()[-1].text()
    hand.click(*at(100, 20))
    hand.click(*at(120, 60))
    hand.key(Qt.Key.Key_Delete)
    assert corners(bench, 1) == [(80, 20), (120, 20)]
    hand.click(*at(80, 20))
    hand.key(Qt.Key.Key_Delete)
    assert corners(bench, 1) == [(80, 20), (120, 20)]
    hand.key(Qt.Key.Key_Z, CONTROL)
    hand.key(Qt.Key.Key_Z, CONTROL)
    assert (corners(bench, 0), corners(bench, 1)) == (list(SQUARE), list(LINE))
    # With no vertex marked the sample goes, by key and by button.
    hand.key(Qt.Key.Key_Escape)
    hand.click(*at(40, 40))
    hand.key(Qt.Key.Key_Delete)
    assert len(bench.teach.samples.store) == 1


def test_holes_and_parts_keep_their_vertices_apart(bench: Workbench, hand: Hand) -> None:
    store = bench.teach.samples.store
    hole, far = shape("Polygon", ((30, 30), (50, 30), (40, 50))), shape("Polygon", ((90, 65), (130, 65), (110, 95)))
    both = QgsGeometry.collectGeometry([geometry(bench, 0).difference(hole), far])
    bench.teach.samples.editor.replace("made", store.samples()[:1], (store.samples()[0].at(both),))
    hand.click(*at(25, 25))
    hand.drag([at(40, 50), at(40, 45)])
    hand.hover(*at(30, 30))
    hand.key(Qt.Key.Key_Delete)  # a hole needs three as well
    first, second = geometry(bench, 0).asMultiPolygon()
    assert [len(ring) for ring in (*first, *second)] == [5, 4, 4]
    assert geometry(bench, 0).area() == pytest.approx(1600 - 20 * 15 / 2 + far.area(), rel=0.02)


def test_a_polygon_that_crosses_itself_stays_as_it_was_drawn(bench: Workbench, hand: Hand) -> None:
    hand.click(*at(40, 40))
    hand.drag([at(20, 20), at(70, 40)])
    assert not geometry(bench, 0).isGeosValid()
    assert corners(bench, 0) == [(70, 40), (60, 20), (60, 60), (20, 60)]
    hand.drag([at(70, 40), at(20, 20)])
    assert geometry(bench, 0).isGeosValid()


def test_vertices_are_found_where_the_view_has_another_crs(bench: Workbench, hand: Hand, scene: QgsRasterLayer) -> None:
    project = QgsProject.instance()
    hand.click(*at(40, 40))
    project.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    to_view = QgsCoordinateTransform(scene.crs(), project.crs(), project.transformContext())
    hand.canvas.setExtent(to_view.transformBoundingBox(scene.extent()))
    start, end = (to_view.transform(*at(*place)) for place in ((60, 60), (70, 65)))
    hand.drag([(start.x(), start.y()), (end.x(), end.y())])
    moved = corners(bench, 0)
    assert moved[2] == (pytest.approx(70, abs=1), pytest.approx(65, abs=1))
    assert [moved[0], moved[1], moved[3]] == [SQUARE[0], SQUARE[1], SQUARE[3]]


def test_a_sample_that_goes_while_its_vertex_is_dragged_takes_the_drag_along(bench: Workbench, hand: Hand) -> None:
    hand.click(*at(40, 40))
    QTest.mousePress(hand.canvas.viewport(), LEFT, NONE, hand.pixel(*at(20, 20)))
    bench.teach.samples.editor.stack.undo()
    hand.hover(*at(40, 40))
    QTest.mouseRelease(hand.canvas.viewport(), LEFT, NONE, hand.pixel(*at(40, 40)))
    assert len(bench.teach.samples.store) == 0


def test_another_tool_puts_the_vertices_away(bench: Workbench, hand: Hand) -> None:
    hand.click(*at(40, 40))
    take(bench, POINT)
    hand.click(*at(60, 60))
    assert len(bench.teach.samples.store) == 3
    assert corners(bench, 0) == list(SQUARE)
    click(bench.dock.teach.tools.undo_button)
    picture = hand.canvas.grab().toImage()
    assert picture.pixelColor(hand.pixel(*at(20, 20))) != QColor(Qt.GlobalColor.white)
