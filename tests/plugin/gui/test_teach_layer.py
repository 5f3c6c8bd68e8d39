"""Takes samples from vector layers of the project: other CRS, nulls, edits, the wrong place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from satclip_qgis.gui.sample_layer_dialog import CLASS, COUNT, VALUE, SampleLayerDialog
from satclip_qgis.gui.workbench import Workbench
from tests.plugin.gui.test_dock_run import click
from tests.plugin.gui.test_teach_samples import CLASSES, NORTH, WEST, bench_without_engine
from tests.plugin.gui.window import Window


@pytest.fixture
def bench(window: Window, tmp_path: Path, scene: QgsRasterLayer) -> Iterator[Workbench]:
    with bench_without_engine(window, tmp_path / "data", scene) as bench:
        yield bench


def add_points(
    name: str, crs: str, rows: list[tuple[float, float, str | None]], fields: str = "field=kind:string&field=n:integer"
) -> QgsVectorLayer:
    layer = QgsVectorLayer(f"Point?crs={crs}&{fields}", name, "memory")
    features = []
    for x, y, kind in rows:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(x, y)))
        feature.setAttribute(0, kind)
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    layer.updateExtents()
    QgsProject.instance().addMapLayer(layer)
    return layer


def ask(bench: Workbench) -> SampleLayerDialog:
    bench.dock.teach.layer_action.trigger()
    dialog = bench.teach.dialogs.dialog
    assert dialog is not None
    return dialog


def shown(dialog: SampleLayerDialog) -> list[tuple[str, str, str]]:
    table = dialog.table
    return [
        (table.item(row, VALUE).text(), table.item(row, COUNT).text(), table.cellWidget(row, CLASS).currentText())
        for row in range(table.rowCount())
    ]


def in_degrees(x: float, y: float) -> tuple[float, float]:
    project = QgsProject.instance()
    utm, degrees = (QgsCoordinateReferenceSystem(name) for name in ("EPSG:25832", "EPSG:4326"))
    place = QgsCoordinateTransform(utm, degrees, project.transformContext()).transform(QgsPointXY(x, y))
    return place.x(), place.y()


def test_a_layer_in_degrees_becomes_samples_of_known_and_new_classes(bench: Workbench) -> None:
    places = [(WEST + 40, NORTH - 40), (WEST + 50, NORTH - 45), (WEST + 120, NORTH - 20), (WEST + 60, NORTH - 90)]
    kinds = ["Water", "Water", "quay", None]
    far = (*in_degrees(WEST + 5000, NORTH), "quay")
    add_points(
        "survey", "EPSG:4326", [(*in_degrees(*at), kind) for at, kind in zip(places, kinds, strict=True)] + [far]
    )
    dialog = ask(bench)
    assert dialog.field_combo.currentField() == "kind"
    assert shown(dialog) == [("Water", "2", "water"), ("quay", "1", "quay")]
    assert "1 features have no value" in dialog.note.text()
    assert "1 features lie outside" in dialog.note.text()
    click(dialog.ok_button)
    store = bench.teach.samples.store
    assert [(one.class_name, one.source) for one in store.samples()] == [
        ("water", "layer survey"),
        ("water", "layer survey"),
        ("quay", "layer survey"),
    ]
    assert store.samples()[0].geometry.asPoint().x() == pytest.approx(WEST + 40, abs=0.01)
    assert [spec.name for spec in bench.page.classes.classes()] == [*(spec.name for spec in CLASSES), "quay"]
    click(bench.dock.teach.tools.undo_button)
    assert len(store) == 0


def test_a_value_can_be_left_out(bench: Workbench) -> None:
    add_points("survey", "EPSG:25832", [(WEST + 40, NORTH - 40, "a"), (WEST + 50, NORTH - 40, "b")])
    dialog = ask(bench)
    dialog.table.cellWidget(0, CLASS).setEditText("")
    dialog.table.cellWidget(1, CLASS).setEditText("field")
    click(dialog.ok_button)
    assert bench.teach.samples.store.counts() == {"field": 1}


def test_a_layer_elsewhere_is_refused_with_both_extents(bench: Workbench) -> None:
    # Coordinates in metres that claim to be degrees or another zone are the usual mistake.
    add_points("elsewhere", "EPSG:32755", [(WEST + 40, NORTH - 40, "water"), (WEST + 60, NORTH - 60, "field")])
    dialog = ask(bench)
    assert not dialog.ok_button.isEnabled()
    for words in ("elsewhere", "does not overlap", "EPSG:25832", "EPSG:32755", "356000.0,5644900.0"):
        assert words in dialog.note.text()
    assert dialog.table.rowCount() == 0


def test_degrees_that_are_no_degrees_and_layers_without_crs_are_refused(bench: Workbench) -> None:
    layer = add_points("metres", "EPSG:4326", [(WEST + 40, NORTH - 40, "water")])
    dialog = ask(bench)
    assert "does not overlap" in dialog.note.text()
    assert not dialog.ok_button.isEnabled()
    dialog.reject()
    layer.setCrs(QgsCoordinateReferenceSystem())
    dialog = ask(bench)
    assert "has no CRS" in dialog.note.text()
    assert not dialog.ok_button.isEnabled()


def test_a_layer_in_edit_mode_gives_what_it_shows(bench: Workbench) -> None:
    layer = add_points("survey", "EPSG:25832", [(WEST + 40, NORTH - 40, "water")])
    layer.startEditing()
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(WEST + 60, NORTH - 40)))
    feature.setAttribute(0, "water")
    layer.addFeature(feature)
    dialog = ask(bench)
    assert "being edited" in dialog.note.text()
    assert shown(dialog) == [("water", "2", "water")]
    click(dialog.ok_button)
    assert bench.teach.samples.store.counts() == {"water": 2}
    layer.rollBack()


def test_a_layer_that_goes_while_it_is_asked_about_takes_nothing_along(bench: Workbench) -> None:
    layer = add_points("survey", "EPSG:25832", [(WEST + 40, NORTH - 40, "water")])
    dialog = ask(bench)
    assert dialog.ok_button.isEnabled()
    QgsProject.instance().removeMapLayer(layer)
    assert not dialog.ok_button.isEnabled()
    assert dialog.table.rowCount() == 0
    assert "no vector layer" in dialog.note.text()


def test_an_attribute_must_be_chosen_where_none_is_the_only_text(bench: Workbench) -> None:
    rows = [(WEST + 40, NORTH - 40, "water")]
    add_points("survey", "EPSG:25832", rows, "field=kind:string&field=remark:string")
    dialog = ask(bench)
    assert dialog.field_combo.currentField() == ""
    assert "Choose the attribute" in dialog.note.text()
    assert not dialog.ok_button.isEnabled()
    dialog.field_combo.setField("remark")
    assert "has a value in remark" in dialog.note.text()
    dialog.field_combo.setField("kind")
    assert dialog.ok_button.isEnabled()


def test_numbers_without_end_are_no_classes(bench: Workbench) -> None:
    add_points("many", "EPSG:25832", [(WEST + 40, NORTH - 40, f"tree {i}") for i in range(300)])
    dialog = ask(bench)
    assert "300 different values" in dialog.note.text()
    assert not dialog.ok_button.isEnabled()


def test_a_hundred_thousand_points_are_refused_at_once_and_in_words(bench: Workbench, window: Window) -> None:
    near = [(WEST + 1 + i % 140, NORTH - 1 - i % 90, "water") for i in range(100_000)]
    add_points("survey", "EPSG:25832", near)
    dialog = ask(bench)
    assert not dialog.ok_button.isEnabled()
    for words in ("survey: more than 20,000 samples", "Random selection", "satclip fit"):
        assert words in dialog.note.text()
    dialog.reject()
    desk = bench.teach.samples
    places = tuple(QgsGeometry.fromPointXY(QgsPointXY(x, y)) for x, y, _ in near[:12_000])
    desk.take_in({"water": places}, "layer survey")
    desk.take_in({"field": places}, "layer survey")
    assert desk.store.counts() == {"water": 12_000}
    assert "too many" in window.messageBar().items()[-1].text()


def test_shapes_with_too_many_vertices_are_refused(bench: Workbench) -> None:
    round_lake = QgsGeometry.fromPointXY(QgsPointXY(WEST + 60, NORTH - 50)).buffer(20, 200_000)
    layer = QgsVectorLayer("Polygon?crs=EPSG:25832&field=kind:string", "coast", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(round_lake)
    feature.setAttribute(0, "water")
    layer.dataProvider().addFeatures([feature])
    layer.updateExtents()
    QgsProject.instance().addMapLayer(layer)
    dialog = ask(bench)
    assert "500,000 vertices" in dialog.note.text()
    assert not dialog.ok_button.isEnabled()


def test_the_scene_itself_may_go_while_it_is_asked(bench: Workbench, scene: QgsRasterLayer) -> None:
    add_points("survey", "EPSG:25832", [(WEST + 40, NORTH - 40, "water")])
    dialog = ask(bench)
    QgsProject.instance().removeMapLayer(scene)
    assert "raster layer was removed" in dialog.note.text()
    assert not dialog.ok_button.isEnabled()
    QgsProject.instance().clear()
    assert dialog.taken() == {}
