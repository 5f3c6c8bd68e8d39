"""Clicks through the real dock against a real engine process: classes typed, Run pressed, layers checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsPalettedRasterRenderer, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAbstractButton, QCheckBox, QLineEdit, QPushButton, QRadioButton

from satclip_qgis.gui.class_model import NAME, PHRASES
from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.layers import RUN_CARD_PROPERTY
from satclip_qgis.protocol import JobState
from tests.plugin.gui.conftest import fields_and_lake, write_raster
from tests.plugin.gui.window import Window

Until = Callable[[Callable[[], bool]], None]


def click(widget: QAbstractButton) -> None:
    """Click a button; a box or radio button where its mark is, its middle may be empty."""
    has_mark = isinstance(widget, (QCheckBox, QRadioButton))
    place = QPoint(8, widget.height() // 2) if has_mark else widget.rect().center()
    before = widget.isChecked()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place)
    assert not has_mark or widget.isChecked() != before


def type_into_cell(bench: Workbench, text: str) -> None:
    """Type into the open cell editor and press Return; Qt takes the text over in the next turn."""
    editors = [editor for editor in bench.page.classes.view.findChildren(QLineEdit) if editor.isVisible()]
    assert len(editors) == 1
    editors[0].selectAll()
    QTest.keyClicks(editors[0], text)
    QTest.keyClick(editors[0], Qt.Key.Key_Return)
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def type_class(bench: Workbench, name: str, phrases: str) -> None:
    """Add a class as a person does: press the button, type the name, double-click and type the phrases."""
    table = bench.page.classes
    click(table.add_button)
    type_into_cell(bench, name)
    row = next(i for i, spec in enumerate(table.classes()) if spec.name == name)
    index = table.model.index(row, PHRASES)
    table.view.scrollTo(index)
    place = table.view.visualRect(index).center()
    QTest.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    type_into_cell(bench, phrases)


def remove_all_classes(bench: Workbench) -> None:
    table = bench.page.classes
    while table.classes():
        table.view.setCurrentIndex(table.model.index(0, NAME))
        QTest.keyClick(table.view, Qt.Key.Key_Delete)


def set_up_page(bench: Workbench, folder: Path) -> None:
    """Fill the page with two classes typed by hand."""
    remove_all_classes(bench)
    type_class(bench, "water", "water, lake")
    type_class(bench, "field", "green field")
    bench.page.output.folder.setFilePath(str(folder))
    assert [(spec.name, spec.phrases) for spec in bench.page.state().classes] == [
        ("water", ("water", "lake")),
        ("field", ("green field",)),
    ]


def results(bench: Workbench) -> list[QgsRasterLayer]:
    """Return the loaded result layers, in the order of the layer tree."""
    nodes = QgsProject.instance().layerTreeRoot().findLayers()
    return [node.layer() for node in nodes if node.layer().customProperty(RUN_CARD_PROPERTY)]


def message_buttons(window: Window) -> dict[str, QPushButton]:
    return {button.text(): button for button in window.messageBar().findChildren(QPushButton)}


def test_words_become_layers_aligned_with_the_input(
    workbench: Workbench, window: Window, scene: QgsRasterLayer, tmp_path: Path, until: Until
) -> None:
    page = workbench.page
    assert page.layer() is scene
    set_up_page(workbench, tmp_path / "maps")
    click(page.output.confidence_check)
    click(page.run_bar.run_button)
    until(page.run_bar.is_running)
    until(lambda: not page.run_bar.is_running() and len(results(workbench)) == 4)

    thematic, confidence, water, field = results(workbench)
    for layer in (thematic, confidence, water, field):
        assert layer.isValid()
        assert layer.extent() == scene.extent()
        assert (layer.width(), layer.height()) == (scene.width(), scene.height())
        assert layer.crs() == scene.crs()
    legend = thematic.renderer()
    assert isinstance(legend, QgsPalettedRasterRenderer)
    shown = [(entry.value, entry.label, entry.color.name().upper()) for entry in legend.classes()]
    typed = page.state().classes
    assert shown[:2] == [(1, "water", typed[0].colour), (2, "field", typed[1].colour)]
    assert (water.renderer().band(), field.renderer().band()) == (1, 2)
    ramps = [layer.renderer().shader().rasterShaderFunction().colorRampItemList() for layer in (water, field)]
    assert [item.value for item in ramps[0]] == [item.value for item in ramps[1]]
    probabilities = gdal.Open(water.source()).ReadAsArray().astype(float) / 250
    assert np.abs(probabilities.sum(axis=0) - 1).max() < 0.01
    codes = gdal.Open(thematic.source()).ReadAsArray()
    assert (codes == probabilities.argmax(axis=0) + 1).mean() > 0.99

    root = QgsProject.instance().layerTreeRoot()
    group = root.children()[0]
    assert group.name().startswith("fields · water, field · ")
    assert root.findLayer(thematic).itemVisibilityChecked()
    assert not root.findLayer(water).itemVisibilityChecked()
    card = json.loads(thematic.customProperty(RUN_CARD_PROPERTY))
    assert card["request"]["scene"] == scene.source()
    assert scene.source() in thematic.metadata().abstract()
    assert {"Open folder", "Run again"} <= set(message_buttons(window))


def test_run_again_makes_another_group_in_a_folder_of_its_own(
    workbench: Workbench, window: Window, tmp_path: Path, until: Until
) -> None:
    set_up_page(workbench, tmp_path / "maps")
    click(workbench.page.run_bar.run_button)
    until(lambda: len(results(workbench)) == 3)
    click(message_buttons(window)["Run again"])
    until(lambda: len(results(workbench)) == 6)
    folders = {Path(layer.source()).parent for layer in results(workbench)}
    assert len(folders) == 2
    first, second = sorted(folders)
    assert (first / "thematic.tif").read_bytes() == (second / "thematic.tif").read_bytes()


def test_the_view_alone_can_be_mapped(
    workbench: Workbench, scene: QgsRasterLayer, window: Window, tmp_path: Path, until: Until
) -> None:
    set_up_page(workbench, tmp_path / "maps")
    click(workbench.page.output.probabilities_check)
    window.mapCanvas().setExtent(scene.extent().buffered(-20))
    view = window.mapCanvas().extent()
    click(workbench.page.where.buttons["view"])
    click(workbench.page.run_bar.run_button)
    until(lambda: len(results(workbench)) == 1)
    extent = results(workbench)[0].extent()
    inside = view.intersect(scene.extent())
    assert extent.width() == pytest.approx(inside.width(), abs=1.0)
    assert extent.height() == pytest.approx(inside.height(), abs=1.0)
    # Pixels of the part lie exactly on pixels of the input.
    offset = (extent.xMinimum() - scene.extent().xMinimum()) / scene.rasterUnitsPerPixelX()
    assert offset == pytest.approx(round(offset), abs=1e-6)


def test_the_estimate_and_the_scale_are_said_before_the_run(workbench: Workbench, tmp_path: Path, until: Until) -> None:
    set_up_page(workbench, tmp_path / "maps")
    until(lambda: "on disk" in workbench.page.run_bar.line.text())
    assert "CPU" in workbench.page.run_bar.line.text()
    until(lambda: workbench.page.source.scale_combo.currentText() == "Auto · 0.50 m/px")
    assert workbench.page.state().features.gsd_m is None


def test_the_live_preview_fills_in_and_follows_edits(workbench: Workbench, tmp_path: Path, until: Until) -> None:
    set_up_page(workbench, tmp_path / "maps")
    until(lambda: not workbench.preview.item.is_empty())
    seen: list[float] = []
    workbench.preview.noted.connect(lambda noted: seen.append(noted[1]))
    workbench.preview.refresh()
    until(lambda: bool(seen) and seen[-1] == 1.0)
    before = workbench.preview.item.picture()
    model = workbench.page.classes.model
    model.setData(model.index(0, 0), "#FF00FF")
    until(lambda: workbench.preview.item.picture() != before)
    click(workbench.page.live.check)
    assert workbench.preview.item.is_empty()


def test_a_layer_of_qgis_alone_is_exported_and_mapped(
    workbench: Workbench, scene_file: Path, tmp_path: Path, until: Until
) -> None:
    gdal.GetDriverByName("GTiff").CreateCopy("/vsimem/held.tif", gdal.Open(str(scene_file)))
    layer = QgsRasterLayer("/vsimem/held.tif", "held")
    QgsProject.instance().addMapLayer(layer)
    workbench.page.source.layer_combo.setLayer(layer)
    set_up_page(workbench, tmp_path / "maps")
    click(workbench.page.run_bar.run_button)
    until(lambda: len(results(workbench)) == 3)
    made = results(workbench)[0]
    assert made.extent().toString(1) == layer.extent().toString(1)
    assert (Path(made.source()).parent / "source.tif").exists()
    gdal.Unlink("/vsimem/held.tif")


def test_jobs_are_listed_and_can_be_loaded_and_removed(workbench: Workbench, tmp_path: Path, until: Until) -> None:
    set_up_page(workbench, tmp_path / "maps")
    click(workbench.page.run_bar.run_button)
    until(lambda: len(results(workbench)) == 3)
    panel = workbench.dock.jobs
    workbench.dock.tabs.setCurrentWidget(workbench.dock.jobs)
    panel.view.selectRow(0)
    assert panel.current_job().state is JobState.SUCCEEDED
    click(panel.load_button)
    until(lambda: len(results(workbench)) == 6)
    job_id = panel.current_job().id
    click(panel.remove_button)
    until(lambda: panel.model.row_of(job_id) == -1)
    assert (Path(results(workbench)[0].source())).exists()


def test_a_picture_without_georeference_is_mapped_in_place(
    workbench: Workbench, project: QgsProject, window: Window, tmp_path: Path, until: Until
) -> None:
    path = write_raster(tmp_path / "photo.tif", fields_and_lake(), 0, (0, 0), 1)
    photo = QgsRasterLayer(str(path), "photo")
    project.addMapLayer(photo)
    project.setCrs(photo.crs())
    workbench.page.source.layer_combo.setLayer(photo)
    set_up_page(workbench, tmp_path / "maps")
    click(workbench.page.output.probabilities_check)
    click(workbench.page.run_bar.run_button)
    until(lambda: len(results(workbench)) == 1)
    assert results(workbench)[0].extent() == photo.extent()

    window.mapCanvas().setExtent(QgsRectangle(30, -150, 140, -40))
    click(workbench.page.where.buttons["view"])
    click(workbench.page.run_bar.run_button)
    until(lambda: len(results(workbench)) == 2)
    part = results(workbench)[0]
    view = window.mapCanvas().extent().intersect(photo.extent())
    assert part.extent().toString(0) == view.toString(0)
